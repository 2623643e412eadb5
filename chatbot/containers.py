"""Containers of site generators: admonitions, tabs, alerts and highlighted code, which CommonMark does not know.

They are those of MkDocs (`!!!`, `???`, `===`, `///`), Docusaurus, VitePress and MyST (`:::`), GitHub and Obsidian
(`> [!NOTE]`), and code between shortcodes of Hugo and Jekyll (`{{< highlight >}}`, `{% highlight %}`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

ContainerKind = Literal["container", "code"]

_INDENT = "    "
_INDENTED = re.compile(r"(?:===[!+]?|!!!|\?\?\?\+?)[ \t]+\S")
_ALERT = re.compile(r" {0,3}>[ \t]*\[!([\w-]+)\][+-]?[ \t]*(.*)$")
_FENCED = re.compile(r"(:{3,})[ \t]*\S|(/{3,}) *[A-Za-z]")
_FENCE_END = re.compile(r"(:{3,}|/{3,})[ \t]*$")
_CODE = re.compile(
    r"\{\{[<%]\s*(highlight|code|codeblock)\b.*[>%]\}\}\s*$|\{%-?\s*(highlight|codeblock)\b.*%\}\s*$"
)
_ANY = re.compile(r"^(?:===|!!!|\?\?\?|:::|///|\{\{[<%]|\{%| {0,3}>[ \t]*\[!)", re.MULTILINE)
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)")
_FENCE = re.compile(r"(`{3,}|~{3,})")
_QUOTED_TITLE = re.compile(r'"([^"]*)"')
_FENCED_TITLE = re.compile(
    r"(?:[:/]{3,})[ \t]*(?:\{[^}]*\}|[\w.-]+)[ \t]*(?:\[(.*)\]|\|?[ \t]*(.*?))(?:[ \t]*\{[^}]*\})?[ \t]*$"
)
_OPTION = re.compile(r"(?: {4}|:)[\w-]+:")
_QUOTE_MARK = re.compile(r" {0,3}> ?")


@dataclass(frozen=True, slots=True)
class Container:
    """A container taken apart: its first line, its body without indent or quote marks, its last line if it has one.

    `prefix` is what stands before every line of the body.
    """

    opening: str
    title: str
    body: tuple[str, ...]
    prefix: str = ""
    closing: str = ""


def find_containers(lines: Sequence[str]) -> dict[int, tuple[int, ContainerKind]]:
    """Find the containers that a line of their own closes: the line after each, and its kind, by its first line.

    One that is never closed is none, and one that holds headings is none either: they are the page's own.
    """
    found: dict[int, tuple[int, ContainerKind]] = {}
    if not _ANY.search("\n".join(lines)):
        return found
    open_ones: list[tuple[int, str]] = []
    fence: str | None = None
    last_heading = -1
    code: tuple[int, re.Pattern[str]] | None = None
    for number, line in enumerate(lines):
        if code is not None:
            if code[1].match(line):
                found[code[0]] = (number + 1, "code")
                code = None
            continue
        was_open, fence = fence, track_fence(line, fence)
        if was_open or fence:
            continue
        if _HEADING.match(line):
            last_heading = number
        elif end := _FENCE_END.match(line):
            start = _close(open_ones, end.group(1))
            if start > last_heading:
                found[start] = (number + 1, "container")
        elif opening := _FENCED.match(line):
            open_ones.append((number, opening.group(1) or opening.group(2)))
        elif shortcode := _CODE.match(line):
            code = (number, _code_end(shortcode))
    return found


def find_end(
    lines: Sequence[str], start: int, closed: Mapping[int, tuple[int, ContainerKind]]
) -> tuple[int, ContainerKind] | None:
    """Find the line after the container that begins at a line, and its kind; None where none begins."""
    if start in closed:
        return closed[start]
    line = lines[start]
    if _INDENTED.match(line):
        return _find_indented_end(lines, start), "container"
    if _ALERT.match(line):
        end = start + 1
        while end < len(lines) and _QUOTE_MARK.match(lines[end]):
            end += 1
        return end, "container"
    return None


def read_container(text: str) -> Container:
    """Take a container apart."""
    opening, *body = text.split("\n")
    if alert := _ALERT.match(opening):
        return Container(
            opening, alert.group(2).strip(), tuple(_QUOTE_MARK.sub("", line, count=1) for line in body), "> "
        )
    if _FENCED.match(opening):
        closing = body.pop() if body and _FENCE_END.match(body[-1]) else ""
        match = _FENCED_TITLE.match(opening)
        while body and _OPTION.match(body[0]):
            body.pop(0)
        title = (match.group(1) or match.group(2) or "") if match else ""
        return Container(opening, title.strip(), tuple(body), "", closing)
    quoted = _QUOTED_TITLE.search(opening)
    lines = (line[len(_INDENT) :] if line.startswith(_INDENT) else line.removeprefix("\t") for line in body)
    return Container(opening, quoted.group(1).strip() if quoted else "", tuple(lines), _INDENT)


def is_mkdocs(lines: Sequence[str]) -> bool:
    """Tell whether a page is written for MkDocs: it has a container of no other generator."""
    return any(
        _INDENTED.match(line) or re.match(r"/{3,} *[a-z]", line) for line in lines if line[:1] in "=!?/"
    )


def track_fence(line: str, fence: str | None) -> str | None:
    """Tell which code fence is open after a line, given the one open before it; None outside of code."""
    if fence is None and "```" not in line and "~~~" not in line:
        return None
    stripped = line.strip()
    if fence is None:
        match = _FENCE.match(stripped)
        if match and not (match.group(1)[0] == "`" and "`" in stripped[match.end() :]):
            return match.group(1)
        return None
    is_closing = stripped.startswith(fence) and not stripped.strip(fence[0])
    return None if is_closing else fence


def _close(open_ones: list[tuple[int, str]], marker: str) -> int:
    """Take the container that a marker closes off those that are open; -1 where there is none.

    `///` closes the one opened with as many strokes; `:::` the last opened, however many colons it has.
    """
    for position in range(len(open_ones) - 1, -1, -1):
        start, opening = open_ones[position]
        if opening == marker or (opening[0] == marker[0] == ":"):
            del open_ones[position:]
            return start
    return -1


def _code_end(shortcode: re.Match[str]) -> re.Pattern[str]:
    if name := shortcode.group(1):
        return re.compile(r"\{\{[<%]\s*/\s*" + name + r"\s*[>%]\}\}\s*$")
    return re.compile(r"\{%-?\s*end" + shortcode.group(2) + r"\s*-?%\}\s*$")


def _find_indented_end(lines: Sequence[str], start: int) -> int:
    """Find the line after an indented container: every line that is blank or indented, without blanks at the end."""
    end = start + 1
    for position in range(start + 1, len(lines)):
        line = lines[position]
        if line.strip() and not line.startswith((_INDENT, "\t")):
            break
        if line.strip():
            end = position + 1
    return end
