"""Files that a page includes, put in their place, and lines of MDX that no reader sees taken out.

Never read: what lies outside the knowledge folder, by `..`, an absolute path or a link, and what is hidden.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from chatbot.containers import track_fence

_DEEPEST = 8
_MOST_FILES = 500
_MOST_ASKED = 2000
_FORMS = (
    # pymdownx.snippets: --8<-- "file", "file:4:9", "file:section"
    r"-+8<-+[ \t]+[\"'](?P<snippet>[^\"']+)[\"']",
    # markdown-include and mdx-include: {!file!}, {!> file!}; FastAPI: {* file hl[1] *}
    r"\{[!*]>?[ \t]*(?P<braced>[^\s!*]+)[^!*]*[!*]\}",
    # Jekyll, Liquid, mkdocs-include-markdown: {% include "file" %}; with content="…" it is a note with its text.
    r"\{%-?[ \t]*include(?:_relative|-markdown)?[ \t]+(?![^%]*\bcontent=)[\"']?(?P<liquid>[^\s\"'%]+)[^%]*%\}",
    # VitePress: <!--@include: file-->, <<< file
    r"<!--[ \t]*@include:[ \t]*(?P<vitepress>[^\s{]+?)(?:\{[^}]*\})?[ \t]*-->",
    r"<<<[ \t]+(?P<code>[^\s{#\[]+)\S*(?:[ \t].*)?",
    # mdBook: {{#include file:anchor}}
    r"\{\{#(?:rustdoc_)?include[ \t]+(?P<mdbook>[^\s}]+)[^}]*\}\}",
    # Hugo: {{< include "file" >}}, {{% readfile file="file" %}}
    r"\{\{[<%][ \t]*(?:include|readfile)[ \t]+(?:file=)?[\"']?(?P<hugo>[^\s\"'>%]+)[^>%]*[>%]\}\}",
)
_INCLUDE = re.compile(r"(?P<indent>[ \t]*)(?:" + "|".join(_FORMS) + r")[ \t]*$")
_LOOKS = re.compile(r"8<-|^[ \t]*(?:\{[!*%{]|<!--[ \t]*@|<<<)|^(?:import|export)\b|^\{/\*", re.MULTILINE)
_IMPORT = re.compile(
    r"import\b[^;]*\bfrom[ \t]+[\"']([^\"']+)[\"'];?[ \t]*$|import[ \t]+[\"'][^\"']+[\"'];?[ \t]*$"
)
_IMPORTED = re.compile(r"import[ \t]+(\w+)[ \t]+from[ \t]+[\"']([^\"']+\.mdx?)[\"']")
_EXPORT = re.compile(r"export[ \t]+(?:const|let|var|function|default|async)\b")
_MDX_COMMENT = re.compile(r"\{/\*.*\*/\}[ \t]*$")
_COMPONENT = re.compile(r"[ \t]*<(\w+)(?:[ \t][^<>]*)?/>[ \t]*$")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?^---[ \t]*\n", re.DOTALL | re.MULTILINE)
_LINE_RANGE = re.compile(r"(?::\d*){1,2}$|:[\w-]+$")


def resolve_includes(
    text: str, folder: Path, source: str, max_characters: int
) -> tuple[str, tuple[str, ...]]:
    """Put included files in the place of the lines that ask for them.

    A line whose file is not there is taken out, for it tells a reader nothing; in code it stays, unless it asks
    for a file outside the folder.

    Args:
        text: a Markdown document.
        folder: the knowledge folder.
        source: the document's path in it.
        max_characters: how long the result may get; what would exceed it is not included.

    Returns:
        The text, and the paths relative to the folder of the files asked for, there or not.
    """
    if not _LOOKS.search(text):
        return text, ()
    reading = _Reading(folder, max_characters - len(text))
    lines = reading.expand(text, source, (source,))
    return "\n".join(lines), tuple(reading.asked)


class _Reading:
    """One document being read with all that it includes."""

    def __init__(self, folder: Path, room: int) -> None:
        self.root = Path(os.path.realpath(folder))
        self.room = room
        self.files = 0
        self.asked: dict[str, bool] = {}
        self._candidates: dict[tuple[str, str], list[str]] = {}

    def expand(self, text: str, source: str, path: tuple[str, ...]) -> list[str]:
        """Give the lines of a text with what they include; `path` are the files being read, the outermost first."""
        source_lines, components = _drop_modules(text.replace("\r\n", "\n").split("\n"))
        lines: list[str] = []
        fence: str | None = None
        start = 0
        is_emptied = False
        for line in source_lines:
            was_open, fence = fence, track_fence(line, fence)
            if fence and not was_open:
                start, is_emptied = len(lines), False
            indent, name = _read_include(line, {} if fence else components)
            if not name:
                lines.append(line)
                if was_open and not fence and is_emptied and not "".join(lines[start + 1 : -1]).strip():
                    # Code that was nothing but a file from elsewhere.
                    del lines[start:]
                continue
            candidates = self._list_candidates(name, source)
            included = self._include(candidates, path)
            if included is not None:
                lines.extend(f"{indent}{inner}" if inner else "" for inner in included)
            elif fence and candidates:
                lines.append(line)
            elif fence:
                is_emptied = True
        return lines

    def _include(self, candidates: Sequence[str], path: tuple[str, ...]) -> list[str] | None:
        """Read the first file of that name; None where there is none, or it would be read within itself."""
        for name in candidates:
            file = self.root / name
            # Asked once: a page may ask for the same missing file on every line.
            if name not in self.asked:
                self.asked[name] = file.is_file()
            if not self.asked[name] or name in path or len(path) > _DEEPEST or self.files >= _MOST_FILES:
                continue
            try:
                if file.stat().st_size > self.room:
                    continue
                text = file.read_bytes().decode("utf-8-sig")
            except (OSError, UnicodeDecodeError):
                continue
            if "\0" in text:
                continue
            self.files += 1
            self.room -= len(text)
            if not name.lower().endswith((".md", ".mdx", ".markdown")):
                return text.rstrip("\n").split("\n")
            return self.expand(_FRONT_MATTER.sub("", text).rstrip("\n"), name, (*path, name))
        return None

    def _list_candidates(self, name: str, source: str) -> list[str]:
        """List where a file may be, as paths in the folder: beside the page, at the top, among the includes."""
        beside = source.rpartition("/")[0]
        if (name, beside) in self._candidates or len(self._candidates) >= _MOST_ASKED:
            return self._candidates.get((name, beside), [])
        found = self._candidates[name, beside] = []
        name = _LINE_RANGE.sub("", name).removeprefix("@/").removeprefix("@site/")
        for place in (f"{beside}/{name}" if beside else name, name, f"_includes/{name}", f"includes/{name}"):
            relative = os.path.normpath(place).replace(os.sep, "/")
            if Path(name).is_absolute() or any(part.startswith(".") for part in relative.split("/")):
                continue
            real = Path(os.path.realpath(self.root / relative))
            if real.is_relative_to(self.root) and relative not in found:
                found.append(relative)
        return found


def _read_include(line: str, components: Mapping[str, str]) -> tuple[str, str]:
    """Read which file a line asks for, with the line's indent; an empty name where it asks for none."""
    if match := _INCLUDE.match(line):
        named = match.groupdict(default="")
        return named.pop("indent"), next(name for name in named.values() if name)
    component = _COMPONENT.match(line) if components else None
    return "", components.get(component.group(1), "") if component else ""


def _count_front_matter(lines: Sequence[str]) -> int:
    """Count the lines of the front matter; 0 where there is none."""
    if not lines or lines[0].rstrip() != "---":
        return 0
    return next((number + 1 for number, line in enumerate(lines) if number and line.rstrip() == "---"), 0)


def _drop_modules(lines: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take out the lines of MDX that import, export or comment; give the pages that are imported, by their names."""
    kept: list[str] = []
    components: dict[str, str] = {}
    fence: str | None = None
    is_start = True
    skipping = False
    first = _count_front_matter(lines)
    for number, line in enumerate(lines):
        was_open, fence = fence, track_fence(line, fence)
        if skipping and line.strip():
            continue
        skipping = False
        if not was_open and not fence and is_start and line[:1] in "ie{":
            statement = " ".join(lines[number : number + 12]) if line.startswith("import {") else line
            if imported := _IMPORTED.match(line):
                components[imported.group(1)] = imported.group(2)
            if _IMPORT.match(line) or _MDX_COMMENT.match(line):
                continue
            if _EXPORT.match(line) or (line.rstrip() == "import {" and " from " in statement):
                skipping = True
                continue
        is_start = not line.strip() or number + 1 == first
        kept.append(line)
    return kept, components
