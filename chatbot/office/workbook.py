"""Excel workbooks as templates: fields in cells and page headers, written as text, number or date, never as a formula.

Only the cells with fields change: formulas, styles, merged cells, widths, print set-up, charts and pictures stay as
they are. openpyxl would read and write the whole workbook, and loses what it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from lxml import etree
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.office.expressions import (
    STRAY,
    Tag,
    Value,
    check_count,
    evaluate,
    iterate_tags,
    join_tags,
    read_tag,
)
from chatbot.office.package import Package, list_relationships, parse_part, write_part
from chatbot.office.values import write_value

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
MAX_CELL = 32_767
MAX_HEADER = 255
"""Characters that Excel takes in a cell, and in the header or footer of a page."""

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_HEADERS = {S + kind + side for kind in ("odd", "even", "first") for side in ("Header", "Footer")}
_FETCHING = re.compile(
    r"\b(?:WEBSERVICE|FILTERXML|DDE|RTD|CALL|REGISTER(?:\.ID)?|EXEC|IMAGE|IMPORT\w+|CUBE\w+)\s*\(|\w\s*\|\s*['\w]",
    re.IGNORECASE,
)
_FORMULAS = (S + "f", S + "formula", S + "formula1", S + "formula2", S + "definedName")
# What may stand after calcPr in a workbook (ECMA-376, part 1, 18.2.27).
_AFTER_CALCULATION = (
    *("oleSize", "customWorkbookViews", "pivotCaches", "smartTagPr", "smartTagTypes", "webPublishing"),
    *("fileRecoveryPr", "webPublishObjects", "extLst"),
)
_DIGITS_KEPT = 15
# Points; what Excel gives a line of its standard font.
_LINE_HEIGHT = 15.0


def list_filled(package: Package) -> set[str]:
    """Give the parts in which fields may stand, with the texts that cells share."""
    strings = _find_part(package, "sharedStrings")
    return {*list_sheets(package), *([strings] if strings else [])}


def read_fields(package: Package) -> list[tuple[str, str, str]]:
    """Check a workbook's fields and list them in order of appearance: (name, tag, place).

    Raises:
        BrokenTemplate: a field or a formula is wrong.
    """
    found: list[tuple[str, str, str]] = []
    workbook = parse_part(package.parts[package.main], package.main)
    _refuse_formulas(workbook, "the workbook's names")
    strings = _read_strings(package)
    for part, name in list_sheets(package).items():
        root = parse_part(package.parts[part], part)
        _refuse_formulas(root, f"sheet “{name}”")
        for element, texts, place in _list_texts(root, strings, name):
            try:
                tags = [_read_value(source) for source in join_tags(texts)]
            except BrokenTemplate as error:
                raise BrokenTemplate(error.fault, place=place, field=error.field) from error
            found += [(field_name, tag.source, place) for tag in tags for field_name in tag.names]
            check_count(len(found))
            element.clear()
        _refuse_elsewhere(root, f"sheet “{name}”")
    return found


def list_sheets(package: Package) -> dict[str, str]:
    """Give the parts of the worksheets with their names, in the workbook's order."""
    targets = {
        relationship.key: relationship.target
        for relationship in list_relationships(package.parts, package.main)
        if relationship.kind == "worksheet"
    }
    workbook = parse_part(package.parts[package.main], package.main)
    return {
        targets[sheet.get(_RELATION)]: sheet.get("name", "")
        for sheet in workbook.iter(S + "sheet")
        if sheet.get(_RELATION) in targets
    }


def fill_parts(package: Package, values: Mapping[str, Value], language: str) -> dict[str, bytes]:
    """Give the parts of the workbook with its fields filled; results of formulas are left to who opens it."""
    parts = dict(package.parts)
    workbook = parse_part(parts[package.main], package.main)
    properties = workbook.find(S + "workbookPr")
    is_1904 = properties is not None and properties.get("date1904") in ("1", "true")
    filling = _Filling(values, language, _Styles.open(package), is_1904)
    strings = _read_strings(package)
    for part, name in list_sheets(package).items():
        root = parse_part(parts[part], part)
        for element, texts, _ in _list_texts(root, strings, name):
            if any("{" in (text.text or "") for text in texts) and join_tags(texts):
                filling.fill(element, texts)
        for formula in root.iter(S + "f"):
            _forget_result(formula)
        parts[part] = write_part(root)
    filling.styles.save(parts)
    _recalculate(workbook)
    parts[package.main] = write_part(workbook)
    return parts


def _read_value(source: str) -> Tag:
    tag = read_tag(source)
    if tag.kind not in ("value", "comment"):
        raise BrokenTemplate(
            "In a workbook there are fields alone: {{ name }}. Take the statement out.", field=source
        )
    return tag


def _read_strings(package: Package) -> list[Any]:
    """Give the texts that cells share, by their number."""
    part = _find_part(package, "sharedStrings")
    return parse_part(package.parts[part], part).findall(S + "si") if part else []


def _find_part(package: Package, kind: str) -> str | None:
    """Name the part that the workbook uses as its `sharedStrings` or its `styles`."""
    relationships = list_relationships(package.parts, package.main)
    return next((item.target for item in relationships if item.kind == kind), None)


def _list_texts(root: Any, strings: list[Any], sheet: str) -> Iterator[tuple[Any, list[Any], str]]:
    """Give what may hold fields: cells and page headers, each with copies of its texts and its place."""
    for cell in root.iter(S + "c"):
        item = _find_item(cell, strings)
        if item is not None and cell.find(S + "f") is None:
            texts = [text for text in item.iter(S + "t") if text.getparent().tag != S + "rPh"]
            if any(STRAY.search(text.text or "") or "{" in (text.text or "") for text in texts):
                copy = deepcopy(item)
                texts = [text for text in copy.iter(S + "t") if text.getparent().tag != S + "rPh"]
                yield cell, texts, f"sheet “{sheet}”, cell {cell.get('r')}"
    for header in list(root.iter(*_HEADERS)):
        yield header, [header], f"sheet “{sheet}”, page {etree.QName(header).localname[-6:].lower()}"


def _find_item(cell: Any, strings: list[Any]) -> Any | None:
    if cell.get("t") == "inlineStr":
        return cell.find(S + "is")
    number = cell.findtext(S + "v") if cell.get("t") == "s" else None
    if number is None or not number.isdecimal() or int(number) >= len(strings):
        return None
    return strings[int(number)]


def _refuse_elsewhere(root: Any, place: str) -> None:
    """Refuse fields where nothing is filled: formulas, rules of validation, names of columns."""
    for element in root.iter(etree.Element):
        for text in (*element.attrib.values(), element.text or ""):
            if stray := STRAY.search(text):
                cell = next(element.iterancestors(S + "c"), None)
                raise BrokenTemplate(
                    "A field is filled in a cell's text and in page headers alone, not in formulas or rules. "
                    "Put it into a cell and let the formula point there.",
                    place=f"{place}, cell {cell.get('r')}" if cell is not None else place,
                    field=text[max(0, stray.start() - 5) : stray.start() + 60].strip(),
                )


def _refuse_formulas(root: Any, place: str) -> None:
    """Refuse formulas that fetch or run something."""
    for element in root.iter(*_FORMULAS):
        text = re.sub(r'"[^"]*"', '""', element.text or "")
        if _FETCHING.search(text):
            cell = element.getparent() if element.tag == S + "f" else None
            raise BrokenTemplate(
                "This formula could fetch or run something. Take it out.",
                place=f"{place}, cell {cell.get('r')}" if cell is not None else place,
                field=(element.text or "")[:80],
            )


def _forget_result(formula: Any) -> None:
    cell = formula.getparent()
    result = cell.find(S + "v")
    if result is not None:
        cell.remove(result)
    cell.attrib.pop("t", None)


def _recalculate(workbook: Any) -> None:
    """Have formulas calculated when the workbook is opened."""
    settings = workbook.find(S + "calcPr")
    if settings is None:
        settings = etree.Element(S + "calcPr")
        after = next((item for item in workbook if etree.QName(item).localname in _AFTER_CALCULATION), None)
        if after is None:
            workbook.append(settings)
        else:
            after.addprevious(settings)
    settings.set("fullCalcOnLoad", "1")


@dataclass(slots=True)
class _Styles:
    """The workbook's cell styles, to which variants of them are added."""

    part: str | None
    root: Any
    _made: dict[tuple[int, str], int] = field(default_factory=dict)

    @classmethod
    def open(cls, package: Package) -> _Styles:
        part = _find_part(package, "styles")
        return cls(part, parse_part(package.parts[part], part) if part else None)

    def save(self, parts: dict[str, bytes]) -> None:
        if self.part and self._made:
            formats = self.root.find(S + "cellXfs")
            formats.set("count", str(len(formats)))
            parts[self.part] = write_part(self.root)

    def is_date(self, style: int) -> bool:
        """Tell whether a style shows a number as a date."""
        base = self._find(style)
        if base is None:
            return False
        number = int(base.get("numFmtId", "0"))
        codes = {int(item.get("numFmtId")): item.get("formatCode") for item in self.root.iter(S + "numFmt")}
        code = codes.get(number) or BUILTIN_FORMATS.get(number)
        return bool(code and is_date_format(code))

    def vary(self, style: int, change: str) -> int:
        """Give a style like another one: `date`, `moment`, `text` (never a formula) or `lines` (wrapped, too)."""
        base = self._find(style)
        if base is None:
            return style
        if (style, change) not in self._made:
            variant = deepcopy(base)
            if change in ("date", "moment"):
                variant.set("numFmtId", "14" if change == "date" else "22")
                variant.set("applyNumberFormat", "1")
            else:
                variant.set("quotePrefix", "1")
            if change == "lines":
                self._wrap(variant)
            formats = base.getparent()
            formats.append(variant)
            self._made[style, change] = len(formats) - 1
        return self._made[style, change]

    def _find(self, style: int) -> Any | None:
        formats = self.root.find(S + "cellXfs") if self.root is not None else None
        return formats[style] if formats is not None and 0 <= style < len(formats) else None

    def _wrap(self, variant: Any) -> None:
        alignment = variant.find(S + "alignment")
        if alignment is None:
            alignment = etree.Element(S + "alignment")
            variant.insert(0, alignment)
        alignment.set("wrapText", "1")
        variant.set("applyAlignment", "1")


@dataclass(slots=True)
class _Filling:
    """One workbook in the filling."""

    values: Mapping[str, Value]
    language: str
    styles: _Styles
    is_1904: bool

    def fill(self, element: Any, texts: list[Any]) -> None:
        """Write the values of the fields in a cell or a page header."""
        if element.tag in _HEADERS:
            text = self._replace(element.text, escape="&")
            if len(text) > MAX_HEADER:
                raise InvalidRequest(
                    f"A page header would have {len(text)} characters; {MAX_HEADER} are allowed."
                )
            element.text = text
            return
        source = "".join(text.text or "" for text in texts).strip()
        matches = list(iterate_tags(source))
        if len(matches) == 1 and matches[0].group() == source:
            tag = _read_value(source)
            if tag.kind == "value" and self._write_typed(element, tag):
                return
        for text in texts:
            text.text = self._replace(text.text or "")
            text.set(_SPACE, "preserve")
        self._write_text(element, texts)

    def _write_typed(self, cell: Any, tag: Tag) -> bool:
        """Write the value of a field that stands alone as what it is; False where it is text."""
        value = (
            self.values[tag.expression]
            if tag.expression in self.values
            else evaluate(tag.expression, self.values)
        )
        style = int(cell.get("s", "0"))
        if isinstance(value, bool):
            return False
        if isinstance(value, date):
            if not self.styles.is_date(style):
                style = self.styles.vary(style, "moment" if isinstance(value, datetime) else "date")
            number = repr(_count_days(value, is_1904=self.is_1904))
        elif isinstance(value, int | float) and len(str(value).strip("-")) <= _DIGITS_KEPT + 2:
            number = repr(value)
        else:
            return False
        _empty(cell, style)
        etree.SubElement(cell, S + "v").text = number
        return True

    def _write_text(self, cell: Any, texts: list[Any]) -> None:
        value = "".join(text.text for text in texts)
        if len(value) > MAX_CELL:
            raise InvalidRequest(
                f"Cell {cell.get('r')} would have {len(value):,} characters; {MAX_CELL:,} are allowed. Shorten them."
            )
        style = int(cell.get("s", "0"))
        if "\n" in value:
            style = self.styles.vary(style, "lines")
            _make_room(cell, value.count("\n") + 1)
        elif value[:1] and value[0] in "=+-@":
            style = self.styles.vary(style, "text")
        _empty(cell, style)
        if value:
            cell.set("t", "inlineStr")
            item = texts[0].getparent()
            while item.getparent() is not None:
                item = item.getparent()
            inline = etree.SubElement(cell, S + "is")
            inline.extend(list(item))

    def _replace(self, text: str, *, escape: str = "") -> str:
        pieces: list[str] = []
        end = 0
        for match in iterate_tags(text):
            tag = _read_value(match.group())
            value = (
                ""
                if tag.kind == "comment"
                else write_value(evaluate(tag.expression, self.values), self.language)
            )
            pieces += [text[end : match.start()], value.replace(escape, escape * 2) if escape else value]
            end = match.end()
        return "".join(pieces) + text[end:]


def _count_days(moment: date, *, is_1904: bool) -> int | float:
    """Give a date as a workbook keeps it: days since the eve of 1900 (counted as Excel does) or since 1904."""
    epoch = datetime(1904, 1, 1) if is_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - workbooks know no zones
    if isinstance(moment, datetime):
        return (moment.replace(tzinfo=None) - epoch) / timedelta(days=1)
    return (moment - epoch.date()).days


def _make_room(cell: Any, lines: int) -> None:
    """Let a row be high enough for lines; office programs do so for what is typed, not for what they open."""
    row = cell.getparent()
    if row.get("customHeight") not in ("1", "true"):
        row.set("ht", f"{max(float(row.get('ht') or 0), lines * _LINE_HEIGHT):g}")


def _empty(cell: Any, style: int) -> None:
    place = cell.get("r")
    cell.clear()
    if place:
        cell.set("r", place)
    if style:
        cell.set("s", str(style))
