"""Change numbers: every published row carries the number of the change that wrote it.

In SQLite one transaction writes at a time, and the number is a counter taken inside it: whoever sees one sees all below
it. In PostgreSQL many write at once and end in any order: the number is the transaction's own id, and rows are carried
only up to the oldest transaction that is still under way, so that none is skipped that ends late.

`change_counter` holds the counter, or in PostgreSQL what is added to the ids: a database that was brought back from a
dump lives under another server's ids, which may be lower than those its rows bear.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, func, select, text, update

from chatbot.store.schema import PUBLISHED, change_counter, meta, tombstones

# What `postgresql` keeps of a transaction under way in its connection's `info`.
CHANGE = "guichet_change"

_TAKE = text("UPDATE change_counter SET value = value + :count RETURNING value")
_SETTLED = text(
    "SELECT value + CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint) - 1 FROM change_counter"
)
_HIGHEST = text(
    "SELECT value + CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint) - 1 FROM change_counter"
)
_DATABASE = text("SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()")


def take_change(connection: Connection, count: int = 1) -> int:
    """Take the next number, or `count` numbers of which the last is given; in PostgreSQL all are one.

    Taken inside the writing transaction, a number is never seen before all that lie below it.
    """
    if _is_postgresql(connection):
        return int(connection.info[CHANGE])
    return int(connection.execute(_TAKE, {"count": count}).scalar_one())


def read_counter(connection: Connection) -> int:
    """Give the number up to which all changes are over and seen by this transaction."""
    statement = _SETTLED if _is_postgresql(connection) else select(change_counter.c.value)
    return int(connection.execute(statement).scalar_one())


def read_highest(connection: Connection) -> int:
    """Give the number above which no row this transaction sees can lie."""
    statement = _HIGHEST if _is_postgresql(connection) else select(change_counter.c.value)
    return int(connection.execute(statement).scalar_one())


def read_last(connection: Connection, until: int) -> int:
    """Give the highest number up to `until` that a row bears: a mark that outlives a crash of the server.

    A crashed server gives ids anew that it had given to transactions which left nothing; a row's is not among them.
    """
    if not _is_postgresql(connection):
        return until
    columns = [table.c.change for table in (*PUBLISHED, tombstones)]
    found = [connection.execute(select(func.max(c)).where(c <= until)).scalar_one() for c in columns]
    return max((int(change) for change in found if change is not None), default=0)


def has_changes(connection: Connection, since: int, until: int) -> bool:
    """Tell whether a published row changed in (since, until]."""
    if not _is_postgresql(connection):
        return since != until
    # Transaction ids grow by whatever is written, in the server's other databases too.
    return any(
        connection.execute(
            select(table.c.change).where(table.c.change > since, table.c.change <= until).limit(1)
        ).first()
        for table in PUBLISHED
    )


def read_store_id(connection: Connection) -> str:
    """Give the id of this store; a restored store has a new one."""
    return str(connection.execute(select(meta.c.value).where(meta.c.name == "store_id")).scalar_one())


def recognize_database(connection: Connection) -> bool:
    """Make a PostgreSQL store that was brought back from a dump one of its own: a new id, numbers above all it bears.

    Returns:
        False where it is the database that it always was.
    """
    database = str(connection.execute(_DATABASE).scalar_one())
    known = select(meta.c.value).where(meta.c.name == "database")
    last = max(_read_last(connection, table.name) for table in (*PUBLISHED, tombstones))
    change = take_change(connection)
    if connection.execute(known).scalar_one_or_none() == database and last <= change:
        return False
    # Locked: of two replicas that start at once the second finds the work done.
    counter = connection.execute(select(change_counter.c.value).with_for_update()).scalar_one()
    if connection.execute(known).scalar_one_or_none() == database and last <= change:
        return False
    connection.execute(update(change_counter).values(value=counter + max(0, last - change + 1)))
    connection.execute(meta.delete().where(meta.c.name.in_(("database", "store_id"))))
    connection.execute(
        meta.insert(),
        [{"name": "database", "value": database}, {"name": "store_id", "value": str(uuid.uuid4())}],
    )
    return True


def _read_last(connection: Connection, table: str) -> int:
    return int(connection.execute(text(f"SELECT coalesce(max(change), 0) FROM {table}")).scalar_one())  # noqa: S608


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
