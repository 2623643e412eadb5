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
from chatbot.log.disguise import Disguise, build_disguise
from chatbot.log.exports import find_erased
from chatbot.log.generations import COMPLETE, SHAREABLE, Generations, Layout, read_notes
from chatbot.log.schema import Table
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import Fault, find_faults
from chatbot.store.schema import EPOCH


def verify(store: Store, data_dir: Path, *, is_shareable: bool = False) -> list[Fault]:
    """Check the store's rules, and that the published log equals the store up to its mark.

    The store is read once more into a file of its own, under `private/`, for the length of the check.

    Args:
        is_shareable: the edition without personal data is published too: it has to be the store's rows, disguised.

    Returns:
        Every fault; empty where all holds. A log that was never published is none.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    faults = store.read(find_faults) + _check_edition(store, data_dir, COMPLETE, None)
    disguise = build_disguise(data_dir / "private") if is_shareable else None
    if disguise:
        faults += _check_edition(store, data_dir, SHAREABLE, disguise)
    elif (data_dir / SHAREABLE.link).is_symlink():
        message = f"{SHAREABLE.link} stands, and SHAREABLE_LOG is not set: it is not kept. Publish to have it removed."
        faults.append(Fault("shareable_left", message))
    return faults + store.read(_check_exports, data_dir)


def _check_exports(store: Connection, data_dir: Path) -> list[Fault]:
    if take_snapshot(store).last_erasure > _read_mark(store, data_dir):
        # The publication that takes the erasure through the files has yet to come.
        return []
    return [
        Fault(
            "export_holds_erased",
            f"{path.name} holds threads that were erased. Publish to have them removed.",
        )
        for path in find_erased(store, data_dir)
    ]


def _read_mark(store: Connection, data_dir: Path) -> int:
    """Give the change of the last erasure that was carried through the files."""
    store_id, change = read_notes(data_dir).erasure
    return change if store_id == read_store_id(store) else 0


def _check_edition(store: Store, data_dir: Path, layout: Layout, disguise: Disguise | None) -> list[Fault]:
    generations = Generations(data_dir, layout)
    generations.notes = read_notes(data_dir, layout)
    number = generations.find_current()
    if number is None:
        is_new = not generations.notes.fingerprints and not generations.link.exists()
        return [] if is_new else [Fault("log_missing", f"{generations.link} does not lead to a generation.")]
    path = generations.locate(number)
    if not generations.is_untouched(number):
        message = f"{path.parent.name}/{path.name} is not as it was published; the publisher builds it anew."
        return [Fault("log_touched", message)]
    checker = Checker()
    try:
        head = checker.read_head(path)
    except LogUnavailable as error:
        return [Fault("log_damaged", f"{path.parent.name}/{path.name} cannot be read: {error}")]
    finally:
        checker.close()
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=data_dir / "private") as folder:
        return store.read(_compare, path, head, Path(folder) / "expected.duckdb", disguise)


def _compare(
    store: Connection, path: Path, head: Head, expected: Path, disguise: Disguise | None
) -> list[Fault]:
    snapshot = take_snapshot(store)
    faults = _check_mark(head, snapshot, disguise)
    if faults:
        return faults
    stamp = Stamp(head.generation, EPOCH, head.timezone, head.store_id, head.mark, disguise)
    write_file(store, expected, stamp, 0, is_copy=False)
    with duckdb.connect(":memory:") as both:
        both.execute(f"ATTACH {schema.quote(str(expected))} AS expected (READ_ONLY)")
        both.execute(f"ATTACH {schema.quote(str(path))} AS published (READ_ONLY)")
        return [
            fault
            for table in schema.TABLES
            for fault in _compare_table(store, both, table, head.mark, snapshot)
        ]


def _check_mark(head: Head, snapshot: Snapshot, disguise: Disguise | None) -> list[Fault]:
    if head.schema_version != schema.SCHEMA_VERSION:
        return [
            Fault("log_schema", f"The log has schema {head.schema_version}; this is {schema.SCHEMA_VERSION}.")
        ]
    if head.store_id != snapshot.store_id:
        return [Fault("log_of_another_store", f"The log was published from store {head.store_id}.")]
    if head.disguise != (disguise.name if disguise else None):
        message = f"The log was disguised by {head.disguise}, not by the rules and salt in force."
        return [Fault("log_of_another_disguise", message)]
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
