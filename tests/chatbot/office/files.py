"""Office files made as an author would make them, and changed as an attacker would."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from chatbot.office.fill import fill_template
from chatbot.office.template import OfficeTemplate, read_template

RELATIONSHIP = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def save(document: Any) -> bytes:
    """Give a document or a workbook as a file."""
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def make_document(*paragraphs: str, change: Callable[[WordDocument], None] | None = None) -> bytes:
    """Give a Word document with these paragraphs."""
    document = Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    if change:
        change(document)
    return save(document)


def make_workbook(cells: Mapping[str, object], change: Callable[[Worksheet], None] | None = None) -> bytes:
    """Give a workbook whose sheet `Invoice` has these cells."""
    workbook = Workbook()
    sheet = workbook.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "Invoice"
    for place, value in cells.items():
        sheet[place] = value
    if change:
        change(sheet)
    return save(workbook)


def read_docx(data: bytes, **values: Any) -> OfficeTemplate:
    """Read a Word template."""
    return read_template(data, "letter.docx", **values)


def fill_docx(data: bytes, *, language: str = "en", **values: Any) -> WordDocument:
    """Fill a Word template and open what comes out."""
    return Document(io.BytesIO(fill_template(read_docx(data), values, language=language)))


def fill_xlsx(data: bytes, *, language: str = "en", **values: Any) -> Worksheet:
    """Fill a workbook and open its sheet."""
    filled = fill_template(read_template(data, "invoice.xlsx"), values, language=language)
    sheet = load_workbook(io.BytesIO(filled)).active
    assert isinstance(sheet, Worksheet)
    return sheet


def list_paragraphs(document: WordDocument) -> list[str]:
    """Give the texts of a document's paragraphs."""
    return [paragraph.text for paragraph in document.paragraphs]


def read_parts(data: bytes) -> dict[str, bytes]:
    """Give the parts of an office file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zip_parts(parts: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Zip parts in their order."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return target.getvalue()


def add_part(data: bytes, name: str, part: bytes) -> bytes:
    """Add a part to a file, or put another in its place."""
    return zip_parts(read_parts(data) | {name: part})


def replace_in(data: bytes, name: str, old: str, new: str) -> bytes:
    """Change the text of a part."""
    parts = read_parts(data)
    text = parts[name].decode()
    assert old in text
    return zip_parts(parts | {name: text.replace(old, new, 1).encode()})


def add_relationship(data: bytes, part: str, kind: str, target: str, mode: str = "External") -> bytes:
    """Let a part use another one, or something outside of the file."""
    folder, _, name = part.rpartition("/")
    rels = f"{folder}/_rels/{name}.rels"
    parts = read_parts(data)
    if rels not in parts:
        parts[rels] = (
            b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"></Relationships>'
        )
    item = f'<Relationship Id="evil1" Type="{RELATIONSHIP}{kind}" Target="{target}" TargetMode="{mode}"/>'
    text = parts[rels].decode().replace("</Relationships>", f"{item}</Relationships>")
    return zip_parts(parts | {rels: text.encode()})
