"""What the settings may say of signals, and what a user is told where they can't be."""

import pytest

from marea.errors import BadInput
from marea.runtime.settings import Settings, find_config_dir, load_settings
from services.signals.main import signals_config
from services.signals.strategies import STRATEGIES


def given(**variables: str) -> Settings:
    """The settings that Marea comes with, and a few of another value."""
    environment = {f"MAREA__{name}": value for name, value in variables.items()}
    return load_settings(find_config_dir(None, {}), environment)


def test_settings_that_marea_comes_with_let_every_strategy_speak() -> None:
    config = signals_config(given(), "embedded")
    assert config.strategies == tuple(STRATEGIES)
    assert (config.trades, config.shard, config.interval_s) == (("weighted",), "embedded", 1)
    assert (config.expiry_ns, config.closed_trades_min) == (5_000_000_000, 30)


def test_signal_expires_after_so_many_bars_of_the_length_that_vectors_rest_on() -> None:
    settings = given(FEATURES__VECTOR_INTERVAL_S="60")
    assert signals_config(settings, "any").expiry_ns == 300_000_000_000


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        (
            {"SIGNALS__STRATEGIES": "[rsi, bolinger]"},
            (
                "signals.strategies has 'bolinger', and nobody of that name speaks; "
                "did you mean 'bollinger'?"
            ),
        ),
        (
            {"SIGNALS__STRATEGIES": "[rsi, sma, rsi]"},
            "signals.strategies has 'rsi' twice: write it once",
        ),
        (
            {"SIGNALS__TRADES": "[wieghted]"},
            (
                "signals.trades has 'wieghted', and nobody of that name speaks; "
                "did you mean 'weighted'?"
            ),
        ),
        (
            {"SIGNALS__STRATEGIES": "[rsi]", "SIGNALS__TRADES": "[sma]"},
            "signals.trades has 'sma', and nobody of that name speaks; did you mean 'rsi'?",
        ),
        (
            {"SIGNALS__TRADES": "[best, best]"},
            "signals.trades has 'best' twice: write it once",
        ),
        (
            {"SIGNALS__EXPIRY_BARS": "1000000000", "FEATURES__VECTOR_INTERVAL_S": "60"},
            (
                "signals.expiry_bars is 1000000000, with bars of 60 s that is 60000000000 s: "
                "write at most 16666666"
            ),
        ),
    ],
)
def test_settings_that_name_nobody_or_hold_for_ever_are_bad_input(
    variables: dict[str, str], told: str
) -> None:
    with pytest.raises(BadInput) as refused:
        signals_config(given(**variables), "any")
    assert str(refused.value) == told
    assert refused.value.exit_code == 3


def without(settings: Settings, indicator: str) -> Settings:
    left = {name: each for name, each in settings.indicators.items() if name != indicator}
    return settings.model_copy(update={"indicators": left})


def test_strategy_whose_feature_no_indicator_gives_is_bad_input() -> None:
    told = (
        r"^strategy 'rsi' takes 'rsi_14', which no indicator gives; the nearest is '[a-z_0-9]+': "
        r"add an indicator, or change signals\.strategies$"
    )
    with pytest.raises(BadInput, match=told):
        signals_config(without(given(), "rsi_14"), "any")


def test_ensembles_need_what_whoever_acts_on_them_needs() -> None:
    with pytest.raises(BadInput, match=r"^whoever acts on a signal takes 'mid', which no "):
        signals_config(without(given(SIGNALS__STRATEGIES="[rsi]"), "mid"), "any")


def test_indicator_of_a_kernel_that_there_is_not_is_left_to_features() -> None:
    settings = given(INDICATORS__RSI_14__KERNEL="rsii")
    with pytest.raises(BadInput, match=r"^strategy 'rsi' takes 'rsi_14', which no indicator gives"):
        signals_config(settings, "any")
