"""Which records are taken: duplicates, early ones, gaps and epochs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.envelope import Message, Record, Writer
from marea.messages.market import Trade
from marea.messages.system import GapFound, Started
from marea.runtime import intake as intake_module
from marea.runtime.intake import Intake
from marea.testing.builders import started_record, void_record
from marea.testing.toy import INPUT, UPSTREAM, trade_record

OTHER = Writer(producer="ingestion/other", epoch=-1, build="test")
"""Its life began before the log."""
TRADE = trade_record(1).message
CLOCKS = [trade_record(10 * n).message for n in range(4)]


def take_all(intake: Intake, records: list[Record], first: int = 0) -> list[Record]:
    """Take records as the loop does: by the short way where it is open."""
    taken: list[Record] = []
    for position, record in enumerate(records, first):
        if intake.expects(record):
            taken.append(record)
        else:
            taken += [found for _, found in intake.take(position, record)]
    return taken


def seqs(records: list[Record]) -> list[int]:
    return [record.seq for record in records if not isinstance(record.message, GapFound)]


def test_records_in_order_are_all_taken() -> None:
    assert seqs(take_all(Intake(INPUT), [trade_record(n) for n in range(30)])) == list(range(30))


def test_second_copy_is_dropped_and_counted() -> None:
    intake = Intake(INPUT)
    taken = take_all(intake, [trade_record(n) for n in (0, 1, 2, 2, 1, 3, 0)])
    assert seqs(taken) == [0, 1, 2, 3]
    assert intake.state.duplicate_count == 3


def test_early_record_waits_for_those_before_it() -> None:
    intake = Intake(INPUT)
    assert seqs(take_all(intake, [trade_record(n) for n in (0, 1, 4, 3)])) == [0, 1]
    assert intake.is_waiting
    assert seqs(take_all(intake, [trade_record(2)], first=4)) == [2, 3, 4]
    assert not intake.is_waiting


def test_what_nobody_can_read_is_counted_and_not_taken() -> None:
    intake = Intake(INPUT)
    voids = [void_record(INPUT, offset) for offset in (0, 3)]
    records = [voids[0], trade_record(0), trade_record(1), voids[1], trade_record(2)]
    assert seqs(take_all(intake, records)) == [0, 1, 2]
    assert intake.state.void_count == 2
    assert list(intake.state.places) == [UPSTREAM.producer]


@given(st.sets(st.integers(13, 2**40), max_size=5), st.data())
def test_what_comes_too_early_is_nobodys_when_the_awaited_one_comes_after_it(
    strange: set[int], data: st.DataObject
) -> None:
    intake = Intake(INPUT)
    # No clock among them (each tenth is one), so no wait runs out.
    records = [_renumber(trade_record(n)) for n in range(12) if n != 10]
    for seq in strange:
        at = data.draw(st.integers(1, len(records) - 1))
        records.insert(at, _of_life(seq, UPSTREAM))
    taken = take_all(intake, records)
    assert seqs(taken) == list(range(11))
    assert intake.state.void_count == len(strange)
    assert not intake.is_waiting


def _renumber(record: Record) -> Record:
    seq = record.seq - (record.seq > 10)
    return Record(message=record.message, writer=record.writer, seq=seq)


def test_record_that_never_comes_is_called_missing_after_two_seconds_of_the_stream() -> None:
    intake = Intake(INPUT)
    taken = take_all(intake, [trade_record(n) for n in range(60) if n not in (13, 14)])
    kinds = [type(record.message).__name__ for record in taken]
    at = kinds.index("GapFound")
    gap = taken[at].message
    assert isinstance(gap, GapFound)
    assert (gap.producer, gap.first_missing, gap.last_missing) == (UPSTREAM.producer, 13, 14)
    assert seqs(taken) == [n for n in range(60) if n not in (13, 14)]
    assert intake.state.missing_count == 2
    assert not intake.is_waiting


def test_gap_is_called_after_ten_thousand_waiting_records(monkeypatch: object) -> None:
    intake = Intake(INPUT)
    limit = intake_module.WAITING_RECORDS_MAX
    early = [
        Record(message=trade_record(1).message, writer=UPSTREAM, seq=seq)
        for seq in range(2, limit + 2)
    ]
    assert take_all(intake, [trade_record(0), *early[:-1]]) == [trade_record(0)]
    taken = take_all(intake, early[-1:], first=limit)
    assert isinstance(taken[0].message, GapFound)
    assert seqs(taken) == list(range(2, limit + 2))


def test_new_life_is_told_by_its_start_and_its_records_are_taken() -> None:
    intake = Intake(INPUT)
    old = [started_record(UPSTREAM), *(trade_record(n) for n in range(5))]
    take_all(intake, old)
    life = Writer(producer=UPSTREAM.producer, epoch=6, build="test")
    taken = take_all(intake, [started_record(life), *(trade_record(n, life) for n in range(3))], 6)
    assert seqs(taken) == [0, 0, 1, 2]


def test_record_of_a_life_that_is_over_is_void() -> None:
    intake = Intake(INPUT)
    take_all(intake, [started_record(UPSTREAM), *(trade_record(n) for n in range(5))])
    life = Writer(producer=UPSTREAM.producer, epoch=6, build="test")
    take_all(intake, [started_record(life)], 6)
    assert take_all(intake, [trade_record(5)], 7) == []  # a paused writer that woke up
    assert intake.state.outdated_count == 1


def test_one_alone_is_told_of_no_gap_however_long_its_life_is_silent() -> None:
    intake = Intake(INPUT)
    clocks = [_of_life(n, OTHER, CLOCKS[n]) for n in range(4)]
    taken = take_all(intake, [trade_record(0), trade_record(2**40), *clocks])
    assert seqs(taken) == [0, 0, 1, 2, 3]
    assert seqs(take_all(intake, [trade_record(1), trade_record(2)], 6)) == [1, 2]
    assert intake.state.void_count == 1


def test_life_that_nobody_saw_begin_is_void() -> None:
    intake = Intake(INPUT)
    take_all(intake, [started_record(UPSTREAM), trade_record(0)])
    stranger = Writer(producer="ingestioo/BTC", epoch=0, build="test")
    ahead = Writer(producer=UPSTREAM.producer, epoch=2**40, build="test")
    assert take_all(intake, [trade_record(0, stranger), trade_record(0, ahead)], 2) == []
    assert intake.state.outdated_count == 2
    assert seqs(take_all(intake, [trade_record(1)], 4)) == [1]


def test_what_waits_when_a_new_life_begins_is_taken_behind_its_gap() -> None:
    intake = Intake(INPUT)
    take_all(intake, [started_record(UPSTREAM), *(trade_record(n) for n in (0, 2, 3))])
    life = Writer(producer=UPSTREAM.producer, epoch=4, build="test")
    taken = take_all(intake, [started_record(life)], 4)
    assert [type(record.message).__name__ for record in taken] == [
        "GapFound",
        "Trade",
        "Trade",
        "Started",
    ]


def test_what_waits_alone_when_a_new_life_begins_may_be_anybodys() -> None:
    intake = Intake(INPUT)
    take_all(intake, [started_record(UPSTREAM), trade_record(0), trade_record(2)])
    life = Writer(producer=UPSTREAM.producer, epoch=3, build="test")
    assert [type(record.message) for record in take_all(intake, [started_record(life)], 3)] == [
        Started
    ]
    assert intake.state.void_count == 1


def test_life_that_began_on_a_part_of_the_log_that_is_gone_is_taken_from_where_it_is() -> None:
    intake = Intake(INPUT)
    take_all(intake, [started_record(UPSTREAM), *(trade_record(n) for n in (0, 2, 3))])
    life = Writer(producer=UPSTREAM.producer, epoch=7, build="test")
    intake.miss(9)
    taken = take_all(intake, [trade_record(n, life) for n in (1, 2, 3)], 9)
    assert [(record.writer.epoch, record.seq) for record in taken[1:]] == [
        (0, 2),
        (0, 3),
        *((7, 1), (7, 2), (7, 3)),
    ]
    gap = taken[0].message
    assert isinstance(gap, GapFound)
    assert (gap.producer_epoch, gap.first_missing, gap.last_missing) == (0, 1, 1)


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.sets(st.integers(0, 12), min_size=2))
@settings(max_examples=300)
def test_whatever_is_lost_nothing_is_taken_twice_or_out_of_order_and_the_rest_is_told(
    lives: list[int], lost: set[int]
) -> None:
    log: list[Record] = []
    for count in lives:
        life = Writer(producer=UPSTREAM.producer, epoch=len(log), build="test")
        log += [started_record(life), *(_of_life(n, life) for n in range(count))]
    came = [(at, record) for at, record in enumerate(log) if at not in lost]
    came += [(100 + n, _of_life(n, OTHER, CLOCKS[n])) for n in range(4)]
    intake = Intake(INPUT)
    taken: list[Record] = []
    for read, (at, record) in enumerate(came):
        if at > (came[read - 1][0] + 1 if read else 0):
            intake.miss(at)
        taken += take_all(intake, [record], at)
    said = [
        (record.writer.epoch, record.seq) for record in taken if isinstance(record.message, Trade)
    ]
    written = [(r.writer.epoch, r.seq) for _, r in came if isinstance(r.message, Trade)]
    assert said == [each for each in written if each in said]
    waits = sum(map(len, intake._waiting.values()))
    assert len(written) == len(said) + intake.state.void_count + waits
    gaps = [record.message for record in taken if isinstance(record.message, GapFound)]
    missing = {
        (gap.producer_epoch, seq)
        for gap in gaps
        for seq in range(gap.first_missing, gap.last_missing + 1)
    }
    assert len(missing) == intake.state.missing_count
    assert missing.isdisjoint(said)


def _of_life(seq: int, life: Writer, message: Message = TRADE) -> Record:
    return Record(message=message, writer=life, seq=seq)


def test_producers_are_numbered_apart() -> None:
    intake = Intake(INPUT)
    records = [trade_record(0), trade_record(0, OTHER), trade_record(1, OTHER), trade_record(1)]
    assert len(take_all(intake, records)) == 4
    assert intake.state.duplicate_count == 0


def test_life_whose_begin_is_no_longer_on_the_log_is_taken_from_where_it_is() -> None:
    intake = Intake(INPUT)
    assert seqs(take_all(intake, [trade_record(n) for n in range(40, 45)])) == list(range(40, 45))


def test_clock_never_goes_back() -> None:
    intake = Intake(INPUT)
    take_all(intake, [trade_record(0), trade_record(10), trade_record(20)])
    latest = intake.state.clock
    back = Record(message=trade_record(0).message, writer=OTHER, seq=0)
    take_all(intake, [back])
    assert intake.state.clock == latest


def test_start_that_names_its_epoch_begins_that_life_wherever_it_is_given() -> None:
    # A source that counts positions of its own knows where the start stands on the log.
    intake = Intake(INPUT)
    later = Writer(producer=UPSTREAM.producer, epoch=44, build="test")
    take_all(intake, [started_record(UPSTREAM), trade_record(0)])
    taken = take_all(intake, [started_record(later), trade_record(0, later)], first=2)
    assert seqs(taken) == [0, 0]
    assert take_all(intake, [trade_record(1), trade_record(1, later)], first=4)[0].seq == 1
    assert intake.state.outdated_count == 1
