"""Writes `docs/tables.md`: the tables of the recorder's database, as `schemas/sql` makes them."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SQL = Path("schemas", "sql")
PAGE = Path("docs", "tables.md")
TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\S+) \(\n(.*?)\n\)", re.DOTALL)
VIEW = re.compile(r"CREATE OR REPLACE VIEW (\S+) AS\n(.*?);\n", re.DOTALL)
COMMENT = re.compile(r"COMMENT ON (?:TABLE|VIEW) (\S+) IS\s+'((?:[^']|'')*)';")
COLUMN = re.compile(
    r"^    ([a-z]\w*) +([A-Z]+(?: PRECISION)?(?:\[\])?)[^-\n]*(?:-- (.*))?$", re.MULTILINE
)
LINEAGE = ("event_id", "log_channel", "log_partition", "log_position", "ts_event_ns")
"""Said once for all tables."""

HEAD = """# The tables of the record

Written by `make docs` from `schemas/sql`; change that. The recorder copies the logs into PostgreSQL,
into TimescaleDB where it is; nothing in Marea reads the tables to decide. It makes and changes them
itself when it starts. Without TimescaleDB the series are partitioned by month, what is kept for days
by day. Codes such as STOR-02 name the requirements that a table serves.

- Amounts are exact: NUMERIC with the places of their instrument or asset, never a rounded one.
- An instrument is called by its id with the venue, `BTC-USDT.BINANCE`, in `symbol`. Texts have no
  greatest length, and amounts no fixed number of places, where the first draft had both.
- Times are UTC to the microsecond; `ts_event_ns` has all of it, in ns since 1970.
- `event_id`, `log_channel`, `log_partition` and `log_position` lead from each row to its event on the
  record, and by its parents to what caused it: `marea explain` does.
- What is written again changes nothing. `trading.sink_position` changes in the transaction of the
  rows before it.
- The second copy of an append, what the old life of a producer wrote after the next had begun, and
  what can't be read are not taken. What the database refuses is told in `trading.data_quality`.
"""

WAITING = """
## Tables that come with what writes them

| asked for | table | comes with |
|---|---|---|
| STOR-06 | `trading.risk_metrics`: var95, var99, cvar95, cvar99, sharpe, win_rate, profit_factor | `risk`, once it reckons them |
| STOR-07, CF-10 | `backtest_results`, and its view `backtest_runs` | `optimizer` |
| STOR-08 | `decisions` | `advisor` |
| STOR-09, STOR-10 | `strategies`, `strategy_performance` | `optimizer` |
| STOR-11 | `patterns`, `agent_logs` | agents and learned patterns in `signals` |
| STOR-12 | users, roles, API keys, refresh tokens, user settings | `api` |
| STOR-12 | alert rules and deliveries | `notifier` |
| STOR-12 | model registry | `optimizer` |
| STOR-04, STOR-05 | regime and horizon of a signal | `signals`, once it tells them |
"""


class Column(NamedTuple):
    """One column, as the SQL says it."""

    name: str
    kind: str
    remark: str


def read_tables(root: Path) -> dict[str, list[Column]]:
    """The columns of each table, in the order of the files."""
    return {
        name: [Column(*found) for found in COLUMN.findall(body)]
        for text in _files(root)
        for name, body in TABLE.findall(text)
    }


def read_views(root: Path) -> list[str]:
    """The names of the views."""
    return [name for text in _files(root) for name, _ in VIEW.findall(text)]


def read_comments(root: Path) -> dict[str, str]:
    """What each table and view is for."""
    return {
        name: comment.replace("''", "'")
        for text in _files(root)
        for name, comment in COMMENT.findall(text)
    }


def _files(root: Path) -> Iterator[str]:
    return (path.read_text(encoding="utf-8") for path in sorted((root / SQL).glob("*.sql")))


def render(root: Path) -> str:
    """The page: what is there, with its columns, and what is not there yet."""
    tables, comments = read_tables(root), read_comments(root)
    parts = [HEAD, "\n| table or view | for |\n|---|---|\n"]
    parts += [f"| `{name}` | {comments[name]} |\n" for name in (*tables, *read_views(root))]
    parts.append(WAITING)
    for name, columns in tables.items():
        parts.append(f"\n## {name}\n\n{comments[name]}.\n\n| column | type | |\n|---|---|---|\n")
        parts += [
            f"| `{column.name}` | {column.kind.lower()} | {column.remark} |\n"
            for column in columns
            if column.name not in LINEAGE
        ]
    return "".join(parts)


def main(root: Path) -> int:
    """Write the page of a checkout."""
    (root / PAGE).write_text(render(root), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
