"""What the recorder is told once, at its start."""

from msgspec import Struct


class Pace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a sink is written to, and how much at once."""

    wait_ms: int = 200
    """So long it waits for more, from write to write."""
    enough_records: int = 2_000
    """So many wait for no more; 0: any number does."""
    records_max: int = 2_000
    """Records in one write."""
    behind_records_max: int = 10_000
    """Records in one write where more than that is waiting."""


class InfluxConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where InfluxDB is, and what it is asked to keep our points in."""

    url: str
    version: int
    """Of its interface: 1 takes a database, 2 an organisation and a bucket."""
    database: str = ""
    org: str = ""
    bucket: str = ""
    token: str = ""
    """Of version 2; for version 1 `user:password`. Empty: it asks for none."""


class ObjectsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the archive is kept."""

    url: str
    """`s3://bucket/folder`, a folder as `file:` URL, or `memory:///`."""
    endpoint: str = ""
    """Of an S3 server that is not Amazon's; empty: the region's own."""
    region: str = ""
    key: str = ""
    secret: str = ""
