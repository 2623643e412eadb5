"""Checks files of the published log in a long-lived child process.

One fatal open of a torn file makes later opens of its path fail in the whole process, and opening and closing a file
drops the locks the process holds on it: so files are judged by a child, `python -m chatbot.log.check`, which takes one
JSON request per line and ends with its input. It lives as long as the publisher: keep this module's imports few.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import duckdb

from chatbot.errors import LogUnavailable
from chatbot.log.schema import TABLES

logger = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says about itself in log_info."""

    schema_version: int
    generation: int
    published_at: str
    timezone: str
    store_id: str
    mark: int
    rows: dict[str, int]
    edition: str = "complete"
    disguise: str | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """The rows of a table from `first` (by rowid) on: how many, and a hash over all their columns."""

    table: str
    first: int
    rows: int
    digest: int


class Checker:
    """The parent's end: starts the child when first asked, and again when it died."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self.cpu_s = 0.0

    def read_head(self, path: Path) -> Head:
        """Open a closed file and read what it says about itself.

        Raises:
            LogUnavailable: it cannot be opened, or is none of ours.
        """
        return Head(**self._ask({"path": str(path), "tails": []})["head"])

    def check(self, path: Path, rows: dict[str, int], tails: Sequence[Tail]) -> Head:
        """Prove that a file holds what was written into it.

        Args:
            rows: how many each table must have.
            tails: the rows carried over last, to be read in full.

        Raises:
            LogUnavailable: it does not.
        """
        wanted = [asdict(tail) for tail in tails]
        reply = self._ask({"path": str(path), "tails": wanted})
        head = Head(**reply["head"])
        if reply["rows"] != rows or head.rows != rows or reply["tails"] != wanted:
            raise LogUnavailable(
                f"{path.name} does not hold what was written into it. It will be built again."
            )
        return head

    def is_held(self, path: Path) -> bool:
        """Tell whether another process has the file open for writing, which keeps every reader out."""
        return bool(self._ask({"held": str(path)})["is_held"])

    def close(self) -> None:
        """End the child."""
        if self._child is None:
            return
        for stream in (self._child.stdin, self._child.stdout):
            # What a child that is gone never read cannot be flushed to it.
            with contextlib.suppress(BrokenPipeError):
                if stream:
                    stream.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            reply = self._exchange(request)
        except (OSError, ValueError) as error:
            # It may have been killed for memory, or by its operator: a second try with a new one.
            logger.warning("The process that checks published files ended (%s); starting another.", error)
            self.close()
            try:
                reply = self._exchange(request)
            except (OSError, ValueError) as again:
                self.close()
                raise LogUnavailable(f"The process that checks published files fails: {again}.") from again
        self.cpu_s += reply.get("cpu_s", 0.0)
        if "error" in reply:
            raise LogUnavailable(reply["error"])
        return reply

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._child is None:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "chatbot.log.check"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=-1,
            )
        assert self._child.stdin and self._child.stdout  # noqa: S101 - both are pipes
        self._child.stdin.write(json.dumps(request).encode() + b"\n")
        self._child.stdin.flush()
        if not select.select([self._child.stdout], [], [], REPLY_TIMEOUT_S)[0]:
            self._child.kill()
            raise OSError(f"no reply within {REPLY_TIMEOUT_S} s")
        line = self._child.stdout.readline()
        if not line:
            raise OSError("it is gone")
        reply: dict[str, Any] = json.loads(line)
        return reply


def count_rows(log: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Count the rows of every table; answered from the file's metadata."""
    counts = {table.name: f"SELECT count(*) FROM {table.name}" for table in TABLES}  # noqa: S608
    return {name: log.execute(statement).fetchall()[0][0] for name, statement in counts.items()}


def read_tail(log: duckdb.DuckDBPyConnection, table: str, first: int) -> Tail:
    """Read every column of a table's rows from a rowid on."""
    statement = f"SELECT count(*), coalesce(bit_xor(hash(t)), 0) FROM {table} AS t WHERE rowid >= {first:d}"  # noqa: S608
    rows, digest = log.execute(statement).fetchall()[0]
    return Tail(table, first, rows, digest)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Judge one file: the child's side."""
    started = time.process_time()
    try:
        reply = _read_held(request["held"]) if "held" in request else _read_file(request)
    except Exception as error:  # noqa: BLE001 - whatever a torn file does to its reader is the answer
        reply = {"error": f"{type(error).__name__}: {error}"}
    return reply | {"cpu_s": time.process_time() - started}


def serve(requests: IO[str], replies: IO[str]) -> None:
    """Answer requests, one JSON object per line, until they end."""
    for line in requests:
        replies.write(json.dumps(answer(json.loads(line))) + "\n")
        replies.flush()


def _read_file(request: dict[str, Any]) -> dict[str, Any]:
    with duckdb.connect(request["path"], read_only=True, config={"threads": 1}) as log:
        cursor = log.execute("SELECT * REPLACE (CAST(published_at AS VARCHAR) AS published_at) FROM log_info")
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall()
        if len(rows) != 1:
            raise ValueError(f"log_info has {len(rows)} rows")
        info = dict(zip(names, rows[0], strict=True))
        counts = {name.removesuffix("_rows"): info.pop(name) for name in names if name.endswith("_rows")}
        # A file of another version may have more columns, and fewer.
        known = {name: value for name, value in info.items() if name in Head.__dataclass_fields__}
        return {
            "head": known | {"rows": counts},
            "rows": count_rows(log),
            "tails": [asdict(read_tail(log, tail["table"], tail["first"])) for tail in request["tails"]],
        }


def _read_held(path: str) -> dict[str, Any]:
    with Path(path).open("rb") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return {"is_held": True}
    return {"is_held": False}


if __name__ == "__main__":
    # Ctrl-C reaches the whole group; the parent decides when this ends, by closing the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        serve(sys.stdin, sys.stdout)
    except BrokenPipeError:
        # The parent was killed while it waited. What Python still wants to flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
