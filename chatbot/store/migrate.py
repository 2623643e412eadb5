"""Brings a store up to the newest schema, by numbered steps that Alembic records in it."""

from __future__ import annotations

import uuid
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from chatbot.errors import StoreUnavailable

HEAD = "0005"
# Any number will do that nobody else locks by in the same database.
ADVISORY_LOCK = 0x67756963


def migrate_file(engine: Engine, path: Path) -> None:
    """Apply the steps that an SQLite store lacks; one process at a time.

    Raises:
        StoreUnavailable: the store was written by a newer version.
    """
    with engine.begin() as connection:
        if read_revision(connection) == HEAD:
            return
    # Chat service, admin and commands may all start at once on a new folder.
    with FileLock(path.with_suffix(".migrate.lock")), engine.begin() as connection:
        _bring_up(connection, f"store {path}")


def migrate_server(engine: Engine, name: str) -> None:
    """Apply the steps that a PostgreSQL store lacks; one process at a time, on whatever machine.

    Raises:
        StoreUnavailable: the store was written by a newer version.
    """
    with engine.begin() as connection:
        if read_revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
        _bring_up(connection, f"store {name}")


def read_revision(connection: Connection) -> str | None:
    """Give the number of the last step that was applied; None in an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _bring_up(connection: Connection, name: str) -> None:
    revision = read_revision(connection)
    if revision == HEAD:
        return
    if revision and revision > HEAD:
        raise StoreUnavailable(
            f"The {name} has schema {revision}, newer than this version's {HEAD}. Use the version that wrote it."
        )
    _upgrade(connection)
    if revision is None:
        connection.execute(
            text("INSERT INTO meta (name, value) VALUES ('store_id', :id)"), {"id": str(uuid.uuid4())}
        )
        connection.execute(text("INSERT INTO change_counter (id, value) VALUES (1, 0)"))


def _upgrade(connection: Connection) -> None:
    # Imported here: it costs 0.2 s, and is needed once per version.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
