"""Documents in Markdown, read into sections of blocks that keep their literal source."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import yaml

from chatbot.blocks import Block, block_parser, split_blocks

_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)(?:^|\n)\1[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE_LINE = re.compile(r"""^title\s*[:=]\s*["']?(.+?)["']?\s*$""", re.MULTILINE)
_ATTRIBUTES = re.compile(r"\s*\{:?\s*([#.][^{}]*)\}\s*$")
_ANCHOR = re.compile(r"#([^\s}]+)")
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_TAG = re.compile(r"<[^<>]*>")


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
    tokens = block_parser().parse(body)
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
