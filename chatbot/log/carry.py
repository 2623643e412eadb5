"""Carries rows from the store into a file of the published log, in chunks so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from sqlalchemy import Connection, func, select, text

from chatbot.log import schema, views
from chatbot.log.check import Tail, count_rows, read_tail
from chatbot.log.disguise import LEFT_OUT, Disguise
from chatbot.store.changes import read_counter, read_store_id
from chatbot.store.schema import tombstones
from chatbot.text import fold

if TYPE_CHECKING:
    from chatbot.log.disguise import Disguise
    from chatbot.log.schema import Table

CHUNK_ROWS = 10_000
# One transaction over 400,000 messages took 800 MB more than this; half done, a file is thrown away anyway.
CHUNKS_PER_TRANSACTION = 12

ARROW_TYPES = {
    "UUID": pa.string(),
    "VARCHAR": pa.string(),
    "TIMESTAMPTZ": pa.timestamp("us", tz="UTC"),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
}

# What a column of the log is made of where the store has none of its name.
DERIVED = {"characters": ("content", len), "search_text": ("content", fold)}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where the store stands: its id, its last change, the change of the last erasure (0 = none)."""

    store_id: str
    last_change: int
    last_erasure: int


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file says about itself in log_info, beside its row counts."""

    generation: int
    published_at: datetime
    timezone: str
    store_id: str
    mark: int
    disguise: Disguise | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a file holds once it is closed: rows carried over, rows per table, the tails to check it by."""

    carried: int
    rows: dict[str, int]
    tails: tuple[Tail, ...]


def take_snapshot(store: Connection) -> Snapshot:
    """Read where the store stands, in the caller's transaction."""
    last_erasure = store.execute(select(func.coalesce(func.max(tombstones.c.change), 0))).scalar_one()
    return Snapshot(read_store_id(store), read_counter(store), int(last_erasure))


def write_file(store: Connection, path: Path, stamp: Stamp, since: int, *, is_copy: bool) -> Written:
    """Bring a file up to `stamp.mark` and close it.

    Args:
        path: a copy of a generation of ours, or the name of a file that is not there yet.
        since: mark of the copy; rows that changed after it are carried over. 0 for a new file.

    Raises:
        duckdb.Error: the copy is damaged, or the disk is full; the file is then good for nothing.
    """
    # One thread: the work is then done in the calling one, whose processor time can be measured.
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "temp_directory": f"{path}.spill",
    }
    with duckdb.connect(":memory:", config=config) as log:
        option = "" if is_copy else f" (STORAGE_VERSION '{schema.STORAGE_VERSION}')"
        log.execute(f"ATTACH {schema.quote(str(path))} AS log{option}")
        log.execute("USE log")
        log.execute("BEGIN")
        if not is_copy:
            for statement in (*schema.build_statements(), *views.build_statements()):
                log.execute(statement)
        carried = {
            table.name: _carry_table(store, log, table, since, stamp, is_copy=is_copy)
            for table in schema.TABLES
        }
        rows = count_rows(log)
        _write_stamp(log, stamp, rows)
        log.execute("COMMIT")
        log.execute("CHECKPOINT log")
        tails = tuple(
            read_tail(log, name, max(0, rows[name] - count)) for name, count in carried.items() if count
        )
        log.execute("USE memory")
        log.execute("DETACH log")
    return Written(sum(carried.values()), rows, tails)


def _carry_table(
    store: Connection,
    log: duckdb.DuckDBPyConnection,
    table: Table,
    since: int,
    stamp: Stamp,
    *,
    is_copy: bool,
) -> int:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    keys = ", ".join(f'"{key}"' for key in table.keys)
    casts = ", ".join(f'CAST("{column.name}" AS {column.type})' for column in table.columns if column.is_key)
    carried = 0
    for number, chunk in enumerate(read_chunks(store, table, since, stamp.mark, stamp.disguise), 1):
        log.register("incoming", chunk)
        if is_copy:
            # A row that was changed in the store (a rating, a published version) replaces the one of the copy.
            log.execute(f"DELETE FROM {table.name} WHERE ({keys}) IN (SELECT ({casts}) FROM incoming)")  # noqa: S608
        log.execute(f"INSERT INTO {table.name} ({names}) SELECT {names} FROM incoming")  # noqa: S608
        log.unregister("incoming")
        carried += chunk.num_rows
        if number % CHUNKS_PER_TRANSACTION == 0:
            log.execute("COMMIT")
            log.execute("BEGIN")
    return carried


def read_chunks(
    store: Connection, table: Table, since: int, until: int, disguise: Disguise | None = None
) -> Iterator[pa.Table]:
    """Read the store's rows whose change lies in (since, until], in the order of their changes.

    Args:
        disguise: takes personal data out of them, for the shareable log.
    """
    if disguise and table.name in LEFT_OUT:
        return
    stored = [column for column in table.columns if column.name not in DERIVED]
    names = ", ".join(f'"{column.name}"' for column in stored)
    statement = text(
        f"SELECT {names} FROM {table.name} WHERE change > :since AND change <= :until ORDER BY change"  # noqa: S608
    )
    # PostgreSQL's driver would else take in all rows at once.
    options = {"stream_results": True, "max_row_buffer": CHUNK_ROWS}
    result = store.execute(statement, {"since": since, "until": until}, execution_options=options)
    for rows in result.partitions(CHUNK_ROWS):
        values: dict[str, Sequence[Any]] = dict(
            zip((column.name for column in stored), zip(*rows, strict=True), strict=True)
        )
        if disguise:
            values = disguise.hide_columns(table.name, values)
        for column in table.columns:
            if column.name in DERIVED:
                source, derive = DERIVED[column.name]
                values[column.name] = [derive(value) for value in values[source]]
        yield pa.table(
            {column.name: _build_array(column.type, values[column.name]) for column in table.columns}
        )


def _build_array(type_name: str, values: Sequence[Any]) -> pa.Array:
    if type_name == "BOOLEAN":
        return pa.array([bool(value) for value in values])
    return pa.array(values, type=ARROW_TYPES[type_name])


def _write_stamp(log: duckdb.DuckDBPyConnection, stamp: Stamp, rows: dict[str, int]) -> None:
    values = {
        "schema_version": schema.SCHEMA_VERSION,
        "generation": stamp.generation,
        "published_at": stamp.published_at,
        "timezone": stamp.timezone,
        "store_id": stamp.store_id,
        "mark": stamp.mark,
        "edition": "shareable" if stamp.disguise else "complete",
        "disguise": stamp.disguise.name if stamp.disguise else None,
        **{f"{name}_rows": count for name, count in rows.items()},
    }
    marks = ", ".join("?" for _ in values)
    log.execute("DELETE FROM log_info")
    log.execute(f"INSERT INTO log_info ({', '.join(values)}) VALUES ({marks})", list(values.values()))  # noqa: S608
