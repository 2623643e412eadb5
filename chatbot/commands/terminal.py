"""How commands write: results on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

# What a terminal would obey instead of showing: control characters, and marks that turn the direction of text.
_COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


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
