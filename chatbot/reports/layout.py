"""Lines of text: wrapping at a width, the order of right-to-left scripts, and what is drawn where.

reportlab's own Paragraph is not used: it parses its text as markup, needs seconds for a word of 60,000 characters,
and leaves Arabic unshaped and unordered. Here text is never markup, and the time grows with its length alone.
"""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import groupby
from typing import Any

from arabic_reshaper import ArabicReshaper
from bidi import algorithm as bidi

from chatbot.errors import ReportFailed
from chatbot.reports.fonts import DocumentFonts, Face, find_region

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
_ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff]")
_IDEOGRAPH = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
)
_NOT_FIRST = frozenset(
    "、。，．・：；？！）］｝〕〉》」』】〙〗’”ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々…%,.:;?!)]}"
)
_NOT_LAST = frozenset("（［｛〔〈《「『【〘〖‘“([{")
# Scripts written without spaces, for which no dictionary is at hand: a line may end before any base letter.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_BREAK_AFTER = frozenset("-–—/")


@dataclass(frozen=True, slots=True)
class Style:
    """How a run of text looks; `size` and `rise` in points, colours as `#rrggbb`."""

    size: float = 9.5
    color: str = "#1f2933"
    bold: bool = False
    italic: bool = False
    mono: bool = False
    serif: bool = False
    strike: bool = False
    underline: bool = False
    rise: float = 0.0
    background: str | None = None

    def but(self, **changes: Any) -> Style:
        """Give the same style with some of its fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style; a line feed in it ends the line."""

    text: str
    style: Style


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters of one style and font in the order in which they are drawn, `x` points from the line's start."""

    text: str
    font: str
    style: Style
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line, laid out; `is_continued` where it goes on with what was too long for the line above."""

    pieces: tuple[Piece, ...]
    width: float
    is_rtl: bool = False
    is_continued: bool = False


class Deadline:
    """Stop a layout that takes too long.

    Args:
        seconds: what the whole report may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def check(self) -> None:
        """Raise ReportFailed once the time is over."""
        if time.monotonic() > self._end:
            raise ReportFailed(
                f"The report was not laid out within {self.seconds:g} s. Export the thread as jsonl instead."
            )


@dataclass(frozen=True, slots=True)
class _Glyph:
    character: str
    style: Style
    font: str
    width: float
    face: Face


@dataclass(slots=True)
class Setter:
    """Sets text in lines with the fonts of one document, before its deadline."""

    fonts: DocumentFonts
    deadline: Deadline
    # One object for all uses of a letter: a report of a million of them fits in memory.
    _glyphs: dict[tuple[Style, str], dict[str, _Glyph]] = field(default_factory=dict)

    def wrap(self, runs: Iterable[Run], width: float, *, is_code: bool = False) -> list[Line]:
        """Break runs into lines no wider than `width` points.

        Words longer than a line are broken anywhere but before a combining mark.

        Args:
            runs: text in reading order.
            width: points; below 12 it counts as 12.
            is_code: spaces are kept; a line is broken at a space only near its end, else anywhere.
        """
        width = max(width, 12.0)
        lines: list[Line] = []
        for paragraph in _split_paragraphs(runs):
            self.deadline.check()
            glyphs = self._measure(paragraph, is_code=is_code)
            plain = "".join(glyph.character for glyph in glyphs)
            has_rtl = bool(_RTL.search(plain))
            is_rtl = has_rtl and not is_code and bidi.get_base_level(plain) == 1
            levels = _resolve_levels(plain, is_rtl) if has_rtl else None
            for number, (start, end) in enumerate(self._break(glyphs, width, is_code=is_code)):
                while end > start and glyphs[end - 1].character == " ":
                    end -= 1
                drawn = glyphs[start:end]
                if levels and (is_rtl or _RTL.search(plain, start, end)):
                    drawn = _reorder(glyphs, levels[start:end], is_rtl)
                lines.append(_compose(drawn, is_rtl, is_continued=number > 0))
        return lines

    def width(self, runs: Iterable[Run]) -> tuple[float, float]:
        """Measure runs unwrapped: (longest word, longest line), in points."""
        longest_word = longest_line = 0.0
        for paragraph in _split_paragraphs(runs):
            word = line = 0.0
            for glyph in self._measure(paragraph, is_code=False):
                line += glyph.width
                word = 0.0 if glyph.character == " " else word + glyph.width
                longest_word = max(longest_word, word)
            longest_line = max(longest_line, line)
        return longest_word, longest_line

    def _measure(self, runs: Sequence[Run], *, is_code: bool) -> list[_Glyph]:
        glyphs: list[_Glyph] = []
        region = find_region("".join(run.text for run in runs))
        for run in runs:
            text = self.fonts.prepare(run.text).replace("\t", "    " if is_code else " ")
            if _ARABIC.search(text):
                text = self._shape(text)
            style = run.style
            known = self._glyphs.setdefault((style, region), {})
            before: _Glyph | None = None
            for character in text:
                glyph = known.get(character) or self._find(character, style, region)
                if glyph is None:
                    continue
                known[character] = glyph
                if character == " " and before and before.face != glyph.face and before.character.isalpha():
                    glyph = self._find_space(before) or glyph
                glyphs.append(glyph)
                before = glyph
        return glyphs

    def _find(self, character: str, style: Style, region: str) -> _Glyph | None:
        found = self.fonts.find(
            character,
            mono=style.mono,
            bold=style.bold,
            italic=style.italic,
            serif=style.serif,
            region=region,
        )
        return _Glyph(character, style, found.font, found.width * style.size, found.face) if found else None

    def _find_space(self, before: _Glyph) -> _Glyph | None:
        style = before.style
        found = self.fonts.find_space(before.face, bold=style.bold)
        return _Glyph(" ", style, found.font, found.width * style.size, found.face) if found else None

    def _shape(self, text: str) -> str:
        """Join Arabic letters, keeping the plain letter where no font has its joined form."""
        shaped: str = _reshaper().reshape(text)
        return "".join(
            character if self.fonts.find(character) else unicodedata.normalize("NFKC", character)
            for character in shaped
        )

    def _break(self, glyphs: Sequence[_Glyph], width: float, *, is_code: bool) -> Iterator[tuple[int, int]]:
        start, candidate, x = 0, 0, 0.0
        index = 0
        while index < len(glyphs):
            glyph = glyphs[index]
            if index > start and (
                _may_break(glyphs, index)
                if not is_code
                else x > width * 0.7 and glyphs[index - 1].character == " "
            ):
                candidate = index
            if x + glyph.width > width and index > start and (is_code or glyph.character != " "):
                if candidate > start:
                    end = candidate
                else:
                    end = index
                    while end > start + 1 and unicodedata.combining(glyphs[end].character):
                        end -= 1
                yield start, end
                start, x = end, sum(glyph.width for glyph in glyphs[end:index])
                self.deadline.check()
                continue
            x += glyph.width
            index += 1
        yield start, len(glyphs)


@cache
def _reshaper() -> ArabicReshaper:
    return ArabicReshaper({"delete_harakat": False, "ARABIC LIGATURE ALLAH": False})


def _split_paragraphs(runs: Iterable[Run]) -> list[list[Run]]:
    paragraphs: list[list[Run]] = [[]]
    for run in runs:
        for number, text in enumerate(run.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")):
            if number:
                paragraphs.append([])
            paragraphs[-1].append(Run(text, run.style))
    return paragraphs


def _may_break(glyphs: Sequence[_Glyph], index: int) -> bool:
    """Tell whether a line may end before the glyph at `index`."""
    before, after = glyphs[index - 1].character, glyphs[index].character
    if after == " " or before == " ":
        return before == " " and after != " "
    if after in _NOT_FIRST or before in _NOT_LAST or unicodedata.category(after).startswith("M"):
        return False
    if _IDEOGRAPH.match(before) or _IDEOGRAPH.match(after):
        return True
    if _UNSPACED.match(before) and _UNSPACED.match(after):
        # A vowel written before its consonant stays with it.
        return not "\u0e40" <= before <= "\u0e44" and not "\u0ec0" <= before <= "\u0ec4"
    return before in _BREAK_AFTER and after.isalpha() and index > 1 and glyphs[index - 2].character.isalnum()


def _compose(glyphs: Sequence[_Glyph], is_rtl: bool, *, is_continued: bool) -> Line:
    pieces: list[Piece] = []
    x = 0.0
    for (font, style), group in groupby(glyphs, key=lambda glyph: (glyph.font, glyph.style)):
        drawn = list(group)
        width = sum(glyph.width for glyph in drawn)
        pieces.append(Piece("".join(glyph.character for glyph in drawn), font, style, x, width))
        x += width
    return Line(tuple(pieces), x, is_rtl, is_continued)


def _resolve_levels(text: str, is_rtl: bool) -> list[dict[str, Any]]:
    """Give every character of a paragraph its direction (Unicode Standard Annex 9, by python-bidi).

    The steps are taken one by one because `get_display` neither knows lines nor tells where a character went, and
    with it its style. Characters that the algorithm removes were removed by `prepare` before.
    """
    storage: dict[str, Any] = bidi.get_empty_storage()
    storage["base_level"], storage["base_dir"] = (1, "R") if is_rtl else (0, "L")
    bidi.get_embedding_levels(text, storage)
    entries: list[dict[str, Any]] = list(storage["chars"])
    for index, entry in enumerate(entries):
        entry["index"] = index
    bidi.explicit_embed_and_overrides(storage)
    bidi.resolve_weak_types(storage, False)
    bidi.resolve_neutral_types(storage, False)
    bidi.resolve_implicit_levels(storage, False)
    return entries


def _reorder(glyphs: Sequence[_Glyph], levels: list[dict[str, Any]], is_rtl: bool) -> list[_Glyph]:
    """Put the glyphs of one line in the order in which they are drawn, brackets mirrored."""
    storage: dict[str, Any] = {"base_level": int(is_rtl), "chars": list(levels)}
    bidi.reorder_resolved_levels(storage, False)
    bidi.apply_mirroring(storage, False)
    return [replace(glyphs[entry["index"]], character=entry["ch"]) for entry in storage["chars"]]
