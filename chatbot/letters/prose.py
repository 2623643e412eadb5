"""The body of a letter: Markdown read into paragraphs, items and quotations of plain, bold and italic text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from markdown_it.token import Token

from chatbot import markup

Role = Literal["text", "heading", "item", "quote", "code"]

MAX_LEVEL = 3
_SPACED_SIGN = re.compile(r" (?=[;:!?»%€](?:\s|$|[.,)\]]))|(?<=«) ")


@dataclass(frozen=True, slots=True)
class Span:
    """Text in one look; a line feed in it ends the line, not the paragraph."""

    text: str
    bold: bool = False
    italic: bool = False


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph; of a list, `level` begins at 1 and `number` is the item's, None for a bullet.

    `is_list_start`: the first item of its list; `is_continued`: a further paragraph of the item above.
    """

    role: Role
    spans: tuple[Span, ...]
    level: int = 0
    number: int | None = None
    is_list_start: bool = False
    is_continued: bool = False

    @property
    def text(self) -> str:
        """The paragraph without its looks."""
        return "".join(span.text for span in self.spans)


def read_prose(body: str, language: str) -> list[Paragraph]:
    """Read a letter's body; of tables and links the text is kept, of French the spaces that no line may end at."""
    paragraphs = list(_read_blocks(markup.parse(body), 0)) if body.strip() else []
    if language != "fr":
        return paragraphs
    return [
        replace(paragraph, spans=tuple(_keep_signs(span) for span in paragraph.spans))
        for paragraph in paragraphs
    ]


def _keep_signs(span: Span) -> Span:
    """Turn the space before a French sign of two parts, and within quotation marks, into one that does not break.

    Source: Lexique des règles typographiques en usage à l'Imprimerie nationale.
    """
    return replace(span, text=_SPACED_SIGN.sub("\u00a0", span.text))


def _read_blocks(tokens: Sequence[Token], level: int, *, is_quoted: bool = False) -> Iterator[Paragraph]:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        end = markup.find_close(tokens, index)
        inner = tokens[index + 1 : end]
        if token.type in ("paragraph_open", "heading_open"):
            role: Role = "heading" if token.type == "heading_open" else "quote" if is_quoted else "text"
            yield Paragraph(role, _read_spans(inner[0]), level)
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            yield from _read_list(token, inner, min(level + 1, MAX_LEVEL))
        elif token.type == "blockquote_open":
            yield from _read_blocks(inner, level, is_quoted=True)
        elif token.type in ("fence", "code_block"):
            yield Paragraph("code", (Span(token.content.removesuffix("\n")),), level)
        elif token.type == "table_open":
            yield from _read_rows(inner, level)
        index = end + 1


def _read_list(opening: Token, tokens: Sequence[Token], level: int) -> Iterator[Paragraph]:
    number = int(opening.attrGet("start") or 1) if opening.type == "ordered_list_open" else None
    index = 0
    while index < len(tokens):
        end = markup.find_close(tokens, index)
        is_first = True
        for paragraph in _read_blocks(tokens[index + 1 : end], level):
            if paragraph.role == "item":
                yield paragraph
                continue
            item = replace(
                paragraph, role="item", level=level, number=number, is_list_start=index == 0 and is_first
            )
            yield replace(item, is_continued=not is_first)
            is_first = False
        if number is not None:
            number += 1
        index = end + 1


def _read_rows(tokens: Sequence[Token], level: int) -> Iterator[Paragraph]:
    spans: list[Span] = []
    for index, token in enumerate(tokens):
        if token.type in ("th_open", "td_open"):
            cell = _read_spans(tokens[index + 1])
            if token.type == "th_open":
                cell = tuple(replace(span, bold=True) for span in cell)
            spans += [*([Span(" | ")] if spans else []), *cell]
        elif token.type == "tr_close":
            yield Paragraph("text", tuple(spans), level)
            spans = []


def _read_spans(inline: Token) -> tuple[Span, ...]:
    spans: list[Span] = []
    bold = italic = 0
    address, shown = "", ""
    for token in inline.children or ():
        text = token.content
        if token.type in ("strong_open", "strong_close"):
            bold += token.nesting
        elif token.type in ("em_open", "em_close"):
            italic += token.nesting
        elif token.type == "link_open":
            address, shown = str(token.attrGet("href") or ""), ""
        elif token.type == "link_close":
            text = f" ({address})" if address.removeprefix("mailto:") != shown else ""
        elif token.type in ("softbreak", "hardbreak"):
            text = "\n" if token.type == "hardbreak" else " "
        if text:
            shown += text
            spans.append(Span(text, bold > 0, italic > 0))
    return tuple(spans)
