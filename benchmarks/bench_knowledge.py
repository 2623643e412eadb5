"""The search beside others, on the same made passages: building, loading, asking, five passages a question.

"cut" is reading Markdown files and cutting them into passages, which the others are spared; "index" is the rest, up to
files on disk. "load" is a new process getting ready; Guichet's looks through the documents for changes as well. A
question is timed as a turn asks it: Guichet tells its language, finds, spreads over sections and judges whether the
passages answer; "index alone" is its search without that. Memory is resident: the highest while building, and at rest
after the questions. rank_bm25 is what LangChain's BM25Retriever uses, and is built anew in every process. Times are of
the wall, those named CPU of the process; where the machine's load is above its cores, the wall's are too long for all,
and the CPU's compare better.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.documentation import write_documentation
from benchmarks.engines import ENGINES

ROOT = Path(__file__).parent.parent
SIZES = (1_700, 17_000, 170_000)


def measure() -> list[dict[str, object]]:
    """Give one row per size and engine."""
    return [row for size in SIZES for row in _measure(size)]


def _measure(passages: int) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_documentation(folder / "docs", passages, seed=1)
        found = {
            engine: (_run(engine, "build", folder), _run(engine, "search", folder)) for engine in ENGINES
        }
        disk_mb = {
            "guichet": _weigh(folder / "cache"),
            "bm25s": _weigh(folder / "store" / "bm25s"),
            "tantivy": _weigh(folder / "store" / "tantivy"),
        }
    own = found["guichet"]
    rows: list[dict[str, object]] = []
    for engine, (build, search) in found.items():
        cut_s = build.get("cut_s", 0.0)
        rows.append(
            {
                "passages": int(own[0]["passages"]),
                "engine": engine,
                "cut s": f"{cut_s:.1f}" if cut_s else "–",
                "index s": f"{build['s'] - cut_s:.1f}",
                "CPU s": f"{build['cpu_s']:.1f}",
                "building MB": f"{build['peak_mb']:.0f}",
                "load s": f"{search['load_s']:.1f}",
                "disk MB": f"{disk_mb[engine]:.1f}" if engine in disk_mb else "–",
                "searching MB": f"{search['mb']:.0f}",
                "p50 ms": f"{search['p50_ms']:.2f}",
                "p95 ms": f"{search['p95_ms']:.2f}",
                "p50 CPU ms": f"{search['cpu_p50_ms']:.2f}",
                "index alone p50 ms": f"{search['index_p50_ms']:.2f}" if "index_p50_ms" in search else "–",
                "CPU / guichet": f"{search['cpu_p50_ms'] / own[1]['cpu_p50_ms']:.2f}",
            }
        )
    return rows


def _run(engine: str, step: str, folder: Path) -> dict[str, float]:
    """Run a step in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.engines", engine, step, str(folder)]
    out = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout
    return dict(json.loads(out))


def _weigh(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
