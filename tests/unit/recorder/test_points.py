"""Each measurement says what the messages of the record say, and the same for the same record."""

import pytest
from msgspec.structs import replace

from marea.bus.raw import Raw
from marea.messages.envelope import Log, Message, Record
from marea.messages.framing import frame
from marea.messages.orders import OrderFilled
from marea.messages.portfolio import PositionClosed, RiskDecision
from marea.messages.system import DeadLetter
from marea.testing.examples import EXAMPLES, LATENCY_NS, example, record_of
from services.recorder.sink import Batch, Kept
from services.recorder.sinks.lines import Point, line
from services.recorder.sinks.points import points_of, position_of
from services.recorder.sinks.progress import Progresses

CHANNEL_OF = {
    "Bar": "features",
    "BarCorrection": "features",
    "Heartbeat": "ownership",
    "OwnerLeft": "ownership",
    "BookStatusChanged": "market",
    "Degraded": "market",
    "QualityCheckFailed": "quality",
    "DeadLetter": "dead-letters",
}


BEHIND = 1_000
"""Of the begins of the lives that wrote the examples."""


def batch_of(*records: Record, channel: str = "trading", first: int = BEHIND) -> Batch:
    log = Log(channel, "main")
    return Batch(
        log,
        [
            Kept(log, Raw(0, offset, record.ts_known // 1_000_000, b"main", frame(record)))
            for offset, record in enumerate(records, first)
        ],
    )


def points(batch: Batch) -> list[Point]:
    return list(points_of(batch, Progresses().of(batch.log)))


def of_message(message: Message) -> list[Point]:
    kind = type(message).__name__
    batch = batch_of(record_of(message), channel=CHANNEL_OF.get(kind, "trading"))
    return [point for point in points(batch) if point.measurement != "system.throughput"]


@pytest.mark.parametrize(
    ("kind", "measurements"),
    [
        ("Bar", ["market.bars"]),
        ("BarCorrection", ["market.bar_corrections"]),
        ("Signal", ["system.latency"]),
        ("RiskDecision", ["system.latency", "trading.risk"]),
        ("OrderIntended", ["system.latency"]),
        ("OrderFilled", ["trading.execution"]),
        ("OrderCompleted", ["trading.execution"]),
        ("OrderRejected", ["trading.execution"]),
        ("PortfolioValued", ["trading.performance", "trading.risk"]),
        ("PositionClosed", ["trading.performance"]),
        ("BreakerTripped", ["trading.risk"]),
        ("BreakerEnded", ["trading.risk"]),
        ("BookStatusChanged", ["system.health"]),
        ("Degraded", ["system.health"]),
        ("Heartbeat", ["system.health"]),
        ("OwnerLeft", ["system.health"]),
        ("GapFound", ["system.errors"]),
        ("CoreDiverged", ["system.errors"]),
        ("QualityCheckFailed", ["system.errors"]),
        ("DeadLetter", ["system.errors"]),
        ("Clock", []),
    ],
)
def test_message_is_measured_where_it_belongs(kind: str, measurements: list[str]) -> None:
    assert [point.measurement for point in of_message(EXAMPLES[kind])] == measurements


@pytest.mark.parametrize(("kind", "told"), [("Heartbeat", "alive"), ("OwnerLeft", "left")])
def test_health_tells_whether_an_owner_goes_on_or_left(kind: str, told: str) -> None:
    [point] = of_message(EXAMPLES[kind])
    assert point.tags["kind"] == told


def test_every_message_makes_points_that_have_lines() -> None:
    for message in EXAMPLES.values():
        for point in of_message(message):
            assert line(point).startswith(point.measurement)


def test_bar_stands_at_its_begin_so_that_it_is_there_once() -> None:
    (point,) = of_message(EXAMPLES["Bar"])
    assert point.ts == EXAMPLES["Bar"].ts_open  # type: ignore[attr-defined] # it is a bar
    assert set(point.tags) == {"instrument", "interval_s"}


def test_latency_is_from_the_market_event_at_the_root() -> None:
    decision = record_of(example(RiskDecision))
    decision.ts_origin = decision.ts_known - 7_250_000
    latency, _, _ = points(batch_of(decision))
    assert latency.fields == {"since_origin_ms": 7.25}
    assert latency.tags["type"] == "RiskDecision"
    assert latency.tags["service"] == "risk"


def test_events_of_one_instant_are_told_apart_and_one_that_came_twice_is_not() -> None:
    fill = example(OrderFilled)
    several = [record_of(replace(fill, id=f"fill:{number}"), seq=number) for number in range(50)]
    found = {point.ts for point in points(batch_of(*several)) if "execution" in point.measurement}
    assert len(found) == 50
    assert all(0 <= ts - fill.ts_event < 1_000_000 for ts in found)
    again = points(batch_of(several[0], several[0], several[0]))
    assert [point.measurement for point in again].count("trading.execution") == 1


def test_win_is_a_position_that_gained() -> None:
    closed = example(PositionClosed)
    (won,) = of_message(replace(closed, realized_pnl=1))
    (lost,) = of_message(replace(closed, realized_pnl=0))
    assert (won.fields["wins"], lost.fields["wins"]) == (1, 0)


def test_throughput_is_how_far_the_log_was_by_every_ten_seconds() -> None:
    fill, records = example(OrderFilled), []
    for number in range(30):
        record = record_of(replace(fill, id=str(number)), seq=number)
        record.ts_known = number * 1_000_000_000 + 1
        records.append(record)
    found = [
        point for point in points(batch_of(*records, first=0)) if point.measurement.endswith("put")
    ]
    assert [(point.ts, point.fields["records"]) for point in found] == [
        (0, 10),
        (10_000_000_000, 20),
        (20_000_000_000, 30),
    ]


def test_record_that_can_not_be_read_is_an_error_and_nothing_else() -> None:
    log = Log("trading", "main")
    batch = Batch(log, [Kept(log, Raw(0, 0, 5, b"main", b"no frame"))])
    (point,) = [each for each in points(batch) if each.measurement != "system.throughput"]
    assert (point.measurement, point.tags["kind"]) == ("system.errors", "void")


def test_position_is_one_point_a_day() -> None:
    fill = example(OrderFilled)
    day = 86_400_000_000_000
    assert position_of(batch_of(record_of(fill), first=0)) == Point(
        "recorder.position",
        {"channel": "trading", "log": "main"},
        {"end": 1},
        (fill.ts_event + LATENCY_NS) // day * day,
    )


def test_tags_are_from_small_sets() -> None:
    texts = {fill_id for message in EXAMPLES.values() for fill_id in (message.id, *message.parents)}
    for message in EXAMPLES.values():
        for point in of_message(message):
            assert not texts & set(point.tags.values()), point
    (told,) = of_message(example(DeadLetter))
    assert "payload" not in {*told.tags, *told.fields}
