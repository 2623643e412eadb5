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
