"""Markdown read into blocks that keep their source, the containers of MkDocs among them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

BlockKind = Literal["text", "heading", "list", "table", "code", "quote", "html", "rule", "container"]

_CONTAINER = re.compile(r"^(?:===[!+]?|!!!|\?\?\?\+?)[ \t]+\S")
_CONTAINER_TITLE = re.compile(r'"([^"]*)"')
_INDENT = "    "
_KINDS: dict[str, BlockKind] = {
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "html_block": "html",
    "heading_open": "heading",
    "hr": "rule",
}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a document: its kind and its lines as they stand in the source, without a line end after them.

    A `container` is an admonition or a tab of MkDocs: its first line, then an indented body.
    """

    kind: BlockKind
    text: str


def split_blocks(lines: Sequence[str]) -> tuple[Block, ...]:
    """Read lines of Markdown into blocks, none overlapping, in order; blank lines between them are dropped."""
    blocks: list[Block] = []
    start = 0
    position = 0
    fence: str | None = None
    while position < len(lines):
        line = lines[position]
        fence = track_fence(line, fence)
        if fence is None and _CONTAINER.match(line):
            end = _find_container_end(lines, position)
            blocks.extend(_read_plain_blocks(lines[start:position]))
            blocks.append(Block("container", "\n".join(lines[position:end])))
            position = start = end
            continue
        position += 1
    blocks.extend(_read_plain_blocks(lines[start:]))
    return tuple(blocks)


def open_container(block: Block) -> tuple[str, list[str]]:
    """Read a container: its title (empty where it names none) and the lines of its body without their indent."""
    opening, *body = block.text.split("\n")
    title = _CONTAINER_TITLE.search(opening)
    lines = [line[len(_INDENT) :] if line.startswith(_INDENT) else line.removeprefix("\t") for line in body]
    return (title.group(1).strip() if title else ""), lines


@lru_cache(maxsize=1)
def block_parser() -> Any:
    """Build the parser of block structure alone: the inline rules would take most of the time for nothing."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


def track_fence(line: str, fence: str | None) -> str | None:
    """Tell which code fence is open after a line, given the one open before it; None outside of code."""
    stripped = line.strip()
    if fence is None:
        match = re.match(r"(`{3,}|~{3,})", stripped)
        if match and not (match.group(1)[0] == "`" and "`" in stripped[match.end() :]):
            return match.group(1)
        return None
    is_closing = stripped.startswith(fence) and not stripped.strip(fence[0])
    return None if is_closing else fence


def _find_container_end(lines: Sequence[str], start: int) -> int:
    """Find the line after a container: its body is every line that is blank or indented, without blanks at the end."""
    end = start + 1
    for position in range(start + 1, len(lines)):
        line = lines[position]
        if line.strip() and not line.startswith(("    ", "\t")):
            break
        if line.strip():
            end = position + 1
    return end


def _read_plain_blocks(lines: Sequence[str]) -> list[Block]:
    """Read lines without containers into blocks by the parser's line maps.

    Link definitions make no token; they and whatever else lies between two blocks go with the one before.
    """
    if not any(line.strip() for line in lines):
        return []
    tokens = [
        token
        for token in block_parser().parse("\n".join(lines))
        if token.level == 0 and token.nesting >= 0 and token.map
    ]
    if not tokens:
        return [Block("text", "\n".join(lines).strip("\n"))]
    starts = [token.map[0] for token in tokens[1:]]
    blocks: list[Block] = []
    begin = 0
    for token, end in zip(tokens, [*starts, len(lines)], strict=True):
        text = "\n".join(lines[begin:end]).rstrip()
        while text.startswith("\n"):
            text = text[1:]
        blocks.append(Block(_KINDS.get(token.type, "text"), text))
        begin = end
    return [block for block in blocks if block.text.strip()]
