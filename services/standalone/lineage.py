"""Where does an event come from, and what came of it?

What an event followed from is named by its parents, and was known before it; so it is looked for
from the event's own time backwards, on all logs at once. What a venue reports also belongs to the
order that it names.
"""

from collections.abc import Iterator, Sequence

from marea.bus.port import Bus
from marea.errors import BadInput
from marea.messages.envelope import Log, Message
from marea.messages.orders import (
    ApprovalRefused,
    CancelIntended,
    LookUpOrder,
    OrderCompleted,
    OrderIntended,
    OrderReport,
    VenueReport,
)
from marea.messages.paper import CancelOrder, ExecutionReport, PlaceOrder
from marea.messages.portfolio import RiskDecision
from services.standalone.history import Placed, end_known_at, forward, read_before

ANCESTORS_MAX = 400
CHUNK_RECORDS = 500
MATCHES_SHOWN_MAX = 5
LIKENESS_MIN = 4
"""Letters in a row that a name must share with another to be taken for a slip of it."""
SEARCHED_FIRST = ("trading", "paper", "features")
"""Channels, in the order in which a name is looked for; then come all others."""


class Search:
    """Looks for one name on log after log: an order's client id, an event's id, or a begin of one."""

    def __init__(self, name: str) -> None:
        self.exact: Placed | None = None
        self.matches: dict[str, Placed] = {}
        """What begins with the name, by its whole name."""
        self.near: dict[str, None] = {}
        """Orders and decisions with a name that is like it, the likest last."""
        self.last: dict[str, str] = {}
        """The last order and the last denial that there are."""
        self._name = name
        self._likeness = LIKENESS_MIN

    def look(self, placed: Placed) -> bool:
        """Take the next record; False once there is nothing more to look for."""
        message = placed.record.message
        for name in _names_of(message):
            if name == self._name:
                self.exact = placed
                return False
            if name.startswith(self._name) and len(self.matches) <= MATCHES_SHOWN_MAX:
                self.matches.setdefault(name, placed)
            elif isinstance(message, (OrderIntended, RiskDecision)):
                self._compare(name)
        if isinstance(message, OrderIntended):
            self.last["order"] = message.client_order_id
        elif isinstance(message, RiskDecision) and not message.approved:
            self.last["denial"] = message.id
        return True

    def _compare(self, name: str) -> None:
        likeness = max(_shared(self._name, name), _shared(self._name[::-1], name[::-1]))
        if likeness > self._likeness:
            self._likeness = likeness
            self.near[name] = None


def _shared(one: str, other: str) -> int:
    # Letters that both begin with.
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))


async def find(bus: Bus, name: str, run: str) -> Placed:
    """The order or the event of this name, or of the only one that begins with it.

    An order is its first intent. Raises `BadInput` where there is none, or more than one.
    """
    search = Search(name)
    ends = await bus.ends()
    first = [[log for log in ends if log.channel == channel] for channel in SEARCHED_FIRST]
    rest = [log for log in sorted(ends) if log.channel not in SEARCHED_FIRST]
    for logs in [*first, rest]:
        for log in logs:
            async for placed in forward(bus, log):
                if not search.look(placed):
                    return placed
        if len(search.matches) == 1:
            return next(iter(search.matches.values()))
        if search.matches:
            raise BadInput(_several(name, run, list(search.matches)))
    raise BadInput(_nothing(name, run, search))


async def ancestry(bus: Bus, subject: Placed) -> list[Placed]:
    """All that an event rests on, back to the market, the nearest first; not the event itself.

    It ends after so many (`ANCESTORS_MAX`), and leaves out what the logs don't hold.
    """
    ends = await bus.ends()
    found: dict[str, Placed] = {subject.record.message.id: subject}
    asked: set[str] = set()
    generation = [subject]
    while generation and len(found) <= ANCESTORS_MAX:
        needs = [need for child in generation for need in _needs_of(child) if need not in asked]
        asked.update(needs)
        known = max(child.record.ts_known for child in generation)
        bounds = {log: await end_known_at(bus, log, known, ends[log]) for log in sorted(ends)}
        parents = await _search_back(bus, bounds, set(needs) - set(found))
        generation = [parent for parent in parents if parent.record.message.id not in found]
        found.update((parent.record.message.id, parent) for parent in generation)
    return list(found.values())[1:]


async def _search_back(bus: Bus, bounds: dict[Log, int], needs: set[str]) -> list[Placed]:
    # From each log a piece in turn, so that what is near is found soon, wherever it stands.
    found = []
    while needs and bounds:
        for log, end in list(bounds.items()):
            for placed in await read_before(bus, log, end, CHUNK_RECORDS):
                answered = needs.intersection(_answers_of(placed.record.message))
                if answered:
                    needs -= answered
                    found.append(placed)
            bounds[log] = end - CHUNK_RECORDS
            if bounds[log] <= 0:
                del bounds[log]
    return found


def _needs_of(child: Placed) -> Iterator[str]:
    message = child.record.message
    yield from filter(None, message.parents)
    match message:
        case OrderReport():
            yield _order(message.client_order_id)
            if isinstance(message, VenueReport):
                yield _report(message)
        case PlaceOrder() | CancelOrder() | CancelIntended() | LookUpOrder():
            yield _order(message.client_order_id)
        case OrderIntended() | ApprovalRefused() | OrderCompleted():
            yield message.decision_id
        case _:
            pass


def _answers_of(message: Message) -> Iterator[str]:
    yield message.id
    match message:
        case OrderIntended():
            yield from map(_order, order_ids(message))
        case ExecutionReport():
            yield _report(message)
        case _:
            pass


def order_ids(intent: OrderIntended) -> Iterator[str]:
    """The client ids of an order and of its protective ones."""
    yield intent.client_order_id
    yield from filter(None, (intent.stop_order_id, intent.target_order_id))


def _order(client_order_id: str) -> str:
    return f"order {client_order_id}"


def _report(report: VenueReport | ExecutionReport) -> str:
    # A venue's own report and ours of it.
    return f"report {report.client_order_id} {report.number}"


def _names_of(message: Message) -> Iterator[str]:
    yield message.id
    if isinstance(message, OrderIntended):
        yield from order_ids(message)


def _several(name: str, run: str, matches: Sequence[str]) -> str:
    shown = ", ".join(matches[:MATCHES_SHOWN_MAX])
    more = ", …" if len(matches) > MATCHES_SHOWN_MAX else ""
    return f"several events of run {run} have a name that begins with '{name}': {shown}{more}; give more of it"


def _nothing(name: str, run: str, search: Search) -> str:
    told = f"run {run} has no order and no event named '{name}'"
    if search.near:
        told += f"; near: {', '.join(list(search.near)[: -MATCHES_SHOWN_MAX - 1 : -1])}"
    for what, last in search.last.items():
        told += f"; the last {what}: {last}"
    return (
        f"{told}. Give the client id of an order (`marea log {run} --type OrderIntended`), or the "
        f"id of any event (`marea log {run} --json`), or its begin"
    )
