"""The server of `STORE_URL`: what it refuses is told in one line with its remedy, and never with the password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import psycopg
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from chatbot.errors import StoreUnavailable
from chatbot.store import server as server_module
from chatbot.store.changes import read_store_id
from chatbot.store.engine import Store
from chatbot.store.server import name_database, translate_error
from tests.chatbot.store.rows import add, list_names
from tests.postgres_server import PostgresServer

SECRET = "hush-hush"


@dataclass(frozen=True, slots=True)
class Guest:
    """A role of the server with a database."""

    server: PostgresServer
    role: str
    database: str

    def locate(self, options: str = "") -> str:
        """Give the address of the database, for the role."""
        return f"postgresql://{self.role}@127.0.0.1:{self.server.port}/{self.database}{options}"

    def alter(self, setting: str) -> None:
        """Change a setting of the role's."""
        self.server.execute(f"ALTER ROLE {self.role} {setting}")


@pytest.fixture
def guest(postgres_server: PostgresServer) -> Iterator[Guest]:
    """Give a role that owns a database, and nothing else."""
    url = postgres_server.create_database()
    database = url.rpartition("/")[2]
    guest = Guest(postgres_server, f"guest_{database}", database)
    postgres_server.execute(f"CREATE ROLE {guest.role} LOGIN")
    postgres_server.execute(f"ALTER DATABASE {database} OWNER TO {guest.role}")
    yield guest
    postgres_server.drop_database(url)
    postgres_server.execute(f"DROP ROLE {guest.role}")


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://nobody:{SECRET}@127.0.0.1:1/guichet",
        f"postgresql://127.0.0.1:port/guichet?password={SECRET}",
    ],
)
def test_server_that_does_not_answer_is_named_without_the_password(url: str) -> None:
    """The message names the setting and the database, and no secret."""
    with pytest.raises(StoreUnavailable, match="STORE_URL") as error:
        Store(url)
    assert SECRET not in str(error.value) + str(error.value.__cause__)


@pytest.mark.parametrize("password", [f"x@{SECRET}", f"{SECRET}@x/y", f"{SECRET}/x", f"{SECRET}%zz"])
def test_password_that_is_not_encoded_is_not_shown(password: str) -> None:
    """A password that would be taken for host, port or database is refused, with how to write it."""
    with pytest.raises(StoreUnavailable, match="%40") as error:
        Store(f"postgresql://app:{password}@127.0.0.1:1/guichet")
    assert SECRET not in str(error.value) and error.value.__cause__ is None


def test_database_has_a_name_for_people() -> None:
    """All hosts are named, sockets too; what is not given is libpq's default."""
    assert name_database("postgresql://u:p%40%2F@a:1,b:2/guichet") == "guichet on a,b"
    assert name_database("postgresql://u@%2Frun%2Fpostgresql/guichet") == "guichet on /run/postgresql"
    assert name_database("postgresql://") == "postgres on localhost"


def test_old_server_is_refused(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot number transactions as it is needed is named with its version."""
    monkeypatch.setattr(server_module, "OLDEST_VERSION", 990000)
    with pytest.raises(StoreUnavailable, match="Update the server"):
        Store(postgres_url)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_database_that_cannot_hold_every_text_is_refused(
    encoding: str, postgres_server: PostgresServer
) -> None:
    """Found at the start, and not with the first message that has an emoji."""
    name = f"encoded_{encoding.lower()}"
    postgres_server.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreUnavailable, match=f"{encoding}.*ENCODING 'UTF8'"):
        Store(postgres_server.locate(name))
    postgres_server.drop_database(postgres_server.locate(name))


def test_text_comes_back_whatever_the_roles_encoding_and_time_zone(guest: Guest) -> None:
    """What the role has set for its sessions does not change what is stored."""
    guest.alter("SET client_encoding = 'LATIN1'")
    guest.alter("SET timezone = 'Asia/Kolkata'")
    with closing(Store(guest.locate())) as store:
        assert store.write(add, "🫖 日本") == "🫖 日本"
        assert "🫖 日本" in store.read(list_names)


def test_roles_time_limits_cut_nothing_off(guest: Guest) -> None:
    """A statement or a wait for a lock that takes long by right comes to its end."""
    guest.alter("SET statement_timeout = '100ms'")
    guest.alter("SET lock_timeout = '100ms'")

    def work(connection: Connection) -> str:
        connection.exec_driver_sql("SELECT pg_sleep(0.2)")
        query = "SELECT current_setting('statement_timeout') || current_setting('lock_timeout')"
        return str(connection.exec_driver_sql(query).scalar_one())

    with closing(Store(guest.locate())) as store:
        assert store.write(work) == store.read(work) == "00"


def test_read_only_role_is_told_apart_from_a_server_that_is_gone(guest: Guest) -> None:
    """What forbids writing is named."""
    guest.alter("SET default_transaction_read_only = on")
    with pytest.raises(StoreUnavailable, match=r"read-only.*RESET default_transaction_read_only"):
        Store(guest.locate())


def test_missing_rights_name_their_remedy(guest: Guest) -> None:
    """Who may not make tables is told what to grant, in one line and without the statement."""
    guest.server.execute(f"ALTER DATABASE {guest.database} OWNER TO postgres")
    guest.server.execute("REVOKE CREATE ON SCHEMA public FROM public", guest.database)
    with pytest.raises(StoreUnavailable, match=r"permission denied.*GRANT") as error:
        Store(guest.locate())
    assert "CREATE TABLE" not in str(error.value) and "\n" not in str(error.value)


def test_store_lives_in_the_schema_of_the_address(guest: Guest) -> None:
    """Another schema than public holds a store of its own; one that is not there is asked for."""
    bot = guest.locate("?options=-csearch_path%3Dbot")
    with pytest.raises(StoreUnavailable, match="CREATE SCHEMA"):
        Store(bot)
    guest.server.execute(f"CREATE SCHEMA bot AUTHORIZATION {guest.role}", guest.database)
    with closing(Store(bot)) as store, closing(Store(guest.locate())) as other:
        assert store.read(read_store_id) != other.read(read_store_id)
        store.write(add, "mine")
        store.vacuum()
        assert "mine" not in other.read(list_names)


def test_server_out_of_connections_says_how_many_it_takes(guest: Guest) -> None:
    """The remedy names the number."""
    guest.alter("CONNECTION LIMIT 0")
    with pytest.raises(StoreUnavailable, match=r"max_connections.*24"):
        Store(guest.locate())


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('FATAL:  password authentication failed for user "app"', "%40"),
        ("fe_sendauth: no password supplied", "%40"),
        ('FATAL:  database "guichet" does not exist', "CREATE DATABASE"),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', "Let this machine in"),
        ("server does not support SSL, but SSL was required", "sslmode"),
        ("connection refused", "Check STORE_URL and the server"),
    ],
)
def test_what_a_server_says_while_connecting_has_a_remedy(said: str, remedy: str) -> None:
    """Each common fault of an address has one of its own."""
    error = OperationalError("connect", {}, psycopg.OperationalError(f"connection failed: {said}\n"))
    assert remedy in str(translate_error(error, "guichet on db"))
