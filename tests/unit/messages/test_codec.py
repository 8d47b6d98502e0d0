import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.messages.codec import CHAIN_START, chain, decode, encode, message_hash
from marea.messages.envelope import Message
from marea.messages.errors import BadMessage
from marea.messages.features import FeatureVector
from marea.messages.market import BookDelta, Quote, Trade
from marea.messages.system import CoreDiverged, Started
from marea.messages.types import TYPES
from marea.testing.examples import example, record_of
from marea.testing.strategies import messages

KINDS = pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)


@KINDS
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_message_comes_back_from_its_disk_form(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages(kind))
    assert decode(kind.__name__, encode(message)) == message


def test_canonical_form_and_its_hash_are_fixed() -> None:
    trade = example(Trade)
    assert encode(trade).hex() == (
        "9cd9214254432d555344542e42494e414e43453a74726164653a33373234353132333435"
        "cf17e9e60827283a4090b04254432d555344542e42494e414e4345"
        "0205ce005e1aa1cd1075a473656c6cceddff8c59ceddff8c59a64d41524b4554"
    )
    assert message_hash(trade) == "c47f01bb3335604e7fdc509e5602f1976e5709bd"


def test_chain_is_fixed() -> None:
    after = CHAIN_START
    for kind in (Trade, Quote, BookDelta, FeatureVector):
        after = chain(after, kind.__name__, encode(example(kind)))
    assert after.hex() == "85d17d02a484d1f174cc5e91e73e0221d3d73c54"


@pytest.mark.parametrize("kind", [Started, CoreDiverged])
def test_start_and_divergence_change_no_chain(kind: type[Message]) -> None:
    before = chain(CHAIN_START, "Trade", encode(example(Trade)))
    assert chain(before, kind.__name__, encode(example(kind))) == before


def test_chain_depends_on_the_order_of_messages() -> None:
    trade, quote = encode(example(Trade)), encode(example(Quote))
    one = chain(chain(CHAIN_START, "Trade", trade), "Quote", quote)
    other = chain(chain(CHAIN_START, "Quote", quote), "Trade", trade)
    assert one != other


def test_equal_bodies_of_two_types_have_two_hashes() -> None:
    body = encode(example(Trade))
    assert chain(CHAIN_START, "Trade", body) != chain(CHAIN_START, "Quote", body)


def test_order_of_a_maps_keys_is_kept() -> None:
    vector = msgspec.structs.replace(example(FeatureVector), values={"z": 1.0, "a": 2.0})
    decoded = decode("FeatureVector", encode(vector))
    assert isinstance(decoded, FeatureVector)
    assert list(decoded.values) == ["z", "a"]


def test_disk_form_of_an_older_version_takes_the_defaults_of_new_fields() -> None:
    trade = example(Trade)
    fields = msgspec.msgpack.decode(encode(trade))
    assert decode("Trade", msgspec.msgpack.encode(fields[:-1])) == trade


def test_disk_form_of_a_newer_version_leaves_its_new_fields_aside() -> None:
    trade = example(Trade)
    fields = msgspec.msgpack.decode(encode(trade))
    assert decode("Trade", msgspec.msgpack.encode([*fields, "new"])) == trade


def test_disk_form_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(BadMessage, match=r"^type is 'Tirade': unknown; take one of .*Trade"):
        decode("Tirade", b"\x90")


def test_wrong_type_in_a_disk_form_is_refused_with_its_field() -> None:
    fields = msgspec.msgpack.decode(encode(example(Trade)))
    fields[6] = "61672.01"
    with pytest.raises(BadMessage, match=r"^Trade\.price is '61672\.01': Expected `int`, got"):
        decode("Trade", msgspec.msgpack.encode(fields))


def test_wrong_item_in_a_disk_form_is_refused_with_its_field() -> None:
    fields = msgspec.msgpack.decode(encode(example(BookDelta)))
    fields[9] = [1, None]
    with pytest.raises(BadMessage, match=r"^BookDelta\.bid_prices is None: Expected `int`, got"):
        decode("BookDelta", msgspec.msgpack.encode(fields))


def test_missing_fields_of_a_disk_form_are_refused() -> None:
    with pytest.raises(BadMessage, match=r"^Trade is \['id'\]: Expected `array` of at least"):
        decode("Trade", msgspec.msgpack.encode(["id"]))


def test_torn_disk_form_is_refused() -> None:
    torn = encode(example(Trade))[:-1]
    with pytest.raises(BadMessage, match=r"^Trade is b.*: can't be decoded: .*truncated"):
        decode("Trade", torn)


@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(list(TYPES)), data=st.binary(max_size=80), cut=st.integers(0, 80))
def test_noise_on_disk_is_refused_or_a_message(kind: str, data: bytes, cut: int) -> None:
    for noise in (data, encode(example(TYPES[kind]))[:cut] + data):
        try:
            assert isinstance(decode(kind, noise), TYPES[kind])
        except BadMessage as error:
            assert str(error)  # noqa: PT017 # either is right; the text must be sayable


def test_record_adds_nothing_to_the_canonical_form() -> None:
    trade = example(Trade)
    assert encode(record_of(trade, seq=1).message) == encode(record_of(trade, 2).message)
