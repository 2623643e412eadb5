"""Brings all that one store holds into another: from a file to a server, when one machine is no longer enough."""

from __future__ import annotations

from sqlalchemy import Connection, Table, insert, select

from chatbot.errors import UsageError
from chatbot.store.changes import take_change
from chatbot.store.engine import Store
from chatbot.store.schema import change_counter, meta, metadata, receipts

# What a store knows of itself.
OWN = frozenset({meta.name, change_counter.name, receipts.name})
ROWS_AT_ONCE = 1000


def copy_store(source: Store, target: Store) -> None:
    """Copy every row into an empty store, in one transaction: all of it is there afterwards, or nothing.

    The target keeps its id, and numbers what comes as a change of its own.

    Raises:
        UsageError: the target holds something.
        StoreUnavailable: it does not take a row.
    """
    source.read(lambda given: target.write(_copy_tables, given))


def _copy_tables(taken: Connection, given: Connection) -> None:
    tables = [table for table in metadata.sorted_tables if table.name not in OWN]
    for table in tables:
        if taken.execute(select(*table.primary_key).limit(1)).first():
            raise UsageError(
                f"The store of STORE_URL is not empty: {table.name} has rows. Stop the services, and name a new "
                "database or schema."
            )
    for table in tables:
        _copy_rows(taken, given, table)


def _copy_rows(taken: Connection, given: Connection, table: Table) -> None:
    change = {"change": take_change(taken)} if "change" in table.c else {}
    found = given.execution_options(yield_per=ROWS_AT_ONCE).execute(select(table))
    for rows in found.mappings().partitions():
        taken.execute(insert(table), [{**row, **change} for row in rows])
