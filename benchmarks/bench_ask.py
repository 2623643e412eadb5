"""One question at the command line: the whole command, and the answer alone, once the documents are indexed."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
RUNS = 5
REAL = ROOT.parent / "shared" / "data" / "corpora" / "bunkerweb-en"
FOLDERS = {
    ROOT / "data" / "knowledge": "How do I set a beta password?",
    REAL: "How do I unban an IP address from the command line?",
}


def measure() -> list[dict[str, object]]:
    """Give one row per folder of documents that is there; the median of some runs, in seconds."""
    return [_measure(folder, question) for folder, question in FOLDERS.items() if folder.is_dir()]


def _measure(folder: Path, question: str) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as data_dir:
        environment = os.environ | {"DATA_DIR": data_dir, "KNOWLEDGE_DIR": str(folder), "CHAT_MODEL": ""}

        def run(*arguments: str) -> dict[str, float]:
            command = [sys.executable, "-m", "chatbot", *arguments, "--json"]
            out = subprocess.run(command, env=environment, capture_output=True, check=True, cwd=ROOT).stdout
            return dict(json.loads(out))

        index = run("index")
        wholes, answers = [], []
        for _ in range(RUNS):
            started = time.perf_counter()
            answers.append(run("ask", question)["seconds"])
            wholes.append(time.perf_counter() - started)
    return {
        "documents": folder.name,
        "passages": index["passages"],
        "indexing s": f"{index['seconds']:.2f}",
        "command s": f"{statistics.median(wholes):.2f}",
        "answer s": f"{statistics.median(answers):.3f}",
    }
