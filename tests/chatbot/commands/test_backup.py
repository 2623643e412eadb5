"""The commands as an operator types them: backup, restore, the shareable log, exports by days."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from chatbot import cli
from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.chatbot.log.rows import read_log, write_conversation, write_thread, write_turn
from tests.conftest import ROOT

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
SECRET = "jane.doe@example.org"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of commands on the test's folders: exit code, stdout, stderr."""
    for name in ("data_dir", "knowledge_dir", "assistants_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def _stored(settings: Settings) -> Iterator[None]:
    """Store two threads on two days, one of them with an address in it, and close the store."""
    with closing(Store(settings.store_path)) as store:
        write_conversation(store, NOON, f"I am {SECRET}, how do I brew?")
        thread_id = write_thread(store, NOON + timedelta(days=1), tester="alpha-2")
        write_turn(store, thread_id, NOON + timedelta(days=1), "Which water?")
    return None


@pytest.mark.usefixtures("_stored")
def test_backup_and_restore(run: Run, settings: Settings, tmp_path: Path) -> None:
    """What was saved is back, published, and verified; the second backup wants a new folder."""
    folder = tmp_path / "saved"
    code, out, _ = run("backup", folder, "--json")
    assert code == 0
    assert json.loads(out)["rows"]["messages"] == 4
    assert run("backup", folder)[0] == 2
    assert run("erase", "--tester", "alpha-2")[0] == 0
    code, out, err = run("restore", folder)
    assert code == 0, err
    assert "2 threads, 4 messages" in out
    assert "1 erasures" in err
    assert read_log(settings.log_path, "SELECT tester FROM threads") == [("alpha-1",)]
    assert run("verify")[0] == 0


@pytest.mark.usefixtures("_stored")
def test_page_of_backups_is_true(run: Run, tmp_path: Path) -> None:
    """The commands of `docs/backup.md` save and bring back as they stand there, and its table names every file."""
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).replace("/backups", str(tmp_path))
    commands = re.findall(r"^python -m chatbot (.*)$", blocks, re.MULTILINE)
    assert [command.split()[0] for command in commands] == ["backup", "restore", "verify"]
    for command in commands:
        code, _, err = run(*command.split())
        assert code == 0, err
    (folder,) = tmp_path.glob("guichet-*")
    assert {path.name for path in folder.iterdir()} <= set(re.findall(r"`([\w.-]+)`", page))
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("_stored")
def test_restore_of_no_backup_is_wrong_usage(run: Run, tmp_path: Path) -> None:
    """A folder that is none of ours is wrong usage, in one line."""
    code, out, err = run("restore", tmp_path)
    assert (code, out) == (2, "")
    assert err.startswith("error: restore") and err.count("\n") == 1


@pytest.mark.usefixtures("_stored")
def test_shareable_log_is_published_verified_and_erased(
    run: Run, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With SHAREABLE_LOG every command keeps the second edition: publish, verify, erase."""
    monkeypatch.setenv("SHAREABLE_LOG", "true")
    assert run("publish")[0] == 0
    titles = "SELECT title FROM thread_summary ORDER BY created_at"
    assert read_log(settings.shareable_log_path, titles)[0] == ("I am [e-mail], how do I brew?",)
    assert run("verify")[0] == 0
    assert run("erase", "--tester", "alpha-1")[0] == 0
    assert read_log(settings.shareable_log_path, titles) == [("Which water?",)]
    assert run("verify")[0] == 0
    monkeypatch.setenv("SHAREABLE_LOG", "false")
    assert run("publish")[0] == 0
    assert not settings.shareable_log_path.is_symlink()


@pytest.mark.usefixtures("_stored")
def test_parquet_is_partitioned_by_day(run: Run, tmp_path: Path) -> None:
    """A folder has a part per day, and is replaced whole; anything else in its place is left alone."""
    folder = tmp_path / "export"
    assert run("export", "--format", "parquet", "--out", folder)[0] == 0
    assert {path.name for path in folder.iterdir()} == {"day=2025-03-01", "day=2025-03-02"}
    by_day = (
        "SELECT CAST(day AS VARCHAR), count(*), count(DISTINCT tester) "
        "FROM read_parquet(?, hive_partitioning = true) GROUP BY day ORDER BY day"
    )
    assert duckdb.execute(by_day, [f"{folder}/**/*.parquet"]).fetchall() == [
        ("2025-03-01", 2, 1),
        ("2025-03-02", 2, 1),
    ]
    assert run("export", "--format", "parquet", "--out", folder, "--from", "2025-03-02")[0] == 0
    assert {path.name for path in folder.iterdir()} == {"day=2025-03-02"}
    (folder / "notes.txt").write_text("mine")
    code, _, err = run("export", "--format", "parquet", "--out", folder)
    assert (code, "Name a new folder" in err) == (2, True)
    assert (folder / "notes.txt").exists()
    assert {path.name for path in tmp_path.iterdir() if path.name.startswith(".export")} == set()


@pytest.mark.usefixtures("_stored")
def test_parquet_without_a_row_can_be_read(run: Run, tmp_path: Path) -> None:
    """An export of days on which nobody wrote has its columns, the day too, and gives way to a later one."""
    folder = tmp_path / "export"
    assert run("export", "--format", "parquet", "--out", folder, "--from", "2027-01-01")[0] == 0
    by_day = "SELECT day, count(content) FROM read_parquet(?, hive_partitioning = true) GROUP BY day"
    assert duckdb.execute(by_day, [f"{folder}/**/*.parquet"]).fetchall() == []
    assert run("export", "--format", "parquet", "--out", folder)[0] == 0
    assert len(duckdb.execute(by_day, [f"{folder}/**/*.parquet"]).fetchall()) == 2


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("name", ["out.csv", "by-day"])
def test_export_through_a_link_leaves_the_link(name: str, run: Run, tmp_path: Path) -> None:
    """What a link points to is replaced; nothing is left beside it."""
    target, link = tmp_path / "far" / name, tmp_path / f"link-{name}"
    target.parent.mkdir()
    link.symlink_to(target)
    for _ in range(2):
        assert run("export", "--format", name.partition(".")[2] or "parquet", "--out", link)[0] == 0
    assert link.is_symlink() and target.exists() and not target.is_symlink()
    assert {path.name for path in target.parent.iterdir()} == {name}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".link")]


@pytest.mark.usefixtures("_stored")
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.parquet", "by-day"])
def test_shareable_export_holds_no_personal_data(name: str, run: Run, tmp_path: Path) -> None:
    """Every format that is a table can be disguised; without the option the text is as it was."""
    format_ = name.partition(".")[2] or "parquet"
    path = tmp_path / name
    assert run("export", "--format", format_, "--out", path)[0] == 0
    assert read_all(path).count(SECRET) == 1 and "alpha-1" in read_all(path)
    assert run("export", "--format", format_, "--out", path, "--shareable")[0] == 0
    assert SECRET not in read_all(path) and "alpha" not in read_all(path)
    assert "[e-mail]" in read_all(path) and "tester-" in read_all(path)


def read_all(path: Path) -> str:
    """Give an export's rows as text."""
    if path.suffix in (".csv", ".jsonl"):
        return path.read_text(encoding="utf-8")
    pattern = f"{path}/**/*.parquet" if path.is_dir() else str(path)
    return str(duckdb.execute("SELECT * FROM read_parquet(?)", [pattern]).fetchall())


def test_faulty_price_table_is_named_by_config(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config --check` says line and field of what is wrong with the prices."""
    path = tmp_path / "prices.yaml"
    path.write_text("openai:x:\n  prompt: free\n", encoding="utf-8")
    monkeypatch.setenv("PRICES_FILE", str(path))
    code, out, _ = run("config", "--check")
    assert code == 1
    assert "line 2, openai:x, prompt" in out and "completion is missing" in out
