"""Documents in Markdown, read into sections of blocks that keep their literal source."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from chatbot.blocks import Block, split_blocks
from chatbot.containers import is_mkdocs

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FRONT_MATTER = re.compile(
    r"\A(---|\+\+\+)[ \t]*\n(.*?)^(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_TITLE_LINE = re.compile(r"""^title\s*[:=]\s*["']?(.+?)["']?\s*$""", re.MULTILINE)
_ATTRIBUTES = re.compile(r"\s*(?:\{\s*([#.][^{}]*)\}|\{:([^{}]*)\}|\{/\*\s*(#[^\s*]+)\s*\*/\})\s*$")
_CLOSING_HASHES = re.compile(r"(?<=\s)#+$")
_ANCHOR = re.compile(r"#([^\s}]+)")
_ANCHOR_TAG = re.compile(r"""<(?:a|span|div)\b[^<>]*?\b(?:id|name)\s*=\s*["']?([^"'\s<>]+)""", re.IGNORECASE)
_ONLY_ANCHOR = re.compile(
    r"""(?:<(a|span|div)\b[^<>]*?\b(?:id|name)\s*=[^<>]*?(?:/>|>\s*</\1\s*>|>)\s*)+""", re.IGNORECASE
)
_HTML_HEADING = re.compile(r"<(/?)h([1-6])\b([^<>]*)>", re.IGNORECASE)
_ID = re.compile(r"""\bid\s*=\s*["']?([^"'\s>]+)""", re.IGNORECASE)
_OPAQUE_HTML = re.compile(r"\s*<(?:pre|script|style|textarea|svg|!--|\?|!\[CDATA)", re.IGNORECASE)
_SPACE_AFTER_HASHES = re.compile(r"^( {0,3}#{1,6})[\u00a0\u2007\u202f]", re.MULTILINE)
_NOT_IN_SLUG = re.compile(r"[^\w\- ]")
_NOT_IN_MKDOCS_SLUG = re.compile(r"[^\w\s-]")
_TAG = re.compile(r"<[^<>]*>")
_LONGEST_ANCHOR = 300
_LONGEST_HEADING = 1000
_UNDERLINE = re.compile(r"(=+|-+|~+)\s*$")


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
    blocks: tuple[Block, ...] = ()


def parse_document(text: str, fallback_title: str) -> ParsedDocument:
    """Read Markdown into sections, split at its ATX and setext headings and at headings in HTML.

    The page's title is the front matter's `title`, else its first H1, else `fallback_title`. Headings in code,
    lists, quotes and containers are text.
    """
    front_title, body = _take_front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = _SPACE_AFTER_HASHES.sub(r"\1 ", body).split("\n")
    headings = _name_anchors(list(_divide(split_blocks(lines))), is_mkdocs(lines))
    return _arrange(headings, front_title, fallback_title)


def parse_plain_text(text: str, fallback_title: str) -> ParsedDocument:
    """Read plain text into sections: paragraphs between blank lines, under headings that are underlined.

    A heading is one line alone with a line of `=`, `-` or `~` of about its length below.
    """
    headings = [_Heading(0, "", "")]
    levels: list[str] = []
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = paragraph.strip("\n").rstrip().split("\n")
        if len(lines) > 1 and _is_underlined(lines[0], lines[1]):
            mark = lines[1][0]
            if mark not in levels:
                levels.append(mark)
            headings.append(_Heading(levels.index(mark) + 1, " ".join(lines[0].split()), ""))
            lines = lines[2:]
        if any(line.strip() for line in lines):
            blocks = (*headings[-1].blocks, Block("text", "\n".join(lines)))
            headings[-1] = replace(headings[-1], blocks=blocks)
    return _arrange(_name_anchors(headings, is_mkdocs=False), "", fallback_title)


def make_slug(heading: str, count_taken: Callable[[str], int] = lambda slug: 0) -> str:
    """Make the anchor of a heading as GitHub does: small letters, hyphens for spaces, `-1` for the second alike.

    Args:
        heading: its text without markup.
        count_taken: tells how often a slug was given before.
    """
    slug = _NOT_IN_SLUG.sub("", _TAG.sub("", heading).lower()).strip().replace(" ", "-")
    taken = count_taken(slug)
    return f"{slug}-{taken}" if taken else slug


def make_mkdocs_slug(heading: str, count_taken: Callable[[str], int] = lambda slug: 0) -> str:
    """Make the anchor of a heading as MkDocs does: without accents, hyphens in one, `_1` for the second alike."""
    plain = unicodedata.normalize("NFKD", _TAG.sub("", heading)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[-\s]+", "-", _NOT_IN_MKDOCS_SLUG.sub("", plain).strip().lower())
    taken = count_taken(slug)
    return f"{slug}_{taken}" if taken else slug


def _arrange(headings: Sequence[_Heading], front_title: str, fallback_title: str) -> ParsedDocument:
    """Put each heading's blocks under its path; the title stands once in it."""
    first_h1 = next((heading.text for heading in headings if heading.level == 1), "")
    title = front_title or first_h1 or fallback_title
    sections: list[Section] = []
    path: list[_Heading] = []
    is_title_seen = False
    for heading in headings:
        if heading.level == 1 and heading.text == title and not is_title_seen:
            is_title_seen = True
            path = []
        elif heading.level:
            path = [*(above for above in path if above.level < heading.level), heading]
        if heading.blocks:
            names = (title, *(above.text for above in path))
            sections.append(Section(names, heading.anchor, heading.blocks))
    return ParsedDocument(title, tuple(sections))


def _take_front_matter(text: str) -> tuple[str, str]:
    """Split off front matter (YAML, TOML or JSON) and read its title; a broken one still gives a title line."""
    match = _FRONT_MATTER.match(text)
    if match is None:
        return _take_json_front_matter(text) if text.startswith("{\n") else ("", text)
    body = text[match.end() :]
    try:
        values = _load_yaml(match.group(2)) if match.group(1) == "---" else tomllib.loads(match.group(2))
    except (ValueError, tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError):
        found = _TITLE_LINE.search(match.group(2))
        return (found.group(1).strip(), body) if found else ("", text)
    if values is not None and not isinstance(values, dict):
        return "", text
    return _read_title(values or {}), body


def _take_json_front_matter(text: str) -> tuple[str, str]:
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return "", text
    return (_read_title(values), text[end:]) if isinstance(values, dict) and "title" in values else ("", text)


def _load_yaml(text: str) -> Any:
    # The loader in C is ten times as fast; some builds of PyYAML come without it.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text).get_single_data()


def _read_title(values: dict[Any, Any]) -> str:
    """Read the title; a list or mapping is none, and to print one could take for ever (aliases within aliases)."""
    title = values.get("title")
    return " ".join(str(title).split()) if isinstance(title, str | int | float | date) else ""


@lru_cache(maxsize=1)
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Entities stay as they are written: `heading` is compared with headings that were taken from the source.
    return MarkdownIt("commonmark").disable("entity")


def _divide(blocks: Sequence[Block]) -> Iterator[_Heading]:
    """Give each heading with the blocks below it; those before the first stand under a heading of level 0."""
    heading = _Heading(0, "", "")
    below: list[Block] = []
    for block in blocks:
        for part in _find_html_headings(block) if block.kind == "html" else (block,):
            if isinstance(part, Block) and part.kind != "heading":
                below.append(part)
                continue
            anchor = _take_anchor(below)
            yield replace(heading, blocks=tuple(below))
            heading = part if isinstance(part, _Heading) else _read_heading(part)
            heading = replace(heading, anchor=heading.anchor or anchor)
            below = []
    yield replace(heading, blocks=tuple(below))


def _read_heading(block: Block) -> _Heading:
    if len(block.content) > _LONGEST_HEADING:
        # No heading anybody wrote: its markup is left alone, for it could take time by the square of its length.
        return _Heading(block.level, " ".join(block.content[:_LONGEST_HEADING].split()), "")
    source, anchor = _split_attributes(block.content)
    tag = _ANCHOR_TAG.search(source) if "<" in source else None
    return _Heading(block.level, _strip_inline_markup(source), anchor or (tag.group(1) if tag else ""))


def _find_html_headings(block: Block) -> Iterator[Block | _Heading]:
    """Split a block of HTML at its headings; what is left of it without any word is dropped."""
    start = 0
    opening: re.Match[str] | None = None
    tags = () if _OPAQUE_HTML.match(block.text) else _HTML_HEADING.finditer(block.text)
    for tag in tags:
        if not tag.group(1):
            opening = tag
        elif opening and opening.group(2) == tag.group(2):
            inner = block.text[opening.end() : tag.start()]
            # One that holds no words, such as a logo, heads nothing.
            if text := " ".join(_TAG.sub("", inner).split()):
                yield from _keep_words(block.text[start : opening.start()])
                anchor = _ID.search(opening.group(3)) or _ANCHOR_TAG.search(inner)
                yield _Heading(int(tag.group(2)), text, anchor.group(1) if anchor else "")
                start = tag.end()
            opening = None
    if start:
        yield from _keep_words(block.text[start:])
    else:
        yield block


def _keep_words(html: str) -> Iterator[Block]:
    if any(character.isalnum() for character in _TAG.sub("", html)) or "<img" in html:
        yield Block("html", html.strip("\n").rstrip())


def _take_anchor(blocks: list[Block]) -> str:
    """Take a block off the end that is nothing but an anchor, such as `<a id="x"></a>`, and give its name."""
    if (
        not blocks
        or len(blocks[-1].text) > _LONGEST_ANCHOR
        or not _ONLY_ANCHOR.fullmatch(blocks[-1].text.strip())
    ):
        return ""
    name = _ANCHOR_TAG.search(blocks.pop().text)
    return name.group(1) if name else ""


def _name_anchors(headings: Sequence[_Heading], is_mkdocs: bool) -> list[_Heading]:
    """Give every heading an anchor: its own, else the slug of the site generator."""
    make = make_mkdocs_slug if is_mkdocs else make_slug
    taken: dict[str, int] = {}
    named: list[_Heading] = []
    for heading in headings:
        if heading.level and not heading.anchor:
            base = make(heading.text)
            anchor = make(heading.text, lambda slug: taken.get(slug, 0))
            taken[base] = taken.get(base, 0) + 1
            heading = replace(heading, anchor=anchor)
        named.append(heading)
    return named


def _split_attributes(source: str) -> tuple[str, str]:
    """Take `{#anchor}`, `{: #anchor .class}` or `{/* #anchor */}` off a heading's end."""
    match = _ATTRIBUTES.search(source)
    if match is None:
        return source, ""
    anchor = _ANCHOR.search(match.group(1) or match.group(2) or match.group(3) or "")
    # Hashes that close a heading stand before its attributes, where CommonMark takes them for words.
    return _CLOSING_HASHES.sub("", source[: match.start()]), anchor.group(1) if anchor else ""


def _strip_inline_markup(source: str) -> str:
    """Return a heading's words: emphasis, code ticks and links become their text; HTML stays as it is written."""
    if not any(mark in source for mark in "*_`[]<>\\!\n"):
        return " ".join(source.split())
    tokens = _inline_parser().parseInline(source)
    parts: list[str] = []
    for token in (child for inline in tokens for child in inline.children or []):
        parts.append(" " if token.type in ("softbreak", "hardbreak") else token.content)
    return " ".join("".join(parts).split())


def _is_underlined(line: str, below: str) -> bool:
    is_line = _UNDERLINE.fullmatch(below) is not None
    return is_line and bool(line.strip()) and len(below.rstrip()) * 2 >= len(line.rstrip())
