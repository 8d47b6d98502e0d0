"""The page that tells what became of the last whole runs, each in a section of its own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.machine import machine
from tests.chaos.lag import Lag
from tests.chaos.running import Outcome

PAGE = Path("docs/chaos.md")
OPENS = "## "
SHOWN_MAX = 20
"""Of the findings."""
HEAD = """\
# Faults

Written by `make chaos`; run it anew to change it. Marea's services run as processes over real servers on
one machine, trade the simulated market in real time, and are started again as soon as they end, while
what is listed here happens to them (`tests/chaos/faults.py`). After each run every log is judged by
every [invariant](invariants.md); what Kafka had shown must still be there, every order must have been taken
once at most, and our fills must be the venue's. Where the recorder runs, rows, points and objects in its
stores, and their sums, must be those of the logs, and no sink may wait for the store of another; how far
each was behind is told to the second. Who is struck again while it recovers begins again: so outages are
told from the first fault on, of that while Kafka answered, and from the last fault on; where that is the death
of Kafka's only broker, from when it answers again. A run has missed where 1 in 100 took 10 s or more, or a
standby 15 s, from the first fault on and with Kafka's absence. `make test` plays a shorter selection.
"""


def render(sections: Mapping[str, str]) -> str:
    """The page, of what was told of each run by its title."""
    facts = ", ".join(f"{name} {value}" for name, value in machine().items())
    parts = [f"{HEAD}\nMachine: {facts}.\n"]
    parts += [f"{OPENS}{title}\n\n{body.strip()}\n" for title, body in sections.items()]
    return "\n".join(parts)


def write(sections: Mapping[str, str]) -> None:
    """Put these sections in the place of those of their titles; the others stay."""
    _, *others = PAGE.read_text(encoding="utf-8").split(OPENS) if PAGE.exists() else ("",)
    kept = dict(part.split("\n", 1) for part in others)
    PAGE.write_text(render({**kept, **sections}), encoding="utf-8")


def told(outcome: Outcome) -> str:
    """What became of a scene."""
    records, faulty_s = outcome.records, outcome.seconds
    rate = records.get("market", 0) / faulty_s
    lines = [
        f"{faulty_s:.0f} s at {rate:.0f} records of the market a second; on all logs",
        f"{sum(records.values())} records, {records.get('paper', 0)} of them the venue's.",
        "",
        "| fault | times |",
        "|---|---|",
        *(f"| {fault} | {times} |" for fault, times in sorted(outcome.strikes.items())),
        "",
        *_away(outcome.kafka_away_s),
        "| outages of a loop | count | p50 | p99 | longest |",
        "|---|---|---|---|---|",
        _spread("all", outcome.lasted_s()),
        _spread("all, while Kafka answered", outcome.answered_s()),
        _spread("all, from the last fault on", outcome.undisturbed_s()),
        _spread("that a standby ended", outcome.lasted_s(of_takeovers=True)),
        _spread("these, while Kafka answered", outcome.answered_s(of_takeovers=True)),
        _spread("these, from the last fault on", outcome.undisturbed_s(of_takeovers=True)),
        *_sinks(outcome.lags),
        "",
        f"Violations: {len(outcome.findings)}. Loops that did not recover: {len(outcome.unrecovered)}.",
        f"Services that ended by themselves: {_exits(outcome)}.",
        *(f"- {each.code}: {each.what}" for each in outcome.findings[:SHOWN_MAX]),
        *(f"- not recovered: {each}" for each in outcome.unrecovered[:SHOWN_MAX]),
        "",
    ]
    return "\n".join(lines)


def _spread(what: str, lasted_s: Sequence[float]) -> str:
    if not lasted_s:
        return f"| {what} | 0 | | | |"
    figures = (quantile(lasted_s, 0.5), quantile(lasted_s, 0.99), lasted_s[-1])
    return f"| {what} | {len(lasted_s)} | " + " | ".join(f"{each:.1f} s" for each in figures) + " |"


def _away(kafka_away_s: Sequence[float]) -> list[str]:
    if not kafka_away_s:
        return []
    least, most = kafka_away_s[0], kafka_away_s[-1]
    return [f"Kafka's only broker answered again after {least:.1f} to {most:.1f} s.", ""]


def _sinks(lags: Sequence[Lag]) -> list[str]:
    if not lags:
        return []
    return [
        "",
        "| sink of the recorder | its store away | behind at most | caught up within | behind at most at other times |",
        "|---|---|---|---|---|",
        *(
            f"| {each.sink} | " + " | ".join((*_own(each), f"{each.else_s:.0f} s")) + " |"
            for each in lags
        ),
    ]


def _own(lag: Lag) -> Sequence[str]:
    figures = (lag.away_s, lag.behind_s, lag.caught_up_s)
    return [f"{each:.0f} s" for each in figures] if lag.away_s else ["", "", ""]


def quantile(ordered: Sequence[float], share: float) -> float:
    """The least of these figures that so large a share of them does not exceed."""
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]


def _exits(outcome: Outcome) -> str:
    codes = Counter(code for _, code in outcome.exits)
    return ", ".join(f"{count} with {code}" for code, count in sorted(codes.items())) or "none"
