"""Sections cut into passages: what is found, shown to the model and cited."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chatbot.blocks import Block, open_container, split_blocks, track_fence
from chatbot.knowledge.markdown import Section, parse_document
from chatbot.text import detect_language, split_sentences

LONGEST_PASSAGE = 1500
USUAL_PASSAGE = 1000
_SHORT_PASSAGE = 300
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_CODE = re.compile(
    r"^[ \t]*(`{3,}|~{3,}).*?^[ \t]*\1[`~]*[ \t]*$|`[^`\n]+`|https?://\S+", re.DOTALL | re.MULTILINE
)
_LIST_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_INDENT = "    "
# Containers nested deeper are cut between lines: each level is tried several times.
_DEEPEST = 3
# Enough for the language to be certain; more would only cost time.
_LANGUAGE_SAMPLE = 4000


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one section, in literal Markdown, at most `LONGEST_PASSAGE` characters.

    `source` is the path relative to the knowledge folder with `/`; `heading` the page's title and the section's
    headings joined by ` > `; `part` of `parts` counts the pieces of the section from 1.
    """

    passage_id: str
    source: str
    title: str
    heading: str
    anchor: str
    language: str
    text: str
    part: int = 1
    parts: int = 1

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self)


def make_passages(text: str, source: str, folder_language: str | None = None) -> list[Passage]:
    """Cut a Markdown document into passages, in reading order.

    Args:
        text: the document.
        source: its path relative to the knowledge folder, with `/`.
        folder_language: the language its folder names; None = detected from the text.
    """
    stem = source.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    document = parse_document(text, stem.replace("-", " ").replace("_", " ").strip().capitalize())
    language = folder_language or detect_language(_CODE.sub(" ", text)[:_LANGUAGE_SAMPLE])
    passages: list[Passage] = []
    seen: dict[str, int] = {}
    for section in document.sections:
        pieces = cut_section(section)
        for part, piece in enumerate(pieces, start=1):
            key = f"{source}\n{section.heading}"
            seen[key] = seen.get(key, 0) + 1
            passage_id = hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:16]
            passages.append(
                Passage(
                    passage_id=passage_id,
                    source=source,
                    title=document.title,
                    heading=section.heading,
                    anchor=section.anchor,
                    language=language,
                    text=piece,
                    part=part,
                    parts=len(pieces),
                )
            )
    return passages


def cut_section(section: Section) -> list[str]:
    """Cut a section into texts of about `USUAL_PASSAGE` and at most `LONGEST_PASSAGE` characters.

    Code and tables are cut only where one alone is longer than a passage, then between lines, with the fence or
    the header repeated; a container's pieces repeat its first line. A paragraph that ends with a colon stays with
    what it announces where both fit.
    """
    pieces = [piece for block in section.blocks for piece in _cut_block(block, LONGEST_PASSAGE)]
    passages: list[list[str]] = []
    size = 0
    for piece in pieces:
        joined = size + 2 + len(piece)
        is_announced = bool(passages) and passages[-1][-1].endswith((":", "："))
        limit = LONGEST_PASSAGE if size < _SHORT_PASSAGE or is_announced else USUAL_PASSAGE
        if passages and joined <= limit:
            passages[-1].append(piece)
            size = joined
        elif (
            is_announced and len(passages[-1]) > 1 and _length_of(passages[-1][-1:], piece) <= LONGEST_PASSAGE
        ):
            announcement = passages[-1].pop()
            passages.append([announcement, piece])
            size = _length_of([announcement], piece)
        else:
            passages.append([piece])
            size = len(piece)
    return ["\n\n".join(parts) for parts in passages]


def _length_of(before: Sequence[str], piece: str) -> int:
    return sum(len(part) + 2 for part in before) + len(piece)


def _cut_block(block: Block, limit: int, depth: int = 0) -> list[str]:
    if len(block.text) <= limit:
        return [block.text]
    lines = block.text.split("\n")
    if block.kind == "container":
        return _cut_container(lines, limit, depth) if depth < _DEEPEST else _cut_long(block.text, limit)
    if block.kind == "code":
        return _cut_code(lines, limit)
    if block.kind == "table":
        return _cut_table(lines, limit)
    if block.kind == "list":
        return _pack(_split_items(lines), "\n", limit)
    if block.kind in ("quote", "html"):
        return _pack(lines, "\n", limit)
    return _pack(split_sentences(block.text), " ", limit)


def _cut_container(lines: Sequence[str], limit: int, depth: int) -> list[str]:
    """Cut the body of an admonition or tab at its own blocks; each piece stands under the first line again."""
    opening = lines[0][: limit // 3]
    _, body = open_container(Block("container", "\n".join(lines)))
    # Every line of a piece gets its indent back, so the room for it depends on how many lines it has.
    room = limit - len(opening) - 2
    pieces: list[str] = []
    current: list[str] = []
    for block in split_blocks(body):
        for part in _indent_within(block, room, depth + 1):
            if current and len("\n\n".join([*current, part])) > min(room, USUAL_PASSAGE):
                pieces.append("\n\n".join(current))
                current = []
            current.append(part)
    if current:
        pieces.append("\n\n".join(current))
    return [f"{opening}\n\n{piece}" for piece in pieces] or [opening]


def _indent_within(block: Block, room: int, depth: int) -> Iterator[str]:
    """Cut a block so that its pieces fit the room even with each line indented."""
    line_count = block.text.count("\n") + 1
    if len(block.text) + line_count * len(_INDENT) <= room:
        yield _indent(block.text)
        return
    share = room * len(block.text) // (len(block.text) + line_count * len(_INDENT))
    pieces = [_indent(piece) for piece in _cut_block(block, share, depth)]
    # Pieces of short lines gain more by the indent than the average says.
    while max(map(len, pieces)) > room and share > _SHORT_PASSAGE:
        share = share * 3 // 4
        pieces = [_indent(piece) for piece in _cut_block(block, share, depth)]
    for piece in pieces:
        yield from [piece] if len(piece) <= room else _cut_long(piece, room)


def _indent(text: str) -> str:
    return "\n".join(_INDENT + line if line.strip() else "" for line in text.split("\n"))


def _cut_code(lines: Sequence[str], limit: int) -> list[str]:
    fence = _FENCE.match(lines[0])
    if fence is None:
        return _pack(lines, "\n", limit)
    closing = fence.group(1)
    is_closed = len(lines) > 1 and lines[-1].strip().startswith(closing)
    body = lines[1:-1] if is_closed else lines[1:]
    room = max(1, limit - len(lines[0]) - len(closing) - 2)
    return [f"{lines[0]}\n{piece}\n{closing}" for piece in _pack(body, "\n", room)]


def _cut_table(lines: Sequence[str], limit: int) -> list[str]:
    header = "\n".join(lines[:2])
    longest_row = max((len(line) for line in lines[2:]), default=0)
    room = limit - len(header) - 1
    if longest_row > room:
        return _pack(lines, "\n", limit)
    # A wide header repeated for every row would fill the passages with itself.
    aim = min(room, max(USUAL_PASSAGE - len(header), longest_row))
    return [f"{header}\n{piece}" for piece in _pack(lines[2:], "\n", aim)]


def _split_items(lines: Sequence[str]) -> list[str]:
    """Split a list at its outermost items; an item's own lines stay with it."""
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    items: list[list[str]] = []
    for line in lines:
        is_item = len(line) - len(line.lstrip()) <= indent + 1 and _LIST_ITEM.match(line.lstrip())
        if is_item or not items:
            items.append([])
        items[-1].append(line)
    return ["\n".join(item) for item in items]


def _pack(parts: Iterable[str], joint: str, limit: int) -> list[str]:
    """Join parts in order into texts of at most `limit` characters; a part that is longer alone is cut in itself."""
    texts: list[str] = []
    for part in parts:
        for piece in _cut_long(part, limit):
            if texts and len(texts[-1]) + len(joint) + len(piece) <= limit:
                texts[-1] += joint + piece
            else:
                texts.append(piece)
    return [text for text in texts if text.strip()]


def _cut_long(text: str, limit: int) -> list[str]:
    """Cut a text between lines, else words, else characters; a fence open at a cut is closed and opened again."""
    if len(text) <= limit:
        return [text]
    pieces: list[str] = []
    current: list[str] = []
    # Kept as it grows: to join the lines for each of them would take time by the square of a passage.
    size = 0
    fence: str | None = None
    opening = closing = ""
    for line in text.split("\n"):
        for part in _cut_line(line, max(limit - len(opening) - len(closing) - 2, limit // 2)):
            if current and size + len(part) + 1 + len(closing) > limit:
                pieces.append("\n".join([*current, closing] if fence else current))
                current = [opening] if fence else []
                size = len(opening) + 1 if fence else 0
            current.append(part)
            size += len(part) + 1
        was_open, fence = fence is not None, track_fence(line, fence)
        if fence and not was_open:
            opening, closing = line, line[: len(line) - len(line.lstrip())] + fence
        elif not fence:
            opening = closing = ""
    return [*pieces, "\n".join(current)]


def _cut_line(line: str, limit: int) -> list[str]:
    parts: list[str] = []
    start = 0
    while len(line) - start > limit:
        cut = line.rfind(" ", start + limit // 3, start + limit + 1)
        parts.append(line[start : cut if cut > 0 else start + limit])
        start = cut + 1 if cut > 0 else start + limit
    return [*parts, line[start:]]
