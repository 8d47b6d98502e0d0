"""Who says what of a vector: the strategies, then the combiner and the ensembles over them."""

from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite
from typing import NamedTuple

from marea.messages.envelope import Nanos
from marea.messages.features import FeatureVector
from marea.messages.signals import Action, Signal
from services.signals.config import SignalsConfig
from services.signals.core.ensembles import ENSEMBLES, Ensemble
from services.signals.core.record import profit_factor
from services.signals.core.state import Series, SignalsState, begin_series
from services.signals.strategies import STRATEGIES
from services.signals.strategies.strategy import Opinion, Strategy

ABSTAIN_MISSING_FEATURE = "ABSTAIN_MISSING_FEATURE"
"""A value that it needs is not in the vector, or not finite; of an ensemble also: all abstain."""
ABSTAIN_MISSING_BAR = "ABSTAIN_MISSING_BAR"
"""The bar that the vector closes was lost on the way, so that there is no price."""
ABSTAIN_DEGRADED = "ABSTAIN_DEGRADED"
"""The record of the features is too far behind to act on them."""
ABSTENTIONS = (ABSTAIN_MISSING_FEATURE, ABSTAIN_MISSING_BAR, ABSTAIN_DEGRADED)
RECORDS_TOO_SHORT = "RECORDS_TOO_SHORT"
"""Some strategy has too few closed trades: no record weighs yet."""

TRADED_ON = ("atr_14", "mid")
"""What whoever acts on a signal needs beside its price: the distance of stops, and the price that
orders are held against. Signals of ensembles have them, and of a strategy that is acted on."""


class Speaker(NamedTuple):
    """A strategy that speaks, and the values that its signal carries, those it takes first."""

    strategy: Strategy
    features: tuple[str, ...]


class Roster(NamedTuple):
    """Everybody that speaks."""

    speakers: dict[str, Speaker]
    order: tuple[str, ...]
    """All names, strategies and ensembles, in the order of speaking."""


class Instant(NamedTuple):
    """What all signals of a vector have in common."""

    vector: FeatureVector
    series: Series
    ts_expiry: Nanos
    degraded: tuple[str, ...]
    """What told that its stream is degraded."""


class Heard(NamedTuple):
    """What the strategies that don't abstain said, by name."""

    opinions: dict[str, Opinion]
    factors: dict[str, float]
    """Their profit factors; 0 until every record is long enough."""
    votes: dict[str, float]
    """Their scores."""


class Said(NamedTuple):
    """What is one's own in a signal."""

    opinion: Opinion
    reasons: tuple[str, ...]
    features: dict[str, float]
    votes: dict[str, float]
    weights: dict[str, float]


def at_vector(state: SignalsState, vector: FeatureVector) -> Sequence[Signal]:
    """Everybody's signal of a vector that closes a bar; none between two bars."""
    if not vector.bar_id:
        return ()
    config = state.config
    series = state.series.get(vector.instrument) or begin_series(config)
    told = tuple(state.degraded.values())
    instant = Instant(vector, series, vector.ts_event + config.expiry_ns, told)
    roster = roster_of(config)
    if state.degraded:
        said = {name: _abstention(ABSTAIN_DEGRADED, {}) for name in roster.order}
    elif series.bar_id != vector.bar_id:
        said = {name: _abstention(ABSTAIN_MISSING_BAR, {}) for name in roster.order}
    else:
        said = _say_all(config, roster, instant)
    return [_signal(instant, name, said[name]) for name in roster.order]


@cache
def roster_of(config: SignalsConfig) -> Roster:
    """Who speaks under a configuration, and in which order."""
    everybody = (*config.strategies, *ENSEMBLES)
    recorded = tuple(name for name in everybody if name not in config.trades)
    traded = tuple(name for name in everybody if name in config.trades)
    speakers = {}
    for name in config.strategies:
        strategy = STRATEGIES[name]
        also = TRADED_ON if name in config.trades else ()
        speakers[name] = Speaker(strategy, tuple(dict.fromkeys((*strategy.features, *also))))
    return Roster(speakers, recorded + traded)


def _say_all(config: SignalsConfig, roster: Roster, instant: Instant) -> dict[str, Said]:
    values, records = instant.vector.values, instant.series.records
    said = {name: _strategy_says(speaker, values) for name, speaker in roster.speakers.items()}
    opinions = {
        name: each.opinion for name, each in said.items() if each.reasons[0] not in ABSTENTIONS
    }
    is_rated = all(record.closed_trades >= config.closed_trades_min for record in records.values())
    factors = {name: profit_factor(records[name]) if is_rated else 0.0 for name in opinions}
    votes = {name: score for name, (score, _, _) in opinions.items()}
    heard = Heard(opinions, factors, votes)
    traded_on = _present(values, TRADED_ON)
    is_able = bool(opinions) and len(traded_on) == len(TRADED_ON)
    for name, ensemble in ENSEMBLES.items():
        if is_able:
            said[name] = _ensemble_says(ensemble, heard, traded_on)
        else:
            said[name] = _abstention(ABSTAIN_MISSING_FEATURE, traded_on)
    return said


def _strategy_says(speaker: Speaker, values: Mapping[str, float]) -> Said:
    strategy, names = speaker
    features = _present(values, names)
    if len(features) < len(names):
        return _abstention(ABSTAIN_MISSING_FEATURE, features)
    opinion = strategy.judge(list(features.values()))
    return Said(opinion, (strategy.reasons[opinion[2]],), features, {}, {})


def _ensemble_says(ensemble: Ensemble, heard: Heard, features: dict[str, float]) -> Said:
    weights: dict[str, float] = {}
    members: list[float] = []
    for name, (score, confidence, _) in heard.opinions.items():
        weight = ensemble.weigh(heard.factors[name], confidence)
        weights[name] = weight
        members += (score, confidence, weight)
    opinion = ensemble.judge(members)
    reasons: tuple[str, ...] = (ensemble.reasons[opinion[2]],)
    if ensemble.is_by_record and 0.0 in heard.factors.values():
        reasons += (RECORDS_TOO_SHORT,)
    return Said(opinion, reasons, features, heard.votes, weights)


def _abstention(reason: str, features: dict[str, float]) -> Said:
    return Said((0.0, 0.0, 0), (reason,), features, {}, {})


def _present(values: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name in names:
        number = values.get(name)
        if number is not None and isfinite(number):
            found[name] = number
    return found


def _signal(instant: Instant, name: str, said: Said) -> Signal:
    vector, series, ts_expiry, degraded = instant
    score, confidence, _ = said.opinion
    return Signal(
        parents=(vector.bar_id, *degraded),
        instrument=vector.instrument,
        strategy=name,
        interval_s=vector.interval_s,
        action=_action(score),
        score=score,
        confidence=confidence,
        reasons=said.reasons,
        features=said.features,
        votes=said.votes,
        weights=said.weights,
        price_scale=series.price_scale,
        price=series.price,
        ts_expiry=ts_expiry,
    )


def _action(score: float) -> Action:
    if score > 0.0:
        return "buy"
    return "sell" if score < 0.0 else "hold"
