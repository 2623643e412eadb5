"""Proves that store and published log hold what they must."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from sqlalchemy import Connection

from chatbot.errors import LogUnavailable, StorageFull
from chatbot.log import schema
from chatbot.log.carry import Snapshot, Stamp, read_chunks, take_snapshot, write_file
from chatbot.log.check import Checker, Head
from chatbot.log.disguise import Disguise, build_disguise
from chatbot.log.edition import is_full
from chatbot.log.exports import find_erased
from chatbot.log.generations import COMPLETE, SHAREABLE, Generations, Layout, read_notes
from chatbot.log.schema import Table
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.integrity import Fault, find_faults
from chatbot.store.schema import EPOCH

DRAFT = ".verify-"
# A file of the check that is older was left by one that was killed.
LONGEST_CHECK_S = 24 * 3600
REMEDY = "Run `python -m chatbot publish --rebuild` to have it built anew."
# Rows that somebody deleted past the service are in the log alone.
LAST_COPY = "If the store has lost them, save the log first (`cp -L`)."

# What one side has and the other has not, or otherwise.
DEFINITIONS = """
WITH defined AS (
    SELECT database_name, table_name || '.' || column_name AS name, concat_ws(' ', data_type, comment) AS definition
    FROM duckdb_columns() WHERE NOT internal
    UNION ALL
    SELECT database_name, view_name, concat_ws(' ', sql, comment) FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT database_name, table_name, comment FROM duckdb_tables() WHERE NOT internal
)
SELECT DISTINCT name FROM (
    (SELECT name, definition FROM defined WHERE database_name = 'expected'
     EXCEPT SELECT name, definition FROM defined WHERE database_name = 'published')
    UNION ALL
    (SELECT name, definition FROM defined WHERE database_name = 'published'
     EXCEPT SELECT name, definition FROM defined WHERE database_name = 'expected')
) ORDER BY name
"""


def verify(store: Store, data_dir: Path, *, is_shareable: bool = False) -> list[Fault]:
    """Check the store's rules, and that the published log equals the store up to its mark.

    The store is read once more into a file of its own, under `private/`, for the length of the check.

    Args:
        is_shareable: the edition without personal data is published too: it has to be the store's rows, disguised.

    Returns:
        Every fault; empty where all holds. A log that was never published is none.

    Raises:
        StoreUnavailable: the store cannot be read.
        StorageFull: there is no room for the check's own file.
        LogUnavailable: that file cannot be made.
    """
    faults = store.read(find_faults)
    if any(fault.code == "damaged_store" for fault in faults):
        # Nothing can be compared with it.
        return faults
    faults += _check_edition(store, data_dir, COMPLETE, None)
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
    # The link before the notes: a publisher notes its file first, and moves the link then.
    number = generations.find_current()
    generations.notes = read_notes(data_dir, layout)
    if number is None:
        is_new = not (
            generations.notes.fingerprints or generations.list_numbers() or os.path.lexists(generations.link)
        )
        message = f"{generations.link} does not lead to a generation. {REMEDY}"
        return [] if is_new else [Fault("log_missing", message)]
    faults = [
        Fault(
            "store_lost_rows",
            f"{layout.folder}/{ahead}.duckdb holds what the store has lost. Save what you need, then remove it.",
        )
        for ahead in generations.notes.ahead
        if generations.locate(ahead).exists()
    ]
    return faults + _check_file(store, generations, number, disguise)


def _check_file(
    store: Store, generations: Generations, number: int, disguise: Disguise | None
) -> list[Fault]:
    path = generations.locate(number)
    name = f"{path.parent.name}/{path.name}"
    if not generations.is_untouched(number):
        return [Fault("log_touched", f"{name} is not as it was published. {REMEDY}")]
    checker = Checker()
    try:
        head = checker.read_head(path)
    except LogUnavailable as error:
        return [Fault("log_damaged", f"{name} cannot be read: {error}. {REMEDY}")]
    finally:
        checker.close()
    with _make_folder(generations.data_dir / "private") as folder:
        return store.read(_compare, path, head, folder / "expected.duckdb", disguise)


@contextmanager
def _make_folder(private_dir: Path) -> Iterator[Path]:
    """Give a folder for the check's own file, and tell what went wrong with it in our own words."""
    for left in private_dir.glob(f"{DRAFT}*"):
        # Of one that was killed, unless it is still at work.
        if time.time() - left.stat().st_mtime > LONGEST_CHECK_S:
            shutil.rmtree(left, ignore_errors=True)
    try:
        with tempfile.TemporaryDirectory(prefix=DRAFT, dir=private_dir) as folder:
            yield Path(folder)
    except (duckdb.Error, OSError) as error:
        if is_full(error):
            raise StorageFull(
                f"The disk is full: the log was not verified. Free some space in {private_dir}."
            ) from error
        raise LogUnavailable(
            f"The log was not verified: {error}. Check the rights of {private_dir}."
        ) from error


def _compare(
    store: Connection, path: Path, head: Head, expected: Path, disguise: Disguise | None
) -> list[Fault]:
    snapshot = take_snapshot(store)
    faults = _check_mark(head, snapshot, disguise)
    if faults:
        return faults
    with duckdb.connect(":memory:") as both:
        # Before the long work: meanwhile the publisher may unlink it.
        both.execute(f"ATTACH {schema.quote(str(path))} AS published (READ_ONLY)")
        stamp = Stamp(head.generation, EPOCH, head.timezone, head.store_id, head.mark, disguise)
        write_file(store, expected, stamp, 0, is_copy=False)
        both.execute(f"ATTACH {schema.quote(str(expected))} AS expected (READ_ONLY)")
        try:
            return [
                *_compare_definitions(both),
                *(
                    fault
                    for table in schema.TABLES
                    for fault in _compare_table(store, both, table, head.mark, snapshot)
                ),
                *_compare_counts(both, head),
            ]
        except duckdb.Error as error:
            if is_full(error):
                raise
            # What the head does not show: blocks that rotted, a table that somebody took away.
            return [Fault("log_damaged", f"{path.parent.name}/{path.name} cannot be read: {error}. {REMEDY}")]


def _compare_definitions(both: duckdb.DuckDBPyConnection) -> list[Fault]:
    """Compare the columns of tables and views with their comments, and what the views are made of."""
    names = both.execute(DEFINITIONS).fetchall()
    return [Fault("log_schema", f"{name} is not defined as this version does. {REMEDY}") for (name,) in names]


def _compare_counts(both: duckdb.DuckDBPyConnection, head: Head) -> list[Fault]:
    faults = []
    for table in schema.TABLES:
        found = both.execute(f"SELECT count(*) FROM published.{table.name}").fetchall()[0][0]  # noqa: S608
        if found != head.rows.get(table.name):
            said = head.rows.get(table.name)
            faults.append(
                Fault("log_counts", f"{table.name}: log_info says {said} rows, {found} are there. {REMEDY}")
            )
    return faults


def _check_mark(head: Head, snapshot: Snapshot, disguise: Disguise | None) -> list[Fault]:
    if head.schema_version != schema.SCHEMA_VERSION:
        return [
            Fault(
                "log_schema",
                f"The log has schema {head.schema_version}, this version {schema.SCHEMA_VERSION}. {REMEDY}",
            )
        ]
    if head.store_id != snapshot.store_id:
        return [Fault("log_of_another_store", f"The log was published from store {head.store_id}. {REMEDY}")]
    if head.disguise != (disguise.name if disguise else None):
        message = f"The log was disguised by {head.disguise}, not by the rules and salt in force. {REMEDY}"
        return [Fault("log_of_another_disguise", message)]
    if head.mark > snapshot.last_change:
        return [
            Fault(
                "log_ahead",
                f"The log's mark {head.mark} lies above the store's {snapshot.last_change}: the store has lost "
                "rows. Publishing keeps this generation, to save rows from.",
            )
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
            Fault("log_lacks_rows", f"{table.name}: {missing} rows of the store are not in the log. {REMEDY}")
        )
    if extra:
        faults.append(
            Fault(
                "log_has_other_rows", f"{table.name}: {extra} rows of the log are not in the store. {REMEDY}"
            )
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
