"""Passages read into units that can be quoted alone: sentences, list items, table rows, code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chatbot.blocks import Block, open_container, split_blocks
from chatbot.containers import track_fence
from chatbot.prose import clean_inline, clean_sentence, close_marks, drop_definitions, drop_machinery
from chatbot.text import split_sentences

UnitKind = Literal["sentence", "item", "row", "code"]

_FENCED_CONTAINER = re.compile(r"^\s*(?:/{3,}|:{3,}).*$", re.MULTILINE)
_NESTED_MARKER = re.compile(r"^\s*(?:===[!+]?|!!!|\?\?\?\+?)[ \t]+\S.*$", re.MULTILINE)
_QUOTE_MARKER = re.compile(r"^ {0,3}> ?")
_ALERT = re.compile(r"^\[!\w+\][-+]?[ \t]*")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:\s|$)")
# A fence, or the shortcode of Hugo and Jekyll that stands for one; then the language.
_CODE_OPENING = re.compile(
    r" {0,3}(`{3,}|~{3,}|\{\{[<%]|\{%-?)\s*(?:(?:highlight|codeblock|code)\s+)?([\w+#.-]*)"
)
_PSEUDO_HEADING = re.compile(r"\*\*[^*]+\*\*:?|__[^_]+__:?")
_MARKERS_IN_ROW = re.compile(r"(?:(?:[-*+]|\d{1,9}[.)])[ \t]+){3,}")
_SHORT_LIST = 400
_DEEPEST_INDENT = 12
# Tabs and quotes nested deeper are read as prose: a hostile passage may nest them without end.
_DEEPEST = 8


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

    @property
    def is_announcement(self) -> bool:
        """Whether it only announces what follows: it ends with a colon, asks, or stands in bold like a heading."""
        if self.kind == "code":
            return False
        return self.text.rstrip("*_ ").endswith((":", "：", "?", "？")) or bool(
            _PSEUDO_HEADING.fullmatch(self.text)
        )


def read_units(markdown: str) -> list[Unit]:
    """Read a passage into its units, in reading order; tabs and admonitions are unwrapped, headings left out."""
    units: list[Unit] = []
    lead = ""
    for number, (label, block) in enumerate(_unwrap(drop_machinery(markdown).split("\n"), "", 0)):
        found = [unit for unit in _read_block(block, number, label, lead) if unit.text.strip("*:_") != label]
        units.extend(found)
        lead = found[-1].text if found and found[-1].is_announcement else ""
    return units


def _unwrap(lines: Sequence[str], label: str, depth: int) -> Iterator[tuple[str, Block]]:
    for block in split_blocks(lines):
        if block.kind == "container" and depth < _DEEPEST:
            title, body = open_container(block)
            yield from _unwrap(body, clean_inline(title) or label, depth + 1)
        elif block.kind == "quote" and depth < _DEEPEST:
            body = [_QUOTE_MARKER.sub("", line) for line in block.text.split("\n")]
            body[0] = _ALERT.sub("", body[0])
            yield from _unwrap(body, label, depth + 1)
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
        text = drop_definitions(_FENCED_CONTAINER.sub("", _NESTED_MARKER.sub("", block.text)))
        if block.kind == "quote":
            text = re.sub(r"^[ >]+", "", text, flags=re.MULTILINE)
        for sentence in split_sentences(clean_inline(text)):
            plain = clean_sentence(sentence)
            if _has_words(plain):
                yield Unit("sentence", plain, number, label, lead)


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _fence_code(text: str) -> str:
    """Give code a fence of its own: indented code has none, and one cut by a passage's end may not be closed."""
    lines = text.split("\n")
    language = ""
    if opening := _CODE_OPENING.match(lines[0]):
        marker = opening.group(1)
        language = opening.group(2)
        is_closed = len(lines) > 1 and lines[-1].strip().startswith(
            marker[:3] if marker[0] in "`~" else marker[:2]
        )
        indent = len(lines[0]) - len(lines[0].lstrip())
        body = [_dedent(line, indent) for line in (lines[1:-1] if is_closed else lines[1:])]
    else:
        body = [line[4:] if line.startswith("    ") else line.lstrip("\t") for line in lines]
    longest = max((len(run) for run in re.findall("`{3,}", "\n".join(body))), default=2)
    fence = "`" * (longest + 1)
    return "\n".join([fence + language, *body, fence])


def _dedent(line: str, indent: int) -> str:
    return line[min(indent, len(line) - len(line.lstrip())) :]


def _read_table(text: str, number: int, label: str, lead: str) -> Iterator[Unit]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    head = "\n".join([clean_inline(_squeeze_row(lines[0])), re.sub(r"-{3,}", "---", _squeeze_row(lines[1]))])
    for row in lines[2:]:
        cleaned = close_marks(clean_inline(_squeeze_row(row)))
        if _has_words(cleaned):
            yield Unit("row", cleaned, number, label, lead, head)


def _squeeze_row(row: str) -> str:
    """Take the padding out of a table's row: it is half of the length of some."""
    return re.sub(r"[ \t]{2,}", " ", row)


def _read_list(text: str, number: int, label: str, lead: str) -> Iterator[Unit]:
    """Read a list's items; those of a short list are one unit, for steps make sense only together."""
    text = drop_definitions(_NESTED_MARKER.sub("", _FENCED_CONTAINER.sub("", text)))
    lines = text.split("\n")
    indent = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    items: list[list[str]] = []
    fence: str | None = None
    for line in (line[indent:] for line in lines):
        starts_item = (
            fence is None and len(line) - len(line.lstrip()) <= 1 and bool(_ITEM.match(line.lstrip()))
        )
        fence = track_fence(line, fence)
        if starts_item or not items:
            items.append([])
        items[-1].append(line)
    cleaned = [_clean_item("\n".join(item).rstrip()) for item in items]
    cleaned = [item for item in cleaned if _has_words(item)]
    if len("\n".join(cleaned)) <= _SHORT_LIST:
        cleaned = ["\n".join(cleaned)] if cleaned else []
    for item in cleaned:
        yield Unit("item", item, number, label, lead)


def _clean_item(item: str) -> str:
    """Clean the prose of a list item, not the code blocks in it; its indents stay, a fence left open is closed."""
    parts: list[tuple[bool, list[str]]] = []
    fence: str | None = None
    opening = ""
    for line in item.split("\n"):
        was_open = fence is not None
        fence = track_fence(line, fence)
        if fence is not None and not was_open:
            opening = line[: len(line) - len(line.lstrip())] + fence
        is_code = was_open or fence is not None
        if not parts or parts[-1][0] != is_code:
            parts.append((is_code, []))
        parts[-1][1].append(line)
    if fence is not None:
        parts[-1][1].append(opening)
    cleaned = ("\n".join(lines) if is_code else _clean_lines(lines) for is_code, lines in parts)
    return "\n".join(cleaned).rstrip()


def _clean_lines(lines: Sequence[str]) -> str:
    """Clean an item's prose; levels deeper than a reader follows are drawn together."""
    flat = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        flat.append(line[:indent][:_DEEPEST_INDENT] + _MARKERS_IN_ROW.sub("- ", line[indent:], count=1))
    return re.sub(r"\n(?:[ \t]*\n)+", "\n\n", close_marks(clean_inline("\n".join(flat))))
