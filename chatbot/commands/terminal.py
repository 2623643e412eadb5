"""How commands write: results on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import re
import shutil
import sys
import time
from typing import Any

# What a terminal would obey instead of showing: control characters, and marks that turn the direction of text.
_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_REDRAWN_EVERY_S = 0.1
_TOLD_EVERY_S = 5.0
_LONGEST_BAR = 40


def write_line(text: str = "") -> None:
    """Write a line of the result; text of testers, documents and models loses what a terminal would obey."""
    sys.stdout.write(f"{_COMMANDING.sub('', text)}\n")


def write_json(document: Any) -> None:
    """Write the one JSON document of a command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")


def say(text: str) -> None:
    """Write a message about what is done or went wrong."""
    sys.stderr.write(f"{_COMMANDING.sub('', text)}\n")
    sys.stderr.flush()


class Progress:
    """A count that moves on a terminal, and is silent elsewhere.

    Args:
        label: what is counted.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_shown = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if self._is_shown:
            end = "\n" if done >= total else ""
            sys.stderr.write(f"\r{self._label} {done} of {total}{end}")
            sys.stderr.flush()


class ProgressBar:
    """A bar with the time that is left on a terminal; elsewhere a line per tenth, at most one in five seconds.

    Args:
        label: what is counted.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._is_terminal = sys.stderr.isatty()
        self._started = time.monotonic()
        self._drawn = self._started
        self._tenth = 0
        self._is_open = False

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        if not self._is_terminal:
            self._tell(done, total)
            return
        now = time.monotonic()
        if done < total and now - self._drawn < _REDRAWN_EVERY_S:
            return
        self._drawn, self._is_open = now, done < total
        sys.stderr.write(f"\r\x1b[K{self._draw(done, total, now)}{'' if self._is_open else chr(10)}")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line of a bar that did not come to its end."""
        if self._is_open:
            self._is_open = False
            say("")

    def _tell(self, done: int, total: int) -> None:
        now, tenth = time.monotonic(), 10 * done // total
        if done >= total or (tenth > self._tenth and now - self._drawn >= _TOLD_EVERY_S):
            self._tenth, self._drawn = tenth, now
            say(f"{self._label}: {done} of {total} ({100 * done // total} %)")

    def _draw(self, done: int, total: int, now: float) -> str:
        passed = now - self._started
        left = passed / done * (total - done)
        clock = f"{_write_time(left)} left" if done < total else f"in {_write_time(passed)}"
        words = f" {done} of {total}, {clock}"
        room = shutil.get_terminal_size().columns - len(self._label) - len(words) - 8
        width = max(0, min(_LONGEST_BAR, room))
        filled = width * done // total
        bar = f" {'█' * filled}{'░' * (width - filled)}" if width else ""
        return f"{self._label}{bar} {100 * done // total:3} %{words}"


def _write_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"
