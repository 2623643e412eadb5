"""The PostgreSQL server that `STORE_URL` names: its address, what is asked of a connection, what its refusals mean."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chatbot.errors import StorageFull, StoreUnavailable

OLDEST_VERSION = 130000
ENCODING = "UTF8"
DISK_FULL = "53100"
# Connection exceptions, shut-downs and starts, too many clients.
LOST_CLASSES = ("08", "57P", "53300")

# What libpq is told where the address says nothing else: a server that vanished is noticed within seconds.
CONNECTION: dict[str, str | int] = {
    "application_name": "guichet",
    "client_encoding": ENCODING,
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15000,
    # Of several hosts the one that can be written to, whichever it is after a fail-over.
    "target_session_attrs": "read-write",
}
SESSION = (
    # A role's own limits would cut off what takes long by right: a migration, the log built from the store, a lock.
    "SELECT set_config(name, '0', false) FROM pg_settings WHERE setting <> '0' AND name IN "
    "('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_session_timeout') UNION ALL "
    # A replica that vanished holds its locks no longer than this.
    "SELECT set_config('idle_in_transaction_session_timeout', '60s', false) UNION ALL "
    "SELECT set_config('tcp_keepalives_idle', '10', false) UNION ALL "
    "SELECT set_config('tcp_keepalives_interval', '5', false) UNION ALL "
    "SELECT set_config('tcp_keepalives_count', '3', false) UNION ALL "
    # What was acknowledged is on the disk, whatever the server's default.
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
)

FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
SPELLING = (
    "In user, password and options @ : / ? # % = and a space are written %40 %3A %2F %3F %23 %25 %3D %20."
)
# By the letters of PostgreSQL's error; where connecting failed there are none, and what the server says is in English.
REMEDIES = {
    "42501": "Make its user the owner of the database, or GRANT him CREATE and USAGE on the schema",
    "3F000": "Create the schema that search_path names (CREATE SCHEMA … AUTHORIZATION …)",
    "25006": "Name the server that can be written to, or ALTER ROLE … RESET default_transaction_read_only",
    "session is read-only": "Name the server that can be written to, or ALTER ROLE … RESET "
    "default_transaction_read_only",
    "password": f"Check user and password in STORE_URL. {SPELLING[:-1]}",
    "database .* does not exist": "Create it: CREATE DATABASE … OWNER … ENCODING 'UTF8' TEMPLATE template0",
    "role .* does not exist": "Create it: CREATE ROLE … LOGIN PASSWORD …",
    "pg_hba.conf": "Let this machine in by the server's pg_hba.conf",
    "SSL|sslmode|certificate": "Check sslmode and sslrootcert in STORE_URL, and the server's certificate",
    "too many clients|connection slots|too many connections": "Raise max_connections or the role's CONNECTION "
    "LIMIT: a process takes up to 24",
}
UNREACHABLE = "Check STORE_URL and the server"


def check_address(address: str) -> None:
    """Refuse an address that libpq would take apart otherwise than it is meant: parts of a password would be shown.

    Raises:
        StoreUnavailable: an @ stands elsewhere than before the host, or libpq cannot read it.
    """
    place = address.partition("://")[2].partition("?")[0]
    is_ambiguous = place.count("@") > 1 or "@" in place.partition("/")[2]
    try:
        conninfo_to_dict(address)
    except psycopg.Error:
        is_ambiguous = True
    if is_ambiguous:
        # The driver's own words would tell the address, and the password with it.
        raise StoreUnavailable(
            f"STORE_URL is no address of a PostgreSQL database: {FORM}. {SPELLING}"
        ) from None


def name_database(address: str) -> str:
    """Name a database for people, without the password."""
    check_address(address)
    parts = conninfo_to_dict(address)
    hosts = str(parts.get("host") or "localhost")
    return f"{parts.get('dbname') or parts.get('user') or 'postgres'} on {hosts}"


def complete_address(address: str) -> str:
    """Add to an address what it leaves open."""
    given = conninfo_to_dict(address)
    return make_conninfo(address, **{name: value for name, value in CONNECTION.items() if name not in given})


def connect(address: str, name: str) -> psycopg.Connection[Any]:
    """Open a connection whose transactions are begun and ended by the caller.

    Raises:
        StoreUnavailable: the server is too old, or its database cannot hold every text.
    """
    # The driver's own transactions know neither isolation nor who only reads.
    connection = psycopg.connect(address, autocommit=True)
    encoding = connection.info.parameter_status("server_encoding")
    version = connection.info.server_version
    if encoding != ENCODING or version < OLDEST_VERSION:
        connection.close()
        raise StoreUnavailable(_say_unfit(name, str(encoding), version))
    connection.execute(SESSION)
    return connection


def _say_unfit(name: str, encoding: str, version: int) -> str:
    if version < OLDEST_VERSION:
        return (
            f"The store {name} is on PostgreSQL {version // 10000}; 13 or newer is needed. Update the server."
        )
    return (
        f"The store {name} has the encoding {encoding}, in which not every text can be kept. "
        "Create its database anew: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0."
    )


def translate_error(error: SQLAlchemyError, name: str) -> StoreUnavailable:
    """Say in one line what a database's error means, and what to do about it."""
    state = read_state(error)
    if state == DISK_FULL:
        return StorageFull(f"The disk of the store {name} is full. Free some space; nothing was lost.")
    said = say_error(error)
    remedy = REMEDIES.get(state or "") or next(
        (found for words, found in REMEDIES.items() if state is None and re.search(words, said)), None
    )
    is_answer = remedy or not (state is None or state.startswith(LOST_CLASSES))
    fault = "cannot be used" if is_answer else "does not answer"
    return StoreUnavailable(f"The store {name} {fault}: {said}. {remedy or UNREACHABLE}.")


def read_state(error: SQLAlchemyError) -> str | None:
    """Give the five letters by which PostgreSQL names an error; None where it said nothing any more."""
    return getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None


def say_error(error: SQLAlchemyError) -> str:
    """Give what the database says, in one line, without the statement."""
    diagnosis = getattr(getattr(error, "orig", None), "diag", None)
    text = (diagnosis and diagnosis.message_primary) or str(getattr(error, "orig", None) or error)
    return " ".join(text.split()).rstrip(".?")
