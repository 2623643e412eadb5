"""`make bench`: runs every benchmark, prints one table each, and writes it to `benchmarks/results/`.

python -m benchmarks            all of them
python -m benchmarks ask log    some
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results"


def main(names: Sequence[str]) -> int:
    """Run the benchmarks named, or all; give the exit code."""
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    if unknown := [name for name in names if name not in known]:
        sys.stderr.write(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(known)}\n")
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in names or known:
        module = import_module(f"benchmarks.bench_{name}")
        sys.stderr.write(f"{name}: {module.__doc__.strip().splitlines()[0]}\n")
        circumstances = describe()
        table = lay_out(module.measure())
        sys.stdout.write(f"{table}\n")
        (RESULTS / f"{name}.md").write_text(
            f"{module.__doc__.strip()}\n\n{circumstances}\n\n{table}", encoding="utf-8"
        )
    return 0


def lay_out(rows: Sequence[Mapping[str, object]]) -> str:
    """Give rows as a Markdown table; the first row's keys are its columns."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns), *([str(row[column]) for column in columns] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def describe() -> str:
    """Say when and where it is measured, and how busy the machine is before."""
    machine = f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    return f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {machine}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
