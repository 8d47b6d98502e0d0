"""Asking a run that traded why it did, and why it did not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import command

INSTRUMENT = "BTC-USDT.SIM"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of runs with one run whose entries fill, and whose stops or targets close them."""
    runs = tmp_path_factory.mktemp("traded")
    assert command.run(["demo", "--minutes", "3"], runs).code == 0
    return runs


def ask(runs: Path, *arguments: str) -> dict[str, Any]:
    ended = command.run([*arguments, "--json"], runs)
    assert (ended.code, ended.err) == (0, "")
    told: dict[str, Any] = json.loads(ended.out)
    return told


def events(runs: Path, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ask(runs, "log", "last", "--type", kind)["events"]
    assert found
    return found


def kinds(told: dict[str, Any]) -> list[str]:
    return [step["type"] for step in told["steps"]]


def test_every_order_leads_from_the_market_to_the_end_of_its_position(traded: Path) -> None:
    for order in events(traded, "OrderIntended"):
        told = ask(traded, "explain", "last", order["client_order_id"])
        found = kinds(told)
        chain = ["Clock", "Bar", "FeatureVector", "Signal", "RiskDecision", "OrderIntended"]
        places = [found.index(kind) for kind in [*chain, "OrderSent", "OrderAccepted"]]
        assert places == sorted(places)
        (signal,) = [step for step in told["steps"] if step["type"] == "Signal"]
        assert [vote["strategy"] for vote in signal["votes"]][:2] == ["baseline", "rsi"]
        producers = {decider["producer"].partition("/")[0] for decider in told["deciders"]}
        assert {"features", "signals", "risk", "execution"} <= producers
        assert all(decider["config"] for decider in told["deciders"])


def test_fill_leads_back_to_the_market_that_it_was_decided_on(traded: Path) -> None:
    for fill in events(traded, "OrderFilled"):
        told = ask(traded, "explain", "last", fill["envelope"]["id"])
        expected = {"RiskDecision", "Signal", "FeatureVector", "ExecutionReport", "JournalPosted"}
        assert expected <= set(kinds(told))
        assert [step["id"] for step in told["steps"] if step["is_subject"]] == [
            fill["envelope"]["id"]
        ]


def test_denial_shows_the_number_against_the_limit(traded: Path) -> None:
    denials = [each for each in events(traded, "RiskDecision") if not each["approved"]]
    for denial in denials[:3]:
        told = ask(traded, "explain", "last", denial["envelope"]["id"][:20])
        (decision,) = [step for step in told["steps"] if step["type"] == "RiskDecision"]
        blocked = [gate for gate in decision["gates"] if gate["blocked"]]
        assert [gate["gate"] for gate in blocked] == [denial["reason"]]
        assert None not in (blocked[0]["observed"], blocked[0]["allowed"])
        assert "Trade" in kinds(told) or "Quote" in kinds(told) or "BookDelta" in kinds(told)


def test_time_without_an_order_says_which_gate_was_shut(traded: Path) -> None:
    at = ("explain", "last", "--instrument", INSTRUMENT, "--at")
    early = ask(traded, *at, "2026-01-05T00:00:20")
    assert early["conclusion"] == "not_spoken"
    late = ask(traded, *at, "2026-01-05T00:02:10")
    assert late["conclusion"] in ("blocked", "denied", "denied_before", "no_decision")
    assert late["what"].startswith("Nothing was traded: ")
    assert [vote["strategy"] for vote in late["votes"]][-1] == "weighted"
    assert len(late["votes"]) == 11
    shown = command.run([*at, "2026-01-05T00:02:10", "--lang", "es"], traded).out
    assert shown.startswith(f"{INSTRUMENT}, 2026-01-05T00:02:10.000Z. No se operó: ")
    assert "\nControl por control\n" in shown


def test_moment_of_an_approval_says_that_it_was_traded(traded: Path) -> None:
    approval = next(each for each in events(traded, "RiskDecision") if each["approved"])
    second = approval["envelope"]["ts_known"] // 10**9 + 1
    minute, second = divmod(second - 1_767_571_200, 60)
    told = ask(
        traded,
        "explain",
        "last",
        "--instrument",
        approval["instrument"],
        "--at",
        f"2026-01-05T00:{minute:02d}:{second:02d}",
    )
    assert told["conclusion"] == "traded"
    assert told["last_decision"] == approval["envelope"]["id"]


def test_time_outside_the_run_is_refused_with_its_begin_and_end(traded: Path) -> None:
    arguments = ["explain", "last", "--instrument", INSTRUMENT, "--at", "2026-01-06"]
    ended = command.run(arguments, traded)
    assert ended.code == 3
    assert "the run decides from 2026-01-05T00:00:0" in ended.err
    assert " to 2026-01-05T00:03:0" in ended.err
