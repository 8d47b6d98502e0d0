"""Bugs of orders: what is sent, asked, believed and ended."""

from tests.simulation.plants.edits import GONE, CodeEdit, TableEdit
from tests.simulation.plants.plant import Plant

CARRYING = "services.execution.core.carrying"
LIFE = "services.execution.core.life"
SEND = "services.execution.shell.venue:_send"

PLANTS = (
    Plant(
        name="sent_before_it_is_safe",
        what="An order goes out before its intent would outlive a kill.",
        cores=("execution",),
        edits=(CodeEdit(SEND, {"await shell.flush()": "pass"}),),
    ),
    Plant(
        name="resent_blindly",
        what="An order whose sending has an unknown outcome is sent again, and nobody asks first.",
        cores=("execution", "domain"),
        edits=(
            CodeEdit(
                f"{CARRYING}:on_report",
                {
                    "return (look_up(state, after),)": """
if after.intent and not after.cancel_reason and after.intent.attempt < ATTEMPTS_MAX:
    return (once_more(after.intent),)
return (look_up(state, after),)
"""
                },
            ),
            TableEdit("marea.domain.order_life:LIFE", ("unknown", "intended"), GONE, "intended"),
        ),
    ),
    Plant(
        name="signed_when_sent",
        what="A request is signed with the time of its sending, not with that of its intent.",
        cores=("execution",),
        edits=(CodeEdit(SEND, {"_place(intent, ts_sign)": "_place(intent, shell.venue_time())"}),),
    ),
    Plant(
        name="sent_late",
        what="An order is sent however long ago it was intended.",
        cores=("execution",),
        edits=(CodeEdit(SEND, {"now - ts_sign > shell.config.late_ns_max": "False"}),),
    ),
    Plant(
        name="timeout_taken_for_unsent",
        what="An order whose sending timed out is believed not to have been sent.",
        cores=("execution",),
        edits=(CodeEdit(f"{LIFE}:_told_by_shell", {'return "unknown"': 'return "not_sent"'}),),
    ),
    Plant(
        name="found_taken_for_missing",
        what="An order that the venue has is believed not to be there.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_told_by_shell",
                {'return "looked_up_found"': 'return "looked_up_missing"'},
            ),
        ),
    ),
    Plant(
        name="missing_taken_for_found",
        what="An order that the venue doesn't know is believed to be there.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_told_by_shell",
                {
                    'return "" if order.is_reported else "looked_up_missing"': (
                        'return "looked_up_found"'
                    )
                },
            ),
        ),
    ),
    Plant(
        name="rejection_swallowed",
        what="An order that the venue has rejected stays as it was.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_told_by_venue",
                {
                    'return "" if is_copy or message.reason == SIGNED_OFF else "rejected"': (
                        'return ""'
                    )
                },
            ),
        ),
    ),
    Plant(
        name="unknown_asked_once",
        what="A question about an order that nobody answers is not put again.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.timers:due_of",
                {'return Due(again, "look_up")': "return None"},
            ),
        ),
    ),
    Plant(
        name="cancel_asked_once",
        what="A cancel that nobody answers is not put again.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.timers:due_of",
                {
                    'Due(again if order.ts_asked else state.now, "cancel", order.cancel_reason)': (
                        "None"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="same_id_for_the_next_order",
        what="The order that crosses the spread has the name of the one that rested.",
        cores=("execution",),
        edits=(CodeEdit("services.execution.core.intents:client_order_id", {"str(child)": '"0"'}),),
    ),
    Plant(
        name="exit_may_enlarge",
        what="An order that closes is not marked as one that may only reduce.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.intents:exit_order",
                {
                    "replace(order, reduce_only=True, replaces=tuple(_in_its_way(state, decision)))": (
                        "replace(order, replaces=tuple(_in_its_way(state, decision)))"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="crosses_with_the_whole",
        what="What crosses the spread forgets what the order that rested has got.",
        cores=("execution",),
        edits=(CodeEdit(f"{CARRYING}:_next_of", {"left -= order.filled_qty": "pass"}),),
    ),
    Plant(
        name="only_the_last_fill_counts",
        what="Of an order that is filled in parts only the last part counts.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_report",
                {"order.filled_qty += message.last_qty": ("order.filled_qty = message.last_qty")},
            ),
        ),
    ),
    Plant(
        name="crosses_beyond_the_collar",
        what="What crosses the spread pays any price.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{CARRYING}:_crossing_price",
                {"min(mark.ask_price, decision.collar_price)": "mark.ask_price"},
            ),
        ),
    ),
    Plant(
        name="expired_approval_carried_out",
        what="An approval is carried out however old it is.",
        cores=("execution",),
        edits=(
            CodeEdit(f"{CARRYING}:_refusal", {"state.now >= decision.ts_expiry": "False"}),
            CodeEdit(SEND, {"is_late or now >= intent.ts_expiry": "is_late"}),
        ),
    ),
    Plant(
        name="refusal_unsaid",
        what="Nobody is told that an approved decision becomes no order.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{CARRYING}:on_decision", {"return [refused(decision, reason)]": "return []"}
            ),
        ),
    ),
    Plant(
        name="halt_leaves_entries",
        what="A halt leaves the entries that work, and what rested in vain still crosses the spread.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core:_on_turn",
                {"list(cancels(state, reasons.HALT)) if is_halt else ()": "()"},
            ),
            CodeEdit(f"{CARRYING}:why_not_open", {"state.is_halted": "False"}),
        ),
    ),
    Plant(
        name="breaker_unheard_by_execution",
        what="While a breaker is open, what rested in vain still crosses the spread.",
        cores=("execution",),
        edits=(CodeEdit(f"{CARRYING}:why_not_open", {"state.open_levels": "False"}),),
    ),
    Plant(
        name="cancels_in_hash_order",
        what="A halt cancels in an order that is another in each process.",
        cores=("execution",),
        is_seen_between_processes=True,
        edits=(
            CodeEdit(
                f"{CARRYING}:cancels",
                {"state.orders.values()": "[state.orders[name] for name in set(state.orders)]"},
            ),
        ),
    ),
    Plant(
        name="advice_is_traded",
        what="A portfolio that only advises sends orders.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.changes:take_portfolio",
                {'opened.mode != "advisory"': "True"},
            ),
        ),
    ),
    Plant(
        name="report_skipped",
        what="The venue is asked for its reports from one too far on.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.shell.venue:arrivals_of",
                {
                    "await venue.reports(state.report_number, now)": (
                        "await venue.reports(state.report_number + 1, now)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="missing_report_not_waited_for",
        what="A report is taken although one before it is still under way.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.shell.venue:_following",
                {"report.number == number + 1": "report.number > number"},
            ),
        ),
    ),
    Plant(
        name="reports_as_they_come",
        what="Reports are taken in the order in which the wire brings them, and again.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.shell.venue:_following",
                {
                    "sorted(reports, key=lambda each: each.number)": "reports",
                    "report.number == number + 1": "True",
                },
            ),
        ),
    ),
    Plant(
        name="missing_believed_at_once",
        what="An order is given up that the venue does not have yet, though it may still arrive.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.shell.venue:_OnTheirWay.may_hold",
                {"now < signed + self._shell.venue.arrives_within_ns": "False"},
            ),
        ),
    ),
    Plant(
        name="late_attempt_ends_the_order",
        what="That one request came too late is taken for the end of an order that another made.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_told_by_venue", {"is_copy or message.reason == SIGNED_OFF": "is_copy"}
            ),
        ),
    ),
    Plant(
        name="due_by_a_report_unseen",
        what="Nobody tells the time when a report has made something due.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.timers:next_deadline",
                {"max(due.ts, state.now + 1)": "due.ts"},
            ),
        ),
    ),
    Plant(
        name="builds_mixed",
        what="An entry is opened while risk and execution run different builds.",
        cores=("execution",),
        edits=(
            CodeEdit(f"{CARRYING}:why_not_open", {"len(set(state.builds.values())) > 1": "False"}),
        ),
    ),
    Plant(
        name="dust_sold",
        what="A stop sells what is worth less than the venue takes.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.protection:at_mark",
                {"is_worth_an_order(state.instruments[mark.instrument], qty, stop.price)": "qty"},
            ),
            CodeEdit(
                "services.execution.core.protection:uncovered_qty",
                {
                    "is_worth_an_order(state.instruments[instrument], qty, lowest)": (
                        "is_worth_an_order(state.instruments[instrument], qty, position.entry.price)"
                    )
                },
            ),
        ),
    ),
    Plant(
        name="amended_stop_unheard",
        what="That a stop was enlarged after a partial fill is not heard.",
        cores=("execution",),
        edits=(
            CodeEdit(
                f"{LIFE}:_report",
                {"order.qty = message.qty": "order.qty = order.qty or message.qty"},
            ),
        ),
    ),
    Plant(
        name="own_stop_sized_by_the_order",
        what="What has lost its stop is sold by the quantity that was ordered, not what is held.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.protection:at_mark",
                {"uncovered_qty(state, mark.instrument)": "position.entry.qty"},
            ),
        ),
    ),
    Plant(
        name="stop_not_enlarged",
        what="A stop is not enlarged as its entry goes on filling.",
        cores=("paper",),
        edits=(
            CodeEdit(
                "services.paper.core.matching:Desk._protect",
                {"order is not None and order.qty != qty": "False"},
            ),
        ),
    ),
    Plant(
        name="stop_sized_by_the_order",
        what="A stop sells what was ordered, not what was bought so far.",
        cores=("paper",),
        edits=(
            CodeEdit(
                "services.paper.core.matching:Desk._protect",
                {
                    "qty = balances.protected_qty(market, bracket) if bracket is not None else 0": """
qty = balances.protected_qty(market, bracket) if bracket is not None else 0
if entry_id in self.state.orders:
    qty = self.state.orders[entry_id].qty
"""
                },
            ),
        ),
    ),
    Plant(
        name="compared_too_soon",
        what="The account is compared while reports of it are still under way.",
        cores=("execution",),
        edits=(
            CodeEdit(
                "services.execution.core.reconciling:is_comparable",
                {"is_ours and reported.report_offset == state.report_number + 1": "is_ours"},
            ),
        ),
    ),
    Plant(
        name="difference_swallowed",
        what="A difference from what the venue has is not told.",
        cores=("execution",),
        edits=(CodeEdit("services.execution.core.reconciling:on_account", {"tuple(found)": "()"}),),
    ),
)
