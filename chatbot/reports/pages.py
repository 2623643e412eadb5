"""Strips become pages: where a page ends, what stands above and below it, and the drawing itself."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from reportlab import rl_config
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from chatbot.reports.flowables import ACCENT, RULE, Strip
from chatbot.reports.layout import Deadline, Line, Piece

PAGE_WIDTH, PAGE_HEIGHT = A4
MARGIN = 51.0
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN
BAND_HEIGHT = 74.0
_TOP = 58.0
_BOTTOM = 56.0
_CHAIN = 12
_FIRST_ROOM = PAGE_HEIGHT - BAND_HEIGHT - 18 - _BOTTOM
_ROOM = PAGE_HEIGHT - _TOP - _BOTTOM
DRAWING = threading.Lock()
"""Held from layout to file, for reportlab's registry of fonts belongs to the process: one document at a time."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """What stands on the pages beside the story, laid out: band of the first page, heads and feet of the others.

    `feet` has one line per page, by its number from 1 and the number of all.
    """

    title: Line
    subtitle: Line
    product: Line
    head: Line
    foot: Line
    feet: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Facts:
    """Metadata of the file."""

    title: str
    author: str
    subject: str
    language: str
    creator: str = "Guichet"


def paginate(
    strips: Sequence[Strip], first_room: float = _FIRST_ROOM, next_room: float = _ROOM
) -> list[list[Strip]]:
    """Divide strips into pages; a strip that keeps the next one moves on with it, unless they are many.

    Args:
        strips: in reading order.
        first_room: points for the strips of the first page.
        next_room: the same for every other page.
    """
    pages: list[list[Strip]] = [[]]
    room = first_room
    for index, strip in enumerate(strips):
        if strip.is_gap and not strip.keeps_next and strip.height > room:
            continue
        needed = strip.height
        if not (index and strips[index - 1].keeps_next):
            needed = _chain_height(strips, index)
        if needed > room and pages[-1]:
            pages.append([*strip.header])
            room = next_room - sum(part.height for part in strip.header)
        if strip.is_gap and not pages[-1]:
            continue
        pages[-1].append(strip)
        room -= strip.height
    return pages


def open_canvas(target: io.BytesIO, facts: Facts) -> Canvas:
    """Begin a PDF (A4) with its metadata; nothing is ever fetched for it."""
    # Not used by this drawing; shut all the same, for the registry is the whole process's.
    rl_config.trustedHosts = []
    rl_config.trustedSchemes = []
    # Printable streams are a fifth longer and cost a twentieth of the time; nobody mails them through seven bits.
    rl_config.useA85 = 0
    canvas = Canvas(target, pagesize=A4, pageCompression=1, lang=facts.language)
    canvas.setTitle(facts.title)
    canvas.setAuthor(facts.author)
    canvas.setSubject(facts.subject)
    canvas.setCreator(facts.creator)
    return canvas


def draw(pages: Sequence[Sequence[Strip]], furniture: Furniture, facts: Facts, deadline: Deadline) -> bytes:
    """Draw pages as a PDF; strips hold text and boxes alone."""
    target = io.BytesIO()
    canvas = open_canvas(target, facts)
    for number, strips in enumerate(pages):
        deadline.check()
        if number == 0:
            _draw_band(canvas, furniture)
        else:
            _draw_head(canvas, furniture)
        y = PAGE_HEIGHT - (BAND_HEIGHT + 18 if number == 0 else _TOP)
        for strip in strips:
            draw_strip(canvas, strip, y)
            y -= strip.height
        _draw_foot(canvas, furniture, furniture.feet[number])
        canvas.showPage()
    canvas.save()
    return target.getvalue()


@cache
def _color(code: str) -> Color:
    return HexColor(code)


def _chain_height(strips: Sequence[Strip], index: int) -> float:
    """Give the height of a strip and of those it keeps, unless they are too many to be kept."""
    height = strips[index].height
    for step in range(1, _CHAIN):
        if index + step >= len(strips) or not strips[index + step - 1].keeps_next:
            return height
        height += strips[index + step].height
    return strips[index].height


def _draw_band(canvas: Canvas, furniture: Furniture) -> None:
    canvas.setFillColor(_color(ACCENT))
    canvas.rect(0, PAGE_HEIGHT - BAND_HEIGHT, PAGE_WIDTH, BAND_HEIGHT, stroke=0, fill=1)
    canvas.setFillColor(_color("#e0a526"))
    canvas.rect(0, PAGE_HEIGHT - BAND_HEIGHT - 3, PAGE_WIDTH, 3, stroke=0, fill=1)
    draw_line(canvas, furniture.product, MARGIN, PAGE_HEIGHT - 26)
    draw_line(canvas, furniture.title, MARGIN, PAGE_HEIGHT - 52)
    draw_line(canvas, furniture.subtitle, PAGE_WIDTH - MARGIN - furniture.subtitle.width, PAGE_HEIGHT - 26)


def _draw_head(canvas: Canvas, furniture: Furniture) -> None:
    draw_line(canvas, furniture.head, MARGIN, PAGE_HEIGHT - 36)
    canvas.setFillColor(_color(RULE))
    canvas.rect(MARGIN, PAGE_HEIGHT - 44, TEXT_WIDTH, 0.6, stroke=0, fill=1)


def _draw_foot(canvas: Canvas, furniture: Furniture, page: Line) -> None:
    canvas.setFillColor(_color(RULE))
    canvas.rect(MARGIN, 40, TEXT_WIDTH, 0.6, stroke=0, fill=1)
    draw_line(canvas, furniture.foot, MARGIN, 28)
    draw_line(canvas, page, PAGE_WIDTH - MARGIN - page.width, 28)


def draw_strip(canvas: Canvas, strip: Strip, top: float, left: float = MARGIN) -> None:
    """Draw a strip whose text area begins `left` points from the page's edge, its top `top` points above the foot."""
    if strip.bookmark:
        key = f"turn-{canvas.getPageNumber()}-{top:.0f}"
        canvas.bookmarkHorizontal(key, 0, top)
        canvas.addOutlineEntry(strip.bookmark, key)
    for box in strip.boxes:
        canvas.setFillColor(_color(box.color))
        # A hair more height, or viewers show seams between the strips of one tint.
        bleed = 0.0 if box.radius else 0.2
        y = top - box.top - box.height - bleed
        canvas.roundRect(
            left + box.x, y, box.width, box.height + bleed, box.radius, stroke=0, fill=1
        ) if box.radius else canvas.rect(left + box.x, y, box.width, box.height + bleed, stroke=0, fill=1)
    for text in strip.texts:
        draw_line(canvas, text.line, left + text.x, top - text.baseline)


def draw_line(canvas: Canvas, line: Line, x: float, baseline: float) -> None:
    """Draw a line of text, its baseline at a height above the page's foot, in points."""
    for piece in line.pieces:
        _decorate(canvas, piece, x + piece.x, baseline)
    # One text object a line: whoever copies text out takes its pieces for one line too.
    text = canvas.beginText(x, baseline)
    for piece in line.pieces:
        text.setFont(piece.font, piece.style.size)
        text.setFillColor(_color(piece.style.color))
        text.setRise(piece.style.rise)
        text.textOut(piece.text)
    canvas.drawText(text)


def _decorate(canvas: Canvas, piece: Piece, x: float, baseline: float) -> None:
    style = piece.style
    if style.background:
        canvas.setFillColor(_color(style.background))
        canvas.rect(
            x - 0.8, baseline - style.size * 0.3, piece.width + 1.6, style.size * 1.32, stroke=0, fill=1
        )
    canvas.setFillColor(_color(style.color))
    if style.underline:
        canvas.rect(x, baseline - style.size * 0.16, piece.width, 0.4, stroke=0, fill=1)
    if style.strike:
        canvas.rect(x, baseline + style.size * 0.27, piece.width, 0.5, stroke=0, fill=1)
