"""The knowledge folder: which documents are in it, whether one changed, and what each says."""

from __future__ import annotations

import codecs
import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chatbot.errors import SettingsError
from chatbot.knowledge.conversion import CONVERTED, ConversionFailed, Converter
from chatbot.knowledge.includes import resolve_includes
from chatbot.text import LANGUAGES, clean_text, is_blank

MARKDOWN = (".md", ".markdown", ".mdx")
SUFFIXES = (*MARKDOWN, ".txt", *CONVERTED)
MAX_DOCUMENT_BYTES = 20_000_000

# Text files that lie beside documentation without being any: for lawyers, programs and search engines.
_NO_DOCUMENT = re.compile(
    r"(?:licen[cs]e|copying|copyright|notice|patents|authors|contributors|credits|third[-_]?party|requirements"
    r"|constraints|cmakelists|robots|humans|security|llms|ads)\b.*\.txt|(?:requirements|constraints)[-_.].*\.txt"
    r"|(?:licen[cs]e|notice)[-_].*\.txt",
    re.IGNORECASE,
)
_NO_FOLDER = frozenset({"node_modules", "__pycache__", "site-packages"})
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = (
    (b"\x89PNG", "PNG"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "zip or Office"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
)
_REMEDIES = {
    errno.EACCES: "give the service the right to read it",
    errno.ELOOP: "mend the link, which leads to itself",
}

# Changes whenever the file does: modification, change of inode data, size, inode.
Signature = tuple[int, int, int, int]
NO_SIGNATURE: Signature = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document as it was read.

    `source` is its path relative to the folder with `/`; `text` its Markdown (plain text of `.txt`), what it includes
    in its place; `digest` the hash of that; `signature` tells a change of the file, `includes` one of the files it
    asks for, there or not.
    """

    source: str
    text: str
    digest: str
    signature: Signature = NO_SIGNATURE
    includes: Mapping[str, Signature] = field(default_factory=dict)


class UnreadableDocument(Exception):
    """A document cannot be used; the message says which, why and what helps, as a warning to the operator."""


class MissingDocument(Exception):
    """A document is gone since the folder was listed."""


def scan_folder(folder: Path) -> dict[str, Signature]:
    """List the documents of the folder with what tells a change, by relative path in alphabetical order.

    Hidden files and folders, folders of installed packages and texts that are no documentation, such as licences,
    are left out; links are followed, each folder once. A folder that cannot be listed stands there with a `/` at
    its end.

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


def is_document(name: str) -> bool:
    """Tell by its name whether a file is a document: of a known format, not hidden, not a licence or the like."""
    lower = name.lower()
    return lower.endswith(SUFFIXES) and not name.startswith(".") and not _NO_DOCUMENT.fullmatch(lower)


def read_document(folder: Path, source: str, converter: Converter | None = None) -> SourceDocument:
    """Read one document: UTF-8, or UTF-16 with its mark; other formats become Markdown.

    Args:
        folder: the knowledge folder.
        source: the document's path in it, with `/`.
        converter: what converts formats that are not text; None = one for this document alone.

    Raises:
        MissingDocument: it is gone.
        UnreadableDocument: it is too big, empty, binary, in another encoding, damaged or not readable.
    """
    if not source.isascii() and (written := _write_name(source)) != source:
        raise UnreadableDocument(f"{written} is left out: its name is not UTF-8; rename it.")
    if source.endswith("/"):
        raise UnreadableDocument(
            f"{source} is left out: the folder cannot be listed; give the service the right to."
        )
    content, signature = _read_bytes(folder / source, source)
    if source.lower().endswith(CONVERTED):
        text = _convert(content, source, converter)
        includes: dict[str, Signature] = {}
    else:
        text = _decode(content, source)
        includes = {}
        if source.lower().endswith(MARKDOWN):
            text, asked = resolve_includes(text, folder, source, MAX_DOCUMENT_BYTES)
            includes = {name: sign(folder / name) for name in asked}
    text = clean_text(text)
    if is_blank(text):
        raise UnreadableDocument(f"{source} is left out: it is empty; write something into it or remove it.")
    digest = hashlib.sha256(text.encode()).hexdigest()
    return SourceDocument(source, text, digest, signature, includes)


def folder_language(source: str) -> str | None:
    """Name the language that the top folder of a document declares (`en/…`, `fr/…`); None elsewhere."""
    top, _, rest = source.partition("/")
    return top if rest and top in LANGUAGES else None


def sign(path: Path) -> Signature:
    """Give what tells a change of a file; `NO_SIGNATURE` where there is none, or a link that leads nowhere."""
    try:
        return _signature_of(path.stat())
    except (OSError, ValueError):
        return NO_SIGNATURE


def _write_name(source: str) -> str:
    """Write a path with those bytes of it that are not UTF-8 as escapes: nothing else can be stored or sent."""
    return source.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _signature_of(state: os.stat_result) -> Signature:
    return (state.st_mtime_ns, state.st_ctime_ns, state.st_size, state.st_ino)


def _describe_fault(folder: Path, fault: str) -> str:
    return f"KNOWLEDGE_DIR={folder}: {fault}; name a folder that holds documents."


def _walk(folder: Path) -> Iterator[tuple[str, Signature]]:
    root = os.fspath(folder)
    seen: set[tuple[int, int]] = set()
    refused: list[str] = []
    walk = os.walk(root, followlinks=True, onerror=lambda error: refused.append(str(error.filename)))
    for current, names, files in walk:
        try:
            state = Path(current).stat()
        except OSError:
            names.clear()
            continue
        if (state.st_dev, state.st_ino) in seen:
            names.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        names[:] = sorted(name for name in names if not name.startswith(".") and name not in _NO_FOLDER)
        prefix = "" if current == root else os.path.relpath(current, root).replace(os.sep, "/") + "/"
        for name in files:
            if is_document(name):
                yield prefix + name, sign(Path(current, name))
    for path in refused:
        if Path(path).is_dir():
            yield os.path.relpath(path, root).replace(os.sep, "/") + "/", NO_SIGNATURE


def _read_bytes(path: Path, source: str) -> tuple[bytes, Signature]:
    """Read a file with the signature it had; one that grows meanwhile has none, and is read again."""
    try:
        # A pipe would keep a plain open waiting for a writer for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        if not path.is_symlink():
            raise MissingDocument(source) from error
        raise UnreadableDocument(
            f"{source} is left out: it cannot be read (a link to nothing); mend or remove the link."
        ) from error
    except (OSError, ValueError) as error:
        raise _refuse_access(source, error) from error
    with os.fdopen(descriptor, "rb") as file:
        try:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableDocument(
                    f"{source} is left out: it is not a file but a pipe or device; remove it."
                )
            content = file.read(MAX_DOCUMENT_BYTES + 1)
            after = os.fstat(descriptor)
        except OSError as error:
            raise _refuse_access(source, error) from error
    size = max(after.st_size, len(content))
    if size > MAX_DOCUMENT_BYTES:
        raise UnreadableDocument(
            f"{source} is left out: it has {size:,} bytes, at most {MAX_DOCUMENT_BYTES:,} are read; split it."
        )
    is_whole = _signature_of(before) == _signature_of(after) and len(content) == after.st_size
    return content, _signature_of(after) if is_whole else NO_SIGNATURE


def _refuse_access(source: str, error: Exception) -> UnreadableDocument:
    reason = getattr(error, "strerror", None) or str(error)
    remedy = _REMEDIES.get(getattr(error, "errno", None) or 0, "look at the disk it is on")
    return UnreadableDocument(f"{source} is left out: it cannot be read ({reason}); {remedy}.")


def _decode(content: bytes, source: str) -> str:
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    suffix = source[source.rfind(".") :]
    for magic, name in _FORMATS:
        if content.startswith(magic):
            raise UnreadableDocument(
                f"{source} is left out: it is binary, a {name} file named {suffix}; rename it."
            )
    if encoding != "utf-16" and b"\0" in content:
        raise UnreadableDocument(f"{source} is left out: it is binary, not text; remove or rename it.")
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        wanted = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise UnreadableDocument(
            f"{source} is left out: byte {error.start} is not {wanted}; save it as UTF-8."
        ) from error


def _convert(content: bytes, source: str, converter: Converter | None) -> str:
    suffix = source[source.rfind(".") :].lower()
    if not content.strip():
        raise UnreadableDocument(f"{source} is left out: it is empty; write something into it or remove it.")
    if suffix == ".rst":
        content = _decode(content, source).encode()
    try:
        if converter is not None:
            return converter.convert(suffix, content)
        with Converter() as own:
            return own.convert(suffix, content)
    except ConversionFailed as error:
        raise UnreadableDocument(f"{source} is left out: {error}.") from error
