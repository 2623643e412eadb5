"""PDF converted to Markdown: headings by the size of their letters, paragraphs, no running heads and page numbers."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pdfminer.layout import LTTextLine

MOST_PAGES = 5_000
_MARGIN = 0.1
_LARGER = 1.12
_LONGEST_HEADING = 120
_DEEPEST = 4
# A bullet, also one whose font does not say which character it is.
_BULLET = re.compile(r"(?:[•▪◦‣●○■–]|\(cid:\d+\))\s+")
_UNKNOWN = re.compile(r"\(cid:\d+\)")
_NUMBER = re.compile(r"\d+")


class UnreadablePdf(Exception):
    """A PDF gives no text; the message says why and what helps."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page; `size` in points, `height` its place on the page, 0 at the foot and 1 at the head."""

    text: str
    page: int
    box: int
    size: float
    height: float
    is_bold: bool


def convert_pdf(content: bytes) -> str:
    """Convert a PDF to Markdown, each heading with the anchor `page=N` that PDF readers understand.

    Raises:
        UnreadablePdf: it is no PDF, cut short, protected, too long, or made of pictures.
    """
    if b"%PDF-" not in content[:1024]:
        raise UnreadablePdf("it is no PDF; rename or remove it")
    if b"%%EOF" not in content[-2048:]:
        raise UnreadablePdf("it is cut short; copy it again")
    lines = _drop_running_heads(list(_read_lines(content)))
    if not lines:
        raise UnreadablePdf(
            "it holds no text, only pictures of it; run it through character recognition (OCR)"
        )
    return _write(lines)


def _read_lines(content: bytes) -> Iterator[_Line]:
    from pdfminer.high_level import extract_pages
    from pdfminer.layout import LTTextContainer, LTTextLine
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    box = 0
    try:
        for number, page in enumerate(extract_pages(io.BytesIO(content)), start=1):
            if number > MOST_PAGES:
                raise UnreadablePdf(f"it has more than {MOST_PAGES:,} pages; split it")
            for element in page:
                if not isinstance(element, LTTextContainer):
                    continue
                box += 1
                for line in element:
                    if isinstance(line, LTTextLine) and (text := _read_text(line)):
                        size, is_bold = _measure(line)
                        yield _Line(text, number, box, size, line.y0 / max(page.height, 1), is_bold)
    except PDFPasswordIncorrect as error:
        raise UnreadablePdf("it is protected by a password; save it without one") from error


def _read_text(line: LTTextLine) -> str:
    text = " ".join(line.get_text().split())
    return text if _BULLET.match(text) else _UNKNOWN.sub("", text).strip()


def _measure(line: Iterable[object]) -> tuple[float, bool]:
    """Tell the size of most letters of a line, and whether they are bold."""
    from pdfminer.layout import LTChar

    letters = [item for item in line if isinstance(item, LTChar) and item.get_text().strip()]
    if not letters:
        return 0.0, False
    size = Counter(round(letter.size * 2) / 2 for letter in letters).most_common(1)[0][0]
    bold = sum("bold" in letter.fontname.lower() or "black" in letter.fontname.lower() for letter in letters)
    return size, bold * 2 > len(letters)


def _drop_running_heads(lines: Sequence[_Line]) -> list[_Line]:
    """Leave out what stands in the margins of most pages but for its numbers, and page numbers alone."""
    pages = max((line.page for line in lines), default=0)
    seen: Counter[str] = Counter()
    for page_lines in _by_page(lines):
        seen.update({_NUMBER.sub("0", line.text) for line in page_lines if _is_in_margin(line)})
    return [
        line
        for line in lines
        if not (
            _is_in_margin(line)
            and (
                (pages > 2 and seen[_NUMBER.sub("0", line.text)] * 2 > pages)
                or (pages > 1 and _NUMBER.fullmatch(line.text.strip(" -–|")))
            )
        )
    ]


def _by_page(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    pages: dict[int, list[_Line]] = {}
    for line in lines:
        pages.setdefault(line.page, []).append(line)
    yield from pages.values()


def _is_in_margin(line: _Line) -> bool:
    return line.height < _MARGIN or line.height > 1 - _MARGIN


def _write(lines: Sequence[_Line]) -> str:
    """Write paragraphs and headings; the size of most letters is that of the text, larger ones are headings."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[line.size] += len(line.text)
    usual = sizes.most_common(1)[0][0]
    larger = sorted({line.size for line in lines if _is_larger(line, usual)}, reverse=True)
    levels = {size: min(level, _DEEPEST) for level, size in enumerate(larger, start=1)}
    written: list[str] = []
    for box in _by_box(lines):
        text = _join([line.text for line in box])
        level = levels.get(box[0].size, 0)
        if not level and len(box) == 1 and box[0].is_bold and len(larger) < _DEEPEST:
            is_title = len(text) <= _LONGEST_HEADING and not text.endswith((".", ":", ";", ","))
            level = len(larger) + 1 if is_title and any(not line.is_bold for line in lines) else 0
        if level and len(text) <= _LONGEST_HEADING and any(letter.isalpha() for letter in text):
            written.append(f"{'#' * level} {text} {{#page={box[0].page}}}")
        else:
            written.append(_list_bullets([line.text for line in box]) or text)
    return "\n\n".join(written) + "\n"


def _is_larger(line: _Line, usual: float) -> bool:
    return line.size > usual * _LARGER and len(line.text) <= _LONGEST_HEADING


def _by_box(lines: Sequence[_Line]) -> Iterator[list[_Line]]:
    """Group the lines of a paragraph; a change of size within one divides it."""
    group: list[_Line] = []
    for line in lines:
        if group and (
            line.box != group[-1].box or line.size != group[-1].size or line.is_bold != group[-1].is_bold
        ):
            is_same = line.box == group[-1].box and line.size == group[-1].size and not _is_title_line(group)
            if not is_same:
                yield group
                group = []
        group.append(line)
    if group:
        yield group


def _is_title_line(group: Sequence[_Line]) -> bool:
    return len(group) == 1 and group[0].is_bold and len(group[0].text) <= _LONGEST_HEADING


def _list_bullets(lines: Sequence[str]) -> str:
    """Write lines of which some begin with a bullet as a list; empty where none does."""
    if not any(_BULLET.match(line) for line in lines):
        return ""
    items: list[list[str]] = []
    for line in lines:
        if _BULLET.match(line) or not items:
            items.append([])
        items[-1].append(line)
    written = (_join(item) for item in items)
    return "\n".join(
        f"- {_BULLET.sub('', item, count=1)}" if _BULLET.match(item) else item for item in written
    )


def _join(lines: Sequence[str]) -> str:
    """Join the lines of a paragraph; a word divided at the end of one is whole again."""
    text = ""
    for line in lines:
        if text.endswith("-") and len(text) > 1 and text[-2].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text
