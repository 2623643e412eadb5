"""An office file as the parts it is zipped of: opened without trust, written the same each time.

What could run, fetch or hide something in the file that is made from a template is refused here: macros, controls,
embedded objects, links to other files, document types of XML. Sizes are judged before anything is unpacked.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lxml import etree

from chatbot.errors import BrokenTemplate
from chatbot.markup import is_safe_link

Kind = Literal["docx", "xlsx"]

MAX_BYTES = 5_000_000
MAX_UNPACKED = 40_000_000
MAX_PART = 5_000_000
MAX_XML = 15_000_000
"""Bytes of one part of XML, and of all together: reading and trying out take about 2 s for each million."""
MAX_RATIO = 200
"""Unpacked bytes per packed byte of a part above 1 MB; office programs reach 50 with long tables."""
MAX_PARTS = 1_000

TYPES = "[Content_Types].xml"
_TRANSITIONAL = "{http://schemas.openxmlformats.org/"
_OLE = b"\xd0\xcf\x11\xe0"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_RATIO_FROM = 1_000_000
_MAIN = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml": "xlsx",
}
_OTHER_ENDINGS = {
    "macroenabled": "It may run macros. Save it as .docx or .xlsx without macros.",
    "template.main+xml": "It is saved as a template of the office program. Save it as .docx or .xlsx.",
    "presentationml": "It is a presentation. Only .docx and .xlsx can be templates.",
}
# Pieces of part names, content types and types of relationships, in small letters, and what they are; `$` = the end.
_FORBIDDEN = {
    "vbaproject": "a macro (VBA project)",
    "vbadata": "a macro (VBA project)",
    "macroenabled": "a macro (VBA project)",
    "macrosheet": "a sheet of Excel 4 macros",
    "activex": "an ActiveX control",
    "oleobject": "an embedded object (OLE)",
    "/embeddings/": "an embedded file",
    "/package$": "an embedded file",
    "externallink": "a link to another workbook",
    "/connections": "a data connection",
    "querytable": "a query of outside data",
    "afchunk": "an imported document (altChunk)",
    "subdocument": "a subdocument",
    "webextension": "an add-in",
    "customui": "a changed ribbon (customUI)",
    "xmlsignatures": "a digital signature, which filling would break",
    "digital-signature": "a digital signature, which filling would break",
}


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of an office file by name, in their order; `main` is the document or the workbook."""

    kind: Kind
    main: str
    parts: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Relationship:
    """That a part uses another one: its id within the part, the last word of its type, the other's name."""

    key: str
    kind: str
    target: str


def open_package(data: bytes) -> Package:
    """Unpack a .docx or .xlsx.

    Raises:
        BrokenTemplate: it is none, too big, torn, encrypted, or holds what a template must not hold.
    """
    parts = _unpack(data)
    if TYPES not in parts:
        raise BrokenTemplate(
            "It is a zip, but no office file. Save it as .docx or .xlsx from the office program."
        )
    for name, part in parts.items():
        if is_xml(name):
            parse_part(part, name)
    types = _read_types(parts)
    main, kind = _find_main(types)
    if main not in parts:
        raise BrokenTemplate(f"Its part {main} is missing. Open it in the office program and save it again.")
    if not parse_part(parts[main], main).tag.startswith(_TRANSITIONAL):
        raise BrokenTemplate("It is saved as Strict Open XML. Save it as a plain .docx or .xlsx.")
    _refuse_content(parts, types)
    for name in parts:
        if name.endswith(".rels"):
            _check_relationships(parts, name)
    return Package(kind, main, parts)


def write_package(parts: Mapping[str, bytes]) -> bytes:
    """Zip parts; the same parts give the same bytes, whatever the time."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, part)
    return target.getvalue()


def is_xml(name: str) -> bool:
    """Tell by its name whether a part is XML."""
    return name.lower().endswith((".xml", ".rels", ".vml"))


def parse_part(part: bytes, name: str) -> Any:
    """Parse a part into an element of lxml, without entities, document types or the network.

    Raises:
        BrokenTemplate: it is no XML, or declares a document type.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(part, parser)
    except etree.XMLSyntaxError as error:
        raise BrokenTemplate(
            f"The part {name} is no valid XML ({error.msg}). Open it in the office program and save it again."
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BrokenTemplate(
            f"The part {name} declares a document type (DTD), which no office program writes."
        )
    return root


def write_part(root: Any) -> bytes:
    """Write an element as a part."""
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def list_relationships(parts: Mapping[str, bytes], name: str) -> list[Relationship]:
    """Give which parts a part uses, in order; links out of the file are left out."""
    rels = posixpath.join(posixpath.dirname(name), "_rels", posixpath.basename(name) + ".rels")
    if rels not in parts:
        return []
    return [
        Relationship(item.get("Id", ""), item.get("Type", "").rpartition("/")[2], _resolve(rels, item))
        for item in _read_relationships(parts[rels], rels)
        if item.get("TargetMode") != "External"
    ]


def _unpack(data: bytes) -> dict[str, bytes]:
    if len(data) > MAX_BYTES:
        raise BrokenTemplate(
            f"It has {len(data):,} bytes; at most {MAX_BYTES:,} are allowed. Make its pictures smaller."
        )
    if data.startswith(_OLE):
        raise BrokenTemplate(
            "It is encrypted, or of an old format (.doc, .xls). Save it as .docx or .xlsx without a password."
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_entries(archive.infolist())
            return {entry.filename: archive.read(entry) for entry in archive.infolist() if not entry.is_dir()}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError) as error:
        raise BrokenTemplate(
            "It is no office file, or a torn one: it cannot be unpacked. Save it as .docx or .xlsx again."
        ) from error


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    """Judge the sizes that the zip's own list tells; reading gives no byte more than it tells."""
    if len(entries) > MAX_PARTS:
        raise BrokenTemplate(f"It has {len(entries):,} parts; at most {MAX_PARTS:,} are allowed.")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_UNPACKED:
        raise BrokenTemplate(f"Unpacked it would have {total:,} bytes; at most {MAX_UNPACKED:,} are allowed.")
    xml = sum(entry.file_size for entry in entries if is_xml(entry.filename))
    if xml > MAX_XML:
        raise BrokenTemplate(f"Its parts of XML have {xml:,} bytes; at most {MAX_XML:,} are allowed.")
    names: set[str] = set()
    for entry in entries:
        name = entry.filename
        if entry.flag_bits & 0x1:
            raise BrokenTemplate("It is encrypted. Save it without a password.")
        if name.lower() in names:
            raise BrokenTemplate(
                f"It holds the part {name} twice. Open it in the office program and save it again."
            )
        names.add(name.lower())
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise BrokenTemplate(f"Its part {name} lies outside of the file.")
        if entry.file_size > MAX_PART and is_xml(name):
            raise BrokenTemplate(
                f"Its part {name} has {entry.file_size:,} bytes; at most {MAX_PART:,} are allowed."
            )
        if entry.file_size > _RATIO_FROM and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise BrokenTemplate(f"Its part {name} unpacks to more than {MAX_RATIO} times its size.")


def _read_types(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Give the content type of every part."""
    defaults: dict[str, str] = {}
    overrides: dict[str, str] = {}
    for item in parse_part(parts[TYPES], TYPES):
        kind = item.get("ContentType", "")
        if item.get("Extension") is not None:
            defaults[item.get("Extension").lower()] = kind
        elif item.get("PartName") is not None:
            overrides[item.get("PartName").lstrip("/")] = kind
    return {
        name: overrides.get(name) or defaults.get(name.rpartition(".")[2].lower(), "") for name in parts
    } | {name: kind for name, kind in overrides.items() if name not in parts}


def _find_main(types: Mapping[str, str]) -> tuple[str, Kind]:
    for kind in types.values():
        for piece, remedy in _OTHER_ENDINGS.items():
            if piece in kind.lower() and "main+xml" in kind.lower():
                raise BrokenTemplate(remedy)
    found = [(name, _MAIN[kind]) for name, kind in types.items() if kind in _MAIN]
    if len(found) != 1:
        raise BrokenTemplate(
            "It is no document or workbook. Save it as .docx or .xlsx from the office program."
        )
    name, kind = found[0]
    return name, "docx" if kind == "docx" else "xlsx"


def _refuse_content(parts: Mapping[str, bytes], types: Mapping[str, str]) -> None:
    for name in {**parts, **types}:
        what = _find_forbidden(f"/{name}") or _find_forbidden(types.get(name, ""))
        if what:
            raise BrokenTemplate(f"It holds {what}. Take it out and save the file again.", place=name)


def _find_forbidden(text: str) -> str | None:
    lowered = f"{text.lower()}$"
    return next((what for piece, what in _FORBIDDEN.items() if piece in lowered), None)


def _check_relationships(parts: Mapping[str, bytes], rels: str) -> None:
    """Refuse what leads out of the file, save links that a reader clicks, and what leads nowhere."""
    place = posixpath.basename(rels).removesuffix(".rels") or "the file itself"
    for item in _read_relationships(parts[rels], rels):
        kind, target = item.get("Type", "").rpartition("/")[2], item.get("Target", "")
        if item.get("TargetMode") == "External":
            if kind == "hyperlink" and is_safe_link(target):
                continue
            raise BrokenTemplate(
                f"It leads to {target[:200]!r} outside of the file ({kind}). Embed what is linked or take it out; "
                "links of the text may lead to http, https and mailto addresses.",
                place=place,
            )
        if what := _find_forbidden(item.get("Type", "")):
            raise BrokenTemplate(f"It holds {what}. Take it out and save the file again.", place=place)
        if not target.startswith("#") and _resolve(rels, item) not in parts:
            raise BrokenTemplate(
                f"The part {target[:200]!r} is missing. Open the file in the office program and save it again.",
                place=place,
            )


def _read_relationships(part: bytes, name: str) -> list[Any]:
    return [item for item in parse_part(part, name) if isinstance(item.tag, str)]


def _resolve(rels: str, item: Any) -> str:
    """Give the name of the part that a relationship leads to."""
    target = str(item.get("Target", "")).partition("#")[0]
    folder = posixpath.dirname(posixpath.dirname(rels))
    return posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
