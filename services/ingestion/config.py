"""What ingestion's core is told once, at its start."""

from msgspec import Struct


class IngestionConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From where on incoming data is called bad."""

    jump_pct_max: float
    """Between two trades of an instrument, in percent of the first."""
    stale_ns_max: int
    """Without a message of an instrument, ns of its stream's time."""
    skew_ns_max: int
    """Of a venue's stamp from the clock of its stream, ns."""
