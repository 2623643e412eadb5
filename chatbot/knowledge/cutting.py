"""Sections cut into pieces that fit a passage: between blocks where that will do, within them where it must."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from chatbot.blocks import Block, split_blocks
from chatbot.containers import read_container, track_fence
from chatbot.text import split_sentences

LONGEST_PASSAGE = 1500
USUAL_PASSAGE = 1000
_SHORT_PASSAGE = 300
# Containers and lists nested deeper are cut between lines: each level is tried several times.
_DEEPEST = 3
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_LIST_ITEM = re.compile(r"((?:[-*+]|\d{1,9}[.)]))(\s+|$)")
_QUOTE_MARK = re.compile(r" {0,3}> ?")
_ALERT = re.compile(r" {0,3}>[ \t]*\[![\w-]+\]")
_ROW_END = re.compile(r"(?<=</tr>)\s*", re.IGNORECASE)
_TABLE_START = re.compile(
    r"\s*<table\b[^<>]*>(?:.*?</thead\s*>\s*(?:<tbody[^<>]*>)?)?\s*", re.IGNORECASE | re.DOTALL
)
_PRE_START = re.compile(r"\s*<pre\b[^<>]*>(?:\s*<code\b[^<>]*>)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that fits a passage; where it is of a code block or table that was cut, `part` of `parts` of that block.

    Both are 0 where nothing was cut.
    """

    text: str
    part: int = 0
    parts: int = 0


def cut_blocks(blocks: Iterable[Block]) -> list[Piece]:
    """Cut the blocks of a section into texts of about `USUAL_PASSAGE` and at most `LONGEST_PASSAGE` characters.

    Code and tables are cut only where one alone is longer than a passage, then between lines, with the fence or
    the header repeated, and each part says which it is; a container's pieces repeat its first line. A paragraph
    that ends with a colon stays with what it announces where both fit.
    """
    groups: list[list[Piece]] = []
    size = 0
    for piece in (piece for block in blocks for piece in _cut_block(block, LONGEST_PASSAGE)):
        joined = size + 2 + len(piece.text)
        last = groups[-1] if groups else []
        is_announced = bool(last) and last[-1].text.endswith((":", "："))
        limit = LONGEST_PASSAGE if size < _SHORT_PASSAGE or is_announced else USUAL_PASSAGE
        if last and joined <= limit and _go_together(last, piece):
            last.append(piece)
            size = joined
        elif is_announced and len(last) > 1 and len(last[-1].text) + 2 + len(piece.text) <= LONGEST_PASSAGE:
            announcement = last.pop()
            groups.append([announcement, piece])
            size = len(announcement.text) + 2 + len(piece.text)
        else:
            groups.append([piece])
            size = len(piece.text)
    return [_merge(group, "\n\n") for group in groups]


def _go_together(pieces: Sequence[Piece], piece: Piece) -> bool:
    """Tell whether at most one part of a cut block is among the pieces: a passage says which part it holds."""
    return not piece.parts or not any(other.parts for other in pieces)


def _merge(pieces: Sequence[Piece], joint: str) -> Piece:
    marked = next((piece for piece in pieces if piece.parts), pieces[0])
    return Piece(joint.join(piece.text for piece in pieces), marked.part, marked.parts)


def _number(texts: Sequence[str]) -> list[Piece]:
    if len(texts) == 1:
        return [Piece(texts[0])]
    return [Piece(text, part, len(texts)) for part, text in enumerate(texts, start=1)]


def _cut_block(block: Block, limit: int, depth: int = 0) -> list[Piece]:
    if len(block.text) <= limit:
        return [Piece(block.text)]
    lines = block.text.split("\n")
    if block.kind == "code":
        return _number(_cut_code(lines, limit))
    if block.kind == "table":
        return _number(_cut_table(lines, limit))
    if block.kind == "html":
        return _cut_html(block.text, limit)
    if block.kind in ("container", "quote", "list") and depth >= _DEEPEST:
        return [Piece(text) for text in _cut_long(block.text, limit)]
    if block.kind == "container":
        return _cut_container(block, limit, depth)
    if block.kind == "quote":
        body = [_QUOTE_MARK.sub("", line, count=1) for line in lines]
        return _cut_body(body, "> ", limit, depth)
    if block.kind == "list":
        return _cut_list(lines, limit, depth)
    return [Piece(text) for text in _pack(split_sentences(block.text), " ", limit)]


def _cut_container(block: Block, limit: int, depth: int) -> list[Piece]:
    """Cut the body of an admonition or tab at its own blocks; each piece stands under the first line again."""
    container = read_container(block.text)
    opening = container.opening[: limit // 3]
    joint = "\n" if _ALERT.match(opening) else "\n\n"
    closing = f"\n\n{container.closing}" if container.closing else ""
    room = limit - len(opening) - len(joint) - len(closing)
    pieces = _cut_body(container.body, container.prefix, room, depth)
    return [replace(piece, text=f"{opening}{joint}{piece.text}{closing}") for piece in pieces] or [
        Piece(opening)
    ]


def _cut_body(body: Sequence[str], prefix: str, room: int, depth: int) -> list[Piece]:
    """Cut lines at their own blocks into pieces whose lines all get the prefix and then fit the room."""
    groups: list[list[Piece]] = []
    size = 0
    joint = f"\n{prefix.rstrip()}\n"
    for block in split_blocks(body):
        for piece in _prefix_within(block, prefix, room, depth + 1):
            joined = size + len(joint) + len(piece.text)
            if groups and joined <= min(room, USUAL_PASSAGE) and _go_together(groups[-1], piece):
                groups[-1].append(piece)
                size = joined
            else:
                groups.append([piece])
                size = len(piece.text)
    return [_merge(group, joint) for group in groups]


def _prefix_within(block: Block, prefix: str, room: int, depth: int) -> list[Piece]:
    """Cut a block so that its pieces fit the room even with the prefix before each line."""
    extra = (block.text.count("\n") + 1) * len(prefix)
    if len(block.text) + extra <= room:
        return [Piece(_prefix(block.text, prefix))]
    share = room * len(block.text) // (len(block.text) + extra)
    pieces = [replace(piece, text=_prefix(piece.text, prefix)) for piece in _cut_block(block, share, depth)]
    # Pieces of short lines gain more by the prefix than the average says.
    while max((len(piece.text) for piece in pieces), default=0) > room and share > _SHORT_PASSAGE:
        share = share * 3 // 4
        pieces = [
            replace(piece, text=_prefix(piece.text, prefix)) for piece in _cut_block(block, share, depth)
        ]
    return [
        replace(piece, text=text)
        for piece in pieces
        for text in ([piece.text] if len(piece.text) <= room else _cut_long(piece.text, room))
    ]


def _prefix(text: str, prefix: str) -> str:
    return "\n".join(prefix + line if line.strip() else prefix.rstrip() for line in text.split("\n"))


def _cut_list(lines: Sequence[str], limit: int, depth: int) -> list[Piece]:
    """Cut a list between its items, and an item that is longer than a passage at its own blocks."""
    groups: list[list[Piece]] = []
    size = 0
    for item in _split_items(lines):
        is_whole = len("\n".join(item)) <= limit
        for piece in [Piece("\n".join(item))] if is_whole else _cut_item(item, limit, depth):
            joined = size + 1 + len(piece.text)
            if groups and is_whole and joined <= limit and not groups[-1][-1].parts:
                groups[-1].append(piece)
                size = joined
            else:
                groups.append([piece])
                size = len(piece.text)
    return [_merge(group, "\n") for group in groups]


def _cut_item(item: Sequence[str], limit: int, depth: int) -> Iterator[Piece]:
    """Cut an item of a list: the first piece keeps its marker and indent, the others stand at the margin."""
    match = _LIST_ITEM.match(item[0].lstrip())
    indent = len(item[0]) - len(item[0].lstrip())
    marker = item[0][: indent + (len(match.group(1)) + 1 if match else 0)]
    body = [item[0][len(marker) :], *(_dedent(line, len(marker)) for line in item[1:])]
    for number, piece in enumerate(_cut_body(body, "", limit - 2 * len(marker), depth)):
        if number or "\n" in piece.text:
            yield piece if number else replace(piece, text=_hang(piece.text, marker, limit))
        else:
            yield replace(piece, text=marker + piece.text)


def _hang(text: str, marker: str, limit: int) -> str:
    first, *rest = text.split("\n")
    hung = "\n".join([marker + first, *(" " * len(marker) + line if line.strip() else "" for line in rest)])
    return hung if len(hung) <= limit else marker + text


def _dedent(line: str, width: int) -> str:
    spaces = len(line) - len(line.lstrip(" "))
    return line[min(spaces, width) :] if spaces else line.removeprefix("\t")


def _cut_code(lines: Sequence[str], limit: int) -> list[str]:
    """Cut code between its lines, each part under the opening line of the block and closed as it was."""
    fence = _FENCE.match(lines[0])
    if fence is None and not lines[0].startswith("{"):
        return _pack(lines, "\n", limit)
    closing = fence.group(1) if fence else lines[-1]
    is_closed = len(lines) > 1 and lines[-1].strip().startswith(closing)
    body = lines[1:-1] if is_closed else lines[1:]
    opening = lines[0][: limit // 3]
    room = max(1, limit - len(opening) - len(closing) - 2)
    return [f"{opening}\n{piece}\n{closing}" for piece in _pack(body, "\n", room)]


def _cut_table(lines: Sequence[str], limit: int) -> list[str]:
    header = "\n".join(lines[:2])
    longest_row = max((len(line) for line in lines[2:]), default=0)
    room = limit - len(header) - 1
    if room < limit // 3:
        return _pack(lines, "\n", limit)
    # A wide header repeated for every row would fill the passages with itself.
    aim = min(room, max(USUAL_PASSAGE - len(header), longest_row))
    return [f"{header}\n{piece}" for piece in _pack(lines[2:], "\n", aim)]


def _cut_html(html: str, limit: int) -> list[Piece]:
    """Cut a table between its rows, code between its lines, both under their beginning again, the rest anywhere."""
    start, rows, joint, closing = "", html.split("\n"), "\n", ""
    is_whole = False
    if match := _TABLE_START.match(html):
        start, joint, closing, is_whole = match.group(), "\n", "</table>", True
        body = re.sub(r"\s*(?:</tbody\s*>)?\s*</table\s*>\s*$", "", html[match.end() :], flags=re.IGNORECASE)
        rows = [row for row in _ROW_END.split(body) if row]
    elif match := _PRE_START.match(html):
        start, is_whole = match.group(), True
        ending = re.search(r"(?:</code\s*>)?\s*</pre\s*>\s*$", html, flags=re.IGNORECASE)
        closing = ending.group().strip() if ending else ""
        rows = html[match.end() : ending.start() if ending else None].strip("\n").split("\n")
    room = limit - len(start) - len(closing) - 2 * len(joint)
    if not is_whole or room < limit // 3:
        return [Piece(text) for text in _pack(html.split("\n"), "\n", limit)]
    texts = [f"{start.rstrip()}{joint}{rows}{joint}{closing}".rstrip() for rows in _pack(rows, joint, room)]
    return _number(texts)


def _split_items(lines: Sequence[str]) -> list[list[str]]:
    """Split a list at its outermost items; an item's own lines stay with it."""
    indent = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    items: list[list[str]] = []
    fence: str | None = None
    for line in lines:
        was_open, fence = fence, track_fence(line, fence)
        bare = line.lstrip()
        is_item = was_open is None and len(line) - len(bare) <= indent + 1 and _LIST_ITEM.match(bare)
        if is_item or not items:
            items.append([])
        items[-1].append(line)
    return items


def _pack(parts: Iterable[str], joint: str, limit: int) -> list[str]:
    """Join parts in order into texts of at most `limit` characters; a part that is longer alone is cut in itself."""
    texts: list[list[str]] = []
    size = 0
    for part in parts:
        for piece in _cut_long(part, limit):
            if texts and size + len(joint) + len(piece) <= limit:
                texts[-1].append(piece)
                size += len(joint) + len(piece)
            else:
                texts.append([piece])
                size = len(piece)
    joined = (joint.join(pieces) for pieces in texts)
    return [text for text in joined if text.strip()]


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
            opening, closing = (
                line[: limit // 4],
                line[: len(line) - len(line.lstrip())][: limit // 4] + fence,
            )
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
