"""What marea.domain.money must do, in exact decimals as the reference."""

import pickle
import re
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from marea.domain.money import (
    AMOUNT_MAX,
    DIVISOR_MAX,
    PARSED_TEXTS_MAX,
    SCALE_MAX,
    TEXT_CHARS_MAX,
    AmountParser,
    AmountRangeError,
    BadAmountError,
    Rounding,
    add,
    average_price,
    fee,
    format_amount,
    notional,
    parse_amount,
    qty_for_notional,
    rescale,
    round_to_increment,
    split,
)

EXACT = Context(prec=150)
MODES = {
    Rounding.DOWN: ROUND_FLOOR,
    Rounding.UP: ROUND_CEILING,
    Rounding.NEAREST_EVEN: ROUND_HALF_EVEN,
}

magnitudes = st.one_of(
    st.integers(0, 1000),
    st.integers(0, AMOUNT_MAX),
    st.integers(AMOUNT_MAX - 3, AMOUNT_MAX),
    st.integers(0, 62).map(lambda bits: 1 << bits),
    st.integers(0, 18).map(lambda places: int("1" + "0" * places)),
)
amounts = st.builds(lambda units, sign: sign * units, magnitudes, st.sampled_from((1, -1)))
divisors = st.one_of(
    magnitudes.filter(lambda units: 0 < units <= DIVISOR_MAX),
    st.integers(DIVISOR_MAX - 3, DIVISOR_MAX),
)
scales = st.integers(0, SCALE_MAX)
roundings = st.sampled_from(Rounding)


def to_units(exact: Decimal, rounding: Rounding) -> int:
    return int(exact.quantize(Decimal(1), rounding=MODES[rounding], context=EXACT))


def at_scale(units: int, scale: int) -> Decimal:
    return EXACT.scaleb(Decimal(units), -scale)


def in_range_or_refused(expected: int, function: object, *arguments: object) -> None:
    assert callable(function)
    if abs(expected) <= AMOUNT_MAX:
        assert function(*arguments) == expected
    else:
        with pytest.raises(AmountRangeError, match=f"is beyond ±{AMOUNT_MAX}: expected smaller"):
            function(*arguments)


# Text


@pytest.mark.parametrize(
    ("text", "scale", "units"),
    [
        ("61837.63000000", 8, 6_183_763_000_000),
        ("61837.63000000", 2, 6_183_763),
        ("0.001", 8, 100_000),
        ("7.6110", 3, 7_611),
        ("297", 0, 297),
        ("297", 2, 29_700),
        ("1e-8", 8, 1),
        ("1E+3", 0, 1_000),
        ("1.50e2", 0, 150),
        ("1200e-2", 0, 12),
        ("-0.00010000", 8, -10_000),
        ("-0", 2, 0),
        ("0e400", 2, 0),
        ("0.000000000000000000000000000000", 2, 0),
        ("007.50", 2, 750),
        ("9223372036854775807", 0, AMOUNT_MAX),
        ("-9223372036854775807", 0, -AMOUNT_MAX),
        ("9.223372036854775807", 18, AMOUNT_MAX),
    ],
)
def test_text_of_a_venue_becomes_its_exact_units(text: str, scale: int, units: int) -> None:
    assert parse_amount(text, scale) == units


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "NaN", "nan", "inf", "-inf", "Infinity", "sNaN", "null", "0x10", "1,5"),
        *(" 1", "1 ", "1\n", "1 000", "1_000", "0.0_1", "+1", "--1", "-", "1-", "-+1"),
        *(".", ".5", "5.", "1.2.3", "1.-2", "e5", "1e", "1e+", "1e1.5", "1e--2", "-.5"),
        *("٣", "1.٣", "１", "²", "1.²", "−1", "0" * (TEXT_CHARS_MAX + 1), "0." + "0" * 64),  # noqa: RUF001 # digits and a minus that are not ASCII
    ],
)
def test_text_that_is_no_number_is_refused_with_what_was_expected(text: str) -> None:
    shown = re.escape(repr(text)[:TEXT_CHARS_MAX])
    with pytest.raises(BadAmountError, match=f"amount is {shown}.*: expected digits such as 0.001"):
        parse_amount(text, 8)


@pytest.mark.parametrize("text", ["0.001", "7.6110", "1e-3", "1.0e-9999999999", "-0.019"])
def test_digits_beyond_the_scale_are_refused(text: str) -> None:
    expected = f"amount is '{text}': expected no digit other than 0 beyond 2 places"
    with pytest.raises(BadAmountError, match=re.escape(expected)):
        parse_amount(text, 2)


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "1e9999999999", "92233720368547758.08", "9" * TEXT_CHARS_MAX]
)
def test_text_beyond_the_range_is_refused(text: str) -> None:
    expected = f"amount is '{text}': expected at most ±92233720368547758.07"
    with pytest.raises(BadAmountError, match=re.escape(expected)):
        parse_amount(text, 2)


def test_long_text_is_shown_shortened() -> None:
    with pytest.raises(BadAmountError, match=f"amount is '1{{{TEXT_CHARS_MAX - 1}}}…: expected"):
        parse_amount("1" * 1_000_000, 2)


@pytest.mark.parametrize("scale", [-1, SCALE_MAX + 1])
def test_scale_outside_its_range_is_refused(scale: int) -> None:
    refused = f"scale is {scale}: expected 0 to 18 places"
    with pytest.raises(BadAmountError, match=refused):
        parse_amount("1", scale)
    with pytest.raises(BadAmountError, match=refused):
        format_amount(1, scale)
    with pytest.raises(BadAmountError, match=refused):
        rescale(1, scale, 2, Rounding.DOWN)
    with pytest.raises(BadAmountError, match=refused):
        rescale(1, 2, scale, Rounding.DOWN)
    with pytest.raises(BadAmountError, match=refused):
        notional(1, 1, 2, scale, 2, Rounding.DOWN)


@given(
    st.from_regex(r"-?[0-9]{1,25}(\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?", fullmatch=True), scales
)
@settings(max_examples=300, deadline=None)
def test_parsing_is_exact_or_refuses(text: str, scale: int) -> None:
    exact = EXACT.scaleb(Decimal(text), scale)
    if exact == exact.to_integral_value() and abs(exact) <= AMOUNT_MAX:
        assert parse_amount(text, scale) == exact
    else:
        with pytest.raises(BadAmountError):
            parse_amount(text, scale)


@given(st.text(alphabet="0123456789.-+eE _aN", max_size=12), scales)
@settings(max_examples=300, deadline=None)
def test_any_text_is_an_amount_or_refused(text: str, scale: int) -> None:
    try:
        units = parse_amount(text, scale)
    except BadAmountError:
        return
    assert at_scale(units, scale) == Decimal(text)


@given(amounts, scales)
@example(-5, 8)
@example(0, 2)
@settings(deadline=None)
def test_what_is_written_has_exactly_the_places_and_reads_back(units: int, scale: int) -> None:
    text = format_amount(units, scale)
    assert text == f"{at_scale(units, scale):.{scale}f}"
    assert parse_amount(text, scale) == units


def test_parser_gives_what_parse_amount_gives() -> None:
    parser = AmountParser(8)
    texts = ["0.001", "61837.63000000", "0.001", "1e-8"]
    assert [parser[text] for text in texts] == [parse_amount(text, 8) for text in texts]
    assert dict(parser) == {text: parse_amount(text, 8) for text in texts}


def test_parser_refuses_and_does_not_remember_what_is_no_amount() -> None:
    parser = AmountParser(8)
    for _ in range(2):
        with pytest.raises(BadAmountError, match="amount is 'NaN': expected digits"):
            parser["NaN"]
    assert not parser


def test_parser_starts_afresh_when_it_is_full() -> None:
    parser = AmountParser(2)
    for units in range(PARSED_TEXTS_MAX + 10):
        assert parser[str(units)] == units * 100
        assert len(parser) <= PARSED_TEXTS_MAX
    assert len(parser) == 10


# Arithmetic


@given(amounts, amounts)
@settings(deadline=None)
def test_sum_is_exact_or_refused(left: int, right: int) -> None:
    in_range_or_refused(left + right, add, left, right)


@given(amounts, scales, scales, roundings)
@settings(deadline=None)
def test_rescaled_amount_is_exact_or_rounded_to_the_side_asked_for(
    units: int, from_scale: int, to_scale: int, rounding: Rounding
) -> None:
    expected = to_units(at_scale(units, from_scale - to_scale), rounding)
    in_range_or_refused(expected, rescale, units, from_scale, to_scale, rounding)


@given(amounts, divisors, roundings)
@example(25, 10, Rounding.NEAREST_EVEN)
@example(35, 10, Rounding.NEAREST_EVEN)
@example(-25, 10, Rounding.NEAREST_EVEN)
@settings(deadline=None)
def test_amount_is_rounded_to_an_increment(units: int, increment: int, rounding: Rounding) -> None:
    multiple = to_units(EXACT.divide(Decimal(units), Decimal(increment)), rounding)
    in_range_or_refused(multiple * increment, round_to_increment, units, increment, rounding)


@given(amounts, amounts, scales, scales, scales, roundings)
@settings(deadline=None, max_examples=200)
def test_notional_is_price_times_quantity(
    price: int, qty: int, price_scale: int, qty_scale: int, notional_scale: int, rounding: Rounding
) -> None:
    places = price_scale + qty_scale - notional_scale
    assume(places <= SCALE_MAX)
    expected = to_units(at_scale(price * qty, places), rounding)
    arguments = (price, qty, price_scale, qty_scale, notional_scale, rounding)
    in_range_or_refused(expected, notional, *arguments)


@given(amounts, divisors, scales, scales, scales, roundings)
@settings(deadline=None, max_examples=200)
def test_quantity_for_a_notional_and_average_price_are_its_quotients(
    value: int, by: int, value_scale: int, by_scale: int, scale: int, rounding: Rounding
) -> None:
    places = by_scale + scale - value_scale
    assume(places <= SCALE_MAX)
    assume(places >= 0 or by <= DIVISOR_MAX // int("1" + "0" * -places))
    quotient = EXACT.divide(at_scale(value, -places), Decimal(by))
    expected = to_units(quotient, rounding)
    arguments = (value, by, value_scale, by_scale, scale, rounding)
    in_range_or_refused(expected, qty_for_notional, *arguments)
    in_range_or_refused(expected, average_price, *arguments)


@given(amounts, amounts, roundings)
@settings(deadline=None)
def test_fee_is_the_rate_of_the_notional(value: int, rate_e8: int, rounding: Rounding) -> None:
    in_range_or_refused(
        to_units(at_scale(value * rate_e8, 8), rounding), fee, value, rate_e8, rounding
    )


def test_rounding_up_never_passes_the_range() -> None:
    rate_e8 = 100_000_001
    value = -(-AMOUNT_MAX * 100_000_000 // rate_e8)  # its fee is a fraction above AMOUNT_MAX
    assert fee(value, rate_e8, Rounding.DOWN) == AMOUNT_MAX
    with pytest.raises(AmountRangeError, match="is beyond"):
        fee(value, rate_e8, Rounding.UP)


def test_seven_and_a_half_basis_points_of_a_notional_round_up_for_the_payer() -> None:
    assert fee(parse_amount("1234.57", 2), 75_000, Rounding.UP) == parse_amount("0.93", 2)
    assert fee(parse_amount("1234.57", 2), 75_000, Rounding.DOWN) == parse_amount("0.92", 2)


@given(amounts, st.lists(st.integers(0, DIVISOR_MAX // 8), min_size=1, max_size=8))
@settings(deadline=None)
def test_shares_sum_to_the_whole_and_each_is_within_a_unit_of_its_due(
    units: int, weights: list[int]
) -> None:
    total = sum(weights)
    assume(total)
    shares = split(units, weights)
    assert sum(shares) == units
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * total - units * weight) < total
        assert share == 0 or weight > 0
    assert split(-units, weights) == [-share for share in shares]


@given(st.integers(0, 10_000), st.lists(st.integers(0, 50), min_size=1, max_size=8))
@settings(deadline=None)
def test_units_left_over_go_to_the_largest_remainders(units: int, weights: list[int]) -> None:
    total = sum(weights)
    assume(total)
    by_remainder = sorted(
        range(len(weights)), key=lambda place: (-(units * weights[place] % total), place)
    )
    left = units - sum(units * weight // total for weight in weights)
    lucky = set(by_remainder[:left])
    expected = [units * weight // total + (place in lucky) for place, weight in enumerate(weights)]
    assert split(units, weights) == expected


def test_of_equal_remainders_the_earlier_takes_the_unit() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(-100, [1, 1, 1]) == [-34, -33, -33]


@pytest.mark.parametrize("bad", [0, -1, DIVISOR_MAX + 1])
def test_what_cannot_divide_is_refused_by_name(bad: int) -> None:
    expected = f"is {bad}: expected 1 to {DIVISOR_MAX}"
    with pytest.raises(BadAmountError, match=f"increment {expected}"):
        round_to_increment(5, bad, Rounding.DOWN)
    with pytest.raises(BadAmountError, match=f"price {expected}"):
        qty_for_notional(5, bad, 2, 2, 2, Rounding.DOWN)
    with pytest.raises(BadAmountError, match=f"qty {expected}"):
        average_price(5, bad, 2, 2, 2, Rounding.DOWN)


def test_price_that_passes_the_divisors_at_the_scale_of_the_notional_is_refused() -> None:
    with pytest.raises(
        BadAmountError, match="divisor at the scale of the notional is 3000000000000"
    ):
        qty_for_notional(5, 3, 18, 0, 0, Rounding.DOWN)


@pytest.mark.parametrize(
    ("weights", "field"),
    [([1, -2], "weight is -2"), ([0, 0], "sum of weights is 0"), ([], "sum of weights is 0")],
)
def test_weights_that_share_nothing_out_are_refused(weights: list[int], field: str) -> None:
    with pytest.raises(BadAmountError, match=f"{field}: expected"):
        split(10, weights)


def test_scales_too_far_apart_are_refused() -> None:
    with pytest.raises(
        BadAmountError,
        match=r"price_scale \+ qty_scale - notional_scale is 19: expected at most 18",
    ):
        notional(1, 1, 10, 9, 0, Rounding.DOWN)


@pytest.mark.parametrize("units", [AMOUNT_MAX + 1, -AMOUNT_MAX - 1])
def test_units_beyond_the_range_are_refused(units: int) -> None:
    with pytest.raises(AmountRangeError, match=f"{units} is beyond ±{AMOUNT_MAX}"):
        fee(units, 1, Rounding.DOWN)
    with pytest.raises(AmountRangeError, match=f"{units} is beyond ±{AMOUNT_MAX}"):
        split(units, [1])


def test_product_beyond_the_range_is_named_with_its_operands() -> None:
    expected = re.escape(f"{AMOUNT_MAX} * {AMOUNT_MAX} / 100000000 is beyond")
    with pytest.raises(AmountRangeError, match=expected):
        fee(AMOUNT_MAX, AMOUNT_MAX, Rounding.DOWN)


def test_errors_survive_the_way_between_processes() -> None:
    for error in (BadAmountError("price", 0, "1 or more"), AmountRangeError("{} + {}", 1, 2)):
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 # our own bytes
        assert (type(copy), str(copy)) == (type(error), str(error))
