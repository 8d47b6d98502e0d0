"""The figures of docs/simulated-market.md, and how the parameters came from the tape."""

from pathlib import Path

import numpy as np
import pytest

from marea.venues.simulated.parameters import PROBABILITIES, load_parameters
from tools.fit_market import DEMO_TAPE, TARGET, demo, demo_tape, markdown, plain, written
from tools.market_comparison import (
    SLOW,
    STRETCHES,
    Row,
    compare,
    deviation,
    misses,
    tolerance,
)
from tools.market_recording import Recording, S, between, read_tape, record
from tools.market_search import Search, censored_quantiles, leaning, with_shown
from tools.market_statistics import clustering, clustering_sd, returns_bps, volatility_memory


@pytest.fixture(scope="module")
def tape(data_dir: Path) -> dict[str, Recording]:
    return record(read_tape([data_dir / DEMO_TAPE]))


def test_first_seed_is_like_the_tape_and_gives_the_figures_in_the_docs(
    tape: dict[str, Recording], root: Path
) -> None:
    rows = compare(tape, load_parameters(), [1])
    assert sum(row.ok[0] for row in rows) >= len(rows) - 4
    page = (root / "docs" / "simulated-market.md").read_text()
    for line in markdown(rows, [1]):
        cells = line.split(" | ")[:6]
        assert " | ".join(cells) in page, "run tools/fit_market.py --markdown and commit its table"


def test_committed_parameters_hold_what_the_tape_shows(tape: dict[str, Recording]) -> None:
    assert written(with_shown(load_parameters(), tape)) == TARGET.read_text()


def test_search_keeps_what_is_better_and_writes_what_it_can_read(
    tape: dict[str, Recording], tmp_path: Path
) -> None:
    first_ns = tape["BTCUSDT"].quotes[0][0]
    minute = {name: between(one, first_ns, first_ns + 60 * S) for name, one in tape.items()}
    search = Search(load_parameters(), minute, seed=1)
    before = sum(search.losses.values())
    for shared in (False, True, False):
        search.step(shared=shared)
    assert sum(search.losses.values()) <= before
    (tmp_path / "venue.toml").write_text(TARGET.with_name("venue.toml").read_text())
    (tmp_path / "parameters.toml").write_text(written(search.best))
    assert load_parameters(tmp_path) == search.best


def test_table_has_a_row_for_each_statistic_and_a_column_for_each_seed() -> None:
    row = Row("BTCUSDT", "quotes_per_s", 1234.5, (0.5, 2), (1, 3), "x 2.00", (True, False))
    head, line = plain([row], [7, 8])
    assert head.split()[-6:] == ["seed", "7", "seed", "8", "tolerance", "ok"]
    assert line.split() == [
        "BTCUSDT",
        "quotes_per_s",
        "1234",
        "0.5",
        "2",
        "1",
        "3",
        "x",
        "2.00",
        "1",
        "of",
        "2",
    ]


def test_demo_has_a_line_for_each_seed_and_the_mean_of_messages() -> None:
    *lines, mean = demo([1, 2], 90)
    counts = [int(line.split()[2].replace(",", "")) for line in lines]
    assert [line.split()[1] for line in lines] == ["1", "2"]
    assert all("BTCUSDT 1 s" in line and "ETHUSDT 1 s" in line for line in lines)
    assert mean == f"mean  {round(sum(counts) / 2):,} messages"


def test_without_a_tape_or_data_the_tool_says_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAREA_DATA", raising=False)
    with pytest.raises(SystemExit, match="no tape: give one as argument, or set MAREA_DATA"):
        demo_tape()


def test_tolerance_is_never_less_than_the_halves_of_the_tape_differ() -> None:
    assert tolerance("quotes_per_s", (100, 110)) == 1.25
    assert tolerance("quotes_per_s", (100, 200)) == 2.0
    assert tolerance("return_ac1", (-0.2, 0.1)) == pytest.approx(0.3)


def test_tolerance_of_slow_clustering_is_not_widened_by_the_halves() -> None:
    assert tolerance("abs_return_ac1_20", (0.06, -0.01)) == 3.0
    assert tolerance("abs_return_ac21_60", (0.001, 0.03)) == 3.0


def test_moves_of_the_tape_stand_together_and_shuffled_ones_fail(
    tape: dict[str, Recording],
) -> None:
    chance = np.random.default_rng(1)
    for recording in tape.values():
        moves_bps = returns_bps(recording, recording.quotes[0][0], recording.quotes[-1][0])
        assert clustering_sd(moves_bps) > 4
        expected = clustering(moves_bps)
        stretches = [clustering(chance.permutation(moves_bps)) for _ in range(STRETCHES)]
        for name in SLOW:
            found = float(np.mean([one[name] for one in stretches]))
            assert deviation(name, expected[name], found) > tolerance(name, (found, found))


def test_moves_that_are_wild_then_calm_are_remembered_and_steady_ones_are_not() -> None:
    chance = np.random.default_rng(1)
    steady = chance.normal(size=1800)
    assert abs(clustering_sd(steady)) < 3
    busy_then_calm = steady * np.repeat([3.0, 1.0], 900)
    assert clustering_sd(busy_then_calm) > 20
    assert clustering(busy_then_calm)["abs_return_ac21_60"] > 0.1
    assert volatility_memory(busy_then_calm) > 0.8


def test_memory_beyond_the_recording_is_none() -> None:
    assert clustering(np.array([1.0, -2.0, 1.0]))["abs_return_ac21_60"] == 0


def test_deviation_is_a_ratio_or_a_difference() -> None:
    assert deviation("quotes_per_s", 100, 50) == deviation("quotes_per_s", 50, 100) == 2
    assert deviation("return_ac1", 0.1, -0.1) == pytest.approx(0.2)
    assert deviation("kurtosis_1s", 5, 0) == float("inf")
    assert misses("quotes_per_s", 100, 200, 2.0) == pytest.approx(1)
    assert misses("kurtosis_1s", 5, 0, 2.0) == 4


def test_lean_and_turns_come_back_from_the_autocorrelations_they_give() -> None:
    lean, turn = leaning(0.6**2 * 0.9, 0.6**2 * 0.9**10)
    assert lean == pytest.approx(0.6)
    assert turn == pytest.approx(0.05)


def test_quantiles_of_what_was_cut_off_are_those_of_the_whole() -> None:
    chance = np.random.default_rng(1)
    wholes, ends = chance.exponential(1000, 20_000), chance.exponential(1500, 20_000)
    seen = [int(whole) for whole, end in zip(wholes, ends, strict=True) if whole <= end]
    at_least = [int(end) for whole, end in zip(wholes, ends, strict=True) if whole > end]
    found = censored_quantiles(seen, at_least)
    assert found[PROBABILITIES.index(0.5)] == pytest.approx(np.median(wholes), rel=0.05)
