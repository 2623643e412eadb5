"""Whoever reads the published log, with whatever version and tool, finds the same and is never disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.log.publisher import Publisher
from chatbot.log.sample import write_sample
from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.chatbot.log.rows import write_conversation
from tests.conftest import READERS, ROOT, Clock
from tests.test_docs import read_code

pytestmark = pytest.mark.needs("readers")

# The product's own DuckDB is the newest.
VERSIONS = ("1.4", "1.5", "2.0")
MESSAGES = 400

ASK = """
import json, sys
import duckdb
answers = []
with duckdb.connect(sys.argv[1], read_only=True) as log:
    log.execute("SET TimeZone = 'UTC'")
    for query in json.load(sys.stdin):
        answers.append([[str(value) for value in row] for row in log.execute(query).fetchall()])
print(json.dumps([duckdb.__version__, answers]))
"""
WRITE = """
import os, signal, sys
import duckdb
log = duckdb.connect(sys.argv[1])
log.execute("DELETE FROM messages")
os.kill(os.getpid(), signal.SIGKILL)
"""
FRAMES = """
import sys, warnings
import duckdb
# DuckDB 1.4 and 1.5 were made before pandas 3.
warnings.simplefilter("ignore")
with duckdb.connect(sys.argv[1], read_only=True) as log:
    usage = log.sql("SELECT * FROM usage_per_hour").df()
    threads = log.sql("SELECT * FROM thread_summary").pl()
print(int(usage["user_messages"].sum() + usage["bot_messages"].sum()), threads["user_messages"].sum())
"""

# As a notebook's kernel does: the last expression of a cell is what it shows.
RUN_CELLS = """
import ast, json, sys
names, shown = {}, []
for cell in json.load(sys.stdin):
    body = ast.parse(cell).body
    last = ast.Expression(body.pop().value) if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "cell", "exec"), names)
    value = eval(compile(last, "cell", "eval"), names) if last else None
    shown.append(len(value) if hasattr(value, "columns") else 0)
print(json.dumps(shown))
"""


def run_with(version: str, *arguments: object, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a script with a version of DuckDB."""
    places = (
        [str(READERS / "polars")]
        if version == VERSIONS[-1]
        else [str(READERS / version), str(READERS / "polars")]
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    command = [sys.executable, "-c", *map(str, arguments)]
    return subprocess.run(
        command, input=given, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def ask(version: str, path: Path, queries: list[str]) -> list[list[list[str]]]:
    """Ask the log with a version of DuckDB."""
    ended = run_with(version, ASK, path, given=json.dumps(queries))
    assert ended.returncode == 0, ended.stderr
    used, answers = json.loads(ended.stdout)
    assert used.startswith(version)
    return list(answers)


@pytest.fixture
def filled(store: Store, publisher: Publisher, clock: Clock) -> Publisher:
    """Give a publisher that has published a sample."""
    write_sample(store, messages=MESSAGES, days=10, seed=1, now=clock())
    publisher.publish()
    return publisher


def test_every_version_gives_the_same_answers(filled: Publisher, log_path: Path) -> None:
    """Each ready query, and each view as a whole, has the same rows with DuckDB 1.4, 1.5 and 2.0."""
    names = ask("1.4", log_path, ["SELECT view_name FROM duckdb_views() WHERE NOT internal"])[0]
    queries = read_code("queries.md", "sql") + [f"SELECT * FROM {name} ORDER BY ALL" for (name,) in names]
    old, middle, new = (ask(version, log_path, queries) for version in VERSIONS)
    assert len(names) >= 8 and all(new)
    assert old == middle == new


@pytest.mark.parametrize("version", VERSIONS)
def test_one_who_writes_and_is_killed_disturbs_nobody(
    version: str, filled: Publisher, store: Store, log_path: Path, clock: Clock
) -> None:
    """Whatever version wrote into the file and died, the next generation is whole for every version, by both paths."""
    killed = run_with(version, WRITE, log_path)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    write_conversation(store, clock())
    assert filled.publish().is_new
    question = ["SELECT count(*) FROM messages"]
    for reader in VERSIONS:
        for path in (log_path, log_path.resolve()):
            assert ask(reader, path, question) == [[[str(MESSAGES + 2)]]]


@pytest.mark.parametrize("version", VERSIONS)
def test_log_becomes_frames(version: str, filled: Publisher, log_path: Path) -> None:
    """pandas and polars take the views as they are."""
    ended = run_with(version, FRAMES, log_path.resolve())
    assert ended.stdout.split() == [str(MESSAGES), str(MESSAGES // 2)], ended.stderr


def test_command_line_tool_reads_the_log(filled: Publisher, log_path: Path) -> None:
    """`duckdb -readonly` answers a query of the page."""
    program = READERS / "1.5" / "duckdb_cli" / "duckdb"
    query = "SELECT count(*) AS rows FROM thread_summary"
    command = [str(program), "-readonly", "-json", str(log_path.resolve()), query]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert json.loads(found)[0]["rows"] > 10


def test_notebook_runs(filled: Publisher, settings: Settings, tmp_path: Path) -> None:
    """Every cell of `docs/conversation-log.ipynb` runs beside a published log, in order, and each shows rows."""
    notebook = json.loads((ROOT / "docs" / "conversation-log.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell.get("outputs") for cell in notebook["cells"])
    # A notebook runs in its own folder.
    folder = settings.data_dir.parent / "docs"
    folder.mkdir()
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN_CELLS],
        input=json.dumps(cells),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    shown = json.loads(ended.stdout)
    assert len(shown) == len(cells) >= 5
    assert all(shown[1:])
