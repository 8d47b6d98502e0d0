"""The page of tables is what `schemas/sql` makes, and says what each table is for."""

from pathlib import Path

from tools.tables_page import LINEAGE, PAGE, main, read_comments, read_tables, read_views, render


def test_page_is_not_stale(root: Path) -> None:
    assert (root / PAGE).read_text(encoding="utf-8") == render(root), "run: make docs"


def test_every_table_and_view_says_what_it_is_for(root: Path) -> None:
    assert sorted(read_comments(root)) == sorted([*read_tables(root), *read_views(root)])


def test_every_table_leads_back_to_the_record(root: Path) -> None:
    without = [
        name
        for name, columns in read_tables(root).items()
        if not {column.name for column in columns}.issuperset(LINEAGE)
    ]
    assert without == ["trading.sink_position"]


def test_types_and_remarks_of_columns_are_read_from_the_sql(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "schemas" / "sql"
    folder.mkdir(parents=True)
    (tmp_path / "docs").mkdir()
    (folder / "0001.one.sql").write_text(
        "CREATE TABLE IF NOT EXISTS trading.one (\n"
        "    level   DOUBLE PRECISION NOT NULL, -- of the sea\n"
        "    pairs   NUMERIC[]        NOT NULL DEFAULT '{}',\n"
        "    PRIMARY KEY (level)\n"
        ");\n"
        "COMMENT ON TABLE trading.one IS 'What''s there';\n"
    )
    assert main(tmp_path) == 0
    page = (tmp_path / PAGE).read_text()
    assert "| `trading.one` | What's there |" in page
    assert "| `level` | double precision | of the sea |\n| `pairs` | numeric[] |  |\n" in page
