"""Wordings: texts with places for a form's values, in Jinja, in a sandbox.

What a tester fills in is put in as it is; what a definition's author writes can neither call nor reach anything, and
comes to an end: there are no loops, and nothing multiplies a text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import Template, TemplateError, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.sandbox import ImmutableSandboxedEnvironment

_BLANK_LINES = re.compile(r"\n{3,}")
_SPACES = re.compile(r"(?<=\S) {2,}")
# Longer than any letter.
LONGEST = 20_000
# What shapes a value; those left out call, loop, or make a text of any length.
_FILTERS = (
    *("abs", "capitalize", "default", "first", "float", "int", "last", "length", "lower", "round"),
    *("title", "trim", "truncate", "upper"),
)
_REFUSED: dict[type[nodes.Node], str] = {
    nodes.For: "for",
    nodes.Macro: "macro",
    nodes.CallBlock: "call",
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "import",
    nodes.Extends: "extends",
    nodes.Call: "a call with ()",
}
# A value that is not what a wording takes it for: a text compared with a number, a division by nothing.
_FAULTS = (TemplateError, TypeError, ArithmeticError, LookupError)


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%"})

    def is_safe_callable(self, obj: Any) -> bool:
        return False

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" or isinstance(left, str) or isinstance(right, str):
            raise SecurityError(f"{operator} is for numbers alone, and ** for none")
        return super().call_binop(context, operator, left, right)


def _replace(text: Any, old: str, new: str) -> str:
    whole = str(text)
    if len(whole) + whole.count(old) * len(new) > LONGEST:
        raise SecurityError(f"what is replaced makes it longer than {LONGEST} characters")
    return whole.replace(old, new)


_ENVIRONMENT = _Sandbox(autoescape=False, undefined=Undefined, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters = {name: FILTERS[name] for name in _FILTERS} | {"replace": _replace}


@lru_cache(maxsize=256)
def list_fields(wording: str) -> frozenset[str]:
    """Give the names of the values a wording asks for.

    Raises:
        ValueError: it cannot be read; the line of the wording is in the message.
    """
    try:
        tree = _ENVIRONMENT.parse(wording)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of it: {error.message}") from error
    for kind, name in _REFUSED.items():
        if found := tree.find(kind):
            raise ValueError(f"line {found.lineno} of it: a wording has no {name}")
    try:
        _compile(wording)
    except TemplateSyntaxError as error:
        raise ValueError(f"line {error.lineno} of it: {error.message}") from error
    return frozenset(meta.find_undeclared_variables(tree))


def write_wording(wording: str, values: Mapping[str, str | bool]) -> str:
    """Fill a wording in; a value that is missing is empty, and leaves no empty line behind.

    Raises:
        ValueError: it cannot be filled in, or is longer than 20,000 characters.
    """
    written: list[str] = []
    length = 0
    try:
        for piece in _compile(wording).generate(values):
            written.append(piece)
            length += len(piece)
            if length > LONGEST:
                raise ValueError(f"it is longer than {LONGEST} characters")
    except _FAULTS as error:
        raise ValueError(str(error)) from error
    lines = [_SPACES.sub(" ", line).rstrip() for line in "".join(written).splitlines()]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


# The same few wordings are filled in again and again, and compiling one takes milliseconds.
@lru_cache(maxsize=256)
def _compile(wording: str) -> Template:
    return _ENVIRONMENT.from_string(wording)
