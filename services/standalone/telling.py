"""What `marea explain` shows a person."""

import asyncio
import textwrap
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec
from rich.text import Text

from marea.messages.envelope import Nanos
from services.standalone import explaining, screen
from services.standalone.explaining import Decider, Explanation, Gate, Step, Vote
from services.standalone.history import History
from services.standalone.moments import parse_time
from services.standalone.whynot import WhyNot, why_not
from services.standalone.words import Words

HASH_DIGITS = 12
WIDTH = 88

Line = tuple[str, str]
"""A text, and the style in which it is shown."""


def explain(history: History, name: str, words: Words, *, as_json: bool) -> None:
    """Show why the order or the event of this name came about.

    Raises `BadInput` where there is none of this name, or more than one; `Unavailable`.
    """
    explanation = asyncio.run(_explained(history, name, words))
    if as_json:
        screen.show_json(explanation)
    else:
        _show_explanation(explanation, words)


async def _explained(history: History, name: str, words: Words) -> Explanation:
    async with history.opened() as bus:
        return await explaining.explain(bus, history.name, name, words)


def explain_nothing(
    history: History, asked: tuple[str, str], words: Words, *, as_json: bool
) -> None:
    """Show why an instrument was not traded at a time; `asked` is both, as a person wrote them.

    Raises `BadInput` where the run has no such instrument, or nothing of that time; `Unavailable`.
    """
    instrument, at = asked
    why = asyncio.run(_not_traded(history, (instrument, parse_time("--at", at)), words))
    if as_json:
        screen.show_json(why)
    else:
        _show_why_not(why, words)


async def _not_traded(history: History, asked: tuple[str, Nanos], words: Words) -> WhyNot:
    async with history.opened() as bus:
        return await why_not(bus, history.name, asked, words)


def _show_explanation(explanation: Explanation, words: Words) -> None:
    with screen.showing():
        _show(_paragraph(explanation.what))
        _show([("", ""), (words.phrase("from_begin_to_end"), "bold")])
        _show([(words.phrase("by_venue_time"), "dim")])
        for step in explanation.steps:
            _show(_step(step, words))
        _show([("", ""), (words.phrase("deciders"), "bold")])
        _show((f"  {_decider(decider, words)}", "") for decider in explanation.deciders)
        _show([(f"  {words.phrase('show_config')}", "dim")])


def _show_why_not(why: WhyNot, words: Words) -> None:
    with screen.showing():
        _show(_paragraph(f"{why.instrument}, {why.at}. {why.what}"))
        if why.votes:
            _show([("", ""), (words.phrase("heading_votes"), "bold")])
            _show(_votes(why.votes, words))
        _show([("", ""), (words.phrase("heading_checks"), "bold")])
        for check in why.checks:
            mark, style = ("ok", "green") if check.passed else (words.phrase("no"), "red")
            screen.out.print(Text.assemble((f"  {mark}  ", style), check.text))
        if why.gates:
            _show([("", ""), (words.phrase("heading_gates"), "bold")])
            _show(_gates(why.gates, words))
        if why.last_decision:
            _show(
                [
                    ("", ""),
                    (f"{words.phrase('next')}: marea explain {why.run} {why.last_decision}", ""),
                ]
            )


def _show(lines: Sequence[Line] | Iterator[Line]) -> None:
    for text, style in lines:
        screen.out.print(text, style=style)


def _paragraph(text: str) -> list[Line]:
    return [(line, "bold") for line in textwrap.wrap(text, WIDTH, break_long_words=False)]


def _step(step: Step, words: Words) -> Iterator[Line]:
    yield step_line(step, words), "reverse" if step.is_subject else ""
    if step.votes:
        yield from _indented(_votes(step.votes, words))
    if step.gates:
        yield from _indented(_gates(step.gates, words))


def step_line(step: Step, words: Words) -> str:
    """One event of a chain in a line: when, how long after the one before, what."""
    gap = "" if step.gap_ms is None else f"+{step.gap_ms:,.1f} ms"
    return f"  {step.at[11:]}  {gap:>14}  {words.kind(step.type)}: {step.text}"


def _indented(lines: Iterator[Line]) -> Iterator[Line]:
    return ((f"      {text}", style) for text, style in lines)


def _votes(votes: Sequence[Vote], words: Words) -> Iterator[Line]:
    heads = [words.phrase(head) for head in ("strategy", "says", "score", "sure", "weight", "why")]
    rows = [
        [
            vote.strategy,
            words.code(vote.action),
            f"{vote.score:+.3f}",
            f"{vote.confidence:.3f}",
            "" if vote.weight is None else f"{vote.weight:.3f}",
            "; ".join([*map(words.code, vote.reasons), *_values(vote)]),
        ]
        for vote in votes
    ]
    return _table(heads, rows, ["" for _ in votes])


def _values(vote: Vote) -> Iterator[str]:
    if vote.features:
        yield " ".join(f"{name}={number:.6g}" for name, number in vote.features.items())


def _gates(gates: Sequence[Gate], words: Words) -> Iterator[Line]:
    heads = [words.phrase(head) for head in ("gate", "observed", "allowed")]
    rows = [
        [words.gate(gate.gate), _number(gate.observed), _number(gate.allowed)] for gate in gates
    ]
    return _table(heads, rows, ["red" if gate.blocked else "" for gate in gates])


def _number(number: float | None) -> str:
    return "" if number is None else f"{number:.6g}"


def _table(heads: list[str], rows: list[list[str]], styles: Sequence[str]) -> Iterator[Line]:
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row, style in zip([heads, *rows], ["dim", *styles], strict=True):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        yield "  " + "  ".join(cells).rstrip(), style


def _decider(decider: Decider, words: Words) -> str:
    config = msgspec.json.encode(decider.config)
    return words.phrase(
        "decider",
        producer=decider.producer,
        epoch=decider.epoch,
        build=decider.build,
        config=blake2b(config).hexdigest()[:HASH_DIGITS],
    )
