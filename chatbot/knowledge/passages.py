"""Sections cut into passages: what is found, shown to the model and cited."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from chatbot.knowledge.cutting import LONGEST_PASSAGE as LONGEST_PASSAGE
from chatbot.knowledge.cutting import USUAL_PASSAGE as USUAL_PASSAGE
from chatbot.knowledge.cutting import cut_blocks
from chatbot.knowledge.markdown import ParsedDocument, parse_document, parse_plain_text
from chatbot.text import detect_language

# Part of every index's hash: raise it whenever passages are made differently.
PASSAGE_FORMAT = 3
# Enough for the language: measured on 3,091 documents in English and French, none wrong (of 200 characters, 2).
_LANGUAGE_SAMPLE = 300


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of one section, in literal Markdown, at most `LONGEST_PASSAGE` characters.

    `source` is the path relative to the knowledge folder with `/`; `heading` the page's title and the section's
    headings joined by ` > `; `part` of `parts` counts the pieces of the section from 1. Where the passage holds a
    part of a code block or table that was too long for one, `block_part` of `block_parts` says which; else both are 0.
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
    block_part: int = 0
    block_parts: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON takes them."""
        return asdict(self)


def make_passages(text: str, source: str, folder_language: str | None = None) -> list[Passage]:
    """Cut a document into passages, in reading order.

    Args:
        text: the document in Markdown; plain text where the source's name ends in `.txt`.
        source: its path relative to the knowledge folder, with `/`.
        folder_language: the language its folder names; None = detected from the text.
    """
    stem = source.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    parse = parse_plain_text if source.lower().endswith(".txt") else parse_document
    document = parse(text, stem.replace("-", " ").replace("_", " ").strip().capitalize())
    language = folder_language or detect_language(_sample(document))
    passages: list[Passage] = []
    seen: dict[str, int] = {}
    for section in document.sections:
        pieces = cut_blocks(section.blocks)
        key = f"{source}\n{section.heading}"
        for part, piece in enumerate(pieces, start=1):
            seen[key] = seen.get(key, 0) + 1
            passages.append(
                Passage(
                    passage_id=hashlib.sha256(f"{key}\n{seen[key]}".encode()).hexdigest()[:16],
                    source=source,
                    title=document.title,
                    heading=section.heading,
                    anchor=section.anchor,
                    language=language,
                    text=piece.text,
                    part=part,
                    parts=len(pieces),
                    block_part=piece.part,
                    block_parts=piece.parts,
                )
            )
    return passages


def _sample(document: ParsedDocument) -> str:
    """Take enough of the document's prose to tell its language: first what is no code, then the headings."""
    return " ".join(_take(document))[:_LANGUAGE_SAMPLE]


def _take(document: ParsedDocument) -> Iterator[str]:
    size = 0
    for section in document.sections:
        for block in section.blocks:
            if block.kind in ("text", "list", "quote", "container", "table") and size < _LANGUAGE_SAMPLE:
                yield block.text[:_LANGUAGE_SAMPLE]
                size += len(block.text)
    if size < _LANGUAGE_SAMPLE:
        yield " ".join(section.heading for section in document.sections[:20])
