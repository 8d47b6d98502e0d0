"""Who owns which partition follows from the claims, the same for all who read them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marea.bus.kafka.directory import Claim, Directory, encode_claim
from marea.errors import BadInput
from marea.messages.envelope import Log

COUNTS = {"market": 3, "paper": 1}
BTC, ETH, MAIN = Log("market", "BTC"), Log("market", "ETH"), Log("paper", "main")


def claim(log: Log, number: int) -> bytes:
    return encode_claim(Claim(channel=log.channel, partition=log.partition, number=number))


def directory(*values: bytes) -> Directory:
    found = Directory(COUNTS)
    for value in values:
        found.take(value)
    return found


def test_first_claim_of_a_log_counts() -> None:
    found = directory(claim(BTC, 0), claim(BTC, 1), claim(ETH, 1))
    assert (found.number(BTC), found.number(ETH)) == (0, 1)


def test_first_claim_of_a_number_counts() -> None:
    found = directory(claim(BTC, 0), claim(ETH, 0), claim(ETH, 2))
    assert (found.number(BTC), found.number(ETH)) == (0, 2)


def test_logs_of_two_channels_may_have_the_same_number() -> None:
    found = directory(claim(BTC, 0), claim(MAIN, 0))
    assert list(found) == [BTC, MAIN]
    assert (found.number(BTC), found.number(MAIN)) == (0, 0)


def test_number_that_no_partition_can_have_is_void() -> None:
    found = directory(claim(BTC, -1), claim(BTC, 2**31), claim(BTC, 2))
    assert found.number(BTC) == 2


def test_log_that_claimed_nothing_has_no_number() -> None:
    assert directory().number(BTC) is None


def test_free_number_is_the_first_that_nobody_has() -> None:
    found = directory(claim(BTC, 0), claim(ETH, 2))
    assert found.free_number("market") == 1


def test_channel_without_a_free_partition_is_refused_with_what_mends_it() -> None:
    with pytest.raises(BadInput, match=r"all 1 partitions of paper .*: raise partitions of paper"):
        directory(claim(MAIN, 0)).free_number("paper")


def test_unknown_channel_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="channel nope is unknown: take one of market, paper"):
        directory().number(Log("nope", "x"))


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", claim(BTC, -1)])
def test_what_is_no_claim_claims_nothing_and_is_counted(value: bytes | None) -> None:
    found = directory()
    assert found.take(value) is None
    assert found.position == 1
    assert list(found) == []


def test_claim_beyond_the_partitions_that_are_known_here_counts_for_all_alike() -> None:
    older = Directory({"market": 1})
    for reader in (older, directory()):
        assert reader.take(claim(BTC, 2)) == BTC
        assert reader.number(BTC) == 2


def test_claim_is_json_that_others_read() -> None:
    said = {"channel": "market", "partition": "BTC", "number": 2}
    assert msgspec.json.decode(claim(BTC, 2)) == said


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(-1, 2))))
def test_no_two_logs_ever_have_one_partition_and_none_ever_moves(
    claims: list[tuple[str, int]],
) -> None:
    found = Directory(COUNTS)
    numbers: dict[Log, int] = {}
    for name, number in claims:
        found.take(claim(Log("market", name), number))
        now = {log: found.number(log) for log in found}
        assert len(set(now.values())) == len(now)
        assert now.items() >= numbers.items()
        numbers = {log: kept for log, kept in now.items() if kept is not None}
