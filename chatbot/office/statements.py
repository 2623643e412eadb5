"""Fields and statements among the paragraphs of a Word document, made ready to be checked and filled.

A field that the word processor tore into several runs is joined. A statement becomes an element of our own in place of
the paragraph or table row that it stands in, or among the runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from lxml import etree

from chatbot.errors import BrokenTemplate
from chatbot.office.expressions import STRAY, Level, Tag, check_count, iterate_tags, join_tags, read_tag
from chatbot.office.places import W, find_places

STATEMENT = "{guichet}statement"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"

_MAX_NESTING = 10
_LEVELS = {"": "in one paragraph", "p": "as paragraphs of the same text", "tr": "as rows of the same table"}


def prepare(root: Any, label: str) -> list[tuple[Tag, str]]:
    """Join torn tags, turn statements into elements, give all tags with their places, in order.

    Args:
        root: the element of a part; it is changed.
        label: what the part is called in places; empty for the document itself.

    Raises:
        BrokenTemplate: a tag is wrong, or stands where nothing is filled.
    """
    found: list[tuple[Tag, str]] = []
    bound: list[str] = []
    for paragraph, place in find_places(root, label).items():
        texts = _list_texts(paragraph)
        tags: list[Tag] = []
        try:
            for source in join_tags(texts):
                tag = read_tag(source, bound)
                if tag.kind == "for":
                    bound = [tag.name, "loop"]
                elif tag.kind == "endfor":
                    bound = []
                tags.append(tag)
            _place_statements(paragraph, texts, tags, place)
        except BrokenTemplate as error:
            raise BrokenTemplate(error.fault, place=place, field=error.field) from error
        found += [(tag, place) for tag in tags]
        check_count(len(found))
    _check_pairs(root)
    _refuse_elsewhere(root, label)
    return found


def _list_texts(paragraph: Any) -> list[Any]:
    """Give a paragraph's own texts, without those of text boxes in it."""
    return [
        text
        for text in paragraph.iter(W + "t")
        if text.getparent().tag == W + "r" and next(text.iterancestors(W + "p")) is paragraph
    ]


def _place_statements(paragraph: Any, texts: Sequence[Any], tags: Sequence[Tag], place: str) -> None:
    statements = [tag for tag in tags if tag.kind not in ("value", "comment")]
    lifted = next((tag for tag in statements if tag.level), None)
    if lifted:
        _lift(paragraph, lifted, "".join(text.text for text in texts).strip(), place)
    elif statements:
        for text in texts:
            _split_run(text, {tag.source: tag for tag in statements}, place)


def _lift(paragraph: Any, tag: Tag, text: str, place: str) -> None:
    """Put a statement in place of the paragraph or the row that it stands in."""
    what = "paragraph" if tag.level == "p" else "table row"
    element = paragraph if tag.level == "p" else next(paragraph.iterancestors(W + "tr"), None)
    if element is None:
        raise BrokenTemplate("It stands in no table. Write {%p … %} for a paragraph.", field=tag.source)
    is_alone = text == tag.source and (
        tag.level == "p" or "".join(t.text or "" for t in element.iter(W + "t")).strip() == tag.source
    )
    if not is_alone or any(True for _ in element.iter(W + "drawing", W + "pict", W + "object", W + "sectPr")):
        raise BrokenTemplate(f"It takes its {what} away and must stand alone in it.", field=tag.source)
    element.getparent().replace(element, _make_statement(tag, place))


def _split_run(text: Any, statements: Mapping[str, Tag], place: str) -> None:
    """Cut a run at the statements in one of its texts, so that each stands among the runs by itself."""
    run = text.getparent()
    for match in list(iterate_tags(text.text)):
        tag = statements.get(match.group())
        if tag is None:
            continue
        before, _, after = text.text.partition(match.group())
        rest = etree.Element(run.tag, run.attrib)
        if (style := run.find(W + "rPr")) is not None:
            rest.append(deepcopy(style))
        following = list(text.itersiblings())
        second = etree.SubElement(rest, W + "t", {SPACE: "preserve"})
        second.text = after
        rest.extend(following)
        text.text = before
        statement = _make_statement(tag, place)
        run.addnext(statement)
        statement.addnext(rest)
        run, text = rest, second


def _make_statement(tag: Tag, place: str) -> Any:
    facts = {"kind": tag.kind, "level": tag.level, "expression": tag.expression, "name": tag.name}
    return etree.Element(STATEMENT, facts | {"source": tag.source, "place": place})


def _check_pairs(root: Any) -> None:
    """See that what a statement opens is closed among the same paragraphs, rows or runs."""
    parents = {id(parent): parent for item in root.iter(STATEMENT) for parent in (item.getparent(),)}
    for parent in parents.values():
        stack: list[Any] = []
        for item in parent.iterchildren(STATEMENT):
            kind = item.get("kind")
            if kind in ("if", "for"):
                stack.append(item)
                if len(stack) > _MAX_NESTING:
                    raise BrokenTemplate(
                        f"More than {_MAX_NESTING} statements lie in one another here. Take some out.",
                        place=item.get("place"),
                        field=item.get("source"),
                    )
                continue
            opened = "for" if kind == "endfor" else "if"
            if not stack or stack[-1].get("kind") != opened or stack[-1].get("level") != item.get("level"):
                raise _unpaired(item, f"There is no {opened} that it belongs to")
            if kind in ("endif", "endfor"):
                stack.pop()
            elif stack[-1].get("has_else"):
                raise _unpaired(item, "An else came before it")
            elif kind == "else":
                stack[-1].set("has_else", "yes")
        if stack:
            raise _unpaired(stack[-1], f"There is no end{stack[-1].get('kind')} to it")


def _unpaired(item: Any, fault: str) -> BrokenTemplate:
    level: Level = item.get("level")
    how = _LEVELS[level]
    remedy = (
        "Write both with {%p, each alone in a paragraph, or with {%tr, each alone in a row."
        if not level
        else ""
    )
    return BrokenTemplate(
        f"{fault}: they stand {how}. {remedy}".rstrip(), place=item.get("place"), field=item.get("source")
    )


def _refuse_elsewhere(root: Any, label: str) -> None:
    """Refuse fields where nothing is filled: descriptions of pictures, deleted text, diagrams, codes."""
    for element in root.iter(etree.Element):
        if element.tag == STATEMENT:
            continue
        is_filled = element.tag == W + "t" and element.getparent().tag == W + "r"
        for text in (*element.attrib.values(), "" if is_filled else element.text or ""):
            if stray := STRAY.search(text):
                raise BrokenTemplate(
                    "A field is filled in paragraphs, tables, text boxes, headers, footers and notes alone, not in "
                    "descriptions, diagrams, codes or deleted text. Move it, and accept tracked changes.",
                    place=label or "the document",
                    field=text[max(0, stray.start() - 5) : stray.start() + 60].strip(),
                )
