"""A letter as .docx: real paragraph styles and lists, so that whoever opens it can go on writing."""

from __future__ import annotations

import io
from datetime import UTC, datetime, time
from typing import Any

from docx import Document
from docx.document import Document as DocxDocument
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_LINE_SPACING, WD_PARAGRAPH_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt
from docx.text.paragraph import Paragraph

from chatbot.letters.conventions import (
    CONVENTIONS,
    FONT_SIZE,
    LEADING,
    LIST_INDENT,
    MARGIN,
    MARGIN_TOP,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Shape,
)
from chatbot.letters.letter import Letter
from chatbot.letters.plan import Block, name_title, plan_letter, shape_of

# Of the same widths as Liberation Sans: lines end alike in Word and LibreOffice.
_FONT = "Arial"
_LONGEST_PROPERTY = 255


def write_docx(letter: Letter) -> bytes:
    """Write a letter as an Office Open XML document (A4), laid out by the convention of its country."""
    document = Document()
    _set_page(document)
    _set_text(document, CONVENTIONS[letter.language].locale)
    for shape in CONVENTIONS[letter.language].shapes.values():
        _add_style(document, shape)
    lists = _Lists(document)
    for block in plan_letter(letter):
        _add_block(document, block, shape_of(block, letter), lists)
    _set_properties(document, letter)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _set_page(document: DocxDocument) -> None:
    section = document.sections[0]
    section.page_width, section.page_height = Pt(round(PAGE_WIDTH, 1)), Pt(round(PAGE_HEIGHT, 1))
    section.left_margin = section.right_margin = Pt(round(MARGIN, 1))
    section.top_margin = section.bottom_margin = Pt(round(MARGIN_TOP, 1))
    section.header_distance = section.footer_distance = Pt(round(MARGIN_TOP / 2, 1))
    section.different_first_page_header_footer = True
    paragraph = section.footer.paragraphs[0]
    paragraph.alignment = WD_PARAGRAPH_ALIGNMENT.RIGHT
    _add_field(paragraph, "PAGE")
    paragraph.add_run(" / ")
    _add_field(paragraph, "NUMPAGES")


def _add_field(paragraph: Paragraph, name: str) -> None:
    """Add a number that the word processor works out."""
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), name)
    run = OxmlElement("w:r")
    text: Any = OxmlElement("w:t")
    text.text = "2"
    run.append(text)
    field.append(run)
    paragraph._p.append(field)


def _set_text(document: DocxDocument, locale: str) -> None:
    """Set font and language where Word looks for them first: in the defaults of the document."""
    defaults = document.styles.element.find(qn("w:docDefaults"))
    fonts = defaults.find(".//" + qn("w:rFonts"))
    fonts.attrib.clear()
    for script in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{script}"), _FONT)
    for size in ("w:sz", "w:szCs"):
        defaults.find(".//" + qn(size)).set(qn("w:val"), str(round(FONT_SIZE * 2)))
    defaults.find(".//" + qn("w:lang")).set(qn("w:val"), locale)
    spacing = defaults.find(".//" + qn("w:spacing"))
    spacing.set(qn("w:after"), "0")
    spacing.set(qn("w:line"), str(round(240 * LEADING)))


def _add_style(document: DocxDocument, shape: Shape) -> None:
    style: Any = document.styles.add_style(shape.name, WD_STYLE_TYPE.PARAGRAPH)
    style.base_style = document.styles["Normal"]
    style.quick_style = True
    style.font.bold = True if shape.bold else None
    layout = style.paragraph_format
    layout.left_indent, layout.right_indent = Pt(round(shape.indent, 1)), Pt(round(shape.right, 1))
    layout.space_before, layout.space_after = Pt(shape.before), Pt(shape.after)
    layout.keep_with_next = shape.keeps_next
    layout.widow_control = True
    if shape.pitch:
        layout.line_spacing_rule, layout.line_spacing = WD_LINE_SPACING.EXACTLY, Pt(shape.pitch)


def _add_block(document: DocxDocument, block: Block, shape: Shape, lists: _Lists) -> None:
    paragraph = document.add_paragraph(style=shape.name)
    layout = paragraph.paragraph_format
    if block.part == "item":
        if not block.is_continued:
            lists.number(paragraph, block)
        layout.left_indent = Pt(LIST_INDENT * block.level)
        layout.first_line_indent = Pt(0 if block.is_continued else -LIST_INDENT)
    # What its style says already is not said again: a change of the style then reaches all of its paragraphs.
    if block.before != shape.before:
        layout.space_before = Pt(round(block.before, 1))
    if block.after != shape.after:
        layout.space_after = Pt(block.after)
    if block.keeps_next != shape.keeps_next:
        layout.keep_with_next = block.keeps_next
    for span in block.spans:
        run = paragraph.add_run(span.text)
        run.bold = True if span.bold and not shape.bold else None
        run.italic = span.italic or None


class _Lists:
    """Numbers and bullets: one definition for all lists, an instance of it for each list that counts."""

    _BULLETS, _NUMBERS = 90, 91

    def __init__(self, document: DocxDocument) -> None:
        self._numbering: Any = document.part.numbering_part.element
        first = self._numbering.find(qn("w:num"))
        for identifier, kind, text in ((self._BULLETS, "bullet", "–"), (self._NUMBERS, "decimal", "%{}.")):
            definition = OxmlElement("w:abstractNum")
            definition.set(qn("w:abstractNumId"), str(identifier))
            for level in range(3):
                definition.append(self._define_level(level, kind, text.format(level + 1)))
            # The schema has definitions before instances.
            first.addprevious(definition)
        self._bullets = self._numbering.add_num(self._BULLETS).numId
        self._counting: dict[int, int] = {}

    def number(self, paragraph: Paragraph, block: Block) -> None:
        """Make a paragraph an item of its list."""
        identifier = self._bullets
        if block.number is not None:
            if block.is_list_start or block.level not in self._counting:
                instance = self._numbering.add_num(self._NUMBERS)
                instance.add_lvlOverride(block.level - 1).add_startOverride(block.number)
                self._counting[block.level] = instance.numId
            identifier = self._counting[block.level]
        properties: Any = paragraph._p.get_or_add_pPr().get_or_add_numPr()
        properties.get_or_add_ilvl().val = block.level - 1
        properties.get_or_add_numId().val = identifier

    @staticmethod
    def _define_level(level: int, kind: str, text: str) -> Any:
        definition = OxmlElement("w:lvl")
        definition.set(qn("w:ilvl"), str(level))
        for name, value in (("start", "1"), ("numFmt", kind), ("lvlText", text), ("lvlJc", "left")):
            child = OxmlElement(f"w:{name}")
            child.set(qn("w:val"), value)
            definition.append(child)
        return definition


def _set_properties(document: DocxDocument, letter: Letter) -> None:
    properties = document.core_properties
    author = (letter.signature or next(iter(letter.sender), ""))[:_LONGEST_PROPERTY]
    properties.title = name_title(letter)
    properties.author = properties.last_modified_by = author
    properties.language = CONVENTIONS[letter.language].locale
    properties.comments = ""
    if letter.date:
        moment = datetime.combine(letter.date, time(), UTC)
        properties.created = properties.modified = moment
