"""Many answers at once, of a model of 50 tokens a second for 10 seconds, beside the least that would do the same.

Over the wire: `POST /api/chat` as events, with the model's server behind langchain-openai, beside a bare Starlette
relay of the same chain. The page: over Gradio's queue, the model in the process, beside a bare `gr.ChatInterface`.
All ask at the same moment; model, testers and service are processes of their own, on the same cores. "longest s" is
the last stream's time, "x model" that over the model's 10 s, "x peer" over the bare one's of the same number; "CPU s"
is what the measured process used meanwhile, without its children: of all figures the one that hangs least on what else
the machine did, which "load" tells of (before, and after with the crowd's own). "whole" streams brought each token, and
none of another's.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.paced_model import OWN_TIME_S

ROOT = Path(__file__).parent.parent
COUNTS = (50, 100)
PAIRS = (("relay", "service"), ("interface", "page"))
NAMES = {
    "relay": "bare Starlette relay",
    "service": "REST",
    "interface": "bare gr.ChatInterface",
    "page": "page",
}
PASSWORD = "a crowd at the counter"  # noqa: S105 - of a service that lives for a minute
START_S = 120


def measure() -> list[dict[str, object]]:
    """Give one row per way and number of streams."""
    return [row for pair in PAIRS for count in COUNTS for row in _compare(pair, count)]


def _compare(pair: tuple[str, str], count: int) -> Iterator[dict[str, object]]:
    """Give the row of the bare one, then ours with the ratio to it."""
    peer_s = 0.0
    for way in pair:
        row, longest_s = _measure(way, count)
        yield row | {"x peer": f"{longest_s / peer_s:.2f}" if peer_s else "–"}
        peer_s = longest_s


def _measure(way: str, count: int) -> tuple[dict[str, object], float]:
    with tempfile.TemporaryDirectory() as folder, _serve(way, folder) as (origin, process):
        load, before = os.getloadavg()[0], _read_cpu(process)
        told = _run("benchmarks.crowd", way, str(count), origin, PASSWORD)
        cpu_s = _read_cpu(process) - before
        load_after = os.getloadavg()[0]
    streams: list[dict[str, Any]] = json.loads(told)
    whole = [stream for stream in streams if stream["is_whole"] and not stream["is_mixed"]]
    firsts = sorted(stream["first_s"] for stream in streams if stream["first_s"] is not None)
    longest_s = max(stream["whole_s"] or 0.0 for stream in streams)
    p95_s = statistics.quantiles(firsts, n=20)[-1] if len(firsts) > 1 else 0.0
    return {
        "way": NAMES[way],
        "streams": count,
        "whole": len(whole),
        "longest s": f"{longest_s:.1f}",
        "x model": f"{longest_s / OWN_TIME_S:.2f}",
        "first token p95 ms": round(p95_s * 1000),
        "CPU s": f"{cpu_s:.1f}",
        "load": f"{load:.1f} to {load_after:.1f}",
    }, longest_s


@contextmanager
def _serve(way: str, folder: str) -> Iterator[tuple[str, psutil.Process]]:
    """Have the model and what is measured run, each in a process; give the address and the process."""
    model_port, port = find_port(), find_port()
    model = _start("benchmarks.paced_model", str(model_port))
    served = _start("benchmarks.peers", way, str(port), folder, f"http://127.0.0.1:{model_port}/v1")
    try:
        for each in (model_port, port):
            wait_for(each)
        yield f"http://127.0.0.1:{port}", psutil.Process(served.pid)
    finally:
        for process in (served, model):
            process.terminate()
            process.wait()


def _start(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"BETA_PASSWORD": PASSWORD, "LOG_LEVEL": "WARNING"}
    return subprocess.Popen([sys.executable, "-m", module, *arguments], cwd=ROOT, env=environment)


def _run(module: str, *arguments: str) -> bytes:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout


def wait_for(port: int) -> None:
    """Wait until something listens on a port of this machine.

    Raises:
        TimeoutError: nothing does.
    """
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"Nothing listens on port {port} after {START_S} s.")


def find_port() -> int:
    """Give a port that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _read_cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
