"""The knowledge folder: which documents are in it, whether one changed, and what each says."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chatbot.errors import SettingsError
from chatbot.text import LANGUAGES, clean_text, is_blank

SUFFIXES = (".md", ".markdown", ".mdx")
MAX_DOCUMENT_BYTES = 20_000_000

# Changes whenever the file does: modification, change of inode data, size, inode.
Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document as it was read: its path relative to the folder with `/`, its text, the hash of its bytes."""

    source: str
    text: str
    digest: str


class UnreadableDocument(Exception):
    """A document cannot be used; the message says which and why, as a warning to the operator."""


def scan_folder(folder: Path) -> dict[str, Signature]:
    """List the documents of the folder with what tells a change, by relative path in alphabetical order.

    Hidden files and folders are left out; links are followed, each folder once.

    Raises:
        SettingsError: the folder is missing, is not a folder or cannot be listed.
    """
    if not folder.is_dir():
        fault = "there is no such folder" if not folder.exists() else "this is not a folder"
        raise SettingsError([_describe_fault(folder, fault)])
    try:
        with os.scandir(folder):
            pass
    except OSError as error:
        raise SettingsError([_describe_fault(folder, f"it cannot be read ({error.strerror})")]) from error
    return dict(sorted(_walk(folder)))


def read_document(folder: Path, source: str) -> SourceDocument:
    """Read one document as UTF-8.

    Raises:
        UnreadableDocument: it is gone, too big, empty, binary, not UTF-8 or not readable.
    """
    path = folder / source
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT_BYTES:
            raise UnreadableDocument(
                f"{source} is left out: it has {size:,} bytes, at most {MAX_DOCUMENT_BYTES:,} are read; split it."
            )
        content = path.read_bytes()
    except OSError as error:
        raise UnreadableDocument(f"{source} is left out: it cannot be read ({error.strerror}).") from error
    if b"\0" in content:
        raise UnreadableDocument(f"{source} is left out: it is binary, not Markdown.")
    try:
        text = clean_text(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnreadableDocument(
            f"{source} is left out: byte {error.start} is not UTF-8; save it as UTF-8."
        ) from error
    if is_blank(text):
        raise UnreadableDocument(f"{source} is left out: it is empty.")
    return SourceDocument(source, text, hashlib.sha256(content).hexdigest())


def folder_language(source: str) -> str | None:
    """Name the language that the top folder of a document declares (`en/…`, `fr/…`); None elsewhere."""
    top, _, rest = source.partition("/")
    return top if rest and top in LANGUAGES else None


def _describe_fault(folder: Path, fault: str) -> str:
    return f"KNOWLEDGE_DIR={folder}: {fault}; name a folder that holds Markdown documents."


def _walk(folder: Path) -> Iterator[tuple[str, Signature]]:
    seen: set[tuple[int, int]] = set()
    for current, names, files in os.walk(folder, followlinks=True):
        state = Path(current).stat()
        if (state.st_dev, state.st_ino) in seen:
            names.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        names[:] = sorted(name for name in names if not name.startswith("."))
        for name in files:
            if name.startswith(".") or not name.lower().endswith(SUFFIXES):
                continue
            path = Path(current, name)
            yield path.relative_to(folder).as_posix(), _sign(path)


def _sign(path: Path) -> Signature:
    try:
        state = path.stat()
    except OSError:
        # A dangling link, or a file removed just now: reading it will say so.
        return (0, 0, 0, 0)
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino)
