"""Statistics of a market as its wire tells it: the same for a recorded tape and a simulated one."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tools.market_recording import WIRE_SCALE, Recording, S

Floats = npt.NDArray[np.float64]
SHUFFLES = 200


def measure(recording: Recording, price_increment: int) -> dict[str, float]:
    """The statistics of one instrument by name; `price_increment` in units of 10^-8."""
    first_ns, last_ns = recording.quotes[0][0], recording.quotes[-1][0]
    seconds = (last_ns - first_ns) / S
    return {
        "quotes_per_s": len(recording.quotes) / seconds,
        "trades_per_s": len(recording.trades) / seconds,
        "diffs_per_s": len(recording.diffs) / seconds,
        **_of_trades(recording, first_ns, last_ns),
        **_of_quotes(recording, first_ns, last_ns, price_increment),
        **_of_book(recording),
    }


def returns_bps(recording: Recording, first_ns: int, last_ns: int) -> Floats:
    """Returns of the mid from second to second, in basis points."""
    quotes = np.array(recording.quotes, dtype=np.float64)
    mids = _sampled((quotes[:, 1] + quotes[:, 2]) / 2, quotes[:, 0], first_ns, last_ns, S)
    return np.asarray(np.diff(np.log(mids)) * 10_000)


def clustering(moves_bps: Floats) -> dict[str, float]:
    """How long a market remembers the sizes of its moves, from the returns of every second.

    Autocorrelations of absolute returns: at the next second, and as means over 20 s and over the
    40 s after that.
    """
    sizes = np.abs(moves_bps)
    return {
        "abs_return_ac1": _autocorrelation(sizes, [1]),
        "abs_return_ac1_20": _autocorrelation(sizes, range(1, 21)),
        "abs_return_ac21_60": _autocorrelation(sizes, range(21, 61)),
    }


def clustering_sd(moves_bps: Floats) -> float:
    """How far `abs_return_ac1_20` is from that of the same returns shuffled, in deviations of it."""
    chance = np.random.default_rng(1)
    name = "abs_return_ac1_20"
    shuffled = [clustering(chance.permutation(moves_bps))[name] for _ in range(SHUFFLES)]
    return float((clustering(moves_bps)[name] - np.mean(shuffled)) / np.std(shuffled))


def volatility_memory(moves_bps: Floats) -> float:
    """The autocorrelation of realised volatilities of 30 s from one to the next; needs half an hour."""
    return _autocorrelation(np.sqrt(_sums(moves_bps * moves_bps, 30)), [1])


def _of_trades(recording: Recording, first_ns: int, last_ns: int) -> dict[str, float]:
    # Trades, and market orders: runs of trades of one side with one time of the venue's
    trades = np.array(recording.trades, dtype=np.float64)
    qty = trades[:, 3] / 10**WIRE_SCALE
    starts = np.r_[True, (np.diff(trades[:, 1]) != 0) | (np.diff(trades[:, 4]) != 0)]
    orders = trades[starts]
    waits_ms = np.diff(orders[:, 1])
    signs = 1.0 - 2.0 * orders[:, 4]
    return {
        "trade_qty_p50": _quantile(qty, 0.5),
        "trade_qty_p90": _quantile(qty, 0.9),
        "trade_qty_p99": _quantile(qty, 0.99),
        "trades_fano": _fano(trades[:, 0], first_ns, last_ns),
        "orders_per_s": len(orders) * S / (last_ns - first_ns),
        "order_wait_ms_p50": _quantile(waits_ms, 0.5),
        "order_wait_ms_p99": _quantile(waits_ms, 0.99),
        "orders_fano": _fano(orders[:, 0], first_ns, last_ns),
        "order_sign_ac1": _autocorrelation(signs, [1]),
        "order_sign_ac10": _autocorrelation(signs, [10]),
    }


def _of_quotes(
    recording: Recording, first_ns: int, last_ns: int, price_increment: int
) -> dict[str, float]:
    quotes = np.array(recording.quotes, dtype=np.float64)
    spreads = (quotes[:, 2] - quotes[:, 1]) / price_increment
    sampled = _sampled(spreads, quotes[:, 0], first_ns, last_ns, S // 10)
    moves_bps = returns_bps(recording, first_ns, last_ns)
    return {
        "quotes_fano": _fano(quotes[:, 0], first_ns, last_ns),
        "spread_p50": _quantile(sampled, 0.5),
        "spread_p95": _quantile(sampled, 0.95),
        "spread_p95_of_quotes": _quantile(spreads, 0.95),
        "wide_share_of_quotes": float(np.mean(spreads > 1)),
        "volatility_bps_1s": float(np.std(moves_bps)),
        "volatility_bps_10s": float(np.std(_sums(moves_bps, 10))),
        "still_share_1s": float(np.mean(moves_bps == 0)),
        "kurtosis_1s": float(np.mean((moves_bps - moves_bps.mean()) ** 4) / np.var(moves_bps) ** 2),
        "return_ac1": _autocorrelation(moves_bps, [1]),
        **clustering(moves_bps),
    }


def _of_book(recording: Recording) -> dict[str, float]:
    diffs = np.array(recording.diffs, dtype=np.float64)
    best_qtys = np.array(recording.best_qtys, dtype=np.float64) / 10**WIRE_SCALE
    return {
        "qty_of_best_1": float(np.median(best_qtys[:, 1])),
        "qty_of_best_5": float(np.median(best_qtys[:, 2])),
        "qty_of_best_10": float(np.median(best_qtys[:, 3])),
        "levels_per_diff": float(diffs[:, 2].mean()),
        "levels_per_diff_p50": _quantile(diffs[:, 2], 0.5),
        "levels_per_diff_p99": _quantile(diffs[:, 2], 0.99),
        "best_share_of_levels": float(diffs[:, 3].sum() / diffs[:, 2].sum()),
    }


def correlation(one: Recording, other: Recording) -> float:
    """Of the returns of two instruments, second by second."""
    first_ns = max(one.quotes[0][0], other.quotes[0][0])
    last_ns = min(one.quotes[-1][0], other.quotes[-1][0])
    returns = returns_bps(one, first_ns, last_ns)
    return float(np.corrcoef(returns, returns_bps(other, first_ns, last_ns))[0, 1])


def _sampled(values: Floats, stamps: Floats, first_ns: int, last_ns: int, step_ns: int) -> Floats:
    # The last value known at every step
    grid = np.arange(first_ns, last_ns, step_ns, dtype=np.float64)
    return np.asarray(values[np.searchsorted(stamps, grid, side="right") - 1])


def _sums(values: Floats, count: int) -> Floats:
    whole = len(values) // count * count
    return np.asarray(values[:whole].reshape(-1, count).sum(axis=1))


def _quantile(values: Floats, probability: float) -> float:
    return float(np.quantile(values, probability))


def _fano(stamps: Floats, first_ns: int, last_ns: int) -> float:
    # Variance over mean of the counts per second: 1 for a Poisson process
    counts = np.histogram(stamps, np.arange(first_ns, last_ns, S, dtype=np.float64))[0]
    return float(counts.var() / counts.mean())


def _autocorrelation(values: Floats, lags: Sequence[int]) -> float:
    # The mean over the lags, each against the variance of all values: 0 beyond their number
    away = values - values.mean()
    products = [np.sum(away[:-lag] * away[lag:]) for lag in lags]
    return float(np.mean(products) / np.sum(away * away))
