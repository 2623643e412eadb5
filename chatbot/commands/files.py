"""Files that a command writes: refused before the work where they cannot be, and replaced whole."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from chatbot.errors import UsageError


def check_target(option: str, path: Path) -> None:
    """Refuse a path that cannot be written, before hours of work end in it.

    Raises:
        UsageError: it is a folder, or in none; `option` and path are named.
        OSError: the folder takes no file; it names the path.
    """
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder. Name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}. Make it first.")
    draft = _name_draft(path)
    try:
        draft.touch(exist_ok=False)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    draft.unlink()


@contextmanager
def replace_text(path: Path) -> Iterator[TextIO]:
    """Give a text file that takes the path's name once it is complete; a failure leaves what was there."""
    draft = _name_draft(path)
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _name_draft(path: Path) -> Path:
    return path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
