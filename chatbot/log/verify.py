"""Proves that store and published log hold what they must."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from chatbot.errors import LogUnavailable
from chatbot.log import schema
from chatbot.log.carry import Snapshot, Stamp, read_chunks, take_snapshot, write_file
from chatbot.log.check import Checker, Head
from chatbot.log.generations import Generations, read_notes
from chatbot.log.schema import Table
from chatbot.store.engine import Store
from chatbot.store.integrity import Fault, find_faults
from chatbot.store.schema import EPOCH


def verify(store: Store, data_dir: Path) -> list[Fault]:
    """Check the store's rules, and that the published log equals the store up to its mark.

    The store is read once more into a file of its own, under `private/`, for the length of the check.

    Returns:
        Every fault; empty where all holds. A log that was never published is none.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    return store.read(find_faults) + _check_log(store, data_dir)


def _check_log(store: Store, data_dir: Path) -> list[Fault]:
    generations = Generations(data_dir)
    generations.notes = read_notes(data_dir)
    number = generations.find_current()
    if number is None:
        is_new = not generations.notes.fingerprints and not generations.link.exists()
        return [] if is_new else [Fault("log_missing", f"{generations.link} does not lead to a generation.")]
    path = generations.locate(number)
    if not generations.is_untouched(number):
        return [
            Fault("log_touched", f"{path.name} is not as it was published; the publisher builds it anew.")
        ]
    checker = Checker()
    try:
        head = checker.read_head(path)
    except LogUnavailable as error:
        return [Fault("log_damaged", f"{path.name} cannot be read: {error}")]
    finally:
        checker.close()
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=data_dir / "private") as folder:
        return store.read(_compare, path, head, Path(folder) / "expected.duckdb")


def _compare(store: Connection, path: Path, head: Head, expected: Path) -> list[Fault]:
    snapshot = take_snapshot(store)
    faults = _check_mark(head, snapshot)
    if faults:
        return faults
    stamp = Stamp(head.generation, EPOCH, head.timezone, head.store_id, head.mark)
    write_file(store, expected, stamp, 0, is_copy=False)
    with duckdb.connect(":memory:") as both:
        both.execute(f"ATTACH {schema.quote(str(expected))} AS expected (READ_ONLY)")
        both.execute(f"ATTACH {schema.quote(str(path))} AS published (READ_ONLY)")
        return [
            fault
            for table in schema.TABLES
            for fault in _compare_table(store, both, table, head.mark, snapshot)
        ]


def _check_mark(head: Head, snapshot: Snapshot) -> list[Fault]:
    if head.schema_version != schema.SCHEMA_VERSION:
        return [
            Fault("log_schema", f"The log has schema {head.schema_version}; this is {schema.SCHEMA_VERSION}.")
        ]
    if head.store_id != snapshot.store_id:
        return [Fault("log_of_another_store", f"The log was published from store {head.store_id}.")]
    if head.mark > snapshot.last_change:
        return [
            Fault("log_ahead", f"The log's mark {head.mark} lies above the store's {snapshot.last_change}.")
        ]
    return []


def _compare_table(
    store: Connection, both: duckdb.DuckDBPyConnection, table: Table, mark: int, snapshot: Snapshot
) -> list[Fault]:
    keys = ", ".join(f'"{key}"' for key in table.keys)
    casts = ", ".join(f'CAST("{column.name}" AS {column.type})' for column in table.columns if column.is_key)
    both.execute(f"CREATE OR REPLACE TABLE changed AS SELECT {keys} FROM published.{table.name} LIMIT 0")  # noqa: S608
    for chunk in read_chunks(store, table, mark, snapshot.last_change):
        both.register("incoming", chunk)
        both.execute(f"INSERT INTO changed SELECT {casts} FROM incoming")  # noqa: S608
        both.unregister("incoming")
    missing = _count_difference(both, table, "expected", "published")
    # What was changed or erased in the store since is still in the log as it was.
    extra = 0 if snapshot.last_erasure > mark else _count_difference(both, table, "published", "expected")
    faults = []
    if missing:
        faults.append(
            Fault("log_lacks_rows", f"{table.name}: {missing} rows of the store are not in the log.")
        )
    if extra:
        faults.append(
            Fault("log_has_other_rows", f"{table.name}: {extra} rows of the log are not in the store.")
        )
    return faults


def _count_difference(both: duckdb.DuckDBPyConnection, table: Table, one: str, other: str) -> int:
    """Count the rows of one side, save those changed since, that the other lacks or has otherwise."""
    keys = ", ".join(f'"{key}"' for key in table.keys)
    statement = f"""
        SELECT count(*) FROM (
            SELECT {keys}, hash(t) FROM {one}.{table.name} AS t WHERE ({keys}) NOT IN (FROM changed)
            EXCEPT ALL
            SELECT {keys}, hash(t) FROM {other}.{table.name} AS t
        )
    """  # noqa: S608
    return int(both.execute(statement).fetchall()[0][0])
