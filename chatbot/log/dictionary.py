"""The data dictionary: what every table, view and column of the log means, read from the comments in a file of it.

`python -m chatbot.log.dictionary FILE` writes the page; `make dictionary` puts it where it belongs.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from chatbot.log import schema, views

HEAD = """# Data dictionary

Every table, view and column of `conversations.duckdb`, schema {version}. The file says the same of itself:
`SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal`. The shareable copy has the same
tables and columns; see [log.md](log.md#a-copy-to-hand-on). This page is made from the comments by `make dictionary`.

A table's column may be null where the page says yes, and never elsewhere; a view's may be where its meaning says so.
All times are moments (`TIMESTAMPTZ`), shown in the zone of the session that reads them.
"""

RELATIONS_SQL = """
SELECT table_name AS name, comment, false AS is_view, table_oid AS oid FROM duckdb_tables() WHERE NOT internal
UNION ALL
SELECT view_name, comment, true, view_oid FROM duckdb_views() WHERE NOT internal
ORDER BY is_view, oid
"""
COLUMNS_SQL = """
SELECT column_name, data_type, is_nullable, comment
FROM duckdb_columns()
WHERE NOT internal AND table_name = ?
ORDER BY column_index
"""


def write_dictionary() -> str:
    """Write the page, in Markdown."""
    with duckdb.connect(":memory:") as log:
        for statement in (*schema.build_statements(), *views.build_statements()):
            log.execute(statement)
        relations = log.execute(RELATIONS_SQL).fetchall()
        sections = [
            _write_section(log, name, comment, is_view=is_view) for name, comment, is_view, _ in relations
        ]
    return "\n".join([HEAD.format(version=schema.SCHEMA_VERSION), *sections])


def _write_section(log: duckdb.DuckDBPyConnection, name: str, comment: str, *, is_view: bool) -> str:
    rows = log.execute(COLUMNS_SQL, [name]).fetchall()
    keys = next((table.keys for table in (*schema.TABLES, schema.LOG_INFO) if table.name == name), ())
    lines = [
        f"| `{column}` | {_name_type(kind)}{', key' if column in keys else ''} "
        f"| {'yes' if is_nullable and not is_view else ''} | {_escape(text)} |"
        for column, kind, is_nullable, text in rows
    ]
    head = ["| column | type | null | meaning |", "| --- | --- | --- | --- |"]
    return "\n".join([f"## {'View' if is_view else 'Table'} `{name}`", "", comment, "", *head, *lines, ""])


def _name_type(kind: str) -> str:
    return kind.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ").replace("|", "\\|")


def _escape(text: str) -> str:
    return text.replace("<", "&lt;").replace("|", "\\|")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(write_dictionary(), encoding="utf-8")
