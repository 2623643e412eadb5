"""The store's schema: numbered steps lead to the tables that the code knows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect

from chatbot.errors import StoreUnavailable
from chatbot.store import migrate
from chatbot.store.engine import Store
from chatbot.store.schema import metadata


def read_scripts() -> ScriptDirectory:
    """Give the steps."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config)


def describe(connection: Connection) -> dict[str, object]:
    """Give every table's columns, keys, indexes and constraints as the database knows them."""
    found = inspect(connection)
    return {
        table: (
            [
                (column["name"], str(column["type"]), column["nullable"])
                for column in found.get_columns(table)
            ],
            found.get_pk_constraint(table)["constrained_columns"],
            sorted(str(sorted(index.items(), key=str)) for index in found.get_indexes(table)),
            sorted(str(sorted(key.items(), key=str)) for key in found.get_foreign_keys(table)),
            sorted(str(sorted(key.items(), key=str)) for key in found.get_unique_constraints(table)),
        )
        for table in sorted(found.get_table_names())
        if table != "alembic_version"
    }


def test_steps_lead_to_the_tables_of_the_code(
    store: Store, place: Path | str, request: pytest.FixtureRequest
) -> None:
    """A store made by the steps has exactly the tables, columns, keys and indexes that `schema` names."""
    if isinstance(place, str):
        url = request.getfixturevalue("postgres_server").create_database()
        engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    else:
        engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        expected = describe(connection)
    engine.dispose()
    assert store.read(describe) == expected


def test_alembic_finds_nothing_to_do(store: Store) -> None:
    """Alembic's own comparison of store and code is empty."""
    context = store.read(
        lambda connection: compare_metadata(MigrationContext.configure(connection), metadata)
    )
    assert context == []


def test_head_is_the_newest_step() -> None:
    """The version that the code asks for is the last of the steps, which form one line."""
    scripts = read_scripts()
    assert scripts.get_heads() == [migrate.HEAD]
    assert len(scripts.get_bases()) == 1


def test_steps_are_numbered_in_their_order() -> None:
    """Versions are compared as words: numbers of four digits, counted up, in the names of their files too."""
    steps = [step.revision for step in reversed(list(read_scripts().walk_revisions()))]
    assert steps == [f"{number:04}" for number in range(1, len(steps) + 1)]
    files = sorted((Path(migrate.__file__).parent / "migrations" / "versions").glob("*.py"))
    assert [file.name[:4] for file in files] == steps


def test_store_records_its_version(store: Store) -> None:
    """The version stands in the store itself."""
    query = "SELECT version_num FROM alembic_version"
    assert store.read(lambda connection: connection.exec_driver_sql(query).scalar()) == migrate.HEAD


def test_newer_store_is_refused(store: Store, place: Path | str) -> None:
    """A store of a newer version is not touched, and the message names both versions."""
    store.write(
        lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    )
    with pytest.raises(StoreUnavailable, match=rf"9999.*{migrate.HEAD}"):
        Store(place)


def test_opening_again_changes_nothing(store: Store, place: Path | str) -> None:
    """What is in the store stays when it is opened again."""
    store.write(lambda connection: connection.exec_driver_sql("INSERT INTO meta VALUES ('a', 'b')"))
    query = "SELECT name, value FROM meta ORDER BY name"
    before = store.read(lambda connection: connection.exec_driver_sql(query).all())
    again = Store(place)
    assert again.read(lambda connection: connection.exec_driver_sql(query).all()) == before
    again.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_many_processes_may_start_on_a_new_store(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Service, admin and command that start at the same time on an empty folder or database find one store."""
    path: Path | str = tmp_path / "private" / "guichet.db"
    if engine == "postgresql":
        path = request.getfixturevalue("postgres_server").create_database()
    program = (
        "import sys; from pathlib import Path\n"
        "from chatbot.store import changes; from chatbot.store.engine import Store\n"
        "place = sys.argv[1]; store = Store(place if '://' in place else Path(place))\n"
        "print(store.read(changes.read_store_id)); store.close()"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    ids = {start.communicate(timeout=60)[0].strip() for start in starts}
    assert [start.returncode for start in starts] == [0] * 4
    assert len(ids) == 1
