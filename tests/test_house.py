"""The house stands as STYLE and ARCHITECTURE say: who imports whom, who reads the environment, what is documented."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatbot.settings import Settings
from tests.conftest import ROOT

# From the ground up; a room imports only from its own floor and those below. A folder stands for all that is in it.
FLOORS = (
    {
        *("chatbot", "chatbot.settings", "chatbot.errors", "chatbot.telemetry", "chatbot.text"),
        *("chatbot.prices", "chatbot.masking", "chatbot.check_digits", "chatbot.key_file"),
        "chatbot.containers",
        *("chatbot.stopwords", "chatbot.blocks", "chatbot.markup", "chatbot.citations", "chatbot.prose"),
        *("chatbot.addresses", "chatbot.live_html", "chatbot.thoughts", "chatbot.rates"),
    },
    {"chatbot.store"},
    {"chatbot.log", "chatbot.analytics", "chatbot.backup"},
    {"chatbot.knowledge", "chatbot.excerpts", "chatbot.evidence", "chatbot.typesetting"},
    {"chatbot.quotation", "chatbot.openai_shortcuts", "chatbot.models", "chatbot.offline"},
    {"chatbot.question_set", "chatbot.significance", "chatbot.outcomes", "chatbot.comparison"},
    {
        *("chatbot.assistants", "chatbot.reports", "chatbot.letters", "chatbot.office", "chatbot.booklets"),
        *("chatbot.prompts", "chatbot.streaming", "chatbot.wishes", "chatbot.story_collection"),
        "chatbot.translation",
    },
    {
        *("chatbot.limiter", "chatbot.codes", "chatbot.secret_key", "chatbot.access", "chatbot.accounts"),
        "chatbot.roles",
    },
    {"chatbot.events", "chatbot.questions"},
    {"chatbot.followups", "chatbot.retrieval", "chatbot.courtesy", "chatbot.inspection"},
    {"chatbot.answer", "chatbot.explanation"},
    {"chatbot.generation"},
    {"chatbot.documentation", "chatbot.letter_prompts", "chatbot.chapter_prompts"},
    {"chatbot.writing", "chatbot.opening", "chatbot.storytelling"},
    {"chatbot.stationery", "chatbot.bindery"},
    {"chatbot.conversation"},
    {"chatbot.turns"},
    {"chatbot.evaluation", "chatbot.gaps", "chatbot.workshop"},
    {"chatbot.cli", "chatbot.commands", "chatbot.__main__"},
    {"apps"},
)
WEB_PACKAGES = ("fastapi", "gradio", "streamlit")
ENVIRONMENT = {"environ", "environb", "getenv", "putenv"}


def list_modules() -> list[tuple[str, Path]]:
    """Give every module of the product by its dotted name."""
    found = []
    for path in sorted([*ROOT.glob("chatbot/**/*.py"), *ROOT.glob("apps/**/*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


MODULES = list_modules()
NAMES = [name for name, _ in MODULES]


def find_floor(module: str) -> int | None:
    """Give the number of a module's floor, that of the nearest folder that has one."""
    while module:
        for number, floor in enumerate(FLOORS):
            if module in floor and (module != "chatbot" or not number):
                return number
        module = module.rpartition(".")[0]
        if module == "chatbot":
            return None
    return None


def list_imports(path: Path, package: str) -> Iterator[tuple[str, int]]:
    """Give what a module imports, with line numbers; what only a type checker reads is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield (name if name in NAMES else base), node.lineno


def read_package(name: str, path: Path) -> str:
    """Give the package that a module's relative imports begin at."""
    return name if path.name == "__init__.py" else name.rpartition(".")[0]


def run_python(code: str) -> str:
    """Run a program in an interpreter of its own and give what it prints."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    ).stdout


def test_importing_chatbot_pulls_in_no_web_framework() -> None:
    """`import chatbot`, and every module in it, does without fastapi, gradio and streamlit."""
    modules = [name for name in NAMES if name.startswith("chatbot") and not name.endswith("__main__")]
    modules = [name for name in modules if ".migrations" not in name]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        f"print([name for name in {WEB_PACKAGES!r} if name in sys.modules])"
    )
    assert run_python(code).strip() == "[]"


def test_importing_chatbot_has_no_side_effects(tmp_path: Path) -> None:
    """`import chatbot` loads nothing else of ours and writes nothing."""
    code = (
        f"import os, sys; os.chdir({str(tmp_path)!r}); import chatbot\n"
        "print(sorted(name for name in sys.modules if name.startswith('chatbot')))"
    )
    assert run_python(code).strip() == "['chatbot']"
    assert list(tmp_path.iterdir()) == []


def test_every_module_has_a_floor() -> None:
    """A new room is listed in FLOORS before it is moved into."""
    assert [name for name in NAMES if find_floor(name) is None] == []


def test_modules_import_from_their_floor_and_below() -> None:
    """A room imports from no floor above its own, and nothing that is not there."""
    found = [
        f"{name}, line {line}: {imported}"
        for name, path in MODULES
        for imported, line in list_imports(path, read_package(name, path))
        if imported.split(".")[0] in ("chatbot", "apps")
        and ((other := find_floor(imported)) is None or other > (find_floor(name) or 0))
    ]
    assert found == []


@pytest.mark.parametrize(("one", "other"), [("apps.chat", "apps.admin"), ("apps.admin", "apps.chat")])
def test_apps_never_import_each_other(one: str, other: str) -> None:
    """Chat service and admin meet in `chatbot` alone."""
    found = [
        f"{name}, line {line}: {imported}"
        for name, path in MODULES
        if name.startswith(one)
        for imported, line in list_imports(path, read_package(name, path))
        if imported.startswith(other)
    ]
    assert found == []


def test_only_settings_read_the_environment() -> None:
    """`os.environ` and `getenv` stand in `settings.py` and nowhere else."""
    found = [
        f"{name}, line {node.lineno}"
        for name, path in MODULES
        if name != "chatbot.settings"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT)
        or (isinstance(node, ast.ImportFrom) and any(alias.name in ENVIRONMENT for alias in node.names))
    ]
    assert found == []


def test_every_module_says_what_it_is() -> None:
    """A module that holds anything begins with a docstring."""
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES}
    assert [n for n, text in texts.items() if text.strip() and not ast.get_docstring(ast.parse(text))] == []


def test_every_test_states_its_rule() -> None:
    """A test's docstring says in one sentence what holds."""
    found = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert found == []


def test_names_say_something() -> None:
    """Nothing is called by a name that says nothing."""
    forbidden = {"utils", "helpers", "manager", "common", "core"}
    assert [name for name in NAMES if name.rpartition(".")[2] in forbidden] == []


@pytest.mark.parametrize("page", ["docs/settings.md", ".env.example"])
def test_every_setting_is_documented(page: str) -> None:
    """A setting that is not in the documentation does not exist for its readers."""
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [name.upper() for name in Settings.model_fields if f"{name.upper()}" not in text]
    assert missing == []


def test_readme_is_short() -> None:
    """README has at most 150 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize(
    "page", [Path("README.md"), *sorted(p.relative_to(ROOT) for p in ROOT.glob("docs/*.md"))]
)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link of a page leads to a file that is there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
    missing = [t for t in targets if not (ROOT / page).parent.joinpath(t).exists()]
    assert missing == []
