"""Documents of other formats converted to Markdown, in a process of their own that can be ended.

A file may hang or explode in its converter (a zip bomb, a PDF of ten thousand pages), so the child has limits of
time and memory, no secrets in its environment, and may neither reach the network nor open files that are not the
converters' own: it gets the bytes of the one document by a pipe.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

CONVERTED = (".html", ".htm", ".rst", ".pdf", ".docx")
# Part of the names under which conversions are kept: raise it whenever they are made differently.
CONVERSION_FORMAT = 1
_TIMEOUT_S = 120
_MEMORY_BYTES = 2_000_000_000
_KEPT_S = 30 * 24 * 3600
# The machine may only have been busy: what took too long is tried again the next day.
_RETRIED_S = 24 * 3600
_LENGTH = struct.Struct(">Q")


class ConversionFailed(Exception):
    """A document cannot be converted; the message says why and what helps, as the second half of a sentence."""


class Converter:
    """Converts documents, one at a time, and keeps what it made under the hash of what it was made from.

    The child begins with the first document that is not kept and ends with `close`.

    Args:
        cache_folder: where conversions are kept; None = nowhere.
        timeout_s: how long one document may take.
        memory_bytes: how much address space the child may take.
    """

    def __init__(
        self,
        cache_folder: Path | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
        memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        self._folder = cache_folder
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Converter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def convert(self, suffix: str, content: bytes) -> str:
        """Give the document as Markdown.

        Args:
            suffix: what the file's name ends in, one of `CONVERTED`.
            content: the file.

        Raises:
            ConversionFailed: it is damaged, protected, of another format, without text, or too much work.
        """
        name = f"{hashlib.sha256(content).hexdigest()}{suffix}-{CONVERSION_FORMAT}.json"
        answer = self._read_kept(name)
        if answer is None:
            answer = self._ask(suffix, content)
            self._keep(name, answer)
        if fault := answer.get("fault"):
            raise ConversionFailed(fault)
        return answer["text"]

    def close(self) -> None:
        """End the child, and remove conversions that nobody asked for in a month."""
        child, self._child = self._child, None
        if child is not None:
            _end(child)
            self._prune()

    def _ask(self, suffix: str, content: bytes) -> dict[str, str]:
        child = self._child = self._child or self._start()
        late = threading.Event()

        def end_late() -> None:
            late.set()
            child.kill()

        timer = threading.Timer(self._timeout_s, end_late)
        timer.start()
        try:
            return _exchange(child, suffix.encode().ljust(8) + _LENGTH.pack(len(content)) + content)
        except (OSError, ValueError):
            self._child = None
            _end(child)
            if late.is_set():
                reason = f"its conversion took more than {self._timeout_s:.0f} seconds"
            else:
                reason = f"its conversion took more than {self._memory_bytes // 1_000_000:,} MB of memory or crashed"
            again = time.time() + _RETRIED_S
            return {"fault": f"{reason}; split it or save it as Markdown", "until": str(again)}
        finally:
            timer.cancel()

    def _start(self) -> subprocess.Popen[bytes]:
        root = Path(__file__).resolve().parents[2]
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "chatbot.knowledge.formats.worker", str(self._memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
            cwd=root,
        )

    def _read_kept(self, name: str) -> dict[str, str] | None:
        if self._folder is None:
            return None
        path = self._folder / name
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            os.utime(path)
        except (OSError, ValueError):
            return None
        if not isinstance(kept, dict) or not ("text" in kept or "fault" in kept):
            return None
        return kept if time.time() < float(kept.get("until", "inf")) else None

    def _keep(self, name: str, answer: dict[str, str]) -> None:
        """Write a conversion whole or not at all; a disk that cannot be written costs the time of another one."""
        if self._folder is None:
            return
        draft = self._folder / f".{name}-{os.getpid()}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(answer, ensure_ascii=False), encoding="utf-8")
            draft.replace(self._folder / name)
        except OSError:
            draft.unlink(missing_ok=True)

    def _prune(self) -> None:
        if self._folder is None or not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            try:
                if time.time() - path.stat().st_mtime > _KEPT_S:
                    path.unlink()
            except OSError:
                continue


def _exchange(child: subprocess.Popen[bytes], request: bytes) -> dict[str, str]:
    """Ask the child one thing; one that ends meanwhile raises OSError or ValueError."""
    if child.stdin is None or child.stdout is None:
        raise ValueError("the child has no pipes")
    child.stdin.write(request)
    child.stdin.flush()
    size = child.stdout.read(_LENGTH.size)
    body = child.stdout.read(_LENGTH.unpack(size)[0]) if len(size) == _LENGTH.size else b""
    answer: dict[str, str] = json.loads(body)
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    for pipe in (child.stdin, child.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:
            continue
    child.wait()
