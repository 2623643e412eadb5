"""Documents in Markdown, read into sections of blocks that keep their literal source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import yaml

BlockKind = Literal["text", "list", "table", "code", "quote", "html", "container"]

_CONTAINER = re.compile(r"^(?:===[!+]?|!!!|\?\?\?\+?)[ \t]+\S")
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)(?:^|\n)\1[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE_LINE = re.compile(r"""^title\s*[:=]\s*["']?(.+?)["']?\s*$""", re.MULTILINE)
_ATTRIBUTES = re.compile(r"\s*\{:?\s*([#.][^{}]*)\}\s*$")
_ANCHOR = re.compile(r"#([^\s}]+)")
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_TAG = re.compile(r"<[^<>]*>")
_KINDS: dict[str, BlockKind] = {
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "blockquote_open": "quote",
    "html_block": "html",
}


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a document: its kind and its lines as they stand in the source, without a line end after them.

    A `container` is an admonition or a tab of MkDocs: its first line, then an indented body.
    """

    kind: BlockKind
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What stands under one heading; `headings` is its path, the page's title first."""

    headings: tuple[str, ...]
    anchor: str
    blocks: tuple[Block, ...]

    @property
    def heading(self) -> str:
        """The path as one line, joined by ` > `."""
        return " > ".join(self.headings)


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document's title and its sections, in order; sections without any text are left out."""

    title: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class _Heading:
    level: int
    text: str
    anchor: str
    first_line: int
    end_line: int


def parse_document(text: str, fallback_title: str) -> ParsedDocument:
    """Read Markdown into sections, split at its ATX and setext headings.

    The page's title is the front matter's `title`, else its first H1, else `fallback_title`. Headings in code,
    lists, quotes and containers are text.
    """
    front_title, body = _take_front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = body.split("\n")
    tokens = _block_parser().parse(body)
    headings = _find_headings(tokens)
    first_h1 = next((heading.text for heading in headings if heading.level == 1), "")
    title = front_title or first_h1 or fallback_title
    sections: list[Section] = []
    path: list[tuple[int, str]] = []
    is_title_seen = False
    bounds = [*headings, _Heading(0, "", "", len(lines), len(lines))]
    _add_section(sections, (title,), "", lines[: bounds[0].first_line])
    for heading, following in zip(headings, bounds[1:], strict=True):
        if heading.level == 1 and heading.text == title and not is_title_seen:
            is_title_seen = True
            path = []
        else:
            path = [entry for entry in path if entry[0] < heading.level]
            path.append((heading.level, heading.text))
        names = (title, *(name for _, name in path))
        _add_section(sections, names, heading.anchor, lines[heading.end_line : following.first_line])
    return ParsedDocument(title, tuple(sections))


def split_blocks(lines: Sequence[str]) -> tuple[Block, ...]:
    """Read lines of Markdown into blocks, none overlapping, in order; blank lines between them are dropped."""
    blocks: list[Block] = []
    start = 0
    position = 0
    fence: str | None = None
    while position < len(lines):
        line = lines[position]
        fence = _track_fence(line, fence)
        if fence is None and _CONTAINER.match(line):
            end = _find_container_end(lines, position)
            blocks.extend(_read_plain_blocks(lines[start:position]))
            blocks.append(Block("container", "\n".join(lines[position:end])))
            position = start = end
            continue
        position += 1
    blocks.extend(_read_plain_blocks(lines[start:]))
    return tuple(blocks)


def make_slug(heading: str, count_taken: Callable[[str], int] = lambda slug: 0) -> str:
    """Make the anchor of a heading as GitHub does: small letters, hyphens for spaces, `-1` for the second alike.

    Args:
        heading: its text without markup.
        count_taken: tells how often a slug was given before.
    """
    slug = _NOT_IN_SLUG.sub("", _TAG.sub("", heading).lower()).strip().replace(" ", "-")
    taken = count_taken(slug)
    return f"{slug}-{taken}" if taken else slug


def _take_front_matter(text: str) -> tuple[str, str]:
    """Split off front matter (YAML or TOML) and read its title; a broken one still gives a title line."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return "", text
    body = text[match.end() :]
    try:
        values = yaml.safe_load(match.group(2)) if match.group(1) == "---" else tomllib.loads(match.group(2))
    except (ValueError, tomllib.TOMLDecodeError, yaml.YAMLError):
        found = _TITLE_LINE.search(match.group(2))
        return (found.group(1).strip(), body) if found else ("", text)
    if values is not None and not isinstance(values, dict):
        return "", text
    title = (values or {}).get("title")
    return (" ".join(str(title).split()) if title is not None else ""), body


@lru_cache(maxsize=1)
def _block_parser() -> Any:
    """Build the parser of block structure alone: the inline rules would take most of the time for nothing."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser


@lru_cache(maxsize=1)
def _inline_parser() -> Any:
    from markdown_it import MarkdownIt

    # Entities stay as they are written: `heading` is compared with headings that were taken from the source.
    return MarkdownIt("commonmark").disable("entity")


def _find_headings(tokens: Sequence[Any]) -> list[_Heading]:
    headings: list[_Heading] = []
    taken: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or opening.level != 0:
            continue
        source, anchor = _split_attributes(inline.content)
        text = _strip_inline_markup(source)
        if not anchor:
            anchor = make_slug(text, lambda slug: taken.get(slug, 0))
            base = make_slug(text)
            taken[base] = taken.get(base, 0) + 1
        headings.append(_Heading(int(opening.tag[1]), text, anchor, opening.map[0], opening.map[1]))
    return headings


def _split_attributes(source: str) -> tuple[str, str]:
    """Take `{#anchor}` or `{: #anchor .class}` off a heading's end."""
    match = _ATTRIBUTES.search(source)
    if match is None:
        return source, ""
    anchor = _ANCHOR.search(match.group(1))
    return source[: match.start()], anchor.group(1) if anchor else ""


def _strip_inline_markup(source: str) -> str:
    """Return a heading's words: emphasis, code ticks and links become their text; HTML stays as it is written."""
    tokens = _inline_parser().parseInline(source)
    parts: list[str] = []
    for token in (child for inline in tokens for child in inline.children or []):
        if token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        else:
            parts.append(token.content)
    return " ".join("".join(parts).split())


def _add_section(sections: list[Section], names: tuple[str, ...], anchor: str, lines: Sequence[str]) -> None:
    blocks = split_blocks(lines)
    if blocks:
        sections.append(Section(names, anchor, blocks))


def _track_fence(line: str, fence: str | None) -> str | None:
    """Follow code fences: the fence that is open after this line, or None."""
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
        for token in _block_parser().parse("\n".join(lines))
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
