"""What is wrong with a definition, fault by fault, so that each can stand at its field."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chatbot.assistants.definition import NAME, Assistant, parse_assistant
from chatbot.errors import InvalidRequest, WrongDefinition

LONGEST = 200_000
_FAULT = re.compile(r"^(?:line (?P<line>\d+): )?(?:(?P<field>[\w.]+): )?(?P<reason>.*)$")
_NAME = re.compile(NAME)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault; `field` names the way to it with dots, empty where the YAML itself is wrong; lines count from 1."""

    reason: str
    field: str = ""
    line: int | None = None

    def is_at(self, field: str) -> bool:
        """Tell whether it is a fault of this field, or of a part of it."""
        return self.field == field or self.field.startswith(f"{field}.")


def read_definition(text: str, name: str) -> Assistant:
    """Read a definition that somebody wrote in the office.

    Raises:
        WrongDefinition: with a sentence per fault.
        InvalidRequest: the name is none.
    """
    if not _NAME.match(name):
        raise InvalidRequest(
            f"{name[:80]!r} is no name of an assistant: small letters, digits and hyphens, at most 40, beginning with "
            "a letter."
        )
    if len(text) > LONGEST:
        raise WrongDefinition([f"{len(text):,} characters are too many: {LONGEST:,} at most"])
    try:
        return _parse(text, name)
    except ValueError as error:
        raise WrongDefinition(str(error).splitlines()) from error


@lru_cache(maxsize=16)
def _parse(text: str, name: str) -> Assistant:
    """Read a definition once: an editor asks for it at every click, and a long one takes half a second."""
    return parse_assistant(text, name)


def read_faults(lines: Sequence[str]) -> list[Fault]:
    """Give the faults of a `WrongDefinition`."""
    return [
        Fault(found["reason"], found["field"] or "", int(found["line"]) if found["line"] else None)
        for found in (_FAULT.match(line) for line in lines)
        if found
    ]
