"""The codes that execution gives as reasons; sentences are made of them where people read."""

# of ApprovalRefused
EXPIRED = "EXPIRED"
HALTED = "HALTED"
BREAKER_OPEN = "BREAKER_OPEN"
ORDER_WORKING = "ORDER_WORKING"
NOT_LIVE = "NOT_LIVE"
ADVISORY = "ADVISORY"
FROZEN = "FROZEN"
BUILDS_DIFFER = "BUILDS_DIFFER"

# of CancelIntended
PASSIVE_OVER = "passive_over"
ORDER_EXPIRED = "expired"
HALT = "halted"
BREAKER = "breaker"
EXIT = "exit"

# of a difference in ReconciliationDone
BALANCE = "BALANCE"
ORDER = "ORDER"
UNPROTECTED = "UNPROTECTED"
UNSETTLED = "UNSETTLED"
MISFIT = "MISFIT"
NO_ANSWER = "NO_ANSWER"
