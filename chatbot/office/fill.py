"""A template and values become a file."""

from __future__ import annotations

from collections.abc import Mapping

from chatbot.office import document, workbook
from chatbot.office.expressions import Value
from chatbot.office.package import open_package, write_package
from chatbot.office.template import OfficeTemplate
from chatbot.office.values import clean_values


def fill_template(template: OfficeTemplate, values: Mapping[str, Value], *, language: str = "en") -> bytes:
    """Fill a template; the same values give the same bytes.

    Args:
        template: as it was read.
        values: by the fields' names; what is missing is empty, what the template does not name is left out. Lines of a
            text become lines of the document; numbers and dates are such in the cells of a workbook.
        language: `en` or `fr`, of the words for dates, numbers, yes and no.

    Raises:
        InvalidRequest: a value is too long for the file.
    """
    package = open_package(template.data)
    cleaned = clean_values(values, template.fields)
    room = document if template.kind == "docx" else workbook
    return write_package(room.fill_parts(package, cleaned, language))
