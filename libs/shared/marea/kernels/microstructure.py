"""What the order book and the trades say between two bars."""

from marea.kernels.kernel import (
    ASK_PRICE,
    ASK_QTY,
    BID_PRICE,
    BID_QTY,
    COUNT,
    TRADE_QTY,
    TRADE_SIGN,
    Row,
    State,
    period_of,
)

_, _, SPREAD, SPREAD_BPS = range(4)
_, _, MID = range(3)
_, _, MICROPRICE = range(3)
_, _, BOOK_IMBALANCE, LEVELS = range(4)
_, _, FLOW_IMBALANCE, FLOW, PREV_BID_PRICE, PREV_BID_QTY, PREV_ASK_PRICE, PREV_ASK_QTY = range(8)
_, _, SIGN_IMBALANCE, BOUGHT_QTY, SOLD_QTY = range(5)

NO_ASK_PRICE = 1e300  # an empty ask side stands above every price, as an empty bid side at 0 below


def has_both_sides(quote: Row) -> bool:
    """Are there a bid and an ask? A side whose price or quantity is 0 is empty."""
    bid = quote[BID_PRICE] > 0.0 and quote[BID_QTY] > 0.0
    return bid and quote[ASK_PRICE] > 0.0 and quote[ASK_QTY] > 0.0


def spread() -> State:
    """Which state does `spread_step` begin with? Warm after the first quote."""
    return [0.0, 1.0, 0.0, 0.0]


def spread_step(state: State, quote: Row) -> None:
    """What does it cost to cross from bid to ask?

    `spread`: in the quote asset; `spread_bps`: in basis points of the mid. Cold while a side of
    the book is empty.
    """
    if not has_both_sides(quote):
        state[COUNT] = 0.0
        return
    gap = quote[ASK_PRICE] - quote[BID_PRICE]
    state[SPREAD] = gap
    state[SPREAD_BPS] = 20_000.0 * gap / (quote[ASK_PRICE] + quote[BID_PRICE])
    state[COUNT] += 1.0


def mid() -> State:
    """Which state does `mid_step` begin with? Warm after the first quote."""
    return [0.0, 1.0, 0.0]


def mid_step(state: State, quote: Row) -> None:
    """Which price is halfway between bid and ask? Cold while a side of the book is empty."""
    if not has_both_sides(quote):
        state[COUNT] = 0.0
        return
    state[MID] = (quote[BID_PRICE] + quote[ASK_PRICE]) / 2.0
    state[COUNT] += 1.0


def microprice() -> State:
    """Which state does `microprice_step` begin with? Warm after the first quote."""
    return [0.0, 1.0, 0.0]


def microprice_step(state: State, quote: Row) -> None:
    """Which price between bid and ask do their quantities lean to? In the quote asset.

    bid + (ask - bid) bid_qty / (bid_qty + ask_qty): a heavy bid moves it towards the ask. This is
    the micro-price of J. Gatheral and R. Oomen, Zero-intelligence realized variance estimation,
    Finance and Stochastics 14(2), 2010, which S. Stoikov, The Micro-Price, Quantitative Finance
    18(12), 2018, calls the weighted mid and refines. Cold while a side of the book is empty.
    """
    if not has_both_sides(quote):
        state[COUNT] = 0.0
        return
    share = quote[BID_QTY] / (quote[BID_QTY] + quote[ASK_QTY])
    state[MICROPRICE] = quote[BID_PRICE] + (quote[ASK_PRICE] - quote[BID_PRICE]) * share
    state[COUNT] += 1.0


def book_imbalance(*, levels: float) -> State:
    """Which state does `book_imbalance_step` begin with? Warm after the first book."""
    return [0.0, 1.0, 0.0, float(period_of("levels", levels))]


def book_imbalance_step(state: State, book: Row) -> None:
    """Does more quantity wait to buy or to sell in the best `levels` levels? In -1…1.

    (bids - asks) / (bids + asks), of quantities; 1 with an empty ask side, -1 with an empty bid
    side, cold while both are empty. Source (of one level): M. Gould and J. Bonart, Queue Imbalance
    as a One-Tick-Ahead Price Predictor, Market Microstructure and Liquidity 2(2), 2016.
    """
    levels = int(state[LEVELS])
    bids = 0.0
    for qty in book[:levels]:
        bids += qty
    asks = 0.0
    for qty in book[levels : 2 * levels]:
        asks += qty
    if bids + asks > 0.0:
        state[BOOK_IMBALANCE] = (bids - asks) / (bids + asks)
        state[COUNT] += 1.0
    else:
        state[COUNT] = 0.0


def order_flow_imbalance() -> State:
    """Which state does `order_flow_imbalance_step` begin with? Warm after the first quote."""
    return [0.0, 1.0] + [0.0] * 6


def order_flow_imbalance_step(state: State, quote: Row) -> None:
    """Did demand or supply at the best prices grow during the running bar? In the base asset.

    `order_flow`: what this update adds, that is what joined the bid or left the ask less what left
    the bid or joined the ask; `order_flow_imbalance`: their sum over the running bar. A side that
    falls empty lost all it had. The first quote adds nothing. Source: R. Cont, A. Kukanov,
    S. Stoikov, The Price Impact of Order Book Events, Journal of Financial Econometrics 12(1), 2014.
    """
    has_bid = quote[BID_PRICE] > 0.0 and quote[BID_QTY] > 0.0
    has_ask = quote[ASK_PRICE] > 0.0 and quote[ASK_QTY] > 0.0
    bid_price = quote[BID_PRICE] if has_bid else 0.0
    bid_qty = quote[BID_QTY] if has_bid else 0.0
    ask_price = quote[ASK_PRICE] if has_ask else NO_ASK_PRICE
    ask_qty = quote[ASK_QTY] if has_ask else 0.0
    flow = 0.0
    if state[COUNT] > 0.0:
        flow += bid_qty if bid_price >= state[PREV_BID_PRICE] else 0.0
        flow -= state[PREV_BID_QTY] if bid_price <= state[PREV_BID_PRICE] else 0.0
        flow -= ask_qty if ask_price <= state[PREV_ASK_PRICE] else 0.0
        flow += state[PREV_ASK_QTY] if ask_price >= state[PREV_ASK_PRICE] else 0.0
    state[FLOW_IMBALANCE] += flow
    state[FLOW] = flow
    state[PREV_BID_PRICE] = bid_price
    state[PREV_BID_QTY] = bid_qty
    state[PREV_ASK_PRICE] = ask_price
    state[PREV_ASK_QTY] = ask_qty
    state[COUNT] += 1.0


def order_flow_imbalance_reset(state: State) -> None:
    """What does a new bar begin with? No flow yet, beside the quote that stands."""
    state[FLOW_IMBALANCE] = 0.0
    state[FLOW] = 0.0


def trade_sign_imbalance() -> State:
    """Which state does `trade_sign_imbalance_step` begin with? Warm from the start."""
    return [0.0] * 5


def trade_sign_imbalance_step(state: State, trade: Row) -> None:
    """Did takers buy or sell more during the running bar? In -1…1.

    (bought - sold) / (bought + sold), of quantities; 0 while nothing was traded. Source:
    T. Chordia and A. Subrahmanyam, Order Imbalance and Individual Stock Returns, Journal of
    Financial Economics 72(3), 2004.
    """
    if trade[TRADE_SIGN] > 0.0:
        state[BOUGHT_QTY] += trade[TRADE_QTY]
    else:
        state[SOLD_QTY] += trade[TRADE_QTY]
    bought = state[BOUGHT_QTY]
    sold = state[SOLD_QTY]
    if bought + sold > 0.0:
        state[SIGN_IMBALANCE] = (bought - sold) / (bought + sold)
    state[COUNT] += 1.0


def trade_sign_imbalance_reset(state: State) -> None:
    """What does a new bar begin with? No trade yet."""
    state[SIGN_IMBALANCE] = 0.0
    state[BOUGHT_QTY] = 0.0
    state[SOLD_QTY] = 0.0
