from pathlib import Path

import pytest

from marea.errors import BadInput
from marea.messages.channels import CHANNELS_FILE, load_channels
from marea.messages.types import TYPES

LISTED = CHANNELS_FILE.read_text("utf-8")


def changed(folder: Path, old: str, new: str) -> Path:
    assert old in LISTED
    file = folder / "channels.yaml"
    file.write_text(LISTED.replace(old, new, 1), "utf-8")
    return file


def test_every_message_type_stands_on_a_channel() -> None:
    channels = load_channels()
    assert all(any(each.holds(kind) for each in channels.by_name.values()) for kind in TYPES)


def test_channels_that_have_a_producer_now_are_listed() -> None:
    channels = ["market", "features", "quality", "dead-letters", "trading", "paper", "ownership"]
    assert list(load_channels().by_name) == channels


def test_what_is_in_a_hurry_has_a_fast_copy() -> None:
    assert load_channels().doubled == {"market", "features"}


def test_what_a_market_says_stands_on_the_market_only() -> None:
    channels = load_channels()
    everywhere = tuple(channels.by_name)
    assert channels.channel_of("Trade", everywhere) == "market"
    assert channels.channel_of("Bar", everywhere) == "features"
    assert not channels.by_name["features"].holds("Trade")


def test_every_core_can_say_on_each_channel_that_it_started_and_diverged() -> None:
    channels = load_channels()
    for kind in ("Started", "CoreDiverged"):
        without = [name for name, channel in channels.by_name.items() if not channel.holds(kind)]
        assert without == ["ownership"]  # there the loops speak, not the cores


def test_type_that_stands_on_none_or_two_of_the_channels_is_refused() -> None:
    channels = load_channels()
    with pytest.raises(BadInput, match="Bar stands on none of the channels market, quality: list"):
        channels.channel_of("Bar", ("market", "quality"))
    with pytest.raises(BadInput, match="GapFound stands on market, features of the channels"):
        channels.channel_of("GapFound", ("market", "features"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      - Trade\n", "      - Tirade\n", "market.outside names Tirade: take one of .*Trade"),
        ("      - Trade\n", "", "Trade stands on no channel: add it to one"),
        (
            "      - Bar\n",
            "      - Bar\n      - Quote\n",
            "features.derived names Quote: its class",
        ),
        ("      - Bar\n", "      - Bar\n      - Bar\n", "features.derived names Bar twice: leave"),
        ("name: quality", "name: features", "channel features stands there twice: merge the two"),
        ("name: quality", "name: quality_checks", r"Expected `str` matching regex .*channels\[2\]"),
        ("key: shard", "keys: shard", r"(unknown|missing).*channels\[1\]"),
        ("key: shard", "key: shard\n    owner: me", r"unknown field `owner` - .*channels\[1\]"),
        ("partitions: 64", "partitions: 0", r"Expected `int` >= 1 - .*channels\[0\]\.kafka"),
        ("encoding: avro", "encoding: xml", r"Invalid enum value 'xml' - .*kafka\.encoding"),
        (
            "[schema, ts_known",
            "[schema, id, ts_known",
            r"not_canonical is \['schema', 'id'.*must be",
        ),
        ("channels:", "channels: [", "while parsing"),
    ],
)
def test_wrong_list_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(BadInput, match=rf"(?s)channels\.yaml: .*{message}"):
        load_channels(changed(tmp_path, old, new))


def test_missing_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.yaml: No such file.*; name the file of the"):
        load_channels(tmp_path / "none.yaml")
