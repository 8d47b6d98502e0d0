"""What do the charts of a report draw? Figures for its script, with their titles and legends."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from marea.messages.envelope import Nanos
from services.standalone.report.series import Series, Thinned
from services.standalone.report.story import FillPoint, InstrumentStory, OrderLine, Shade, Story
from services.standalone.report.voice import Voice

GAP_MS_MIN = 60_000
"""A line is broken where nothing was known for so long."""
DASHES = {"stop": (5, 3), "target": (2, 3)}

Figure = dict[str, Any]
"""What the script takes of one thing that it draws, by name."""

Key: TypeAlias = tuple[str, str, str]
"""What a legend says of one mark: its colour, its glyph, its name."""


class Chart(NamedTuple):
    """One chart as the page holds it."""

    title: str
    figure: Figure | None
    """None where there is nothing to draw."""
    shape: str = "low"
    legend: tuple[Key, ...] = ()


class Section(NamedTuple):
    """Charts that belong together."""

    title: str
    charts: tuple[Chart, ...]


class Drawing:
    """The figures of one story, in one language; times count from the story's begin."""

    def __init__(self, story: Story, voice: Voice) -> None:
        self._story = story
        self._voice = voice

    def sections(self) -> Iterator[Section]:
        """The instruments by name, then the portfolio."""
        for place, (name, told) in enumerate(sorted(self._story.instruments.items())):
            price = self._price(told, f"price-{place}")
            signal = self._signal(told, f"signal-{place}")
            imbalance = self._quantity("imbalance", told.imbalance, f"imbalance-{place}")
            yield Section(name, (price, signal, imbalance))
        if self._story.last is not None:
            title = f"{self._voice.words['portfolio']}: {self._story.last.portfolio}"
            quantities = {
                "equity": self._story.equity,
                "drawdown": self._story.drawdown,
                "exposure": self._story.exposure,
            }
            yield Section(title, tuple(self._quantity(k, v, k) for k, v in quantities.items()))

    def figures(self, sections: list[Section]) -> Figure:
        """What the script takes of the whole page."""
        story = self._story
        return {
            "lang": self._voice.language,
            "begin": story.ts_begin // 1_000_000,
            "end": self._ms(story.ts_end),
            "shades": [self._shade(each) for each in story.shades.kept],
            "charts": [chart.figure for each in sections for chart in each.charts if chart.figure],
        }

    def _quantity(self, key: str, series: Series, chart_id: str) -> Chart:
        asset = self._story.last.asset if self._story.last else ""
        title = self._voice.say(key, asset=asset)
        places, looks = QUANTITIES[key]
        style = "area" if looks.get("zero") else "line"
        line = self._line(series, title.partition(",")[0], places) | {"style": style}
        return Chart(title, self._figure(chart_id, [line], **looks))

    def _price(self, told: InstrumentStory, chart_id: str) -> Chart:
        words = self._voice.words
        is_marked = bool(told.mid.buckets)
        title = words["price" if is_marked else "price_bars"]
        places = told.price_scale + is_marked  # a mid may lie halfway
        line = self._line(told.mid if is_marked else told.close, title.partition(":")[0], places)
        figure = self._figure(
            chart_id,
            [line],
            orders=[self._order(each) for each in told.orders.kept],
            fills=[self._fill(told, each) for each in told.fills.kept],
            most=max((each.qty for each in told.fills.kept), default=1),
        )
        legend = [*self._traded()] if told.orders.kept else []
        legend += [("price", "…", note) for note in self._thinned(told)]
        return Chart(title, figure, "tall", (*legend, *self._paused()))

    def _traded(self) -> Iterator[Key]:
        words = self._voice.words
        yield "buy", "▲", words["fills_buy"]
        yield "sell", "▼", words["fills_sell"]
        yield "buy", "━", words["order_entry"]
        yield "stop", "╌╌", words["order_stop"]
        yield "target", "┄┄", words["order_target"]

    def _paused(self) -> Iterator[Key]:
        kinds = {each.kind.partition(" ")[0] for each in self._story.shades.kept}
        for kind in sorted(kinds):
            yield kind, "█", self._voice.words[f"{kind}_shade"]

    def _thinned(self, told: InstrumentStory) -> Iterator[str]:
        marks: tuple[tuple[str, Thinned[Any]], ...] = (
            ("fills", told.fills),
            ("orders", told.orders),
        )
        for key, each in marks:
            if each.stride > 1:
                what = self._voice.words[key].lower()
                yield self._voice.say("thinned", stride=each.stride, count=each.count, what=what)

    def _signal(self, told: InstrumentStory, chart_id: str) -> Chart:
        words = self._voice.words
        names = ", ".join(told.scores or self._story.trades)
        title = self._voice.say("signal", names=names)
        lines = [self._line(series, name, 3) for name, series in told.scores.items()]
        acts = self._line(told.acts, words["act"], 3) | {"style": "bars"}
        legend = (("price", "─", words["score"]), ("buy", "┃", words["act"]))
        return Chart(title, self._figure(chart_id, [*lines, acts], range=(-1, 1)), "low", legend)

    def _figure(self, chart_id: str, lines: list[Figure], **looks: object) -> Figure | None:
        drawn = [line for line in lines if line["t"]]
        if not drawn:
            return None
        told, places = drawn[0]["v"], drawn[0]["places"]
        hint = f"{self._voice.number(told[0], places)} → {self._voice.number(told[-1], places)}"
        return {"id": chart_id, "hint": hint, "lines": drawn, **looks}

    def _line(self, series: Series, name: str, places: int) -> Figure:
        buckets = series.buckets
        line: Figure = {
            "name": name,
            "style": "line",
            "colour": "price",
            "places": places,
            "gap": max(GAP_MS_MIN, 4 * series.width_ns // 1_000_000),
            "t": [self._ms(each.ts) for each in buckets],
            "v": [round(each.last, places) for each in buckets],
        }
        if any(each.low != each.high for each in buckets):
            line["lo"] = [round(each.low, places) for each in buckets]
            line["hi"] = [round(each.high, places) for each in buckets]
        return line

    def _order(self, line: OrderLine) -> Figure:
        return {
            "from": self._ms(line.ts_begin),
            "to": self._ms(line.ts_end or self._story.ts_end),
            "price": line.price,
            "colour": line.leg if line.leg in DASHES else line.side,
            "protects": line.leg in DASHES,
            "dash": DASHES.get(line.leg, ()),
        }

    def _fill(self, told: InstrumentStory, fill: FillPoint) -> Figure:
        words = self._voice.words
        qty = self._voice.number(fill.qty, fill.qty_scale)
        price = self._voice.number(fill.price, told.price_scale)
        label = self._voice.say("fill", side=words[fill.side], qty=qty, price=price)
        return {
            "t": self._ms(fill.ts),
            "side": fill.side,
            "price": fill.price,
            "qty": fill.qty,
            "label": f"{label} ({words[fill.leg]})" if fill.leg else label,
        }

    def _shade(self, shade: Shade) -> Figure:
        kind, _, level = shade.kind.partition(" ")
        return {
            "from": self._ms(shade.ts_begin),
            "to": self._ms(shade.ts_end),
            "halt": kind == "halt",
            "label": self._voice.words[kind].format(level=level),
        }

    def _ms(self, ts: Nanos) -> int:
        return (ts - self._story.ts_begin) // 1_000_000


QUANTITIES: dict[str, tuple[int, Figure]] = {
    "imbalance": (3, {"range": (-1, 1)}),
    "equity": (2, {}),
    "drawdown": (2, {"zero": True, "down": True}),
    "exposure": (2, {"zero": True}),
}
"""Of a chart with one line: the places of its numbers, and its looks."""
