"""Story prompts as YAML: those that ship, a file of one's own, and the command that carries them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from chatbot import cli
from chatbot.assistants.definition import parse_assistant
from chatbot.settings import Settings
from chatbot.store import story_prompts
from chatbot.store.engine import Store
from chatbot.store.story_prompts import NewPrompt
from chatbot.story_collection import add_collection, read_collection, read_examples, write_collection
from tests.conftest import ROOT

Run = Callable[..., tuple[int, str, str]]
FILE = """
prompts:
  - title: "La mer: [1] #2"
    text: |
      Ligne une.

      Ligne « deux ».
    tags: [Été, "no"]
"""


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Give a runner of `story-prompts` in this process, on the test's own folder: exit code, stdout, stderr."""
    monkeypatch.setenv("DATA_DIR", str(settings.data_dir))
    monkeypatch.setattr("chatbot.commands.logs.configure_logging", lambda *_: None)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(("story-prompts", *arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_prompts_that_ship_are_in_both_languages_and_for_all_ages() -> None:
    """As many in French as in English, published, with tags, and nothing in them that is declined for the youngest."""
    prompts = read_examples()
    languages = [prompt.language for prompt in prompts]
    assert languages.count("en") == languages.count("fr") >= 5
    assert all(prompt.tags and not prompt.is_draft for prompt in prompts)
    path = ROOT / "data" / "assistants" / "stories.yaml"
    policy = parse_assistant(path.read_text(encoding="utf-8"), path.stem).policy
    for prompt in prompts:
        assert policy.find([prompt.title, prompt.text], 3) is None, prompt.title


def test_store_holds_none_until_they_are_taken_over(run: Run, settings: Settings) -> None:
    """A new store is empty; the command adds all of them once, and leaves alone what is there under its title."""
    with closing(Store(settings.store_path)) as store:
        assert store.read(story_prompts.list_prompts) == []
        mine = NewPrompt(read_examples()[0].title.upper(), "Ours.")
        store.write(story_prompts.add_prompt, mine, "anne", store.clock())
    count = len(read_examples())
    code, out, err = run("import")
    assert code == 0 and len(out.splitlines()) == count - 1 and f"{count - 1} story prompts were added" in err
    code, out, _ = run("import", "--json")
    assert (code, json.loads(out)) == (0, {"added": [], "known": count})
    with closing(Store(settings.store_path)) as store:
        kept = store.read(story_prompts.list_prompts)
    assert len(kept) == count
    assert "Ours." in [prompt.text for prompt in kept]


def test_export_is_read_again_as_it_was(run: Run, settings: Settings, tmp_path: Path) -> None:
    """What `export` writes `import` reads, whatever signs the texts hold."""
    path = tmp_path / "ours.yaml"
    path.write_text(FILE, encoding="utf-8")
    assert run("import", str(path))[:2] == (0, "La mer: [1] #2\n")
    code, out, _ = run("export")
    assert code == 0
    assert read_collection(out) == read_collection(FILE)
    assert "Ligne une.\n\n" in out


def test_long_texts_come_back_whole(settings: Settings) -> None:
    """Lines, quotes, colons and a line that looks like YAML are texts."""
    texts = ["a: b\n- c\n", "'\"\\", "x" * 4_000, "---\n...\n# no comment", "\u00a0«\u202fÉté\u202f»", "true"]
    prompts = [NewPrompt(f"{number}", text, tags=("null",)) for number, text in enumerate(texts)]
    with closing(Store(settings.store_path)) as store:
        added = store.write(add_collection, prompts, "anne", store.clock())
    read = read_collection(write_collection(added))
    assert [prompt.text for prompt in read] == [prompt.text for prompt in added]
    assert [prompt.tags for prompt in read] == [("null",)] * len(texts)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("- title: x", "line 1: not a definition"),
        ("prompts:\n  - title: A\n    text: a\n  - title: B\n    txt: b\n", "line 4: prompts.1.text"),
        ("prompts:\n  - title: ''\n    text: a\n", "line 2: prompts.0.title: Please"),
        ("prompts:\n  - title: A\n    text: a\n    language: de\n", "line 4: prompts.0.language"),
        ("prompts: 7", "line 1: prompts"),
        ("prompts: [", "not YAML"),
    ],
)
def test_fault_names_line_and_field(
    run: Run, settings: Settings, tmp_path: Path, text: str, fault: str
) -> None:
    """A wrong file adds nothing, and says where it is wrong."""
    path = tmp_path / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    code, out, err = run("import", str(path))
    assert (code, out) == (2, "")
    assert fault in err and str(path) in err
    with closing(Store(settings.store_path)) as store:
        assert store.read(story_prompts.list_prompts) == []


def test_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    """A file that is not there is one line."""
    code, _, err = run("import", str(tmp_path / "none.yaml"))
    assert code == 1 and "none.yaml" in err
