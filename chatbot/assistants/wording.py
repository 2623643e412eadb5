"""Wordings: texts with places for a form's values, in Jinja, in a sandbox.

What a tester fills in is put in as it is; what a definition's author writes can neither call nor reach anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateError, Undefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"(?<=\S) {2,}")
# Longer than any letter: a loop that runs away ends here.
LONGEST = 20_000


class _Sandbox(ImmutableSandboxedEnvironment):
    def is_safe_callable(self, obj: Any) -> bool:
        return False


_ENVIRONMENT = _Sandbox(autoescape=False, undefined=Undefined, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.globals.clear()


def list_fields(wording: str) -> set[str]:
    """Give the names of the values a wording asks for.

    Raises:
        jinja2.TemplateError: it cannot be read.
    """
    return meta.find_undeclared_variables(_ENVIRONMENT.parse(wording))


def write_wording(wording: str, values: Mapping[str, str | bool]) -> str:
    """Fill a wording in; a value that is missing is empty, and leaves no empty line behind.

    Raises:
        ValueError: it cannot be filled in, or is longer than 20,000 characters.
    """
    written: list[str] = []
    length = 0
    try:
        for piece in _ENVIRONMENT.from_string(wording).generate(values):
            written.append(piece)
            length += len(piece)
            if length > LONGEST:
                raise ValueError(f"it is longer than {LONGEST} characters")
    except TemplateError as error:
        raise ValueError(str(error)) from error
    lines = [_SPACES.sub(" ", line).rstrip() for line in "".join(written).splitlines()]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
