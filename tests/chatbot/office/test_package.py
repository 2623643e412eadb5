"""What is no plain office file is refused before anything of it is used."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from chatbot.errors import BrokenTemplate
from chatbot.office.package import MAX_BYTES, open_package, write_package
from tests.chatbot.office.files import (
    add_part,
    add_relationship,
    make_document,
    make_workbook,
    read_docx,
    read_parts,
    replace_in,
    zip_parts,
)

PLAIN = make_document("Hello {{ name }}")
TYPES = "[Content_Types].xml"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no office file"),
        (b"Hello", "no office file"),
        (PLAIN[: len(PLAIN) // 2], "no office file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "encrypted, or of an old format"),
        (zip_parts({"a.txt": b"x"}), "a zip, but no office file"),
        (b"x" * (MAX_BYTES + 1), "at most 5,000,000 are allowed"),
        (zip_parts({"word/a.bin": b"\0" * 9_000_000}), "more than 200 times its size"),
        (zip_parts({f"p{n}.bin": b"\0" * 9_000_000 for n in range(5)}), "at most 40,000,000"),
        (zip_parts({"word/a.xml": b" " * 5_000_001}), "at most 5,000,000"),
        (zip_parts({f"word/{n}.xml": b" " * 4_000_000 for n in range(4)}), "at most 15,000,000"),
        (zip_parts({f"{n}.bin": b"" for n in range(1001)}), "at most 1,000"),
        (zip_parts({"../word.xml": b"<a/>"}), "lies outside of the file"),
        (zip_parts({"word/A.xml": b"<a/>", "word/a.xml": b"<a/>"}), "twice"),
        (add_part(PLAIN, "word/x.xml", b"<a>"), "the part word/x.xml is no valid XML"),
        (add_part(PLAIN, "word/x.xml", b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'), "document type"),
        (replace_in(PLAIN, TYPES, MAIN, "text/plain"), "no document or workbook"),
        (
            add_part(PLAIN, "word/document.xml", b'<w:document xmlns:w="http://purl.oclc.org/ooxml/x"/>'),
            "Strict Open XML",
        ),
        (replace_in(PLAIN, TYPES, "document.main+xml", "template.main+xml"), "saved as a template"),
        (replace_in(PLAIN, TYPES, MAIN, "application/vnd.ms-word.document.macroEnabled.main+xml"), "macros"),
    ],
)
def test_broken_file_is_refused(data: bytes, reason: str) -> None:
    """What cannot be opened, or unpacks to too much, is refused with the reason."""
    with pytest.raises(BrokenTemplate, match=f"(?i){reason}"):
        open_package(data)


def test_encrypted_entry_is_refused() -> None:
    """A zip with a password is refused."""
    data = bytearray(PLAIN)
    # The flags of each entry stand 8 bytes into its record in the zip's own list.
    start = 0
    while (start := data.find(b"PK\x01\x02", start)) >= 0:
        struct.pack_into("<H", data, start + 8, 1)
        start += 4
    with pytest.raises(BrokenTemplate, match="encrypted"):
        open_package(bytes(data))


def test_entry_that_lies_about_its_size_gives_no_more() -> None:
    """Reading gives no byte more than the zip's list tells, so that the limits hold."""
    data = bytearray(zip_parts(read_parts(PLAIN) | {"big.bin": b"\0" * 3_000_000}, zipfile.ZIP_DEFLATED))
    entry = data.rfind(b"PK\x01\x02", 0, data.rfind(b"big.bin"))
    struct.pack_into("<I", data, entry + 24, 10)
    with pytest.raises(BrokenTemplate, match="cannot be unpacked"):
        open_package(bytes(data))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("word/vbaProject.bin", "a macro"),
        ("word/activeX/activeX1.bin", "an ActiveX control"),
        ("word/embeddings/oleObject1.bin", "an embedded"),
        ("word/embeddings/sheet.xlsx", "an embedded file"),
        ("xl/externalLinks/externalLink1.xml", "a link to another workbook"),
        ("xl/connections.xml", "a data connection"),
        ("xl/queryTables/queryTable1.xml", "a query"),
        ("xl/macrosheets/sheet1.xml", "a sheet of Excel 4 macros"),
        ("customUI/customUI14.xml", "a changed ribbon"),
        ("word/webextensions/taskpanes.xml", "an add-in"),
        ("_xmlsignatures/sig1.xml", "a digital signature"),
    ],
)
def test_dangerous_part_is_refused(name: str, what: str) -> None:
    """Macros, controls, embedded and linked things are refused by name, with the remedy."""
    with pytest.raises(BrokenTemplate, match=f"holds {what}.* Take it out") as caught:
        open_package(add_part(PLAIN, name, b"<a/>"))
    assert caught.value.place == name


def test_type_of_a_macro_is_refused() -> None:
    """A macro under a harmless name is known by its content type."""
    override = (
        '<Override PartName="/word/notes.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    )
    data = replace_in(add_part(PLAIN, "word/notes.bin", b"x"), TYPES, "</Types>", override)
    with pytest.raises(BrokenTemplate, match=r"notes\.bin: It holds a macro"):
        open_package(data)


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("attachedTemplate", "http://evil.example/t.dotm"),
        ("image", "http://evil.example/pixel.png"),
        ("oleObject", "file:///C:/x.xlsx"),
        ("frame", "http://evil.example/"),
        ("hyperlink", "file://evil.example/share"),
        ("hyperlink", "javascript:alert(1)"),
        ("mailMergeSource", "file:///C:/people.csv"),
    ],
)
def test_way_out_of_the_file_is_refused(kind: str, target: str) -> None:
    """What would be fetched when the file is opened is refused; the error names the address."""
    with pytest.raises(BrokenTemplate, match="outside of the file") as caught:
        open_package(add_relationship(PLAIN, "word/document.xml", kind, target))
    assert target in str(caught.value)


@pytest.mark.parametrize("target", ["https://example.org/a?b=1", "mailto:a@example.org"])
def test_link_that_a_reader_clicks_is_allowed(target: str) -> None:
    """A hyperlink to a page or an address of mail fetches nothing by itself."""
    assert open_package(add_relationship(PLAIN, "word/document.xml", "hyperlink", target)).kind == "docx"


def test_imported_document_is_refused() -> None:
    """An altChunk would be read as HTML by the word processor."""
    data = add_part(PLAIN, "word/chunk.bin", b"<html>")
    with pytest.raises(BrokenTemplate, match="an imported document"):
        open_package(add_relationship(data, "word/document.xml", "aFChunk", "chunk.bin", "Internal"))


def test_missing_part_is_named() -> None:
    """A relationship that leads nowhere is a torn file."""
    with pytest.raises(BrokenTemplate, match=r"'nothing\.xml' is missing"):
        open_package(add_relationship(PLAIN, "word/document.xml", "theme", "nothing.xml", "Internal"))


def test_deep_xml_is_refused() -> None:
    """XML nested thousands deep is refused by the parser's own bound."""
    with pytest.raises(BrokenTemplate, match="no valid XML"):
        open_package(add_part(PLAIN, "word/deep.xml", b"<a>" * 5_000 + b"</a>" * 5_000))


def test_same_parts_give_the_same_bytes() -> None:
    """Neither clock nor machine is in the file."""
    parts = open_package(make_workbook({"A1": "x"})).parts
    first = write_package(parts)
    assert write_package(parts) == first
    assert read_parts(first) == dict(parts)
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_office_files_as_made_are_taken() -> None:
    """What python-docx and openpyxl write passes."""
    assert read_docx(PLAIN).fields == ("name",)
    assert open_package(make_workbook({"A1": 1})).main == "xl/workbook.xml"
