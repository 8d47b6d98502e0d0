"""Settings: what is read, and what each refusal says."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from marea.errors import BadInput
from marea.runtime.settings import (
    FILES,
    Settings,
    effective_json,
    find_config_dir,
    list_instruments,
    load_settings,
    settings_hash,
)

SHIPPED = find_config_dir(None, {})

Edit = Callable[[str, str, str], Path]


@pytest.fixture
def edit(tmp_path: Path) -> Edit:
    """Copies the shipped settings and replaces one text in one of the files."""

    def replace(name: str, old: str, new: str) -> Path:
        shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
        text = (tmp_path / name).read_text()
        assert old in text
        (tmp_path / name).write_text(text.replace(old, new, 1))
        return tmp_path

    return replace


def says(text: str) -> str:
    return re.escape(text)


def test_shipped_settings_are_complete_and_hold_what_they_say() -> None:
    settings = load_settings(SHIPPED, {})
    assert settings.log.synchronous == "FULL"
    assert settings.features.intervals_s == (1, 60)
    assert settings.indicators["macd"].kernel == "macd"
    assert settings.indicators["macd"].parameters == {"fast": 12, "slow": 26, "signal": 9}
    assert settings.indicators["obv"].parameters == {}


def test_instruments_have_ids_with_their_venue_and_increments_in_units() -> None:
    instruments = list_instruments(load_settings(SHIPPED, {}))
    assert list(instruments) == [
        "BTC-USDT.BINANCE",
        "ETH-USDT.BINANCE",
        "BTC-USDT-PERP.BINANCEUSDM",
        "ETH-USDT-PERP.BINANCEUSDM",
    ]
    perpetual = instruments["BTC-USDT-PERP.BINANCEUSDM"]
    assert (perpetual.venue, perpetual.venue_symbol, perpetual.kind) == (
        "BINANCEUSDM",
        "BTCUSDT",
        "perpetual",
    )
    assert instruments["BTC-USDT.BINANCE"].price_increment == 1
    assert instruments["BTC-USDT.BINANCE"].qty_increment == 10


def test_environment_outranks_the_files() -> None:
    environment = {
        "MAREA__LOG__COMMIT_MS_MAX": "100",
        "MAREA__LOG__SYNCHRONOUS": "NORMAL",
        "MAREA__FEATURES__INTERVALS_S": "[1, 5, 60]",
        "MAREA__INDICATORS__SMA_20__PERIOD": "30",
        "MAREA__VENUES__BINANCE__INSTRUMENTS__BTC_USDT__PRICE_SCALE": "8",
        "MAREA_DATA": "elsewhere",
        "MAREA_RUNS": "elsewhere",
        "MAREA_API_SERVICE_HOST": "10.0.0.1",
        "PATH": "/bin",
    }
    settings = load_settings(SHIPPED, environment)
    assert settings.log.commit_ms_max == 100
    assert settings.log.synchronous == "NORMAL"
    assert settings.features.intervals_s == (1, 5, 60)
    assert settings.indicators["sma_20"].parameters == {"period": 30}
    assert list_instruments(settings)["BTC-USDT.BINANCE"].price_increment == 1_000_000


def test_config_dir_is_the_option_else_the_variable_else_the_shipped_one(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    assert find_config_dir(other, {"MAREA_CONFIG": str(tmp_path)}) == other
    assert find_config_dir(None, {"MAREA_CONFIG": str(tmp_path)}) == tmp_path
    assert find_config_dir(None, {}) == SHIPPED
    with pytest.raises(BadInput, match=says("--config is 'nowhere', which is no folder: name one")):
        find_config_dir(Path("nowhere"), {})
    with pytest.raises(BadInput, match=says("MAREA_CONFIG is 'nowhere', which is no folder")):
        find_config_dir(None, {"MAREA_CONFIG": "nowhere"})


def test_equal_settings_have_equal_json_and_hash_under_any_hash_seed(edit: Edit) -> None:
    reordered = edit("settings.yaml", "  seed: 7\n", "  # another comment\n  seed:   7\n")
    assert effective_json(load_settings(reordered, {})) == effective_json(
        load_settings(SHIPPED, {})
    )
    code = (
        "import sys; from pathlib import Path; from marea.runtime.settings import *;"
        "print(settings_hash(load_settings(Path(sys.argv[1]), {})))"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, SHIPPED],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert hashes == {settings_hash(load_settings(SHIPPED, {}))}


def test_another_value_has_another_hash() -> None:
    changed = load_settings(SHIPPED, {"MAREA__DEMO__SEED": "8"})
    assert settings_hash(changed) != settings_hash(load_settings(SHIPPED, {}))


def test_settings_are_frozen() -> None:
    settings = load_settings(SHIPPED, {})
    with pytest.raises(ValueError, match="frozen"):
        settings.demo.seed = 8


@pytest.mark.parametrize(
    ("name", "old", "new", "text"),
    [
        (
            "settings.yaml",
            "commit_ms_max",
            "comit_ms_max",
            "settings.yaml:5: 'comit_ms_max' is no setting of log; did you mean 'commit_ms_max'?",
        ),
        (
            "settings.yaml",
            "commit_ms_max",
            "comit_ms_max",
            "settings.yaml:3: log.commit_ms_max is missing: add it",
        ),
        ("settings.yaml", "demo:", "dmeo:", "'dmeo' is no section of settings.yaml; did you mean"),
        ("settings.yaml", "log: ", "quality: ", "'quality' is no section of settings.yaml"),
        ("settings.yaml", "ms_max: 250", "ms_max: fast", "is 'fast': write a whole number"),
        ("settings.yaml", "ms_max: 250", "ms_max: 2.5", "is 2.5: write a whole number"),
        ("settings.yaml", "ms_max: 250", "ms_max: 0", "is 0: write a number of at least 1"),
        ("settings.yaml", '"FULL"', "OFF", "is False: write 'FULL' or 'NORMAL'"),
        ("settings.yaml", "[1, 60]", "1", "is 1: write a list, as in [1, 60]"),
        ("settings.yaml", "[1, 60]", "[]", "is []: write at least 1"),
        ("settings.yaml", "[1, 60]", "[60, 1]", "intervals_s is [60, 1]: write each once, rising"),
        (
            "settings.yaml",
            "interval_s: 1 ",
            "interval_s: 5 ",
            "settings.yaml:11: features: vector_interval_s is 5, and no bars of that length are made",
        ),
        (
            "settings.yaml",
            "  minutes: 30",
            "  seed: 8",
            "settings.yaml:18: 'seed' is given twice, first at",
        ),
        ("settings.yaml", "  minutes: 30", "  1: 30", "the key 1 is no text: put it in quotes"),
        ("settings.yaml", "  seed: 7", "  seed: [7", "not YAML (expected ',' or ']'"),
        ("settings.yaml", "seed: 7", "seed: !!set 7", "no aliases and no tags"),
        ("settings.yaml", "[1, 60]", "!!set {1}", "no aliases and no tags: write the value out"),
        ("settings.yaml", "[1, 60]", "[&a 1, *a]", "no aliases and no tags: write the value out"),
        ("settings.yaml", "  every_s: 60", "  - 60", "is [60]: write a mapping of keys to values"),
        ("strategies.yaml", "kernel: sma", "kernel: 7", "is 7: write a text, in quotes"),
        ("strategies.yaml", "period: 20", "period: long", "is 'long': write a number"),
        ("alerts.yaml", "5.0", ".inf", "jump_pct_max is inf: write a finite number"),
        ("alerts.yaml", "5.0", "0", "jump_pct_max is 0: write a number above 0"),
        ("alerts.yaml", "5.0", "much", "jump_pct_max is 'much': write a number"),
        ("exchanges.yaml", "qty_scale: 6", "qty_scale: 99", "is 99: write a number of at most 18"),
        ("exchanges.yaml", "BTCUSDT", '""', "is '': write a text that is not empty"),
        ("exchanges.yaml", '"0.01"', "0.01", "is 0.01: write a text, in quotes"),
        ("exchanges.yaml", '"0.01"', '"-1"', "is '-1': write a text of the form"),
        ("exchanges.yaml", '"0.01"', '"0.00"', "price_increment is '0.00': write one above 0"),
        (
            "exchanges.yaml",
            '"0.01"',
            '"0.001"',
            "instruments.BTC-USDT: price_increment is '0.001' and has more places than price_scale",
        ),
        (
            "exchanges.yaml",
            "base: BTC",
            "base: XBT",
            "instruments has 'BTC-USDT', and its kind, base and quote make 'XBT-USDT'",
        ),
    ],
)
def test_refusal_names_place_field_value_and_remedy(
    edit: Edit, name: str, old: str, new: str, text: str
) -> None:
    folder = edit(name, old, new)
    with pytest.raises(BadInput, match=says(text)) as caught:
        load_settings(folder, {})
    assert str(folder / name) in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        (
            "MAREA__LOG__COMIT_MS_MAX",
            "1",
            "MAREA__LOG__COMIT_MS_MAX is no setting; did you mean MAREA__LOG__COMMIT_MS_MAX?",
        ),
        (
            "MAREA_DEMO__SEED",
            "1",
            "MAREA_DEMO__SEED is no setting; did you mean MAREA__DEMO__SEED?",
        ),
        (
            "MAREA_LOG_COMMIT_MS_MAX",
            "1",
            "MAREA_LOG_COMMIT_MS_MAX is no setting; did you mean MAREA__LOG__COMMIT_MS_MAX?",
        ),
        ("marea_runs", "here", "marea_runs is no setting; did you mean MAREA_RUNS?"),
        ("MAREA__DEMO", "{seed: 1}", "MAREA__DEMO is no setting; did you mean MAREA__DEMO__SEED?"),
        (
            "MAREA__DEMO__SEED",
            "lucky",
            "MAREA__DEMO__SEED: demo.seed is 'lucky': write a whole number",
        ),
        ("MAREA__DEMO__SEED", "", "MAREA__DEMO__SEED: demo.seed is '': write a whole number"),
        ("MAREA__DEMO__SEED", "{", "MAREA__DEMO__SEED: not YAML"),
        ("MAREA__DEMO__SEED", "[" * 5000, "MAREA__DEMO__SEED: not YAML"),
        ("MAREA__DEMO__SEED", "2024-13-45", "MAREA__DEMO__SEED: not YAML (month must be in 1..12)"),
    ],
)
def test_refused_variable_is_named(variable: str, value: str, text: str) -> None:
    with pytest.raises(BadInput, match=says(text)):
        load_settings(SHIPPED, {variable: value})


def test_variable_is_refused_where_the_files_give_no_setting(tmp_path: Path) -> None:
    for name in FILES:
        (tmp_path / name).write_text("{}")
    with pytest.raises(
        BadInput, match=says("MAREA__DEMO__SEED is no setting; the files give none")
    ):
        load_settings(tmp_path, {"MAREA__DEMO__SEED": "1"})


def test_everything_that_is_wrong_is_said_at_once(edit: Edit) -> None:
    folder = edit("settings.yaml", "seed: 7", "seed: -1")
    with pytest.raises(BadInput, match=says("demo.seed is -1")) as caught:
        load_settings(folder, {"MAREA__QUALITY__STALE_S_MAX": "0"})
    assert "MAREA__QUALITY__STALE_S_MAX: quality.stale_s_max is 0" in str(caught.value)


def test_missing_file_is_named(edit: Edit) -> None:
    folder = edit("settings.yaml", "seed: 7", "seed: 7")
    (folder / "alerts.yaml").unlink()
    with pytest.raises(BadInput, match=r"alerts\.yaml is missing: put one there, or name another"):
        load_settings(folder, {})


@pytest.mark.parametrize("content", [b"", b"- 1\n", b"just words\n"])
def test_file_that_is_no_mapping_is_refused(edit: Edit, content: bytes) -> None:
    folder = edit("settings.yaml", "seed: 7", "seed: 7")
    (folder / "alerts.yaml").write_bytes(content)
    with pytest.raises(BadInput, match=r"alerts\.yaml holds .*: write the sections quality"):
        load_settings(folder, {})


def test_file_that_is_not_utf8_is_refused(edit: Edit) -> None:
    folder = edit("settings.yaml", "seed: 7", "seed: 7")
    (folder / "alerts.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match=r"alerts\.yaml can't be read .*: mend the file"):
        load_settings(folder, {})


@given(
    key=st.sampled_from(["log", "indicators", "quality", "venues", "demo"]),
    inner=st.text(max_size=5),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda values: (
            st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3)
        ),
        max_leaves=5,
    ),
)
@settings(deadline=None)  # it reads every file each time
def test_whatever_is_given_is_taken_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, key: str, inner: str, value: object
) -> None:
    folder = tmp_path_factory.mktemp("config")
    for name, sections in FILES.items():
        given_ = yaml.safe_load((SHIPPED / name).read_text())
        if key in sections:
            given_[key] = value if not inner else given_[key] | {inner: value}
        (folder / name).write_text(yaml.safe_dump(given_))
    with contextlib.suppress(BadInput):
        settings = load_settings(folder, {})
        assert Settings.model_validate_json(effective_json(settings)) == settings
