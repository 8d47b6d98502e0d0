"""How does a run's story read as one page?"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from marea.messages.portfolio import PortfolioValued
from services.standalone.moments import time_of_second
from services.standalone.report.charts import Drawing
from services.standalone.report.story import Story
from services.standalone.report.tables import (
    NONE,
    closed_table,
    denial_groups,
    leg_table,
    pause_table,
)
from services.standalone.report.voice import Voice, unscaled
from services.standalone.runs import Run

HERE = Path(__file__).parent
TOOLS = (
    ("<", "◀", "earlier"),
    (">", "▶", "later"),
    ("+", "+", "zoom_in"),
    ("-", "\N{MINUS SIGN}", "zoom_out"),
    ("0", "↔", "everything"),
)
"""What a button does, what it shows, and its name."""


class Card(NamedTuple):
    """One figure that a person looks for first."""

    name: str
    figure: str
    beside: str


class Outcome(NamedTuple):
    """Where the money stood, and what was paid."""

    asset: str
    start: Decimal
    end: Decimal
    fees: Decimal
    slipped: Decimal
    exposure: Decimal

    @property
    def change_pct(self) -> Decimal:
        """Of the equity at the start."""
        return (self.end / self.start - 1) * 100 if self.start else Decimal(0)


def render(run: Run, story: Story, voice: Voice) -> str:
    """The whole file: HTML with its style, script and figures in it, and no address of anything."""
    drawing = Drawing(story, voice)
    sections = list(drawing.sections())
    outcome = _outcome(story)
    result = run.result
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("report.html").render(
        lang=voice.language,
        words=voice.words,
        title=voice.say("title", run=run.id),
        span=_span(run, story, voice),
        sentences=[*_sentences(run, story, voice, outcome)],
        cards=[] if outcome is None else [*_cards(story, voice, outcome)],
        tools=[(act, glyph, voice.words[name]) for act, glyph, name in TOOLS],
        sections=sections,
        tables=[make(story, voice) for make in (closed_table, leg_table, pause_table)],
        denials=[*denial_groups(story, voice)],
        footer=voice.say("footer", log_hash=result.log_hash if result else NONE),
        css=_own("report.css"),
        script=_own("report.js"),
        figures=_json(drawing.figures(sections)),
    )


def _own(name: str) -> Markup:
    return Markup((HERE / name).read_text(encoding="utf-8"))  # noqa: S704 # a file of ours, not of a log


def _json(figures: object) -> Markup:
    text = msgspec.json.encode(figures).decode()
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 # no tag can end the script it stands in


def _outcome(story: Story) -> Outcome | None:
    first, last = story.first, story.last
    if first is None or last is None:
        return None
    slipped = sum(cost.slipped for (_, quote), cost in story.costs.items() if quote == last.asset)
    scale = last.asset_scale
    return Outcome(
        asset=last.asset,
        start=unscaled(_equity_start(story, first), scale),
        end=unscaled(last.equity, scale),
        fees=unscaled(last.fees, scale),
        slipped=Decimal(slipped),
        exposure=unscaled(last.exposure, scale),
    )


def _equity_start(story: Story, first: PortfolioValued) -> int:
    opened = story.opened
    if opened is not None and list(opened.balances) == [first.asset]:
        return opened.balances[first.asset]
    return first.equity  # other assets have no price before the first marks


def _span(run: Run, story: Story, voice: Voice) -> str:
    market = ", ".join(Path(each.path).name for each in run.tape)
    if not run.tape:
        market = voice.words["simulated"].format(seed=run.seed, minutes=run.minutes)
    begin, end = (time_of_second(ts) if ts else NONE for ts in (story.ts_begin, story.ts_end))
    return voice.say("span", market=market, begin=begin, end=end, build=run.build)


def _sentences(run: Run, story: Story, voice: Voice, outcome: Outcome | None) -> Iterator[str]:
    if run.status != "done":
        yield voice.say("unfinished", status=run.status)
    if outcome is None:
        yield voice.words["untraded"]
        return
    money, asset = voice.money, outcome.asset
    yield voice.say(
        "verdict",
        start=money(outcome.start),
        end=money(outcome.end),
        asset=asset,
        change=money(outcome.end - outcome.start, signed=True),
        change_pct=voice.signed(outcome.change_pct),
    )
    yield voice.say("cost", fees=money(outcome.fees), slippage=money(outcome.slipped), asset=asset)
    if outcome.exposure:
        yield voice.say("held", exposure=money(outcome.exposure), asset=asset)
    if run.result is not None:
        yield voice.say("market", market_events=run.result.market_events)
    counts = story.counts
    yield voice.say(
        "story",
        signals=counts["traded signals"],
        acts=counts["acts"],
        approved=counts["approved"],
        denied=story.denied.total(),
        orders=counts["orders"],
        fills=counts["OrderFilled"],
        closed=counts["PositionClosed"],
    )


def _cards(story: Story, voice: Voice, outcome: Outcome) -> Iterator[Card]:
    counts, words, money, say = story.counts, voice.words, voice.money, voice.say
    change_pct = voice.signed(outcome.change_pct)
    told = say("equity_from", start=money(outcome.start), change_pct=change_pct)
    yield Card(words["equity_end"], f"{money(outcome.end)} {outcome.asset}", told)
    told = say("costs_of", fees=money(outcome.fees), slippage=money(outcome.slipped))
    yield Card(words["costs"], f"{money(outcome.fees + outcome.slipped)} {outcome.asset}", told)
    told = say("pauses", breakers=counts["BreakerTripped"], halts=counts["halts"])
    yield Card(words["drawdown_worst"], f"{voice.number(story.drawdown_pct_max, 2)} %", told)
    told = say("won_lost", won=counts["won"], lost=counts["lost"])
    yield Card(words["positions_closed"], voice.number(counts["PositionClosed"]), told)
    told = say(
        "orders_of",
        fills=counts["OrderFilled"],
        partial=counts["partial"],
        stops=counts["OrderTriggered"],
    )
    yield Card(words["orders_sent"], voice.number(counts["orders"]), told)
    told = say("approved_of", approved=counts["approved"])
    yield Card(words["denied"], voice.number(story.denied.total()), told)
