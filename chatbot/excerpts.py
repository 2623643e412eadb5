"""Passages read into units that can be quoted alone: sentences, list items, table rows, code blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chatbot.blocks import Block, open_container, split_blocks
from chatbot.text import collapse_space, split_sentences

UnitKind = Literal["sentence", "item", "row", "code"]

_CODE_SPAN = re.compile(r"(`+)(?!`).{1,1000}?(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])(?:\{[^}]*\})?")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(\s*<?([^)\s>]*)>?[^)]*\)(?:\{[^}]*\})?")
_REFERENCE = re.compile(r"(?<!!)\[([^\[\]]+)\]\s?\[[^\]]*\]")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+\S.*$", re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^[^\]]+\]")
_LOOKS_CITED = re.compile(r"\[(\d+)\]")
_SHORTCODE = re.compile(r"\{\{[<%].*?[>%]\}\}|\{%.*?%\}", re.DOTALL)
_ATTRIBUTES = re.compile(r"\{:?\s*[.#][^{}]*\}")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HTML = re.compile(
    r"</?(?:a|abbr|b|br|code|dd|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|iframe|img|kbd|li|ol|p|pre|small"
    r"|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul|video|source)\b[^<>]*>",
    re.IGNORECASE,
)
_FENCED_CONTAINER = re.compile(r"^\s*(?:/{3,}|:{3,}).*$", re.MULTILINE)
_NESTED_MARKER = re.compile(r"^\s*(?:===[!+]?|!!!|\?\?\?\+?)[ \t]+\S.*$", re.MULTILINE)
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
_SHORT_LIST = 400


@dataclass(frozen=True, slots=True)
class Unit:
    """The smallest thing quoted, in Markdown that is well-formed by itself.

    `block` numbers the block it stands in; `label` names the tab or admonition around it; `lead` is the sentence
    that announces its block; `head` the header lines of a table's row.
    """

    kind: UnitKind
    text: str
    block: int
    label: str = ""
    lead: str = ""
    head: str = ""


def read_units(markdown: str) -> list[Unit]:
    """Read a passage into its units, in reading order; tabs and admonitions are unwrapped, headings left out."""
    units: list[Unit] = []
    lead = ""
    for number, (label, block) in enumerate(_unwrap(_COMMENT.sub("", markdown).split("\n"), "")):
        found = list(_read_block(block, number, label, lead))
        units.extend(found)
        lead = found[-1].text if found and _is_announcement(found[-1]) else ""
    return units


def _is_announcement(unit: Unit) -> bool:
    return unit.kind == "sentence" and unit.text.rstrip("*_ ").endswith((":", "："))


def clean_inline(text: str) -> str:
    """Make prose of a document fit to be quoted elsewhere, its code spans untouched.

    Links to pages of the documentation, images, references and footnotes become their text; HTML tags, shortcodes and
    attribute lists go; a number in brackets is escaped, for it would be read as a citation.
    """
    return _outside_code(text, _clean_prose)


def _clean_prose(text: str) -> str:
    text = _IMAGE.sub("", _SHORTCODE.sub("", text))
    text = _LINK.sub(_keep_web_link, text)
    text = _FOOTNOTE.sub("", _REFERENCE.sub(r"\1", text))
    text = _ATTRIBUTES.sub("", _HTML.sub("", text))
    return _LOOKS_CITED.sub(r"\\[\1\\]", text)


def _keep_web_link(match: re.Match[str]) -> str:
    is_on_the_web = match.group(2).startswith(("https://", "http://"))
    return match.group(0) if is_on_the_web and "`" not in match.group(1) else match.group(1)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to a text but not to its code spans, which stand in it as private-use characters meanwhile."""
    spans: list[str] = []

    def hide(match: re.Match[str]) -> str:
        spans.append(match.group(0))
        return f"\ue000{len(spans) - 1}\ue001"

    changed = change(_CODE_SPAN.sub(hide, text.replace("\ue000", "").replace("\ue001", "")))
    return re.sub("\ue000(\\d+)\ue001", lambda match: spans[int(match.group(1))], changed)


def _unwrap(lines: Sequence[str], label: str) -> Iterator[tuple[str, Block]]:
    for block in split_blocks(lines):
        if block.kind == "container":
            title, body = open_container(block)
            yield from _unwrap(body, clean_inline(title) or label)
        else:
            yield label, block


def _read_block(block: Block, number: int, label: str, lead: str) -> Iterator[Unit]:
    if block.kind in ("heading", "rule"):
        return
    if block.kind == "code":
        yield Unit("code", _fence_code(block.text), number, label, lead)
    elif block.kind == "table":
        yield from _read_table(block.text, number, label, lead)
    elif block.kind == "list":
        yield from _read_list(block.text, number, label, lead)
    else:
        text = block.text
        if block.kind == "quote":
            text = re.sub(r"^ {0,3}> ?", "", text, flags=re.MULTILINE)
        text = _DEFINITION.sub("", _FENCED_CONTAINER.sub("", text))
        for sentence in split_sentences(clean_inline(text)):
            plain = collapse_space(sentence)
            if plain.count("**") % 2:
                # Emphasis over several sentences would be left open by quoting one of them.
                plain = plain.replace("**", "")
            if any(character.isalnum() for character in plain):
                yield Unit("sentence", plain, number, label, lead)


def _fence_code(text: str) -> str:
    """Give code a fence of its own: indented code has none, and one cut by a passage's end may not be closed."""
    lines = text.split("\n")
    opening = re.match(r"\s*(`{3,}|~{3,})", lines[0])
    if opening is None:
        body = [line[4:] if line.startswith("    ") else line.lstrip("\t") for line in lines]
        return "\n".join(["```", *body, "```"])
    fence = opening.group(1)
    language = re.match(r"[\w+#.-]*", lines[0].strip()[len(fence) :].strip())
    first = fence + (language.group(0) if language else "")
    is_closed = len(lines) > 1 and lines[-1].strip().startswith(fence)
    return "\n".join([first, *(lines[1:-1] if is_closed else lines[1:]), fence])


def _read_table(text: str, number: int, label: str, lead: str) -> Iterator[Unit]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    head = "\n".join([clean_inline(_squeeze_row(lines[0])), re.sub(r"-{3,}", "---", _squeeze_row(lines[1]))])
    for row in lines[2:]:
        yield Unit("row", clean_inline(_squeeze_row(row)), number, label, lead, head)


def _squeeze_row(row: str) -> str:
    """Take the padding out of a table's row: it is half of the length of some."""
    return re.sub(r"[ \t]{2,}", " ", row)


def _read_list(text: str, number: int, label: str, lead: str) -> Iterator[Unit]:
    text = _NESTED_MARKER.sub("", _FENCED_CONTAINER.sub("", text))
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    items: list[list[str]] = []
    is_fenced = False
    for line in (line[indent:] for line in lines):
        starts_item = (
            not is_fenced and len(line) - len(line.lstrip()) <= 1 and bool(_ITEM.match(line.lstrip()))
        )
        if line.lstrip().startswith(("```", "~~~")):
            is_fenced = not is_fenced
        if starts_item or not items:
            items.append([])
        items[-1].append(line)
    cleaned = [_clean_item("\n".join(item).rstrip()) for item in items]
    cleaned = [item for item in cleaned if any(character.isalnum() for character in item)]
    if len("\n".join(cleaned)) <= _SHORT_LIST:
        cleaned = ["\n".join(cleaned)] if cleaned else []
    for item in cleaned:
        yield Unit("item", item, number, label, lead)


def _clean_item(item: str) -> str:
    """Clean the prose of a list item, not the code blocks in it; its indents stay."""
    parts = re.split(
        r"(^[ \t]*(?:```|~~~).*?^[ \t]*(?:```|~~~)[ \t]*$)", item, flags=re.MULTILINE | re.DOTALL
    )
    cleaned = "".join(part if index % 2 else clean_inline(part) for index, part in enumerate(parts))
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", cleaned)
