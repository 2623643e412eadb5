"""Office templates: read and checked before they are taken."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import PurePosixPath

from chatbot.errors import BrokenTemplate, InvalidRequest
from chatbot.office import document, workbook
from chatbot.office.expressions import Value, check_count
from chatbot.office.package import Kind, Package, is_xml, open_package, parse_part
from chatbot.text import clean_text

_FIELD_SIGNS = re.compile(r"\{\{|\{%")

_SAMPLES: tuple[Value, ...] = ("", "=one\ntwo", date(2026, 3, 1))


@dataclass(frozen=True, slots=True)
class OfficeTemplate:
    """A template that was checked: what it is, its fields in order of appearance, the file as it came."""

    kind: Kind
    fields: tuple[str, ...]
    data: bytes


def read_template(data: bytes, filename: str, allowed: Collection[str] | None = None) -> OfficeTemplate:
    """Check a template.

    Args:
        data: a .docx or .xlsx.
        filename: as it was uploaded; its ending has to be that of the file.
        allowed: names that fields may have; None = any.

    Raises:
        BrokenTemplate: it cannot be taken; the error names the file, the place, the field and the remedy.
    """
    try:
        return _read(data, filename, allowed)
    except BrokenTemplate as error:
        name = " ".join(clean_text(filename).split())[:120]
        raise BrokenTemplate(error.fault, place=error.place, field=error.field, filename=name) from error


def _read(data: bytes, filename: str, allowed: Collection[str] | None) -> OfficeTemplate:
    ending = PurePosixPath(filename.strip().lower()).suffix.lstrip(".")
    if ending not in ("docx", "xlsx"):
        raise BrokenTemplate(
            "Its name has to end in .docx or .xlsx. Save it in one of these formats, without macros."
        )
    package = open_package(data)
    if package.kind != ending:
        raise BrokenTemplate(
            f"Its name ends in .{ending}, but it is a .{package.kind}. Give it the right ending."
        )
    room = document if package.kind == "docx" else workbook
    found = room.read_fields(package)
    check_count(len(found))
    _refuse_other_parts(package, room.list_filled(package))
    if allowed is not None:
        for name, tag, place in found:
            if name not in allowed:
                raise BrokenTemplate(_describe_unknown(name, allowed), place=place, field=tag)
    fields = tuple(dict.fromkeys(name for name, _, _ in found))
    _try_out(package, fields)
    return OfficeTemplate(package.kind, fields, data)


def _try_out(package: Package, fields: Collection[str]) -> None:
    """Fill the template with values of three kinds: what is torn elsewhere shows now, and not at a tester's."""
    room = document if package.kind == "docx" else workbook
    for value in _SAMPLES:
        try:
            room.fill_parts(package, dict.fromkeys(fields, value), "en")
        except InvalidRequest as error:
            raise BrokenTemplate(f"It cannot be filled: {error}") from error
        except Exception as error:
            raise BrokenTemplate(
                f"It cannot be filled ({type(error).__name__}). Open it in the office program and save it again."
            ) from error


def _describe_unknown(name: str, allowed: Collection[str]) -> str:
    near = get_close_matches(name, allowed, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return f"There is no field {name}.{hint} There are: {', '.join(sorted(allowed)) or 'none'}."


def _refuse_other_parts(package: Package, filled: Collection[str]) -> None:
    """Refuse fields in parts that are not filled: comments, charts, diagrams, properties of the file."""
    for name, part in package.parts.items():
        if name in filled or not is_xml(name):
            continue
        for element in parse_part(part, name).iter():
            texts = (*element.attrib.values(), element.text or "") if isinstance(element.tag, str) else ()
            for text in texts:
                if sign := _FIELD_SIGNS.search(text):
                    raise BrokenTemplate(
                        "Fields are not filled there (comments, charts, diagrams, properties, names of sheets). "
                        "Take it out.",
                        place=name,
                        field=text[sign.start() : sign.start() + 60].strip(),
                    )
