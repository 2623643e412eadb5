"""The commands: results on stdout, messages on stderr, exit code 0, 1 or 2, one clear line per error."""

from __future__ import annotations

import csv
import getpass
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from pyarrow import parquet

from chatbot import accounts as accounts_module
from chatbot import cli
from chatbot.log.sample import write_sample
from chatbot.settings import Settings
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message, Thread
from tests.openai_server import OpenAIServer

QUESTION = "What is the default temperature of the water?"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a setting to refuse
NONSENSE = "Who won the football world cup in 1998?"
PASSWORD = "correct horse battery"
NEW_YEAR = datetime(2025, 1, 1, 0, 30, tzinfo=UTC)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _variables(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the test's folders as an operator does, and hash quickly; logging stays as pytest wants it."""
    for name in ("data_dir", "knowledge_dir", "assistants_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setattr(accounts_module, "ROUNDS", 4)
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)
    return None


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of commands in this process: exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def start(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "chatbot", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Away from the developer's own `.env`.
        cwd=Path(os.environ["DATA_DIR"]).parent,
        **options,
    )


def add_thread(store: Store, question: str, at: datetime, tester: str = "beta-1") -> str:
    """Store a thread with one question and give its id."""
    thread_id = str(uuid.uuid4())
    store.write(threads.add_thread, Thread(thread_id, "support", "page", tester, "beta", None, "en", at))
    store.write(threads.add_message, Message(str(uuid.uuid4()), thread_id, 0, "user", question, at))
    return thread_id


def count_messages(settings: Settings) -> int:
    """Count what is stored."""
    with sqlite3.connect(settings.store_path) as connection:
        return int(connection.execute("SELECT count(*) FROM messages").fetchone()[0])


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("brew",),
        ("ask",),
        ("export", "--format", "pdf"),
        ("export", "--format", "docx", "--out", "x"),
        ("export", "--format", "csv", "--out", "x", "--from", "yesterday"),
        ("erase",),
        ("erase", "--tester", "a", "--thread", "b"),
        ("users",),
        ("users", "add", "anne", "--role", "owner"),
        ("sample-log", "--messages", "ten", "--days", "1", "--seed", "1"),
        ("prune", "--older-than", "0"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Run, arguments: tuple[str, ...]) -> None:
    """What is called wrongly does nothing, says how it is called, and is exit code 2."""
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err


def test_help_names_every_command(run: Run) -> None:
    """`--help` is a result."""
    code, out, _ = run("--help")
    assert code == 0
    for name in (
        "ask",
        "index",
        "export",
        "publish",
        "config",
        "users",
        "sample-log",
        "prune",
        "erase",
        "verify",
    ):
        assert name in out


def test_answer_is_printed_with_numbered_sources(run: Run, settings: Settings) -> None:
    """An answer comes with its sources, and is stored like any other."""
    code, out, err = run("ask", QUESTION)
    assert (code, err) == (0, "")
    answer, sources = out.split("\nSources\n")
    assert "96" in answer
    assert "en/settings.md: Settings > Temperature" in sources
    assert count_messages(settings) == 2


def test_answer_as_json_is_one_document(run: Run) -> None:
    """`--json` gives what `POST /api/chat` gives, with the thread and the seconds."""
    code, out, _ = run("ask", QUESTION, "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["answered"] is True
    assert answer["seconds"] < 5
    assert answer["session"]["messages_left"] == 49
    assert {citation["source"] for citation in answer["citations"]} == {"en/settings.md"}
    assert set(answer["citations"][0]) == {"number", "source", "heading", "snippet"}
    assert uuid.UUID(answer["thread_id"])
    assert uuid.UUID(answer["message_id"])


def test_refusal_is_an_answer_with_the_nearest_sections(run: Run) -> None:
    """What the documents do not answer is exit code 0 and says so."""
    code, out, _ = run("ask", NONSENSE, "--json")
    answer = json.loads(out)
    assert code == 0
    assert answer["answered"] is False
    assert answer["citations"] == []
    assert isinstance(answer["nearest"], list)


def test_question_s_thread_is_the_command_s_own(run: Run, settings: Settings) -> None:
    """The channel is `cli`, and each question has a thread of its own."""
    first, second = (json.loads(run("ask", QUESTION, "--json")[1])["thread_id"] for _ in range(2))
    assert first != second
    store = Store(settings.store_path)
    thread = store.read(threads.read_thread, first)
    store.close()
    assert (thread.channel, thread.tester) == ("cli", "cli")


def test_failed_answer_is_exit_code_1(
    run: Run, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure says whose it is in one line; as JSON it is one document."""
    monkeypatch.setenv("CHAT_MODEL", "openai:any")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    openai_server.fail(401)
    openai_server.fail(500)
    code, out, err = run("ask", QUESTION)
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "provider" in err
    code, out, err = run("ask", QUESTION, "--json")
    assert code == 1
    assert json.loads(out)["error"]["code"] == "provider_unavailable"


def test_answer_comes_from_the_model_named(
    run: Run, openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `CHAT_MODEL` the answer is streamed from it, and its citations are resolved."""
    monkeypatch.setenv("CHAT_MODEL", "openai:any")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    openai_server.answer("It is 96 degrees. [1]")
    answer = json.loads(run("ask", QUESTION, "--json")[1])
    assert answer["answer"] == "It is 96 degrees. [1]"
    assert answer["citations"][0]["number"] == 1
    assert openai_server.requests[0].body["stream"] is True


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("KNOWLEDGE_DIR", "nowhere", "KNOWLEDGE_DIR=nowhere"),
        ("ASSISTANTS_DIR", "nowhere", "ASSISTANTS_DIR=nowhere"),
        ("CHAT_PORT", "many", "CHAT_PORT=many"),
        ("CHAT_MODEL", "gpt-4", "CHAT_MODEL=gpt-4"),
    ],
)
def test_wrong_setting_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    """What the operator has to mend is named in one line, also where JSON was asked for."""
    monkeypatch.setenv(variable, value)
    code, out, err = run("ask", QUESTION, "--json")
    assert code == 1
    assert err.count("\n") == 1
    assert said in err
    assert said in json.loads(out)["error"]["message"]


def test_empty_question_and_unknown_assistant_are_refused(run: Run, settings: Settings) -> None:
    """What is no question, and who is not there, is one line and leaves no message."""
    for arguments in (("ask", " \u200b"), ("ask", QUESTION, "--assistant", "nobody")):
        code, out, err = run(*arguments)
        assert (code, out, err.count("\n")) == (1, "", 1)
    assert count_messages(settings) == 0


def test_damaged_store_is_one_line(run: Run, settings: Settings) -> None:
    """A store that cannot be read is named."""
    settings.private_dir.mkdir(parents=True)
    settings.store_path.write_bytes(b"not a database, by any means" * 200)
    code, out, err = run("ask", QUESTION)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert str(settings.store_path) in err


def test_terminal_is_not_commanded_by_a_document(run: Run, knowledge_folder: Path) -> None:
    """Escape sequences in a document do not reach the terminal."""
    path = knowledge_folder / "en" / "evil.md"
    path.write_text(
        "# Samovar\n\nThe samovar boils \x1b]0;owned\x07at \x1b[31m100 degrees.\n", encoding="utf-8"
    )
    code, out, _ = run("ask", "At how many degrees does the samovar boil?")
    assert code == 0
    assert "100 degrees" in out
    assert "\x1b" not in out
    assert "\x07" not in out


def test_command_is_quick_and_leaves_no_traceback_when_its_reader_leaves(settings: Settings) -> None:
    """A real process answers within half a second of its own time, and a closed pipe is no error to read."""
    process = start("ask", QUESTION, "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert json.loads(out)["seconds"] < 1.5
    process = start("config")
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_ctrl_c_ends_an_answer_and_keeps_it_as_interrupted(
    openai_server: OpenAIServer, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    """Who interrupts an answer sees one line; what had come is kept."""
    monkeypatch.setenv("CHAT_MODEL", "openai:any")
    monkeypatch.setenv("OPENAI_BASE_URL", openai_server.url)
    openai_server.answer("Ninety six degrees", fault="hang", after=2)
    process = start("ask", QUESTION)
    deadline = time.monotonic() + 60
    while not openai_server.requests and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "Interrupted.\n")
    with sqlite3.connect(settings.store_path) as connection:
        row = connection.execute("SELECT content, status FROM messages WHERE origin = 'bot'").fetchone()
    assert row == ("Ninety six", "interrupted")


def test_index_says_what_it_holds(run: Run, knowledge_folder: Path, tmp_path: Path) -> None:
    """`index` counts documents, passages and tokens; a broken document is a warning."""
    (knowledge_folder / "broken.md").write_bytes(b"\xff\xfe\xff")
    code, out, err = run("index", "--json")
    stats = json.loads(out)
    assert code == 0
    assert stats["documents"] == 4
    assert stats["passages"] >= 4
    assert stats["tokens"] > 0
    assert stats["seconds"] >= 0
    assert "broken.md" in err
    code, out, _ = run("index", "--knowledge", str(knowledge_folder / "fr"))
    assert out.startswith("1 documents")
    code, _, err = run("index", "--knowledge", str(tmp_path / "nowhere"))
    assert code == 1
    assert err.count("\n") == 1


def test_config_masks_secrets(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every setting is shown, and no secret."""
    monkeypatch.setenv("BETA_PASSWORD", "open sesame")
    code, out, _ = run("config")
    assert code == 0
    assert "BETA_PASSWORD=***" in out
    assert "open sesame" not in out
    assert set(json.loads(run("config", "--json")[1])) == {name.upper() for name in Settings.model_fields}


def test_config_check_gives_one_line_per_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`--check` finds what each setting shows by itself, and what only shows together."""
    assert run("config", "--check")[0] == 0
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistants" / "broken.yaml").write_text("title: [", encoding="utf-8")
    monkeypatch.setenv("ASSISTANTS_DIR", str(tmp_path / "assistants"))
    monkeypatch.setenv("KNOWLEDGE_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("CHAT_HOST", EVERYWHERE)
    monkeypatch.setenv("ADMIN_PORT", "7860")
    monkeypatch.setenv("ADMIN_HOST", EVERYWHERE)
    code, out, _ = run("config", "--check")
    assert code == 1
    lines = out.splitlines()
    assert len(lines) == 4
    for line, said in zip(lines, ("CHAT_HOST=", "broken.yaml", "KNOWLEDGE_DIR=", "ADMIN_PORT="), strict=True):
        assert said in line
    monkeypatch.setenv("CHAT_PORT", "many")
    monkeypatch.setenv("TIMEZONE", "Mars")
    code, out, _ = run("config", "--check", "--json")
    assert code == 1
    assert len(json.loads(out)["faults"]) == 2


def test_users_are_made_listed_changed_and_removed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Accounts are looked after without a password ever being shown."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\nignored\n"))
    assert run("users", "add", "Root", "--role", "superadmin", "--password-stdin")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
    assert run("users", "add", "anne", "--password-stdin")[0] == 0
    code, out, _ = run("users", "list")
    assert code == 0
    assert [line.split()[:2] for line in out.splitlines()] == [["anne", "admin"], ["root", "superadmin"]]
    assert json.loads(run("users", "list", "--json")[1])[1]["role"] == "superadmin"
    monkeypatch.setattr(sys, "stdin", io.StringIO("another good one\n"))
    assert run("users", "passwd", "anne", "--password-stdin")[0] == 0
    assert run("users", "remove", "anne")[0] == 0
    code, out, err = run("users", "remove", "root")
    assert (code, out) == (1, "")
    assert "last superadmin" in err
    assert PASSWORD not in out + err


@pytest.mark.parametrize(
    ("typed", "said"),
    [(["short"], "10 or more"), ([PASSWORD, "another one here"], "differ")],
)
def test_typed_password_is_asked_twice(
    run: Run, monkeypatch: pytest.MonkeyPatch, typed: list[str], said: str
) -> None:
    """At a terminal a password is typed twice; one that is refused only once."""
    answers = iter(typed)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: next(answers))
    code, _, err = run("users", "add", "anne")
    assert code == 1
    assert said in err
    assert next(answers, None) is None


def test_password_without_terminal_has_to_come_from_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script is told the option that it needs."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    code, _, err = run("users", "add", "anne")
    assert code == 2
    assert "--password-stdin" in err


@pytest.fixture
def stored(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Store three threads around New Year, which comes an hour earlier in Paris than in London."""
    monkeypatch.setenv("TIMEZONE", "Europe/Paris")
    store = Store(settings.store_path)
    ids = {
        "old": add_thread(store, "=1+1 in the old year", datetime(2024, 12, 31, 22, 59, tzinfo=UTC)),
        "new": add_thread(store, "In the new year", datetime(2024, 12, 31, 23, 1, tzinfo=UTC)),
        "late": add_thread(store, "A day later", datetime(2025, 1, 1, 23, 30, tzinfo=UTC)),
    }
    store.close()
    return ids


@pytest.mark.parametrize(
    ("range_", "expected"),
    [
        ((), ["old", "new", "late"]),
        (("--from", "2025-01-01"), ["new", "late"]),
        (("--to", "2024-12-31"), ["old"]),
        (("--from", "2025-01-01", "--to", "2025-01-01"), ["new"]),
        (("--from", "2026-01-01"), []),
    ],
)
def test_range_is_days_in_the_team_s_time_zone(
    run: Run, stored: dict[str, str], tmp_path: Path, range_: tuple[str, ...], expected: list[str]
) -> None:
    """Both ends are days in `TIMEZONE`, and both are included."""
    out_path = tmp_path / "out.jsonl"
    code, out, err = run("export", *range_, "--format", "jsonl", "--out", str(out_path))
    assert (code, out) == (0, "")
    assert f"{len(expected)} thread" in err
    found = [json.loads(line)["thread_id"] for line in out_path.read_text(encoding="utf-8").splitlines()]
    assert found == [stored[name] for name in expected]


def test_every_format_holds_the_same_threads(run: Run, stored: dict[str, str], tmp_path: Path) -> None:
    """A range is a zip of PDFs, a table, or lines; a cell is never a formula."""
    paths = {name: tmp_path / f"out.{name}" for name in ("pdf", "csv", "xlsx", "parquet")}
    for name, path in paths.items():
        assert run("export", "--format", name, "--out", str(path))[0] == 0
    with zipfile.ZipFile(paths["pdf"]) as archive:
        assert sum(name.endswith(".pdf") for name in archive.namelist()) == 3
    rows = list(csv.DictReader(io.StringIO(paths["csv"].read_text(encoding="utf-8-sig"))))
    assert [row["thread_id"] for row in rows] == list(stored.values())
    assert rows[0]["content"] == "'=1+1 in the old year"
    assert openpyxl.load_workbook(paths["xlsx"]).active.max_row == 4
    table = parquet.read_table(paths["parquet"])
    assert table.column("content").to_pylist()[0] == "=1+1 in the old year"
    assert table.schema.field("created_at").type.tz == "UTC"
    found = duckdb.execute("SELECT count(*) FROM read_parquet(?)", [str(paths["parquet"])]).fetchall()
    assert found == [(3,)]


def test_thread_alone_is_one_pdf(run: Run, stored: dict[str, str], tmp_path: Path) -> None:
    """`--thread` gives that thread's PDF itself."""
    path = tmp_path / "one.pdf"
    assert run("export", "--thread", stored["new"], "--format", "pdf", "--out", str(path))[0] == 0
    assert path.read_bytes().startswith(b"%PDF-")


def test_thread_excludes_a_range(run: Run, stored: dict[str, str], tmp_path: Path) -> None:
    """A thread and a range together are wrong usage; so is a range that ends before it begins."""
    out = ("--format", "csv", "--out", str(tmp_path / "x.csv"))
    assert run("export", "--thread", stored["new"], "--from", "2025-01-01", *out)[0] == 2
    assert run("export", "--from", "2025-01-02", "--to", "2025-01-01", *out)[0] == 2
    assert not (tmp_path / "x.csv").exists()


def test_failed_export_leaves_what_was_there(
    run: Run, stored: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file is replaced by a complete one or not at all, and nothing is left beside it."""
    folder = tmp_path / "exports"
    folder.mkdir()
    path = folder / "out.csv"
    path.write_text("precious", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("chatbot.reports.tables.write_csv", fail)
    code, _, err = run("export", "--format", "csv", "--out", str(path))
    assert code == 1
    assert "No space left on device" in err
    assert [entry.name for entry in folder.iterdir()] == ["out.csv"]
    assert path.read_text(encoding="utf-8") == "precious"


def test_export_to_nowhere_is_one_line(run: Run, stored: dict[str, str], tmp_path: Path) -> None:
    """A folder instead of a file, a folder that is missing, a thread that is not there: each is named."""
    nowhere = tmp_path / "missing" / "x.csv"
    assert run("export", "--format", "csv", "--out", str(tmp_path))[0] == 2
    assert "missing" in run("export", "--format", "csv", "--out", str(nowhere))[2]
    code, _, err = run("export", "--thread", "nobody", "--format", "pdf", "--out", str(tmp_path / "x.pdf"))
    assert (code, err.count("\n")) == (1, 1)


def read_log(settings: Settings, statement: str) -> list[tuple[Any, ...]]:
    """Ask the published log."""
    with duckdb.connect(settings.log_path.resolve(), read_only=True) as log:
        return log.execute(statement).fetchall()


def test_publish_brings_the_log_up_to_date(run: Run, stored: dict[str, str], settings: Settings) -> None:
    """What is stored is in the log; where nothing changed the generation stands; `--rebuild` makes a new one."""
    code, out, _ = run("publish")
    assert code == 0
    assert "generation 1" in out
    assert read_log(settings, "SELECT count(*) FROM threads") == [(3,)]
    assert "generation 1, up to date already" in run("publish")[1]
    assert "generation 2" in run("publish", "--rebuild")[1]


def test_watch_publishes_until_a_signal(stored: dict[str, str], settings: Settings) -> None:
    """`--watch` carries over what comes, and ends on SIGTERM with exit code 0."""
    process = start("publish", "--watch", env={**os.environ, "PUBLISH_INTERVAL": "0.2"})
    deadline = time.monotonic() + 60
    try:
        while not settings.log_path.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        store = Store(settings.store_path)
        add_thread(store, "One more", NEW_YEAR)
        store.close()
        while read_log(settings, "SELECT count(*) FROM threads") != [(4,)] and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert read_log(settings, "SELECT count(*) FROM threads") == [(4,)]
    assert "Traceback" not in err


def test_sample_goes_into_an_empty_store_alone(run: Run, settings: Settings) -> None:
    """A sample fills an empty store and its log, and is refused where there is anything."""
    arguments = ("sample-log", "--messages", "100", "--days", "3", "--seed", "7")
    code, out, _ = run(*arguments)
    assert code == 0
    assert "100 messages" in out
    assert read_log(settings, "SELECT count(*) FROM messages") == [(100,)]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert "empty" in err
    assert count_messages(settings) == 100


def test_sample_file_is_a_published_log(run: Run, settings: Settings, tmp_path: Path) -> None:
    """With `--out` the store is left alone."""
    path = tmp_path / "sample.duckdb"
    assert run("sample-log", "--messages", "50", "--days", "3", "--seed", "7", "--out", str(path))[0] == 0
    with duckdb.connect(path, read_only=True) as log:
        assert log.execute("SELECT count(*) FROM messages").fetchall() == [(50,)]
    assert not settings.store_path.exists()


def test_prune_and_erase_go_through_every_copy(run: Run, settings: Settings, store: Store) -> None:
    """What is erased is gone from the store, the log and every older generation when the command returns."""
    write_sample(store, messages=40, days=3, seed=1, now=datetime.now(UTC))
    mine = add_thread(store, "Of a tester who leaves", datetime.now(UTC), tester="leaver-1")
    old = add_thread(store, "Of long ago", datetime(2020, 1, 1, tzinfo=UTC))
    assert run("publish")[0] == 0
    code, out, _ = run("erase", "--tester", "leaver-1")
    assert code == 0
    assert "1 threads, 1 messages" in out
    assert "1 threads" in run("prune", "--older-than", "365")[1]
    assert read_log(settings, f"SELECT count(*) FROM threads WHERE thread_id IN ('{mine}', '{old}')") == [
        (0,)
    ]
    assert len(list((settings.data_dir / "published").glob("*.duckdb"))) == 1
    code, _, err = run("erase", "--thread", mine)
    assert code == 1
    assert mine in err


def test_verify_finds_what_is_wrong(run: Run, stored: dict[str, str], settings: Settings) -> None:
    """Where all holds exit code is 0; where a row was lost behind our back it is 1, with a line that says which."""
    assert run("publish")[0] == 0
    code, out, _ = run("verify")
    assert (code, out) == (0, "")
    with sqlite3.connect(settings.store_path) as connection:
        connection.execute("UPDATE messages SET position = 5 WHERE thread_id = ?", (stored["new"],))
    code, out, _ = run("verify")
    assert code == 1
    assert stored["new"] in out
    faults = json.loads(run("verify", "--json")[1])["faults"]
    assert {"code", "message"} == set(faults[0])
