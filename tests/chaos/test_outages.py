"""What counts as an outage, from heartbeats and strikes."""

from tests.chaos.outages import Beat, Outage, outages
from tests.chaos.page import quantile
from tests.chaos.stage import Strike


def _beats(*told: tuple[int, str, int, int]) -> list[Beat]:
    return [
        Beat(at_ms=at_ms, instance=instance, epoch=epoch, done=done)
        for at_ms, instance, epoch, done in told
    ]


def _kill(at_ms: int, target: str = "risk-a", lasted_s: float = 0.0) -> Strike:
    return Strike(fault="kill a service", target=target, at_ms=at_ms, lasted_s=lasted_s)


def _of(beats: list[Beat], *strikes: Strike) -> list[Outage]:
    return outages({"risk/main": beats}, strikes)


def test_outage_ends_when_a_later_life_has_done_as_much_as_was_told_before() -> None:
    beats = _beats((1_000, "a", 5, 40), (7_000, "b", 60, 30), (8_000, "b", 60, 40))
    (found,) = _of(beats, _kill(1_500))
    assert (found.lasted_s, found.is_takeover) == (6.5, True)


def test_death_of_a_standby_is_no_outage() -> None:
    beats = _beats((1_000, "a", 5, 40), (2_000, "a", 5, 50))
    assert _of(beats, _kill(1_500, "risk-b")) == []


def test_second_death_in_an_outage_is_part_of_it() -> None:
    beats = _beats((1_000, "a", 5, 40), (9_000, "a", 60, 40))
    (found,) = _of(beats, _kill(1_500), _kill(4_000))
    assert (found.lasted_s, found.is_takeover) == (7.5, False)


def test_outage_is_told_from_the_last_fault_on_that_struck_it_too() -> None:
    beats = _beats((1_000, "a", 5, 40), (20_000, "a", 60, 40))
    kafka = Strike(fault="kill Kafka", target="kafka", at_ms=11_000, lasted_s=3)
    other = _kill(19_000, "paper-a")
    later = _kill(21_000)
    (found,) = _of(beats, _kill(1_500), _kill(4_000), kafka, other)
    assert (found.lasted_s, found.undisturbed_s, found.kafka_away_s) == (18.5, 6.0, 3.0)
    assert _of(beats, _kill(1_500), _kill(4_000), later)[0].undisturbed_s == 16.0
    of_three = Strike(fault="kill Kafka", target="kafka-2", at_ms=11_000, lasted_s=3)
    assert _of(beats, _kill(1_500), _kill(4_000), of_three)[0].undisturbed_s == 16.0


def test_time_without_kafka_counts_once_and_only_within_the_outage() -> None:
    def away(at_ms: int, lasted_s: float, target: str = "kafka") -> Strike:
        return Strike(fault="kill Kafka", target=target, at_ms=at_ms, lasted_s=lasted_s)

    beats = _beats((1_000, "a", 5, 40), (20_000, "a", 60, 40))
    before, long, within = away(1_000, 1), away(3_000, 4), away(4_000, 1)
    of_three = away(9_000, 5, "kafka-2")
    (found,) = _of(beats, before, _kill(1_500), long, within, of_three, away(19_000, 9))
    assert found.kafka_away_s == 0.5 + 4.0 + 1.0


def test_pause_that_nobody_took_over_in_is_none() -> None:
    beats = _beats((1_000, "a", 5, 40), (4_000, "a", 5, 50))
    assert _of(beats, _kill(1_500, lasted_s=2)) == []


def test_loop_that_nobody_runs_to_the_end_has_not_recovered() -> None:
    (found,) = _of(_beats((1_000, "a", 5, 40)), _kill(1_500))
    assert found.lasted_s is None


def test_outage_that_never_ended_takes_in_what_came_after() -> None:
    assert len(_of(_beats((1_000, "a", 5, 40)), _kill(1_500), _kill(3_000))) == 1


def test_quantile_is_one_of_the_figures() -> None:
    figures = [float(each) for each in range(1, 101)]
    assert [quantile(figures, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 50, 99, 100]
    assert quantile([3.0], 0.99) == 3.0
