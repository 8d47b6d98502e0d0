"""What is an amount, exactly? An integer of units of 10^-scale; and how is it reckoned with?

The arithmetic runs plain and compiled (numba) from the same function objects, with the same
results and the same errors, because no step of it passes 64 bits. Units lie in ±`AMOUNT_MAX`,
scales in 0…`SCALE_MAX`. Only this module rounds an amount, and the caller says to which side.
"""

import re
from collections.abc import Sequence
from enum import IntEnum

AMOUNT_MAX = (1 << 63) - 1
"""Units; the range is symmetric, so that no negation leaves it."""
DIVISOR_MAX = (1 << 61) - 1
"""Units that one may divide by: prices, quantities, increments, the sum of weights."""
SCALE_MAX = 18
RATE_SCALE = 8
"""Places of a rate (fee, funding): one basis point is 10,000 units."""
E8 = 100_000_000
"""A whole, of which a share or a rate is told in units of 10^-8."""
TEXT_CHARS_MAX = 64
PARSED_TEXTS_MAX = 65_536
"""Texts that one `AmountParser` remembers."""

_DIVISORS = f"1 to {DIVISOR_MAX}"
_POWERS = tuple(int("1" + "0" * exponent) for exponent in range(SCALE_MAX + 1))
_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


class Rounding(IntEnum):
    """Which of its two neighbours an amount between two units becomes."""

    DOWN = 0
    """Towards minus infinity: what we receive, hold or may spend."""
    UP = 1
    """Towards plus infinity: what we pay or owe."""
    NEAREST_EVEN = 2
    """The nearest, halfway the even one: what is only shown or compared."""


class BadAmountError(ValueError):
    """A field holds what can't be reckoned with; `args` are the field, the value, the expected."""

    def __str__(self) -> str:
        field, received, expected = self.args
        shown = repr(received)
        if len(shown) > TEXT_CHARS_MAX + 2:
            shown = f"{shown[:TEXT_CHARS_MAX]}…"
        return f"{field} is {shown}: expected {expected}"


class AmountRangeError(OverflowError):
    """A result is beyond ±`AMOUNT_MAX`; `args` are the calculation as a format, its operands."""

    def __str__(self) -> str:
        calculation, *operands = self.args
        return (
            f"{calculation.format(*operands)} is beyond ±{AMOUNT_MAX}: "
            "expected smaller amounts or a smaller scale"
        )


def parse_amount(text: str, scale: int) -> int:
    """How many units of 10^-scale does a venue's text stand for, exactly?

    The text is ASCII digits with an optional minus, fraction and exponent (`0.001`, `-12`,
    `1e-8`), of at most `TEXT_CHARS_MAX` characters; zeros beyond the scale are dropped.
    Raises `BadAmountError` for any other text, for a digit other than 0 beyond the scale, and
    for what passes `AMOUNT_MAX`, and for a scale outside 0…`SCALE_MAX`.
    """
    _check_scale(scale)
    whole, _, fraction = text.partition(".")
    digits = whole + fraction
    places = len(fraction) - scale
    if (  # the common form, in half the time
        places >= 0
        and whole
        and fraction
        and len(digits) <= SCALE_MAX
        and digits.isdigit()
        and digits.isascii()
    ):
        units, rest = divmod(int(digits), _POWERS[places])
        if not rest:
            return units
    return _parse_any(text, scale)


def _parse_any(text: str, scale: int) -> int:
    match = _NUMBER.fullmatch(text) if len(text) <= TEXT_CHARS_MAX else None
    if match is None:
        raise BadAmountError(
            "amount", text, f"digits such as 0.001 or 1e-8 in at most {TEXT_CHARS_MAX} characters"
        )
    sign, whole, fraction, exponent = match.groups("")
    digits = whole + fraction
    significant = digits.rstrip("0")
    zeros = len(digits) - len(significant) - len(fraction) + int(exponent or 0) + scale
    significant = significant.lstrip("0")
    if not significant:
        return 0
    if zeros < 0:
        raise BadAmountError("amount", text, f"no digit other than 0 beyond {scale} places")
    units = int(significant + "0" * min(zeros, TEXT_CHARS_MAX))
    if units > AMOUNT_MAX:
        raise BadAmountError("amount", text, f"at most ±{format_amount(AMOUNT_MAX, scale)}")
    return -units if sign else units


def format_amount(units: int, scale: int) -> str:
    """How is an amount written on the wire? With exactly `scale` places: `-0.05`, `7`.

    Raises `BadAmountError` for a scale outside 0…`SCALE_MAX`.
    """
    _check_scale(scale)
    text = str(units)
    if not scale:
        return text
    if units < 0 or len(text) <= scale:
        text = text.zfill(scale + 1 if units >= 0 else scale + 2)
    return f"{text[:-scale]}.{text[-scale:]}"


class AmountParser(dict[str, int]):
    """`parse_amount` at one scale, by subscript (`units = parser["0.001"]`), remembering texts.

    Venues repeat the same few texts. It holds `PARSED_TEXTS_MAX` of them (about 8 MiB) and then
    starts afresh; a text that raises is not remembered. Raises as `parse_amount` does.
    """

    __slots__ = ("scale",)

    def __init__(self, scale: int) -> None:
        super().__init__()
        self.scale = scale

    def __missing__(self, text: str) -> int:
        units = parse_amount(text, self.scale)
        if len(self) >= PARSED_TEXTS_MAX:
            self.clear()
        self[text] = units
        return units


def add(left: int, right: int) -> int:
    """What do two amounts of one asset and scale make? Raises `AmountRangeError`."""
    beyond = left > AMOUNT_MAX - right if right >= 0 else left < -AMOUNT_MAX - right
    if beyond:
        raise AmountRangeError("{} + {}", left, right)
    return left + right


def rescale(units: int, from_scale: int, to_scale: int, rounding: Rounding) -> int:
    """How many units of 10^-to_scale are these of 10^-from_scale?

    Raises `AmountRangeError`, and `BadAmountError` for a scale outside 0…`SCALE_MAX`.
    """
    _check_scale(from_scale)
    _check_scale(to_scale)
    if to_scale >= from_scale:
        return _multiply_divide(units, _POWERS[to_scale - from_scale], 1, rounding)
    return _multiply_divide(units, 1, _POWERS[from_scale - to_scale], rounding)


def round_to_increment(units: int, increment: int, rounding: Rounding) -> int:
    """Which multiple of the increment is it? Both are in the same units.

    `NEAREST_EVEN` takes, halfway, the even multiple. Raises `AmountRangeError`, and
    `BadAmountError` for an increment outside 1…`DIVISOR_MAX`.
    """
    _check_divisor("increment", increment)
    multiple = _multiply_divide(units, 1, increment, rounding)
    return _multiply_divide(multiple, increment, 1, rounding)


def notional(
    price: int,
    qty: int,
    price_scale: int,
    qty_scale: int,
    notional_scale: int,
    rounding: Rounding,
) -> int:
    """What is price times quantity, in units of 10^-notional_scale of the quote asset?

    Raises `AmountRangeError`, and `BadAmountError` where the scales are more than `SCALE_MAX`
    apart.
    """
    places = _places_apart(price_scale, qty_scale, notional_scale)
    if places >= 0:
        return _multiply_divide(price, qty, _POWERS[places], rounding)
    product = _multiply_divide(price, qty, 1, rounding)
    return _multiply_divide(product, _POWERS[-places], 1, rounding)


def qty_for_notional(
    notional: int,
    price: int,
    notional_scale: int,
    price_scale: int,
    qty_scale: int,
    rounding: Rounding,
) -> int:
    """Which quantity has this notional at this price, in units of 10^-qty_scale?

    Raises `AmountRangeError`, and `BadAmountError` for a price outside 1…`DIVISOR_MAX` or where
    the scales are more than `SCALE_MAX` apart.
    """
    _check_divisor("price", price)
    places = _places_apart(price_scale, qty_scale, notional_scale)
    return _divide(notional, price, places, rounding)


def average_price(
    notional: int,
    qty: int,
    notional_scale: int,
    qty_scale: int,
    price_scale: int,
    rounding: Rounding,
) -> int:
    """At which price has this quantity this notional, in units of 10^-price_scale?

    Raises `AmountRangeError`, and `BadAmountError` for a quantity outside 1…`DIVISOR_MAX` or
    where the scales are more than `SCALE_MAX` apart.
    """
    _check_divisor("qty", qty)
    places = _places_apart(price_scale, qty_scale, notional_scale)
    return _divide(notional, qty, places, rounding)


def fee(notional: int, rate_e8: int, rounding: Rounding) -> int:
    """What does a rate in units of 10^-8 take of a notional, in the notional's units?

    A negative rate is a rebate. Raises `AmountRangeError`.
    """
    return _multiply_divide(notional, rate_e8, _POWERS[RATE_SCALE], rounding)


def split(units: int, weights: Sequence[int]) -> list[int]:
    """How are whole units shared in proportion to weights, so that the shares sum to them?

    Largest remainder: each share is the whole part of its due, and the units left over go one
    each to the largest remainders, the earlier of equals first; a negative amount is shared as
    its magnitude is. Weights are ≥ 0 with a sum in 1…`DIVISOR_MAX`, compiled in an array or a
    tuple. Raises `BadAmountError`, `AmountRangeError`.
    """
    total = 0
    for weight in weights:
        if weight < 0:
            raise BadAmountError("weight", weight, "a number of at least 0")
        total = add(total, weight)
    _check_divisor("sum of weights", total)
    sign = -1 if units < 0 else 1
    magnitude = _magnitude(units)
    left = magnitude
    shares = [0 for _ in weights]
    remainders = [0 for _ in weights]
    for place, weight in enumerate(weights):
        share, remainders[place] = _divide_product(magnitude, weight, total)
        shares[place] = sign * share
        left -= share
    while left > 0:
        largest = 0
        for place in range(1, len(remainders)):
            if remainders[place] > remainders[largest]:
                largest = place
        shares[largest] += sign
        remainders[largest] = -1
        left -= 1
    return shares


def _check_scale(scale: int) -> None:
    if not 0 <= scale <= SCALE_MAX:
        raise BadAmountError("scale", scale, "0 to 18 places")


def _check_divisor(field: str, units: int) -> None:
    if not 0 < units <= DIVISOR_MAX:
        raise BadAmountError(field, units, _DIVISORS)


def _places_apart(price_scale: int, qty_scale: int, notional_scale: int) -> int:
    _check_scale(price_scale)
    _check_scale(qty_scale)
    _check_scale(notional_scale)
    places = price_scale + qty_scale - notional_scale
    if places > SCALE_MAX:
        raise BadAmountError("price_scale + qty_scale - notional_scale", places, "at most 18")
    return places


def _magnitude(units: int) -> int:
    if not -AMOUNT_MAX <= units <= AMOUNT_MAX:
        raise AmountRangeError("{}", units)
    return abs(units)


def _multiply_divide(left: int, right: int, divisor: int, rounding: Rounding) -> int:
    quotient, remainder = _divide_product(_magnitude(left), _magnitude(right), divisor)
    negative = (left < 0) != (right < 0)
    if _rounds_away(quotient, remainder, divisor, negative, rounding):
        if quotient == AMOUNT_MAX:
            raise AmountRangeError("{} * {} / {}", left, right, divisor)
        quotient += 1
    return -quotient if negative else quotient


def _divide(dividend: int, divisor: int, places: int, rounding: Rounding) -> int:
    if places >= 0:
        return _multiply_divide(dividend, _POWERS[places], divisor, rounding)
    scaled = _multiply_divide(divisor, _POWERS[-places], 1, rounding)
    _check_divisor("divisor at the scale of the notional", scaled)
    return _multiply_divide(dividend, 1, scaled, rounding)


def _rounds_away(
    quotient: int, remainder: int, divisor: int, negative: bool, rounding: Rounding
) -> bool:
    if remainder == 0:
        return False
    if rounding == Rounding.DOWN:
        return negative
    if rounding == Rounding.UP:
        return not negative
    rest = divisor - remainder
    return remainder > rest or (remainder == rest and quotient % 2 == 1)


def _divide_product(left: int, right: int, divisor: int) -> tuple[int, int]:
    if right == 0 or left <= AMOUNT_MAX // right:
        product = left * right
        return product // divisor, product % divisor
    return _divide_wide_product(left, right, divisor)


def _divide_wide_product(left: int, right: int, divisor: int) -> tuple[int, int]:
    # Compiled, an overflow is undefined and not even sure to wrap round, so none may happen. This
    # takes the right factor digit by digit from its highest, in the largest base in which a step
    # stays below 2^63; after each, quotient * divisor + remainder = left * (the digits so far).
    base = AMOUNT_MAX // (2 * divisor)
    whole = left // divisor
    part = left % divisor
    quotient = 0
    remainder = 0
    place = 1
    while place <= right // base:
        place *= base
    while place > 0:
        digit = right // place % base
        step = remainder * base + part * digit
        carry = step // divisor
        remainder = step % divisor
        if digit > 0 and whole > (AMOUNT_MAX - carry) // digit:
            raise AmountRangeError("{} * {} / {}", left, right, divisor)
        carry += whole * digit
        if quotient > (AMOUNT_MAX - carry) // base:
            raise AmountRangeError("{} * {} / {}", left, right, divisor)
        quotient = quotient * base + carry
        place //= base
    return quotient, remainder
