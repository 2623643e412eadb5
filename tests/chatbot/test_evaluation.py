"""Question sets: what counts as found, answered and refused; nothing of a run is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document

from chatbot import cli
from chatbot.errors import UsageError
from chatbot.evaluation import GoldQuestion, read_questions
from chatbot.settings import Settings
from tests.openai_server import Answer, OpenAIServer

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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "holds no question"),
        ('{"id": "a", "lang": "en"}\n', "line 1: question"),
        ('{"id": "a", "lang": "en", "question": "b"}\nnot json\n', "line 2"),
    ],
)
def test_wrong_file_is_named_with_its_line(tmp_path: Path, text: str, expected: str) -> None:
    """A question file that cannot be used says where."""
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=expected):
        read_questions(path)


def test_missing_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is not there is exit code 2 and one line."""
    assert cli.main(["evaluate", "--questions", str(tmp_path / "none.jsonl")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("passage", "source", "heading", "expected"),
    [
        ("anything", "a.md", "A >  B", True),
        ("anything", "b.md", "A > B", False),
        ("the gold\n  snippet is here", "b.md", "X", True),
        ("another one", "b.md", "X", True),
        ("nothing of it", "a.md", "A", False),
    ],
)
def test_passage_is_right_by_section_or_by_snippet(
    passage: str, source: str, heading: str, expected: bool
) -> None:
    """Its file and heading are the gold ones, or a snippet is in it, whatever the white space."""
    question = GoldQuestion(
        id="q",
        lang="en",
        question="?",
        gold_file="a.md",
        gold_heading="A > B",
        gold_snippet="gold snippet",
        alt_snippets=["another"],
    )
    document = Document(page_content=passage, metadata={"source": source, "heading": heading})
    assert question.is_right(document) is expected


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
