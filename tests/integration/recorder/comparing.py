"""Do the stores hold what the logs hold? Asked of the stores, when all is written.

Every row, point and object must follow from Kafka's logs, and all that follows from them must be there.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from marea.bus.kafka.bus import KafkaBus, open_kafka
from marea.bus.raw import Raw
from marea.domain.instrument import assets_of
from marea.messages.channels import load_channels
from marea.messages.envelope import Log, Message
from marea.messages.features import Bar
from marea.messages.market import Trade
from marea.messages.orders import OrderFilled, OrderIntended
from marea.messages.portfolio import JournalPosted
from marea.runtime.processes import ProcessSettings, load_process_settings
from marea.runtime.secrets import load_secrets
from marea.runtime.settings import find_config_dir
from services.recorder.config import InfluxConfig, ObjectsConfig
from services.recorder.main import influx_config, objects_config
from services.recorder.sink import Batch, Kept, Sink
from services.recorder.sinks import archive, mirrors, tables
from services.recorder.sinks.archive import SNAPSHOTS, Archive
from services.recorder.sinks.dead_letters import DeadLetterSink
from services.recorder.sinks.influx import InfluxSink
from services.recorder.sinks.mirrors import Mirrors
from services.recorder.sinks.objects import ObjectSink
from services.recorder.sinks.points import points_of
from services.recorder.sinks.postgres.sink import PostgresSink
from services.recorder.sinks.progress import Progresses
from services.recorder.sinks.store import Objects, open_store
from services.recorder.sinks.tables import TableSink
from tests.integration.postgres.feeding import IN_TABLE, rows
from tests.integration.recorder.reading import ask, table

READ_RECORDS_MAX = 5_000
EVENTS = frozenset(load_channels().by_name)
TAKES: Mapping[str, Collection[str]] = MappingProxyType(
    {
        "postgres": EVENTS,
        "influx": EVENTS,
        "objects": archive.CHANNELS,
        "tables": tables.CHANNELS,
        "mirrors": mirrors.CHANNELS,
        "dead-letters": EVENTS,
    }
)
"""The channels of each sink."""
SUMS: Mapping[type[Message], str] = MappingProxyType(
    {
        Trade: "SELECT sum(qty) AS qty, sum(price * qty) AS worth FROM trading.market_trades",
        Bar: "SELECT sum(volume) AS volume FROM trading.market_data_raw",
        OrderFilled: "SELECT sum(qty) AS qty, sum(price * qty) AS worth, sum(fee) AS fee "
        "FROM trading.trades",
    }
)
"""What PostgreSQL is asked for sums over these."""
ORDERS = "SELECT client_order_id FROM trading.orders"
BALANCES = """SELECT portfolio, account, asset, sum(amount) AS sum FROM trading.journal
GROUP BY portfolio, account, asset"""
HELD = "SELECT portfolio, symbol, net_qty FROM trading.positions"
FILES: Mapping[type[Message], str] = MappingProxyType(
    {Trade: "trades", Bar: "bars", OrderFilled: "fills"}
)
"""The tables of Parquet files with these."""
SCALES: Mapping[type[Message], Mapping[str, str]] = MappingProxyType(
    {
        Trade: {"price": "price_scale", "qty": "qty_scale"},
        Bar: {"volume": "qty_scale"},
        OrderFilled: {
            "last_price": "price_scale",
            "last_qty": "qty_scale",
            "commission": "asset_scale",
        },
    }
)
"""Of the amounts that are summed."""

Sums = dict[tuple[type[Message], str], Fraction]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the logs say that there should be."""

    rows: dict[str, set[Hashable]] = field(default_factory=lambda: defaultdict(set))
    """By table of PostgreSQL: the id of each event, and where it stands."""
    sums: Sums = field(default_factory=lambda: defaultdict(Fraction))
    ids: dict[type[Message], list[str]] = field(default_factory=lambda: defaultdict(list))
    orders: set[Hashable] = field(default_factory=set)
    """Their ids, with those of the orders that protect them."""
    balances: dict[Hashable, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    """By portfolio, account and asset of the journal."""
    held: dict[Hashable, Fraction] = field(default_factory=lambda: defaultdict(Fraction))
    """By portfolio and instrument."""
    points: dict[Hashable, Hashable] = field(default_factory=dict)
    """Those of InfluxDB."""

    def take(self, log: Log, position: int, message: Message) -> None:
        """Expect what is to become of the next message of a log."""
        for name, kinds in IN_TABLE.items():
            if isinstance(message, kinds):
                self.rows[name].add((message.id, *log, position))
        if type(message) in FILES:
            self.ids[type(message)].append(message.id)
        for name, amount in _amounts(message).items():
            self.sums[type(message), name] += amount
        if isinstance(message, OrderIntended):
            names = (message.client_order_id, message.stop_order_id, message.target_order_id)
            self.orders.update(filter(None, names))
        elif isinstance(message, JournalPosted):
            self._post(message)
        elif isinstance(message, OrderFilled):
            self.held[message.portfolio, message.instrument] += _got(message)

    def _post(self, posted: JournalPosted) -> None:
        entries = zip(posted.accounts, posted.assets, posted.amounts, strict=True)
        for account, asset, units in entries:
            key = posted.portfolio, account, asset
            self.balances[key] += Fraction(units, 10**posted.asset_scale)


async def unlike_logs(environment: Mapping[str, str]) -> list[str]:
    """All that the stores of a recorder hold otherwise than the logs that it has copied to their ends."""
    folder = find_config_dir(None, environment)
    own, secrets = load_process_settings(folder, environment), load_secrets(environment)
    influx, s3 = influx_config(own, secrets), objects_config(own, secrets)
    bus = await open_kafka(own.kafka.servers, own.kafka.prefix)
    try:
        behind = await _behind(bus, own, influx, s3)
        expected, unlike = await _read(bus, Archive(Objects(open_store(s3))))
    finally:
        await bus.close()
    return [
        *behind,
        *unlike,
        *await _tables_unlike(own.postgres.dsn, expected),
        *await _ledger_unlike(own.postgres.dsn, expected),
        *await _points_unlike(influx, expected),
        *_files_unlike(s3, expected),
    ]


async def _behind(
    bus: KafkaBus, own: ProcessSettings, influx: InfluxConfig, s3: ObjectsConfig
) -> list[str]:
    # How far each store says that it is.
    objects, found = Objects(open_store(s3)), []
    sinks: tuple[Sink, ...] = (
        PostgresSink(own.postgres.dsn),
        InfluxSink(influx),
        ObjectSink(objects),
        TableSink(objects),
        Mirrors(own.redis.url, own.redis.prefix, bus.ends),
        DeadLetterSink(bus, bus.snapshots, "", "judge"),
    )
    ends = {log: end for log, end in (await bus.ends()).items() if end}
    for sink in sinks:
        await sink.open()
        positions = await sink.positions()
        await sink.close()
        wanted = {log: end for log, end in ends.items() if log.channel in TAKES[sink.name]}
        there = {log: end for log, end in positions.items() if log.channel != SNAPSHOTS}
        found += _differ(f"the ends of {sink.name}", wanted.items(), there.items())
    return found


async def _read(bus: KafkaBus, archived: Archive) -> tuple[Expected, list[str]]:
    # What the logs say, and what of them the archive has otherwise.
    expected, unlike = Expected(), []
    for log, end in sorted((await bus.ends()).items()):
        counting, pointing = Progresses({}).of(log), Progresses({}).of(log)
        position = 0
        while position < end:
            raws = await bus.read_raw(log, position, READ_RECORDS_MAX)
            if list(raws) != await _archived(archived, log, position, raws[-1].offset + 1):
                unlike.append(f"the archive has {log} otherwise behind {position}")
            position = raws[-1].offset + 1
            kept = [Kept(log, raw) for raw in raws]
            for at, record in counting.take(kept):
                expected.take(log, at, record.message)
            for point in points_of(Batch(log, kept), pointing):
                key = point.measurement, frozenset(_told(point.tags)), point.ts
                expected.points[key] = frozenset(point.fields.items())
    return expected, unlike


async def _archived(archived: Archive, log: Log, position: int, end: int) -> list[Raw]:
    found: list[Raw] = []
    while position < end:
        page = await archived.read_raw(log, position, end - position)
        if not page:
            break
        found += page
        position = page[-1].offset + 1
    return found


async def _tables_unlike(dsn: str, expected: Expected) -> list[str]:
    found = []
    for name in IN_TABLE:
        query = f"SELECT event_id, log_channel, log_partition, log_position FROM trading.{name}"  # noqa: S608 # a name of ours
        there = [tuple(row.values()) for row in await rows(dsn, query)]
        found += _differ(f"PostgreSQL's {name}", expected.rows[name], there)
    for kind, query in SUMS.items():
        (row,) = await rows(dsn, query)
        found += _sums_differ("PostgreSQL", kind, expected.sums, row)
    return found


async def _ledger_unlike(dsn: str, expected: Expected) -> list[str]:
    orders = [row["client_order_id"] for row in await rows(dsn, ORDERS)]
    balances = {tuple(row.values())[:3]: Fraction(row["sum"]) for row in await rows(dsn, BALANCES)}
    held = {tuple(row.values())[:2]: Fraction(row["net_qty"]) for row in await rows(dsn, HELD)}
    return [
        *_differ("PostgreSQL's orders", expected.orders, orders),
        *_differ("PostgreSQL's balances", expected.balances.items(), balances.items()),
        *_differ("PostgreSQL's positions", expected.held.items(), held.items()),
    ]


async def _points_unlike(config: InfluxConfig, expected: Expected) -> list[str]:
    query = "SELECT * FROM /^(system|trading|market)\\./ GROUP BY *"
    there = {}
    for series in await ask(config, query, epoch="ns"):
        for ts, *values in series["values"]:
            fields = zip(series["columns"][1:], values, strict=True)
            key = series["name"], frozenset(_told(series["tags"])), ts
            there[key] = frozenset((name, value) for name, value in fields if value is not None)
    return _differ("InfluxDB's points", expected.points.items(), there.items())


def _files_unlike(config: ObjectsConfig, expected: Expected) -> list[str]:
    found = []
    for kind, name in FILES.items():
        if expected.ids[kind]:
            frame = table(config, name)
            found += _differ(f"the ids of {name}.parquet", expected.ids[kind], frame["id"])
            sums: dict[str, Fraction] = defaultdict(Fraction)
            for row in frame.iter_rows(named=True):
                for what, amount in _amounts_of(kind, row).items():
                    sums[what] += amount
            found += _sums_differ("Parquet", kind, expected.sums, sums)
    return found


def _got(fill: OrderFilled) -> Fraction:
    # Of what is held, after a commission that was paid with it.
    qty = Fraction(fill.last_qty, 10**fill.qty_scale)
    base, _ = assets_of(fill.instrument)
    paid = Fraction(fill.commission, 10**fill.asset_scale) if fill.commission_asset == base else 0
    return (qty if fill.side == "buy" else -qty) - paid


def _amounts(message: Message) -> dict[str, Fraction]:
    scales = SCALES.get(type(message), {})
    row = {
        name: Fraction(getattr(message, name), 10 ** getattr(message, scale))
        for name, scale in scales.items()
    }
    return _amounts_of(type(message), row) if row else {}


def _amounts_of(kind: type[Message], row: Mapping[str, Any]) -> dict[str, Fraction]:
    # What is summed of a row of the Parquet files, or of its message.
    if kind is Bar:
        return {"volume": Fraction(row["volume"])}
    first = "" if kind is Trade else "last_"
    price, qty = Fraction(row[f"{first}price"]), Fraction(row[f"{first}qty"])
    fee = {} if kind is Trade else {"fee": Fraction(row["commission"])}
    return {"qty": qty, "worth": price * qty, **fee}


def _told(tags: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((name, value) for name, value in tags.items() if value)


def _differ(what: str, expected: Collection[Hashable], there: Collection[Hashable]) -> list[str]:
    wanted, found = set(expected), set(there)
    missing, surplus = wanted - found, found - wanted
    if not missing and not surplus and len(expected) == len(there):
        return []
    lacking = f"{len(missing)} of {len(expected)} are missing ({_first(missing)})"
    return [f"{what}: {lacking}, {len(surplus)} of {len(there)} are too many ({_first(surplus)})"]


def _first(some: Collection[Hashable]) -> str:
    return f"such as {next(iter(some))}" if some else "none"


def _sums_differ(
    where: str, kind: type[Message], expected: Sums, there: Mapping[str, Any]
) -> list[str]:
    wanted = {name: total for (each, name), total in expected.items() if each is kind}
    found = {name: Fraction(total or 0) for name, total in there.items()}
    return [
        f"{where} sums {name} of {kind.__name__} to {float(found.get(name, 0))}, "
        f"the logs to {float(wanted.get(name, 0))}"
        for name in {*wanted, *found}
        if wanted.get(name, 0) != found.get(name, 0)
    ]
