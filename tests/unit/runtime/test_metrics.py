"""The figures of a process: what is counted, and what is asked."""

import asyncio

import pytest
from msgspec.structs import replace

from marea.errors import Unavailable
from marea.runtime.facts import LoopFacts
from marea.runtime.metrics import Metrics

FACTS = LoopFacts(
    loop="risk/main",
    phase="runs",
    role="owner",
    lag=3,
    position=40,
    epoch=7,
    is_degraded=True,
    divergences=1,
    void=2,
    duplicates=4,
    missing=5,
)
OF_LOOP = {"service": "risk", "loop": "risk/main"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("risk", lambda: (FACTS,))


def test_each_hop_of_each_loop_has_its_times_and_its_count(metrics: Metrics) -> None:
    metrics.hop("risk/main", "decide", 7_000_000, 5)
    metrics.hop("risk/main", "decide", 30_000_000, 6)
    metrics.hop("risk/main", "append", 1_000_000, 1)
    sample = metrics.registry.get_sample_value
    decide = OF_LOOP | {"hop": "decide"}
    assert sample("marea_hop_records_total", decide) == 11
    assert sample("marea_hop_seconds_count", decide) == 2
    assert sample("marea_hop_seconds_sum", decide) == pytest.approx(0.037)
    assert sample("marea_hop_seconds_bucket", decide | {"le": "0.008"}) == 1
    assert sample("marea_hop_seconds_bucket", decide | {"le": "0.025"}) == 1
    assert sample("marea_hop_seconds_bucket", decide | {"le": "0.05"}) == 2
    assert sample("marea_hop_records_total", OF_LOOP | {"hop": "append"}) == 1


def test_turn_without_records_is_no_sample(metrics: Metrics) -> None:
    metrics.hop("risk/main", "read", 1_000_000_000, 0)
    assert metrics.registry.get_sample_value("marea_hop_seconds_count", OF_LOOP) is None


def test_errors_are_counted_by_their_class(metrics: Metrics) -> None:
    for _ in range(2):
        metrics.count_error("risk/main", Unavailable("Kafka is away"))
    of = OF_LOOP | {"error": "Unavailable"}
    assert metrics.registry.get_sample_value("marea_errors_total", of) == 2


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("lag_records", 3),
        ("position", 40),
        ("epoch", 7),
        ("is_owner", 1),
        ("is_degraded", 1),
        ("divergences", 1),
        ("void_records", 2),
        ("duplicate_records", 4),
        ("missing_records", 5),
    ],
)
def test_what_a_loop_shows_is_a_figure(metrics: Metrics, name: str, figure: int) -> None:
    assert metrics.registry.get_sample_value(f"marea_{name}", OF_LOOP) == figure


def test_figures_are_asked_when_they_are_read() -> None:
    loops = [FACTS]
    metrics = Metrics("risk", lambda: loops)
    loops[:] = [replace(FACTS, role="standby", lag=9), replace(FACTS, loop="risk/marks")]
    sample = metrics.registry.get_sample_value
    assert sample("marea_lag_records", OF_LOOP) == 9
    assert sample("marea_is_owner", OF_LOOP) == 0
    assert sample("marea_is_owner", OF_LOOP | {"loop": "risk/marks"}) == 1


def test_process_shows_its_memory_and_its_descriptors(metrics: Metrics) -> None:
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_cpu_seconds_total"):
        assert metrics.registry.get_sample_value(name)


def test_process_shows_how_many_tasks_it_has(metrics: Metrics) -> None:
    async def scenario() -> float | None:
        others = [asyncio.create_task(asyncio.sleep(60)) for _ in range(3)]
        count = metrics.registry.get_sample_value("marea_tasks")
        for each in others:
            each.cancel()
        return count

    assert asyncio.run(scenario()) == 4
    assert metrics.registry.get_sample_value("marea_tasks") == 0


def test_two_processes_worth_of_figures_stand_in_one_interpreter() -> None:
    one, other = Metrics("risk", tuple), Metrics("risk", tuple)
    one.hop("risk/main", "read", 1, 1)
    of = OF_LOOP | {"hop": "read"}
    assert other.registry.get_sample_value("marea_hop_records_total", of) is None
