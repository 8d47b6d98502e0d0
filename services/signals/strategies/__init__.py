"""The strategies that there are, by name. To add one: `docs/guides/adding-a-strategy.md`."""

from services.signals.strategies.baseline import BASELINE
from services.signals.strategies.bollinger import BOLLINGER
from services.signals.strategies.flow import FLOW
from services.signals.strategies.macd import MACD
from services.signals.strategies.rsi import RSI
from services.signals.strategies.sma import SMA
from services.signals.strategies.strategy import Strategy

STRATEGIES: dict[str, Strategy] = {
    "baseline": BASELINE,
    "rsi": RSI,
    "macd": MACD,
    "bollinger": BOLLINGER,
    "sma": SMA,
    "flow": FLOW,
}
