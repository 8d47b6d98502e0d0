"""How far behind a sink is called, from what was seen of it."""

from tests.chaos.lag import Absence, Lag, Sample, held_up, lags, passed_s


def _samples(*held: int) -> list[Sample]:
    """Ten records more each second, and of them so many in PostgreSQL; all at once in InfluxDB."""
    return [
        Sample(float(at_s), {"market": 10 * at_s}, {"postgres": count, "influx": 10 * at_s})
        for at_s, count in enumerate(held)
    ]


def _of(samples: list[Sample], *absences: Absence) -> Lag:
    (found,) = (each for each in lags(samples, absences) if each.sink == "postgres")
    return found


def test_sink_is_behind_since_the_logs_were_seen_to_hold_more() -> None:
    assert _of(_samples(0, 10, 20, 20, 25, 50)).else_s == 1.0


def test_sink_that_holds_all_is_not_behind() -> None:
    samples = _samples(0, 0, 0)
    (influx,) = (each for each in lags(samples, ()) if each.sink == "influx")
    assert influx == Lag(sink="influx")


def test_time_of_its_own_stores_absence_is_told_apart() -> None:
    away = Absence(sinks=("postgres",), begun_s=1.0, back_s=3.0)
    found = _of(_samples(0, 10, 10, 10, 10, 50, 50, 50), away)
    assert found == Lag(sink="postgres", away_s=2.0, behind_s=2.0, caught_up_s=2.0, else_s=1.0)


def test_absence_of_another_store_is_no_excuse() -> None:
    away = Absence(sinks=("influx",), begun_s=1.0, back_s=3.0)
    assert _of(_samples(0, 10, 10, 10, 10, 10), away) == Lag(sink="postgres", else_s=3.0)


def test_sink_has_passed_a_moment_when_it_holds_what_stood_there_then() -> None:
    samples = _samples(0, 5, 9, 20, 20)
    assert passed_s(samples, "postgres", 0.5) == 3.0
    assert passed_s(samples, "postgres", 2.5) is None
    assert passed_s(samples, "postgres", 9.0) is None


def test_sink_that_does_not_go_on_without_the_store_of_another_is_held_up() -> None:
    away = Absence(sinks=("objects", "tables"), begun_s=1.0, back_s=4.0)
    found = held_up(_samples(0, 0, 0, 0, 0, 50), [away])
    assert [each.partition(",")[0] for each in found] == ["postgres", "dead-letters"]
    assert "3 s without the store of objects, tables" in found[0]
