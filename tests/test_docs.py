"""What the documentation says is what the product does."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from chatbot.cli import build_parser
from chatbot.log.sample import write_sample_file
from chatbot.settings import Settings
from tests.conftest import ROOT

LINE = re.compile(r"^#?([A-Z][A-Z0-9_]+)=(.*)$")


def read_example() -> dict[str, str]:
    """Give the variables of `.env.example` with their values."""
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return {match[1]: match[2] for line in lines if (match := LINE.match(line))}


def read_code(page: str, language: str) -> list[str]:
    """Give the code blocks of a page that are in a language."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_example_names_every_setting_in_order() -> None:
    """`.env.example` has every setting once, and nothing else."""
    assert list(read_example()) == [name.upper() for name in Settings.model_fields]


def test_example_gives_every_default() -> None:
    """What `.env.example` shows is what holds without it."""
    shown = {name: value for name, value in read_example().items() if value}
    defaults = {
        name.upper(): field.default
        for name, field in Settings.model_fields.items()
        if field.default not in (None, "")
    }
    assert shown == {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in defaults.items()
    }


def test_every_command_is_documented() -> None:
    """`docs/commands.md` names every command and every option of it."""
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    pending: list[argparse.ArgumentParser] = [build_parser()]
    words = set()
    while pending:
        for action in pending.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                words |= set(action.choices)
                pending += action.choices.values()
            words |= {option for option in action.option_strings if option not in ("-h", "--help")}
    assert [word for word in sorted(words) if not re.search(rf"(?<![\w-]){word}(?![\w-])", text)] == []


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a published log with a few hundred messages."""
    path = tmp_path_factory.mktemp("log") / "log.duckdb"
    write_sample_file(path, messages=400, days=10, seed=1, now=datetime(2025, 3, 1, tzinfo=UTC))
    return path


def test_questions_of_the_log_page_have_answers(log: Path) -> None:
    """Every statement in `docs/log.md` runs on a published log and finds something."""
    statements = [
        statement
        for block in read_code("log.md", "sql")
        for statement in re.sub(r"--.*", "", block).split(";")
        if statement.strip()
    ]
    assert len(statements) >= 5
    with duckdb.connect(log, read_only=True) as connection:
        for statement in statements:
            assert connection.execute(statement).fetchall(), statement


def test_log_page_names_every_table_and_view(log: Path) -> None:
    """`docs/log.md` lists what there is in the log."""
    text = (ROOT / "docs" / "log.md").read_text(encoding="utf-8")
    with duckdb.connect(log, read_only=True) as connection:
        names = [
            row[0]
            for row in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
        ]
    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in text] == []


ZONES = ("UTC", "Europe/Paris", "America/St_Johns", "Asia/Kolkata")


def test_queries_give_the_same_under_any_time_zone(log: Path) -> None:
    """Each query of `docs/queries.md` runs, finds something, and reads the same moments and figures everywhere."""
    queries = read_code("queries.md", "sql")
    assert len(queries) >= 12
    for query in queries:
        results = [read_instants(log, query, zone) for zone in ZONES]
        assert results[0], query
        assert all(result == results[0] for result in results), query


def test_figures_of_the_queries_add_up(log: Path) -> None:
    """Days, hours, waves and channels count every question or answer of the log, once."""
    counted: dict[str, int] = {}
    for query in read_code("queries.md", "sql"):
        with duckdb.connect(log, read_only=True) as connection:
            frame = connection.execute(query)
            names = [column[0] for column in frame.description or ()]
            rows = frame.fetchall()
        for name in ("questions", "answers", "testers"):
            if name in names:
                counted[f"{names[0]}: {name}"] = int(sum(row[names.index(name)] for row in rows))
    with duckdb.connect(log, read_only=True) as connection:
        totals = connection.execute(
            "SELECT count(*) FILTER (WHERE origin = 'user'), count(*) FILTER (WHERE origin = 'bot'), "
            "count(DISTINCT tester) FROM message_details"
        ).fetchall()[0]
    questions, answers, testers = totals
    assert {counted[f"{name}: questions"] for name in ("day", "hour_of_day", "wave")} == {questions}
    assert {counted[f"{name}: answers"] for name in ("week", "assistant", "day")} == {answers}
    assert counted["days: testers"] == testers


def read_instants(log: Path, query: str, zone: str) -> list[tuple[object, ...]]:
    """Read a query's rows in a session's zone, times as UTC."""
    with duckdb.connect(log, read_only=True) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        rows = connection.execute(query).fetchall()
    return [
        tuple(value.astimezone(UTC) if isinstance(value, datetime) else value for value in row)
        for row in rows
    ]
