"""What can be set, and the one way to read it: files first, then the environment.

Every key is required, so that the files say all there is to say; nothing has a second default
here. Each section stands in one file.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from marea.domain.book import Sequencing
from marea.domain.instrument import Instrument
from marea.errors import BadInput
from marea.runtime.sources import Layers, add_environment, add_file
from marea.runtime.validation import validated

FILES: dict[str, list[str]] = {
    "settings.yaml": [
        "log",
        "snapshots",
        "features",
        "demo",
        "portfolio",
        "risk",
        "execution",
        "paper",
    ],
    "strategies.yaml": ["indicators", "signals"],
    "alerts.yaml": ["quality"],
    "exchanges.yaml": ["venues"],
    "processes.yaml": [
        "kafka",
        "redis",
        "http",
        "snapshot_every_s",
        "paper_url",
        "market",
        "shard",
        "instances",
        "postgres",
        "influx",
        "objects",
        "recorder",
        "logs",
    ],
}
"""The sections of each file; a section's name is unique, and the environment needs no file."""

PACKAGE = Path(__file__).resolve().parents[1]

Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
"""So many seconds are still a number of ns in 64 bits."""
MINUTES_MAX = 7 * 24 * 60
"""Of a simulated market: a week."""
Places = Annotated[int, Field(ge=0, le=18)]
AmountText = Annotated[str, Field(pattern=r"^\d{1,18}(\.\d{1,18})?$")]
"""A decimal number as a text, so that it never passes through a float."""


Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Section(BaseModel):
    """Keys that belong together; unknown ones are refused and nothing is converted."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class LogSettings(Section):
    """How often the log on disk commits, and how safely."""

    commit_events_max: Count
    commit_ms_max: Count
    synchronous: Literal["FULL", "NORMAL"]


class SnapshotSettings(Section):
    """How often a core's state is saved, in its own time, where all are in one process."""

    every_s: Count


class FeatureSettings(Section):
    """Which bars are made and how often a vector is."""

    intervals_s: Annotated[tuple[Count, ...], Field(min_length=1)]
    vector_interval_s: Count
    vector_period_ms: Count

    @model_validator(mode="after")
    def _vector_rests_on_bars_that_are_made(self) -> Self:
        if list(self.intervals_s) != sorted(set(self.intervals_s)):
            raise ValueError(f"intervals_s is {list(self.intervals_s)}: write each once, rising")
        if self.vector_interval_s not in self.intervals_s:
            raise ValueError(
                f"vector_interval_s is {self.vector_interval_s}, and no bars of that length are"
                f" made: write one of intervals_s {list(self.intervals_s)}"
            )
        return self


class DemoSettings(Section):
    """The simulated market that the demo shows."""

    seed: Annotated[int, Field(ge=0)]
    minutes: Annotated[int, Field(ge=1, le=MINUTES_MAX)]


class IndicatorSettings(Section):
    """One indicator of the feature vector: its kernel, and the kernel's parameters."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | float] = Field(init=False)

    kernel: str

    @property
    def parameters(self) -> dict[str, int | float]:
        """The kernel's parameters, by name; the kernel itself judges them."""
        return dict(self.__pydantic_extra__)


class SignalSettings(Section):
    """Which strategies speak, and which of them are acted on."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)]
    trades: Annotated[tuple[str, ...], Field(min_length=1)]
    confidence_min: Share
    expiry_bars: Count
    closed_trades_min: Count


class PortfolioSettings(Section):
    """The portfolio that a run opens."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
    owner: Annotated[str, Field(min_length=1)]
    mode: Literal["paper"]
    base_asset: Annotated[str, Field(pattern=r"^[A-Z0-9]+$")]
    time_zone: Annotated[str, Field(min_length=1)]
    balance: AmountText


class BreakerSettings(Section):
    """One level of the drawdown breaker."""

    drawdown_pct_max: Percent
    pause_s: Count


class RiskSettings(Section):
    """What may be held, at which price, how often, and until when."""

    profile: str
    profiles_pct_max: Annotated[dict[str, Percent], Field(min_length=1)]
    asset_pct_max: Percent
    sector_pct_max: Percent
    sectors: dict[str, str]
    positions_max: Count
    kelly_fraction: Share
    kelly_trades_min: Count
    collar_pct: Percent
    orders_per_s_max: Count
    orders_per_min_max: Count
    stale_s_max: Count
    stop_atr: Annotated[float, Field(gt=0, le=100)]
    target_atr: Annotated[float, Field(gt=0, le=100)]
    breakers: Annotated[tuple[BreakerSettings, ...], Field(min_length=3, max_length=3)]

    @model_validator(mode="after")
    def _profile_and_levels_are_there(self) -> Self:
        if self.profile not in self.profiles_pct_max:
            known = ", ".join(self.profiles_pct_max)
            raise ValueError(f"profile is '{self.profile}': write one of {known}")
        levels = [each.drawdown_pct_max for each in self.breakers]
        if levels != sorted(set(levels)):
            raise ValueError(f"the breakers' drawdown_pct_max are {levels}: write them rising")
        return self


class ExecutionSettings(Section):
    """How long an order rests, may be late or unknown, and how often ours is held to the venue's."""

    passive_ms: Count
    late_ms_max: Count
    unknown_s_max: Count
    reconcile_s: Count


class PaperSettings(Section):
    """The paper venue: its chance, its latency each way, its fees."""

    seed: Annotated[int, Field(ge=0)]
    latency_ms: Count
    latency_spread_ms: Annotated[int, Field(ge=0, le=1_000)]
    maker_pct: Percent
    taker_pct: Percent

    @model_validator(mode="after")
    def _latency_stays_above_nothing(self) -> Self:
        if self.latency_spread_ms >= self.latency_ms:
            raise ValueError(
                f"latency_spread_ms is {self.latency_spread_ms}: write less than latency_ms,"
                f" which is {self.latency_ms}"
            )
        return self


class QualitySettings(Section):
    """What incoming data may look like before it is called bad."""

    jump_pct_max: Annotated[float, Field(gt=0)]
    stale_s_max: Count
    skew_ms_max: Count


class InstrumentSettings(Section):
    """An instrument as its venue describes it."""

    venue_symbol: Annotated[str, Field(min_length=1)]
    kind: Literal["spot", "perpetual"]
    base: Annotated[str, Field(pattern=r"^[A-Z0-9]+$")]
    quote: Annotated[str, Field(pattern=r"^[A-Z0-9]+$")]
    price_scale: Places
    qty_scale: Places
    price_increment: AmountText
    qty_increment: AmountText
    notional_min: AmountText

    @model_validator(mode="after")
    def _increments_are_whole_units(self) -> Self:
        for name, increment, scale in (
            ("price", self.price_increment, self.price_scale),
            ("qty", self.qty_increment, self.qty_scale),
        ):
            if not Decimal(increment):
                raise ValueError(f"{name}_increment is '{increment}': write one above 0")
            if Decimal(increment).scaleb(scale) % 1:
                raise ValueError(
                    f"{name}_increment is '{increment}' and has more places than {name}_scale,"
                    f" which is {scale}: raise the scale"
                )
        if Decimal(self.notional_min).scaleb(self.price_scale) % 1:
            raise ValueError(
                f"notional_min is '{self.notional_min}' and has more places than price_scale,"
                f" which is {self.price_scale}: round it"
            )
        return self

    @property
    def name(self) -> str:
        """What an instrument of this kind and these assets is called on its venue."""
        return f"{self.base}-{self.quote}" + ("-PERP" if self.kind == "perpetual" else "")


class VenueSettings(Section):
    """A venue and what is traded there."""

    book_sequencing: Sequencing
    instruments: Annotated[dict[str, InstrumentSettings], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_say_what_is_traded(self) -> Self:
        for name, instrument in self.instruments.items():
            if name != instrument.name:
                raise ValueError(
                    f"instruments has '{name}', and its kind, base and quote make"
                    f" '{instrument.name}': write the one that is right in both"
                )
        return self


class Settings(Section):
    """Everything that can be set."""

    log: LogSettings
    snapshots: SnapshotSettings
    features: FeatureSettings
    demo: DemoSettings
    portfolio: PortfolioSettings
    risk: RiskSettings
    execution: ExecutionSettings
    paper: PaperSettings
    indicators: Annotated[dict[str, IndicatorSettings], Field(min_length=1)]
    signals: SignalSettings
    quality: QualitySettings
    venues: Annotated[dict[str, VenueSettings], Field(min_length=1)]


def find_config_dir(option: Path | None, environment: Mapping[str, str]) -> Path:
    """The folder of the settings: the option, else `MAREA_CONFIG`, else what Marea came with.

    Raises `BadInput` where it is no folder.
    """
    if option is not None:
        folder, source = option, "--config"
    elif environment.get("MAREA_CONFIG"):
        folder, source = Path(environment["MAREA_CONFIG"]), "MAREA_CONFIG"
    else:
        shipped = (PACKAGE / "config", PACKAGE.parents[2] / "config")  # installed; a checkout
        return next(folder for folder in shipped if folder.is_dir())
    if not folder.is_dir():
        raise BadInput(f"{source} is '{folder}', which is no folder: name one with settings.yaml")
    return folder


def read_layers(folder: Path, environment: Mapping[str, str]) -> Layers:
    """All that is set, of whichever model.

    Raises `BadInput` for a file that can't be read and for a variable that names no setting.
    """
    layers = Layers()
    for name, sections in FILES.items():
        add_file(layers, folder / name, sections)
    add_environment(layers, environment)
    return layers


def load_settings(folder: Path, environment: Mapping[str, str]) -> Settings:
    """The settings in force. Raises `BadInput`, which lists everything that is wrong."""
    return validated(Settings, read_layers(folder, environment))


def effective_json(settings: Settings) -> str:
    """The settings in force as JSON with sorted keys: equal settings give equal text."""
    return json.dumps(settings.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def settings_hash(settings: Settings) -> str:
    """What tells two sets of settings apart: 40 hex digits of BLAKE2b-160 of the JSON."""
    return blake2b(effective_json(settings).encode(), digest_size=20).hexdigest()


def share_e8(percent: float) -> int:
    """A percentage as cores take it: a share in units of 10^-8."""
    return round(percent * 1e6)


def list_instruments(settings: Settings) -> dict[str, Instrument]:
    """Every instrument by its id, `BTC-USDT.BINANCE`, with its amounts in units."""
    instruments = {}
    for venue, venue_settings in settings.venues.items():
        for name, given in venue_settings.instruments.items():
            instruments[f"{name}.{venue}"] = Instrument(
                id=f"{name}.{venue}",
                venue=venue,
                venue_symbol=given.venue_symbol,
                kind=given.kind,
                base=given.base,
                quote=given.quote,
                price_scale=given.price_scale,
                qty_scale=given.qty_scale,
                price_increment=int(Decimal(given.price_increment).scaleb(given.price_scale)),
                qty_increment=int(Decimal(given.qty_increment).scaleb(given.qty_scale)),
                notional_min=int(Decimal(given.notional_min).scaleb(given.price_scale)),
                book_sequencing=venue_settings.book_sequencing,
            )
    return instruments
