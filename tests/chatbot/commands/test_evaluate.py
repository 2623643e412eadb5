"""`evaluate`: the figures of a run, the files it writes, what it refuses before it asks, and how it ends early."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from chatbot import cli
from chatbot.evaluation import GIVE_UP_AFTER
from chatbot.settings import Settings
from tests.conftest import ROOT
from tests.openai_server import Answer, OpenAIServer

SETTINGS = {name.upper() for name in Settings.model_fields}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "port",
        "lang": "en",
        "question": "On which port does Teapot listen?",
        "gold_file": "en/settings.md",
        "gold_heading": "Settings > Ports",
        "gold_snippet": None,
        "answer_key": "4180",
    },
    {
        "id": "wrong-gold",
        "lang": "en",
        "question": "What does error 418 mean?",
        "gold_file": "en/install.md",
        "gold_heading": "Installing Teapot",
        "gold_snippet": None,
        "answers": ["no such words"],
    },
    {"id": "far", "lang": "en", "question": "Who won the cup of Uruguay in 1930?", "out_of_scope": True},
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Write the question file."""
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in QUESTIONS) + "\n\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def _variables(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data_dir", "knowledge_dir", "assistants_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)


@pytest.fixture
def many_questions(tmp_path: Path) -> Path:
    """Write a file of sixty questions that the documents answer."""
    path = tmp_path / "many.jsonl"
    lines = [json.dumps(QUESTIONS[0] | {"id": f"port-{number}"}) for number in range(60)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def evaluate(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Run the command and give its exit code and document."""
    code = cli.main(["evaluate", "--json", *map(str, arguments)])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def test_figures_say_what_was_found_and_refused(questions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of two answerable questions has its gold passage first; the one from elsewhere is refused."""
    code, found = evaluate(capsys, "--questions", questions)
    assert code == 0
    assert (found["questions"], found["failed"]) == (3, 0)
    assert found["hit@1"] == 0.5
    assert 0.5 <= found["mrr@10"] < 1
    assert found["answer_contains"] == 0.5
    assert (found["refused_in_scope"], found["refused_out_of_scope"]) == (0, 1)
    assert found["prompt_tokens_mean"] > 0
    assert found["index_seconds"] > 0


def test_nothing_of_a_run_is_kept(
    questions: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    """An evaluation makes neither store nor log where the settings would have them."""
    evaluate(capsys, "--questions", questions)
    assert not settings.data_dir.exists()


def test_dump_holds_ten_passages_of_refused_questions_too(
    questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Per question the dump has the answer, whether it was refused, and the best passages with file and heading."""
    evaluate(capsys, "--questions", questions, "--dump", tmp_path / "dump.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "dump.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in rows] == ["port", "wrong-gold", "far"]
    assert [row["refused"] for row in rows] == [False, False, True]
    assert rows[0]["passages"][0]["file"] == "en/settings.md"
    assert rows[0]["passages"][0]["heading"] == "Settings > Ports"
    assert "4180" in rows[0]["passages"][0]["text"]
    assert "4180" in rows[0]["answer"]


def test_model_is_asked_over_the_wire_and_its_failures_are_counted(
    questions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a model the same turns run over the wire; one that fails gives exit code 1, a refusal costs nothing."""
    with OpenAIServer(say_or_fail) as server:
        monkeypatch.setenv("CHAT_MODEL", "openai:fake")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        code, found = evaluate(capsys, "--questions", questions)
        assert len(server.requests) == 2
    assert (code, found["failed"], found["answer_contains"]) == (1, 1, 0.5)
    assert found["refused_out_of_scope"] == 1


def say_or_fail(body: dict[str, Any]) -> Answer:
    """Know the port, and break down at anything else."""
    asked = body["messages"][-1]["content"].rpartition("<question")[2]
    return Answer("On 4180. [1]") if "port" in asked else Answer(status=500)


def test_missing_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is exit code 2 and one line."""
    assert cli.main(["evaluate", "--questions", str(tmp_path / "none.jsonl")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.needs("shared-data")
def test_figures_agree_with_the_score_apart(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On real questions the figures are those that another program counts from the dump."""
    questions, dump = shared_data / "questions" / "bunkerweb-fr.jsonl", tmp_path / "dump.jsonl"
    _, found = evaluate(
        capsys,
        *("--questions", questions, "--knowledge", shared_data / "corpora" / "bunkerweb-fr", "--dump", dump),
    )
    command = [sys.executable, str(shared_data / "score.py"), str(questions), str(dump)]
    counted = json.loads(subprocess.check_output(command))
    shared = set(found) & set(counted)
    assert {"hit@1", "hit@5", "mrr@10", "answer_contains", "refused_in_scope", "longest_passage"} <= shared
    assert {name: found[name] for name in shared} == {name: counted[name] for name in shared}


def test_report_stands_beside_the_dump(
    questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both files are written whole, and nothing else is left in their folder."""
    folder = tmp_path / "out"
    folder.mkdir()
    code, _ = evaluate(
        capsys, *("--questions", questions, "--dump", folder / "a.jsonl", "--report", folder / "a.html")
    )
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["a.html", "a.jsonl"]
    assert "On which port does Teapot listen?" in (folder / "a.html").read_text(encoding="utf-8")


def test_run_is_compared_with_an_earlier_one(
    questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the dump of an earlier run the document has what changed; worse figures are no failure."""
    dump = tmp_path / "dump.jsonl"
    evaluate(capsys, "--questions", questions, "--dump", dump)
    rows = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()]
    rows[0] |= {"refused": True, "cites_right": None}
    rows[2] |= {"id": "another"}
    dump.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    code, found = evaluate(capsys, "--questions", questions, "--baseline", dump)
    assert code == 0
    change = found["baseline"]
    assert (change["questions"], change["only_here"], change["only_in_baseline"]) == (2, 1, 1)
    assert [(item["id"], item["verdict"]) for item in change["better"]] == [
        ("port", ["refused_wrongly", "right_passage"])
    ]
    assert change["figures"]["refused_in_scope"]["difference"] == -0.5


def test_comparison_is_printed(questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal the figures stand with their intervals, then before, after and what got better or worse."""
    dump = tmp_path / "dump.jsonl"
    assert cli.main(["evaluate", "--questions", str(questions), "--dump", str(dump)]) == 0
    assert cli.main(["evaluate", "--questions", str(questions), "--baseline", str(dump)]) == 0
    printed = capsys.readouterr().out
    assert "hit@5" in printed
    assert "95 %: " in printed
    assert "Against dump.jsonl, over the 3 questions of both" in printed
    assert "Better: 0" in printed


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--dump", "{folder}"], 2, "--dump {folder}: this is a folder"),
        (["--report", "{folder}/none/a.html"], 2, "there is no folder {folder}/none"),
        (["--dump", "{folder}/a", "--report", "{folder}/a"], 2, "--dump and --report both name {folder}/a"),
        (["--dump", "{questions}"], 2, "--dump {questions}: this file is read by the same command"),
        (["--baseline", "{folder}/none"], 2, "--baseline {folder}/none: cannot be read"),
        (["--baseline", "{questions}"], 2, "--baseline {questions}, line 1: refused: Field required"),
        (["--report", "/proc/a.html"], 1, "/proc/a.html: "),
        (["--at-once", "0"], 2, "'0' is no number from 1 to 64"),
    ],
)
def test_wrong_paths_are_refused_before_anything_is_asked(
    questions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    expected: str,
) -> None:
    """A file that cannot be written or read costs one line, not a run."""
    monkeypatch.setattr("chatbot.commands.evaluate.Knowledge", None)
    names = {"folder": tmp_path, "questions": questions}
    filled = [argument.format(**names) for argument in arguments]
    assert cli.main(["evaluate", "--questions", str(questions), *filled]) == code
    said = capsys.readouterr().err.splitlines()
    assert expected.format(**names) in said[-1]
    assert code == 1 or len(said) == 1 or "usage:" in said[0]


def test_rejected_key_ends_the_run_early(
    many_questions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A provider that fails at every question is not asked them all: one line says why, the rows have its code."""
    with OpenAIServer(Answer(status=401)) as server:
        monkeypatch.setenv("CHAT_MODEL", "openai:fake")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        dump = tmp_path / "dump.jsonl"
        code = cli.main(
            ["evaluate", "--json", "--questions", str(many_questions), "--dump", str(dump), "--at-once", "4"]
        )
        printed = capsys.readouterr()
        assert GIVE_UP_AFTER <= len(server.requests) < GIVE_UP_AFTER + 4
        assert server.most_active <= 4
    found = json.loads(printed.out)
    assert code == 1
    assert found["stopped"] == "provider_rejected"
    assert found["questions"] + found["not_asked"] == 60
    errors = [line for line in printed.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "(401)" in errors[0]
    rows = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()]
    assert {(row["error_code"], row["verdict"]) for row in rows} == {("provider_rejected", "failed")}


def test_scattered_failures_end_no_run(
    many_questions: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many failures as end a run do not, where answers come between them; tokens are the provider's."""
    count = 0

    def fail_every_other(_: dict[str, Any]) -> Answer:
        nonlocal count
        count += 1
        return Answer(status=500) if count % 2 else Answer("On 4180. [1]", usage=(120, 5))

    with OpenAIServer(fail_every_other) as server:
        monkeypatch.setenv("CHAT_MODEL", "openai:fake")
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        code, found = evaluate(capsys, "--questions", many_questions, "--at-once", "1")
    assert (code, found["failed"], found["stopped"], found["not_asked"]) == (1, 30, None, 0)
    assert found["completion_tokens"] >= 30 * 5
    assert found["answer_contains"] == 0.5


@pytest.mark.parametrize("is_json", [False, True])
def test_interruption_keeps_what_was_asked(
    many_questions: Path, settings: Settings, tmp_path: Path, is_json: bool
) -> None:
    """Ctrl-C ends with exit code 130, says how far it was, and writes figures and files of the questions done."""
    dump, report = tmp_path / "dump.jsonl", tmp_path / "report.html"
    with OpenAIServer(Answer("On 4180. [1]", first_delay_s=0.1)) as server:
        environment = {
            **{name: value for name, value in os.environ.items() if name.upper() not in SETTINGS},
            **{name.upper(): str(getattr(settings, name)) for name in ("data_dir", "knowledge_dir")},
            "ASSISTANTS_DIR": str(settings.assistants_dir),
            "CHAT_MODEL": "openai:fake",
            "OPENAI_BASE_URL": server.url,
            "PYTHONPATH": str(ROOT),
        }
        arguments = ["--questions", many_questions, "--dump", dump, "--report", report, "--at-once", "1"]
        command = [sys.executable, "-m", "chatbot", "evaluate", *arguments, *(["--json"] if is_json else [])]
        # In a folder of its own: a developer's .env is none of the test's.
        with subprocess.Popen(
            [str(part) for part in command],
            cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            deadline = time.monotonic() + 120
            while len(server.requests) < 5 and time.monotonic() < deadline:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    rows = [json.loads(line) for line in dump.read_text(encoding="utf-8").splitlines()]
    assert 3 <= len(rows) < 60
    assert f"Stopped after {len(rows)} of 60 questions" in err
    assert "Traceback" not in err
    assert "interrupted" in report.read_text(encoding="utf-8")
    if is_json:
        assert json.loads(out)["stopped"] == "interrupted"


def test_question_that_cannot_be_asked_is_a_failure_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A question of white space fails with its code, and the others are asked."""
    path = tmp_path / "questions.jsonl"
    lines = [*QUESTIONS, {"id": "blank", "lang": "en", "question": " ", "out_of_scope": True}]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    dump = tmp_path / "dump.jsonl"
    code, found = evaluate(capsys, "--questions", path, "--dump", dump)
    assert (code, found["questions"], found["failed"]) == (1, 4, 1)
    assert json.loads(dump.read_text(encoding="utf-8").splitlines()[-1])["error_code"] == "empty_message"
