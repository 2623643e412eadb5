"""A letter as PDF, drawn by the house's own layout: any script, nothing taken for markup, a deadline."""

from __future__ import annotations

import io

from chatbot.errors import ReportFailed
from chatbot.letters.conventions import (
    CONVENTIONS,
    FONT_SIZE,
    LIST_INDENT,
    MARGIN,
    MARGIN_TOP,
    PAGE_HEIGHT,
    PITCH,
    TEXT_WIDTH,
)
from chatbot.letters.letter import Letter
from chatbot.letters.plan import Block, name_title, plan_letter, shape_of
from chatbot.letters.prose import Span
from chatbot.reports.flowables import Area, Story, Strip
from chatbot.reports.fonts import DocumentFonts
from chatbot.reports.layout import Deadline, Line, Run, Setter, Style
from chatbot.reports.pages import DRAWING, Facts, draw_line, draw_strip, open_canvas, paginate

_PLAIN = Style(size=FONT_SIZE - 0.5, color="#000000")
# What `Story.text` makes of it: 14.5 points from line to line.
_TEXT_SIZE = 14.5 / 1.5
_ADDRESS_SIZE = PITCH / 1.5
_ROOM = PAGE_HEIGHT - 2 * MARGIN_TOP
_FOOT = 10.0


def render_letter_pdf(letter: Letter, *, deadline_s: float = 20.0) -> bytes:
    """Lay a letter out as a PDF (A4).

    Args:
        letter: its parts.
        deadline_s: seconds after which the layout is given up.

    Raises:
        ReportFailed: the deadline passed, or the letter could not be laid out.
    """
    with DRAWING:
        try:
            return _draw(letter, Deadline(deadline_s))
        except ReportFailed as error:
            raise ReportFailed(f"The letter was not laid out within {deadline_s:g} s. Shorten it.") from error
        except Exception as error:
            raise ReportFailed(f"The letter could not be laid out ({type(error).__name__}).") from error


def _draw(letter: Letter, deadline: Deadline) -> bytes:
    setter = Setter(DocumentFonts(), deadline)
    story = Story(setter, Area(0, TEXT_WIDTH, style=_PLAIN))
    for block in plan_letter(letter):
        _set_block(story, block, letter)
    # The signature stays with the closing above it, whatever comes after.
    pages = paginate(story.strips, _ROOM, _ROOM)
    feet = [_number_page(setter, number, len(pages)) for number in range(1, len(pages) + 1)]
    setter.fonts.register()
    author = letter.signature or next(iter(letter.sender), "")
    facts = Facts(name_title(letter), author, "", CONVENTIONS[letter.language].locale)
    target = io.BytesIO()
    canvas = open_canvas(target, facts)
    for strips, foot in zip(pages, feet, strict=True):
        deadline.check()
        top = PAGE_HEIGHT - MARGIN_TOP
        for strip in strips:
            draw_strip(canvas, strip, top, MARGIN)
            top -= strip.height
        if foot:
            draw_line(canvas, foot, MARGIN + TEXT_WIDTH - foot.width, MARGIN_TOP / 2)
        canvas.showPage()
    canvas.save()
    return target.getvalue()


def _number_page(setter: Setter, number: int, total: int) -> Line | None:
    """Give what stands below a page; below the first one stands nothing."""
    text = f"{number} / {total}"
    return setter.wrap([Run(text, _PLAIN.but(size=_FOOT - 1))], TEXT_WIDTH)[0] if number > 1 else None


def _set_block(story: Story, block: Block, letter: Letter) -> None:
    shape = shape_of(block, letter)
    _leave(story, block.before, keeps_next=True)
    indent = shape.indent + block.level * LIST_INDENT
    size = _ADDRESS_SIZE if shape.pitch else _TEXT_SIZE
    runs = [_style(span) for span in block.spans] or [Run("", _PLAIN)]
    if block.part == "item" and not block.is_continued:
        marker = "–" if block.number is None else f"{block.number}."
        story.mark(Run(marker, _PLAIN), indent=indent)
    with story.inside(indent=indent, right=shape.right):
        story.text(runs, size=size, keeps_next=block.keeps_next)
    _leave(story, block.after, keeps_next=block.keeps_next)


def _style(span: Span) -> Run:
    return Run(span.text, _PLAIN.but(bold=span.bold, italic=span.italic))


def _leave(story: Story, height: float, *, keeps_next: bool) -> None:
    """Leave room that counts at the top of a page too where the page is the first: an envelope's window is there."""
    if not height:
        return
    if story.strips:
        story.gap(height, keeps_next=keeps_next)
    else:
        story.add(Strip(height, keeps_next=keeps_next))
