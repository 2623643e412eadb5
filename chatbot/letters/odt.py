"""A letter as .odt: real paragraph styles and lists, so that whoever opens it can go on writing."""

from __future__ import annotations

import io
from datetime import datetime, time

from odfdo import Document, Element, ListItem, Paragraph, Span
from odfdo import List as OdfList

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
from chatbot.letters.prose import MAX_LEVEL

# It comes with LibreOffice, and has the widths of Arial.
_FONT = "Liberation Sans"
_BOLD, _ITALIC, _BOTH = "Letter_Bold", "Letter_Italic", "Letter_Bold_Italic"
_BULLETS, _NUMBERS = "Letter_Bullets", "Letter_Numbers"
_FOOTER_HEIGHT = MARGIN_TOP / 2


def write_odt(letter: Letter) -> bytes:
    """Write a letter as an OpenDocument text (A4), laid out by the convention of its country."""
    convention = CONVENTIONS[letter.language]
    document = Document("text")
    _set_page(document, convention.locale)
    for number, shape in enumerate(convention.shapes.values()):
        _insert(document, _describe_shape(shape, f"Letter_{number}"))
    names = {part: f"Letter_{number}" for number, part in enumerate(convention.shapes)}
    _add_looks(document)
    body = document.body
    body.clear()
    for number, block in enumerate(plan_letter(letter)):
        style = _vary_style(document, block, shape_of(block, letter), names[block.part], number)
        body.append(_make_block(block, style))
    _set_properties(document, letter)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def _insert(document: Document, xml: str, *, automatic: bool = False) -> None:
    document.insert_style(xml, automatic=automatic)


def _set_page(document: Document, locale: str) -> None:
    language, country = locale.split("-")
    styles = document.styles
    text = styles.get_element("//style:default-style[@style:family='paragraph']/style:text-properties")
    page = styles.get_element("//style:page-layout/style:page-layout-properties")
    footer = styles.get_element("//style:page-layout/style:footer-style")
    master = styles.get_element("//style:master-page[@style:name='Standard']")
    if not (text and page and footer and master):
        raise RuntimeError("odfdo's template for texts has no page any more: pin the version before.")
    for name, value in (
        ("fo:language", language),
        ("fo:country", country),
        ("fo:font-size", f"{FONT_SIZE}pt"),
        ("style:font-name", _FONT),
    ):
        text.set_attribute(name, value)
    for name, points in (
        ("fo:page-width", PAGE_WIDTH),
        ("fo:page-height", PAGE_HEIGHT),
        ("fo:margin-left", MARGIN),
        ("fo:margin-right", MARGIN),
        ("fo:margin-top", MARGIN_TOP),
        # Together with the footer's own height the margin below.
        ("fo:margin-bottom", MARGIN_TOP - _FOOTER_HEIGHT),
    ):
        page.set_attribute(name, f"{points:.2f}pt")
    footer.append(
        Element.from_tag(
            f'<style:header-footer-properties svg:height="{_FOOTER_HEIGHT:.2f}pt" fo:margin-top="0pt"'
            ' style:dynamic-spacing="false"/>'
        )
    )
    _insert(
        document,
        '<style:style style:name="Letter_Page" style:display-name="Page number" style:family="paragraph"'
        ' style:parent-style-name="Standard"><style:paragraph-properties fo:text-align="end"/></style:style>',
    )
    master.append(
        Element.from_tag(
            '<style:footer><text:p text:style-name="Letter_Page"><text:page-number'
            ' text:select-page="current">2</text:page-number> / <text:page-count>2</text:page-count>'
            "</text:p></style:footer>"
        )
    )
    master.append(Element.from_tag("<style:footer-first><text:p/></style:footer-first>"))


def _describe_shape(shape: Shape, name: str) -> str:
    """Write a named style; nothing in it comes from a letter."""
    pitch = f"{shape.pitch}pt" if shape.pitch else f"{LEADING * 100:.0f}%"
    keeps = "always" if shape.keeps_next else "auto"
    weight = '<style:text-properties fo:font-weight="bold"/>' if shape.bold else ""
    return (
        f'<style:style style:name="{name}" style:display-name="{shape.name}" style:family="paragraph"'
        ' style:parent-style-name="Standard" style:class="text"><style:paragraph-properties'
        f' fo:margin-left="{shape.indent:.2f}pt" fo:margin-right="{shape.right:.2f}pt"'
        f' fo:margin-top="{shape.before}pt" fo:margin-bottom="{shape.after}pt" fo:line-height="{pitch}"'
        f' fo:keep-with-next="{keeps}" fo:orphans="2" fo:widows="2"/>{weight}</style:style>'
    )


def _vary_style(document: Document, block: Block, shape: Shape, name: str, number: int) -> str:
    """Give the style of a block: its part's own, or one made from it where the block's place asks for more."""
    indent = LIST_INDENT * block.level
    usual = (shape.before, shape.after, shape.keeps_next)
    if (block.before, block.after, block.keeps_next) == usual and not (block.is_continued and indent):
        return name
    keeps = "always" if block.keeps_next else "auto"
    margin = f' fo:margin-left="{indent:.2f}pt"' if block.is_continued else ""
    _insert(
        document,
        f'<style:style style:name="Place_{number}" style:family="paragraph" style:parent-style-name="{name}">'
        f'<style:paragraph-properties{margin} fo:margin-top="{block.before:.2f}pt"'
        f' fo:margin-bottom="{block.after:.2f}pt" fo:keep-with-next="{keeps}"/></style:style>',
        automatic=True,
    )
    return f"Place_{number}"


def _add_looks(document: Document) -> None:
    bold, italic = 'fo:font-weight="bold"', 'fo:font-style="italic"'
    for name, look in ((_BOLD, bold), (_ITALIC, italic), (_BOTH, f"{bold} {italic}")):
        _insert(
            document,
            f'<style:style style:name="{name}" style:family="text"><style:text-properties {look}/>'
            "</style:style>",
        )
    for name, tag, kind in (
        (_BULLETS, "bullet", 'text:bullet-char="–"'),
        (_NUMBERS, "number", 'style:num-format="1" style:num-suffix="."'),
    ):
        levels = "".join(_describe_level(tag, kind, level) for level in range(1, MAX_LEVEL + 1))
        _insert(document, f'<text:list-style style:name="{name}">{levels}</text:list-style>')


def _describe_level(tag: str, kind: str, level: int) -> str:
    return (
        f'<text:list-level-style-{tag} text:level="{level}" {kind}><style:list-level-properties'
        ' text:list-level-position-and-space-mode="label-alignment"><style:list-level-label-alignment'
        f' text:label-followed-by="listtab" text:list-tab-stop-position="{LIST_INDENT * level:.2f}pt"'
        f' fo:text-indent="-{LIST_INDENT:.2f}pt" fo:margin-left="{LIST_INDENT * level:.2f}pt"/>'
        f"</style:list-level-properties></text:list-level-style-{tag}>"
    )


def _make_block(block: Block, style: str) -> Element:
    paragraph = Paragraph(style=style)
    for span in block.spans:
        look = {(True, False): _BOLD, (False, True): _ITALIC, (True, True): _BOTH}.get(
            (span.bold, span.italic)
        )
        if look:
            paragraph.append(Span(span.text, style=look))
        else:
            paragraph.append_plain_text(span.text)
    if block.part != "item" or block.is_continued:
        return paragraph
    # A list for each item: it says its number itself, and a reader of the file meets them in their order.
    item = ListItem()
    item.append(paragraph)
    if block.number is not None:
        item.set_attribute("text:start-value", str(block.number))
    for level in range(block.level, 0, -1):
        nested = OdfList(style=_BULLETS if block.number is None else _NUMBERS)
        nested.append(item)
        if level == 1:
            break
        item = ListItem()
        item.append(nested)
    return nested


def _set_properties(document: Document, letter: Letter) -> None:
    meta = document.meta
    author = letter.signature or next(iter(letter.sender), "")
    meta.set_title(name_title(letter))
    meta.set_language(CONVENTIONS[letter.language].locale)
    meta.set_generator("Guichet")
    if author:
        meta.set_creator(author)
        meta.set_initial_creator(author)
    if letter.date:
        moment = datetime.combine(letter.date, time())
        meta.set_creation_date(moment)
        meta.set_modification_date(moment)
