"""The language of a template's fields: a small part of Jinja, read before anything is filled.

`{{ field }}` writes a value, `{% if field %}` … `{% endif %}` keeps or drops, `{% for line in field | lines %}` …
`{% endfor %}` repeats. `{%p … %}` and `{%tr … %}` stand alone in a paragraph or a table row, which goes with them.
Expressions have names, texts, numbers, `==`, `!=`, `and`, `or`, `not`, `a if b else c`, `~` and the filters below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.environment import TemplateExpression
from jinja2.parser import Parser
from jinja2.sandbox import SandboxedEnvironment

from chatbot.errors import BrokenTemplate, InvalidRequest

TagKind = Literal["value", "comment", "if", "elif", "else", "endif", "for", "endfor"]
Level = Literal["", "p", "tr"]
Value = str | int | float | bool | date

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
STRAY = re.compile(r"\{[{%]|[}%]\}")
"""What begins or ends a tag, where no whole tag was found around it."""
MAX_TAG = 300
MAX_TAGS = 2_000
MAX_LINES = 500

_OPENING = re.compile(r"\{[{%#]")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_RAW = re.compile(r"\{\{(?:p|r|tr|tc)\s")
_CONTROL = re.compile(r"\{%(?P<level>\w*)\s+(?P<word>\w+)\b(?P<rest>.*)%\}", re.DOTALL)
_LOOP = re.compile(r"\s*(?P<name>\w+)\s+in\s+(?P<over>.+)", re.DOTALL)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "\u00a0": " ", "\u202f": " "})
_LOOP_FACTS = ("index", "first", "last", "length")
_PLAIN = (nodes.Const, nodes.And, nodes.Or, nodes.Not, nodes.CondExpr, nodes.Concat)
_HINT = "Allowed are names of fields, texts, ==, !=, and, or, not, if … else and the filters {}."


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that was read: what it does, to what it is tied, its expression.

    `expression` is what a value writes, what a condition asks, the list that a loop goes through; `name` the loop's
    variable; `names` the fields in the expression, in order.
    """

    source: str
    kind: TagKind
    level: Level = ""
    expression: str = ""
    name: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loop:
    """Where a loop stands; `index` counts from 1."""

    index: int
    length: int

    @property
    def first(self) -> bool:
        """Whether it is the first round."""
        return self.index == 1

    @property
    def last(self) -> bool:
        """Whether it is the last round."""
        return self.index == self.length


def read_tag(source: str, bound: Collection[str] = ()) -> Tag:
    """Read a tag.

    Args:
        source: from `{{`, `{%` or `{#` to its end.
        bound: names of the loops around it, which are no fields.

    Raises:
        BrokenTemplate: it is no part of the language; the error names the tag, not its place.
    """
    if source.startswith("{#"):
        return Tag(source, "comment")
    text = source.translate(_QUOTES)
    if re.match(r"\{[{%][-+]|\{%\w*[-+]", text) or re.search(r"[-+][%}]\}$", text):
        raise _fault(source, "A sign beside the braces is not allowed. Take the - or + out.")
    if text.startswith("{{"):
        if _RAW.match(text):
            raise _fault(source, "Text only can be filled in. Write a space after {{.")
        expression = text[2:-2].strip()
        return Tag(source, "value", expression=expression, names=_read_names(source, expression, bound))
    return _read_control(source, text, bound)


def iterate_tags(text: str) -> Iterator[re.Match[str]]:
    """Find the whole tags of a text, in time that grows with its length alone.

    Raises:
        BrokenTemplate: a tag is not closed, or not opened.
    """
    position = end = 0
    while opening := _OPENING.search(text, position):
        match = _TAG.match(text, opening.start(), opening.start() + MAX_TAG)
        position = match.end() if match else opening.end()
        if match is None and opening.group() == "{#":
            continue
        _refuse_stray(text[end : opening.start()])
        if match is None:
            _refuse_stray(text[opening.start() : opening.start() + MAX_TAG])
            continue
        if stray := STRAY.search(match.group()[2:-2]):
            raise _fault(match.group(), f"It holds {stray.group()}. Is the end of a field before it missing?")
        yield match
        end = match.end()
    _refuse_stray(text[end:])


def join_tags(texts: Sequence[Any]) -> list[str]:
    """Move each tag that is torn over several elements into the one where it begins; give the tags.

    Args:
        texts: elements of lxml whose texts follow one another.
    """
    whole = "".join(text.text or "" for text in texts)
    matches = list(islice(iterate_tags(whole), MAX_TAGS + 1))
    if not matches:
        return []
    check_count(len(matches))
    owners = [number for number, text in enumerate(texts) for _ in text.text or ""]
    for match in matches:
        owners[match.start() : match.end()] = [owners[match.start()]] * len(match.group())
    pieces: list[list[str]] = [[] for _ in texts]
    for character, owner in zip(whole, owners, strict=True):
        pieces[owner].append(character)
    for text, piece in zip(texts, pieces, strict=True):
        text.text = "".join(piece)
    return [match.group() for match in matches]


def check_count(count: int) -> None:
    """Refuse a template of more than `MAX_TAGS` tags."""
    if count > MAX_TAGS:
        raise BrokenTemplate(f"It has more than {MAX_TAGS:,} fields and statements.")


def evaluate(expression: str, values: Mapping[str, Any]) -> Any:
    """Give what an expression that was read says of values."""
    return _compile(expression)(**values)


def list_filters() -> tuple[str, ...]:
    """Give the names of the filters."""
    return tuple(_FILTERS)


def _refuse_stray(text: str) -> None:
    if stray := STRAY.search(text):
        excerpt = text[max(0, stray.start() - 10) : stray.end() + 30].strip()
        sign = stray.group()
        word = "closed" if sign[0] == "{" else "opened"
        raise _fault(
            excerpt,
            f"A field that {sign} belongs to is not {word}. Write {{{{ name }}}} in one paragraph, within "
            f"{MAX_TAG} characters.",
        )


def _read_control(source: str, text: str, bound: Collection[str]) -> Tag:
    match = _CONTROL.fullmatch(text)
    if match is None:
        raise _fault(source, "It is no statement. Allowed are if, elif, else, endif, for and endfor.")
    level, word, rest = match["level"], match["word"], match["rest"].strip()
    if level not in ("", "p", "tr"):
        raise _fault(
            source, f"{{%{level} is not allowed; {{%, {{%p (a paragraph) and {{%tr (a table's row) are."
        )
    place: Level = "p" if level == "p" else "tr" if level == "tr" else ""
    if word in ("else", "endif", "endfor"):
        if rest:
            raise _fault(source, f"Nothing may follow {word}.")
        kind: TagKind = "else" if word == "else" else "endif" if word == "endif" else "endfor"
        return Tag(source, kind, place)
    if word in ("if", "elif"):
        names = _read_names(source, rest, bound)
        return Tag(source, "if" if word == "if" else "elif", place, rest, names=names)
    if word == "for":
        return _read_loop(source, place, rest, bound)
    raise _fault(source, f"The statement {word} is not allowed; if, elif, else, endif, for and endfor are.")


def _read_loop(source: str, level: Level, rest: str, bound: Collection[str]) -> Tag:
    match = _LOOP.fullmatch(rest)
    if match is None or not NAME.fullmatch(match["name"]) or match["name"] == "loop":
        raise _fault(source, "A loop is written {% for line in field | lines %}.")
    if bound:
        raise _fault(source, "A loop within a loop is not allowed.")
    over = match["over"].strip()
    names = _read_names(source, over, bound)
    node = _parse(source, over)
    if not (isinstance(node, nodes.Filter) and node.name == "lines"):
        raise _fault(source, f"A loop goes through the lines of a field: write {over.split()[0]} | lines.")
    return Tag(source, "for", level, over, match["name"], names)


def _read_names(source: str, expression: str, bound: Collection[str]) -> tuple[str, ...]:
    """Check an expression and give the fields in it, in order, each once."""
    if not expression:
        raise _fault(source, "It names no field. Write {{ name }}.")
    return tuple(dict.fromkeys(_walk(source, _parse(source, expression), bound)))


def _walk(source: str, node: nodes.Node, bound: Collection[str]) -> Iterator[str]:
    """Go through an expression, naming its fields and refusing what is not in the list."""
    if isinstance(node, nodes.Name):
        if node.name in bound:
            return
        if node.name == "loop":
            raise _fault(
                source, "loop tells of a loop: write loop.index, loop.first, loop.last or loop.length there."
            )
        if not NAME.fullmatch(node.name):
            lowered = re.sub(r"\W+", "_", node.name.lower())
            hint = f" Did you mean {lowered}?" if NAME.fullmatch(lowered) else ""
            raise _fault(
                source,
                f"{node.name} is no name of a field: small letters without accents, digits and _, at most 40, "
                f"beginning with a letter.{hint}",
            )
        yield node.name
        return
    if isinstance(node, nodes.Getattr):
        is_loop = isinstance(node.node, nodes.Name) and node.node.name == "loop" and bool(bound)
        if is_loop and node.attr in _LOOP_FACTS:
            return
        raise _fault(source, f"The dot before {node.attr} is not allowed: a field has no parts.")
    if isinstance(node, nodes.Call):
        raise _fault(source, "Calls are not allowed. " + _HINT.format(", ".join(_FILTERS)))
    _check_node(source, node)
    for child in node.iter_child_nodes():
        yield from _walk(source, child, bound)


def _check_node(source: str, node: nodes.Node) -> None:
    if isinstance(node, nodes.Const) and node.value is None:
        raise _fault(source, "none is no name of a field. Call it otherwise.")
    if isinstance(node, nodes.Filter):
        if node.name not in _FILTERS:
            raise _fault(source, f"The filter {node.name} is not allowed; {', '.join(_FILTERS)} are.")
        if len(node.args) != (1 if node.name == "default" else 0) or node.kwargs or node.dyn_args:
            raise _fault(
                source, f"The filter {node.name} is used wrongly: default takes one text, the others nothing."
            )
    elif isinstance(node, nodes.Compare):
        if any(operand.op not in ("eq", "ne") for operand in node.ops):
            raise _fault(source, "Values are compared with == and != alone.")
    elif not isinstance(node, (*_PLAIN, nodes.Operand)):
        raise _fault(source, f"{type(node).__name__} is not allowed. " + _HINT.format(", ".join(_FILTERS)))


def _parse(source: str, expression: str) -> nodes.Expr:
    try:
        parser = Parser(_environment(), expression, state="variable")
        node = parser.parse_expression()
        if not parser.stream.eos:
            raise TemplateSyntaxError(f"{parser.stream.current.value!r} was not expected", 1)
    except TemplateSyntaxError as error:
        message = str(error.message).rstrip(".")
        raise _fault(source, f"It cannot be read: {message}.") from error
    except RecursionError as error:
        raise _fault(source, "It has too many brackets.") from error
    return node


@lru_cache(maxsize=2_000)
def _compile(expression: str) -> TemplateExpression:
    return _environment().compile_expression(expression, undefined_to_none=False)


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    environment.globals = {}
    environment.tests = {}
    environment.filters = dict(_FILTERS)
    return environment


def _split_lines(value: object) -> list[str]:
    lines = [line for line in map(str.strip, str(value).splitlines()) if line]
    if len(lines) > MAX_LINES:
        raise InvalidRequest(
            f"A list of the template got {len(lines)} lines; at most {MAX_LINES} are allowed."
        )
    return lines


def _fill_missing(value: object, instead: object) -> object:
    return instead if value == "" else value


_FILTERS: dict[str, Callable[..., Any]] = {
    "lines": _split_lines,
    "default": _fill_missing,
    "upper": lambda value: str(value).upper(),
    "lower": lambda value: str(value).lower(),
    "capitalize": lambda value: str(value)[:1].upper() + str(value)[1:],
    "trim": lambda value: str(value).strip(),
}


def _fault(field: str, fault: str) -> BrokenTemplate:
    return BrokenTemplate(fault, field=field[:120])
