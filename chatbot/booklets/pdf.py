"""A booklet as a PDF to read aloud from: A5, large serif type, open lines, ragged right, a chapter to a page."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas

from chatbot.booklets.booklet import Booklet, Chapter, language_of, list_chapters, shorten_title, title_of
from chatbot.errors import ReportFailed
from chatbot.reports.flowables import ACCENT, INK, MUTED, Area, Story, Strip, Text
from chatbot.reports.fonts import DocumentFonts
from chatbot.reports.layout import Deadline, Line, Run, Setter, Style
from chatbot.reports.pages import DRAWING, Facts, draw_line, draw_strip, open_canvas, paginate

PAGE_WIDTH, PAGE_HEIGHT = A5
SIDE = 52.0
TOP = 56.0
BOTTOM = 66.0
SINK = 54.0
"""Points that a chapter's title stands lower than other pages begin."""
TEXT_WIDTH = PAGE_WIDTH - 2 * SIDE

_BODY = Style(size=14.0, color=INK, serif=True)
_HEADING = _BODY.but(size=17.0)
_AUTHOR = _BODY.but(size=13.0, color=MUTED, italic=True)
_FOLIO = _BODY.but(size=10.5, color=MUTED)
_PRODUCT = "Guichet"
_GOLD = "#e0a526"
_ROOM = PAGE_HEIGHT - TOP - BOTTOM
# Sizes of a title, the largest first, with the lines up to which each is right; at the last, what the page holds.
# Each is above that of a chapter's title.
_TITLE_SIZES = ((28.0, 4), (23.0, 6), (18.5, 12))
_MOST_LINES = 12
# Beyond these a title begins close below the moon, to leave the author's line its room.
_FEW_LINES = 8
_AIR = 1.6


def write_pdf(booklet: Booklet, *, deadline_s: float = 30.0) -> bytes:
    """Lay a booklet out as a PDF; nothing is fetched for it.

    Args:
        booklet: the texts of its chapters are Markdown of a model.
        deadline_s: seconds after which the layout is given up.

    Raises:
        ReportFailed: the deadline passed, or it could not be laid out.
    """
    with DRAWING:
        try:
            return _Book(booklet, Deadline(deadline_s)).render()
        except Exception as error:
            raise ReportFailed(
                f"The booklet could not be laid out as a PDF within {deadline_s:g} s ({type(error).__name__}). "
                "Take it as EPUB instead."
            ) from error


class _BookStory(Story):
    """A story with more air between its paragraphs, and stars where the scene changes."""

    def gap(self, height: float, *, keeps_next: bool = False) -> None:
        """Leave more room than a report does."""
        super().gap(height * _AIR, keeps_next=keeps_next)

    def rule(self) -> None:
        """Set stars in the middle of a line."""
        stars = self.setter.wrap([Run("✦   ✦   ✦", _BODY.but(size=9.0, color=ACCENT))], 200)[0]
        left = self.area.x + (self.area.width - stars.width) / 2
        self.gap(4, keeps_next=True)
        self.add(Strip(_BODY.size, texts=(Text(stars, left, 10),), keeps_next=True))
        self.gap(6, keeps_next=True)


class _Book:
    """One booklet in the making."""

    def __init__(self, booklet: Booklet, deadline: Deadline) -> None:
        self.booklet = booklet
        self.deadline = deadline
        self.setter = Setter(DocumentFonts(), deadline)

    def render(self) -> bytes:
        """Set everything, then make the fonts that were used, then draw."""
        title = self._set_title()
        author = self.setter.wrap([Run(shorten_title(self.booklet.author), _AUTHOR)], TEXT_WIDTH - 20)[:2]
        chapters = [self._set_chapter(chapter) for chapter in list_chapters(self.booklet)]
        count = 1 + sum(map(len, chapters))
        folios = [self.setter.wrap([Run(str(number), _FOLIO)], 100)[0] for number in range(1, count + 1)]
        self.setter.fonts.register()
        language = language_of(self.booklet)
        facts = Facts(
            title_of(self.booklet), shorten_title(self.booklet.author) or _PRODUCT, "", language, _PRODUCT
        )
        target = io.BytesIO()
        canvas = open_canvas(target, facts)
        canvas.setPageSize(A5)
        _draw_title_page(canvas, title, author)
        for pages in chapters:
            for number, strips in enumerate(pages):
                self.deadline.check()
                _draw_page(canvas, strips, folios[canvas.getPageNumber() - 1], SINK if number == 0 else 0.0)
        canvas.save()
        return target.getvalue()

    def _set_title(self) -> list[Line]:
        """Set the title as large as it goes on the title page."""
        lines: list[Line] = []
        for size, count in _TITLE_SIZES:
            style = _BODY.but(size=size)
            lines = self.setter.wrap([Run(title_of(self.booklet), style)], TEXT_WIDTH - 20)[:_MOST_LINES]
            if len(lines) <= count:
                break
        return lines

    def _set_chapter(self, chapter: Chapter) -> list[list[Strip]]:
        """Set a chapter and divide it into pages."""
        story = _BookStory(self.setter, Area(0, TEXT_WIDTH, style=_BODY))
        story.add(Strip(0.0, keeps_next=True, bookmark=chapter.title))
        story.text([Run(chapter.title, _HEADING)], size=18.0, keeps_next=True)
        story.gap(10, keeps_next=True)
        story.markdown(chapter.text)
        return paginate(story.strips, _ROOM - SINK, _ROOM)


def _draw_page(canvas: Canvas, strips: Sequence[Strip], folio: Line, sink: float) -> None:
    y = PAGE_HEIGHT - TOP - sink
    if sink:
        _draw_stars(canvas, SIDE + 4, y + 22, ACCENT, 3.4)
    for strip in strips:
        draw_strip(canvas, strip, y, SIDE)
        y -= strip.height
    draw_line(canvas, folio, (PAGE_WIDTH - folio.width) / 2, 34)
    canvas.showPage()


def _draw_title_page(canvas: Canvas, title: Sequence[Line], author: Sequence[Line]) -> None:
    """Draw a moon over the title, in a frame."""
    canvas.setStrokeColor(HexColor(ACCENT))
    canvas.setLineWidth(0.8)
    canvas.rect(24, 24, PAGE_WIDTH - 48, PAGE_HEIGHT - 48)
    canvas.setLineWidth(0.4)
    canvas.rect(28, 28, PAGE_WIDTH - 56, PAGE_HEIGHT - 56)
    _draw_moon(canvas, PAGE_WIDTH / 2, PAGE_HEIGHT * 0.735, 38)
    y = PAGE_HEIGHT * (0.56 if len(title) <= _FEW_LINES else 0.62)
    for line in title:
        draw_line(canvas, line, (PAGE_WIDTH - line.width) / 2, y)
        y -= max((piece.style.size for piece in line.pieces), default=_TITLE_SIZES[0][0]) * 1.3
    _draw_stars(canvas, PAGE_WIDTH / 2, y - 4, _GOLD, 3.4, count=3)
    y -= 40
    for line in author:
        draw_line(canvas, line, (PAGE_WIDTH - line.width) / 2, y)
        y -= _AUTHOR.size * 1.4
    canvas.showPage()


def _draw_moon(canvas: Canvas, x: float, y: float, radius: float) -> None:
    canvas.setFillColor(HexColor(_GOLD))
    canvas.circle(x, y, radius, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.circle(x + radius * 0.45, y + radius * 0.22, radius * 0.86, stroke=0, fill=1)
    for dx, dy, size in ((0.55, 0.5, 7.0), (1.15, -0.2, 4.5), (0.35, -0.15, 3.2)):
        _draw_star(canvas, x + radius * dx, y + radius * dy, ACCENT, size)


def _draw_stars(canvas: Canvas, x: float, y: float, color: str, size: float, *, count: int = 1) -> None:
    for number in range(count):
        _draw_star(canvas, x + (number - (count - 1) / 2) * 18, y, color, size)


def _draw_star(canvas: Canvas, x: float, y: float, color: str, size: float) -> None:
    """Draw a star of four long and four short rays."""
    path = canvas.beginPath()
    for corner in range(8):
        reach = size if corner % 2 == 0 else size * 0.36
        angle = corner * math.pi / 4
        point = (x + reach * math.cos(angle), y + reach * math.sin(angle))
        if corner == 0:
            path.moveTo(*point)
        else:
            path.lineTo(*point)
    path.close()
    canvas.setFillColor(HexColor(color))
    canvas.drawPath(path, stroke=0, fill=1)
