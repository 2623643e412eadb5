"""Word documents as templates: where the fields stand, whether they are right, and the filling.

Filling walks over the tree of the document, carries statements out and writes values as text into it: there is no
markup to escape, and a value never becomes any.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date
from itertools import pairwise
from typing import Any

from lxml import etree

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.letters.dates import write_date
from chatbot.office.expressions import Loop, Value, evaluate, iterate_tags, read_tag
from chatbot.office.package import Package, list_relationships, parse_part, write_part
from chatbot.office.places import W
from chatbot.office.statements import SPACE, STATEMENT, prepare
from chatbot.office.values import write_value

MAX_ELEMENTS = 300_000
MAX_WRITTEN = 2_000_000
"""Characters of all values written into one document."""

_STORIES = ("header", "footer", "footnotes", "endnotes")
_DRAWING = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
_WORD_2010 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_NEEDS_PARAGRAPH = {W + name for name in ("tc", "txbxContent", "hdr", "ftr", "footnote", "endnote")}
# Codes of Word's own fields that neither fetch nor run anything.
_FIELD_CODES = frozenset(
    re.findall(
        r"\w+",
        "PAGE NUMPAGES SECTION SECTIONPAGES DATE TIME CREATEDATE SAVEDATE PRINTDATE AUTHOR TITLE SUBJECT FILENAME REF "
        "PAGEREF NOTEREF STYLEREF SEQ TOC TC XE INDEX HYPERLINK SYMBOL LISTNUM FORMTEXT FORMCHECKBOX FORMDROPDOWN",
    )
)


def list_stories(package: Package) -> dict[str, str]:
    """Give the parts that are filled: the document, then its headers, footers and notes, each with its name."""
    stories = {package.main: ""}
    counts = dict.fromkeys(_STORIES, 0)
    for relationship in list_relationships(package.parts, package.main):
        if relationship.kind in counts and relationship.target not in stories:
            counts[relationship.kind] += 1
            number = f" {counts[relationship.kind]}" if relationship.kind in ("header", "footer") else ""
            stories[relationship.target] = f"{relationship.kind}{number}"
    return stories


def list_filled(package: Package) -> set[str]:
    """Give the parts in which fields may stand."""
    return set(list_stories(package))


def read_fields(package: Package) -> list[tuple[str, str, str]]:
    """Check a document's fields and list them in order of appearance: (name, tag, place).

    Raises:
        BrokenTemplate: a field or statement is wrong.
    """
    found: list[tuple[str, str, str]] = []
    for part, label in list_stories(package).items():
        root = parse_part(package.parts[part], part)
        _refuse_codes(root, label)
        for tag, place in prepare(root, label):
            found += [(name, tag.source, place) for name in tag.names]
    return found


def fill_parts(package: Package, values: Mapping[str, Value], language: str) -> dict[str, bytes]:
    """Give the parts of the document with its fields filled; all other parts as they were."""
    filling = _Filling(values, language)
    parts = dict(package.parts)
    for part, label in list_stories(package).items():
        root = parse_part(parts[part], part)
        if prepare(root, label):
            filling.fill(root)
            parts[part] = write_part(root)
    return parts


def _refuse_codes(root: Any, label: str) -> None:
    """Refuse Word's own field codes that fetch, run or include something (DDE, INCLUDETEXT, MACROBUTTON …)."""
    codes = [item.get(W + "instr", "") for item in root.iter(W + "fldSimple")]
    open_codes: list[str] = []
    for item in root.iter(W + "fldChar", W + "instrText"):
        if item.tag == W + "instrText":
            if open_codes:
                open_codes[-1] += item.text or ""
            else:
                codes.append(item.text or "")
        elif item.get(W + "fldCharType") == "begin":
            open_codes.append("")
        elif item.get(W + "fldCharType") == "end" and open_codes:
            codes.append(open_codes.pop())
    for code in (*codes, *open_codes):
        word = re.match(r"\s*(\S*)", code)
        name = word.group(1).upper() if word else ""
        if name not in _FIELD_CODES:
            raise BrokenTemplate(
                "This code of the word processor is not allowed: it could fetch or run something. Take it out.",
                place=label or "the document",
                field=code.strip()[:80] or "(an empty field code)",
            )


class _Filling:
    """One document in the filling.

    Args:
        values: one for every field.
        language: of dates, numbers, yes and no.
    """

    def __init__(self, values: Mapping[str, Value], language: str) -> None:
        self.language = language
        # Dates are text from here on; numbers stay numbers until they are written, for conditions ask them.
        self.values = {
            name: write_date(value, language) if isinstance(value, date) else value
            for name, value in values.items()
        }
        self.elements = 0
        self.written = 0

    def fill(self, root: Any) -> None:
        """Fill a part."""
        self._fill(root, self.values)
        for table in list(root.iter(W + "tbl")):
            if table.find(f".//{W}tr") is None:
                table.getparent().remove(table)
        for element in root.iter(*_NEEDS_PARAGRAPH):
            if len(element) == 0 or element[-1].tag not in (W + "p", W + "sdt"):
                etree.SubElement(element, W + "p")
        if self.elements:
            for number, drawing in enumerate(root.iter(_DRAWING), 1):
                drawing.set("id", str(number))

    def _fill(self, element: Any, values: Mapping[str, Any]) -> None:
        if element.tag == W + "t":
            if element.text and "{" in element.text:
                self._write(element, values)
            return
        children = list(element)
        if any(child.tag == STATEMENT for child in children):
            filled = self._expand(children, values)
            for child in children:
                element.remove(child)
            element.extend(filled)
            return
        for child in children:
            self._fill(child, values)

    def _expand(self, children: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
        """Give the elements that stand in place of these, statements carried out."""
        filled: list[Any] = []
        position = 0
        while position < len(children):
            child = children[position]
            if child.tag != STATEMENT:
                self._fill(child, values)
                filled.append(child)
                position += 1
                continue
            stops = _find_stops(children, position)
            end = stops[-1]
            if child.get("kind") == "for":
                filled += self._repeat(child, children[position + 1 : end], values)
            else:
                start, stop = self._choose(children, [position, *stops], values)
                filled += self._expand(children[start:stop], values)
            position = end + 1
        return filled

    def _repeat(self, statement: Any, body: Sequence[Any], values: Mapping[str, Any]) -> list[Any]:
        lines = evaluate(statement.get("expression"), values)
        size = sum(sum(1 for _ in element.iter()) for element in body)
        self.elements += size * len(lines)
        if self.elements > MAX_ELEMENTS:
            raise InvalidRequest("The lists are too long for this template. Give fewer lines.")
        filled: list[Any] = []
        for index, line in enumerate(lines, 1):
            copies = [_copy(element) for element in body]
            scope = {**values, statement.get("name"): line, "loop": Loop(index, len(lines))}
            filled += self._expand(copies, scope)
        return filled

    def _choose(
        self, children: Sequence[Any], stops: Sequence[int], values: Mapping[str, Any]
    ) -> tuple[int, int]:
        """Give where the branch that holds begins and ends."""
        for start, stop in pairwise(stops):
            branch = children[start]
            if branch.get("kind") == "else" or evaluate(branch.get("expression"), values):
                return start + 1, stop
        return stops[-1], stops[-1]

    def _write(self, text: Any, values: Mapping[str, Any]) -> None:
        written: list[str] = []
        end = 0
        for match in iterate_tags(text.text):
            tag = read_tag(match.group(), [name for name in values if name not in self.values])
            value = (
                "" if tag.kind == "comment" else write_value(evaluate(tag.expression, values), self.language)
            )
            self.written += len(value)
            written += [text.text[end : match.start()], value]
            end = match.end()
        if self.written > MAX_WRITTEN:
            raise InvalidRequest("The values are too long for this template. Shorten them.")
        _set_text(text, "".join(written) + text.text[end:])


def _find_stops(children: Sequence[Any], start: int) -> list[int]:
    """Give where the statement's elif, else and end stand."""
    depth, stops = 0, []
    for position in range(start + 1, len(children)):
        kind = children[position].get("kind") if children[position].tag == STATEMENT else None
        if kind in ("if", "for"):
            depth += 1
        elif kind in ("endif", "endfor"):
            depth -= 1
        if depth < 0 or (depth == 0 and kind in ("elif", "else")):
            stops.append(position)
        if depth < 0:
            break
    return stops


def _copy(element: Any) -> Any:
    """Copy an element for a round of a loop, without what may be in a document once."""
    copy = deepcopy(element)
    etree.strip_elements(copy, W + "bookmarkStart", W + "bookmarkEnd", with_tail=False)
    for item in copy.iter(W + "p", W + "tr"):
        for name in ("paraId", "textId"):
            item.attrib.pop(_WORD_2010 + name, None)
    return copy


def _set_text(text: Any, value: str) -> None:
    """Write a value into a run's text, its line ends and tabs as the elements that show them."""
    text.set(SPACE, "preserve")
    first, *pieces = re.split("([\n\t])", value)
    text.text = first
    for sign, piece in zip(pieces[::2], pieces[1::2], strict=True):
        mark = etree.Element(W + ("br" if sign == "\n" else "tab"))
        text.addnext(mark)
        text = etree.Element(W + "t", {SPACE: "preserve"})
        text.text = piece
        mark.addnext(text)
