"""Real documentation, as users point at it: the command line answers from it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.needs("shared-data")


def ask(corpus: Path, data_dir: Path, question: str) -> dict[str, Any]:
    """Ask by the command line, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "chatbot", "ask", question, "--json"],
        cwd=ROOT,
        env={"KNOWLEDGE_DIR": str(corpus), "DATA_DIR": str(data_dir), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_command_is_quoted_from_its_section(shared_data: Path, tmp_path: Path) -> None:
    """A question about a command gets the whole command, cited from the page that has it."""
    answer = ask(
        shared_data / "corpora" / "bunkerweb-en",
        tmp_path,
        "How do I unban an IP address from the command line?",
    )
    assert "bwcli unban 1.2.3.4" in answer["answer"]
    assert answer["citations"][0]["source"] == "troubleshooting.md"
    assert f"[{answer['citations'][0]['number']}]" in answer["answer"]


def test_french_question_is_answered_in_french(shared_data: Path, tmp_path: Path) -> None:
    """French documents answer a French question, and the words around the quotation are French."""
    answer = ask(
        shared_data / "corpora" / "bunkerweb-fr",
        tmp_path,
        "Comment débannir une adresse IP en ligne de commande ?",
    )
    assert "bwcli unban" in answer["answer"]
    assert "Aucun modèle de langage" in answer["answer"]


def test_question_from_elsewhere_is_refused(shared_data: Path, tmp_path: Path) -> None:
    """What the documents do not speak of is refused, without a model and without citations."""
    answer = ask(shared_data / "corpora" / "bunkerweb-en", tmp_path, "Which wine goes with grilled salmon?")
    assert (answer["answered"], answer["citations"]) == (False, [])
