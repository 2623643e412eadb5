"""A booklet as an EPUB 3 (EPUB 3.3, W3C Recommendation of 2023): one XHTML file a chapter, with a table of contents.

The chapters' Markdown passes the house's renderer and sanitizer; the HTML that comes out is read by an HTML parser and
written as XML, so that every part is well-formed whatever a model wrote.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Mapping
from datetime import UTC
from html import escape
from typing import Any

from lxml import etree, html

from chatbot.booklets.booklet import (
    Booklet,
    Chapter,
    language_of,
    list_chapters,
    say,
    shorten_title,
    title_of,
)
from chatbot.letters.letter import clean_block
from chatbot.markup import render_html

_XHTML = "http://www.w3.org/1999/xhtml"
_NAMESPACE = uuid.UUID("6b7e0e1c-53f6-4f0b-9a53-3b7e9d1a8f10")
_PRODUCT = "Guichet"
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_CONTAINER = """<?xml version="1.0" encoding="UTF-8"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="EPUB/package.opf" media-type="application/oebps-package+xml"/></rootfiles>
</container>
"""
_STYLE = """body { font-family: serif; line-height: 1.6; margin: 5%; text-align: left; hyphens: none; }
h1, h2 { font-weight: normal; line-height: 1.25; margin: 3em 0 1.2em; text-align: left; }
h1 { font-size: 1.9em; }
h2 { font-size: 1.5em; }
h3 { font-size: 1.2em; }
h4, h5, h6 { font-size: 1em; }
p { margin: 0 0 0.7em; orphans: 2; widows: 2; }
blockquote { margin: 1em 1.5em; font-style: italic; }
pre { white-space: pre-wrap; }
hr { width: 20%; margin: 1.5em auto; border: 0; border-top: 1px solid; }
td, th { padding: 0.2em 0.5em; text-align: left; vertical-align: top; }
.right { text-align: right; }
.center { text-align: center; }
section.title { margin-top: 30%; text-align: center; }
section.title h1 { font-size: 2.4em; margin: 0 0 0.8em; text-align: center; }
section.title p { font-style: italic; }
nav ol { list-style: none; padding: 0; }
"""
_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="{language}" xml:lang="{language}">
<head><title>{title}</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body>
{body}
</body>
</html>
"""  # noqa: E501
_PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="{language}">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:uuid:{identifier}</dc:identifier>
<dc:title>{title}</dc:title>
<dc:language>{language}</dc:language>
<dc:creator>{author}</dc:creator>
<meta property="dcterms:modified">{modified}</meta>
<meta property="schema:accessMode">textual</meta>
<meta property="schema:accessModeSufficient">textual</meta>
<meta property="schema:accessibilityFeature">structuralNavigation</meta>
<meta property="schema:accessibilityFeature">tableOfContents</meta>
<meta property="schema:accessibilityFeature">readingOrder</meta>
<meta property="schema:accessibilityHazard">none</meta>
<meta property="schema:accessibilitySummary">{summary}</meta>
</metadata>
<manifest>
{manifest}
</manifest>
<spine>
{spine}
</spine>
</package>
"""
_SUMMARY = {
    "en": "Text alone, without pictures: each chapter under a heading, with a table of contents.",
    "fr": "Du texte seul, sans images : chaque chapitre sous un titre, avec une table des matières.",
}


def write_epub(booklet: Booklet) -> bytes:
    """Write a booklet as an EPUB; the same booklet gives the same bytes."""
    chapters = {f"chapter-{number}": chapter for number, chapter in enumerate(list_chapters(booklet), 1)}
    files = {
        "META-INF/container.xml": _CONTAINER,
        "EPUB/package.opf": _write_package(booklet, chapters),
        "EPUB/nav.xhtml": _write_contents(booklet, chapters),
        "EPUB/style.css": _STYLE,
        "EPUB/title.xhtml": _write_title(booklet),
        **{f"EPUB/{name}.xhtml": _write_chapter(booklet, chapter) for name, chapter in chapters.items()},
    }
    target = io.BytesIO()
    moment = booklet.made_at.astimezone(UTC).timetuple()[:6]
    with zipfile.ZipFile(target, "w") as archive:
        # Readers know the format by these bytes, at this place and not compressed.
        _add(archive, "mimetype", "application/epub+zip", moment, zipfile.ZIP_STORED)
        for name, text in files.items():
            _add(archive, name, text, moment, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def _add(archive: zipfile.ZipFile, name: str, text: str, moment: Any, method: int) -> None:
    entry = zipfile.ZipInfo(name, moment)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, text.encode())


def _write_package(booklet: Booklet, chapters: Mapping[str, Chapter]) -> str:
    items = [
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
        '<item id="style" href="style.css" media-type="text/css"/>',
        *(
            f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml"/>'
            for name in ("title", *chapters)
        ),
    ]
    title, author = title_of(booklet), shorten_title(booklet.author) or _PRODUCT
    text = "\n".join([title, author, *(f"{chapter.title}\n{chapter.text}" for chapter in chapters.values())])
    language = language_of(booklet)
    return _PACKAGE.format(
        language=language,
        identifier=uuid.uuid5(_NAMESPACE, text),
        title=_escape(title),
        author=_escape(author),
        modified=booklet.made_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        summary=_SUMMARY["fr" if language.startswith("fr") else "en"],
        manifest="\n".join(items),
        spine="\n".join(f'<itemref idref="{name}"/>' for name in ("title", "nav", *chapters)),
    )


def _write_contents(booklet: Booklet, chapters: Mapping[str, Chapter]) -> str:
    label = say("contents", booklet.language)
    links = [("title", say("title_page", booklet.language))]
    links += [(name, chapter.title) for name, chapter in chapters.items()]
    rows = "\n".join(f'<li><a href="{name}.xhtml">{_escape(title)}</a></li>' for name, title in links)
    return _write_page(
        booklet,
        label,
        f'<nav epub:type="toc" role="doc-toc" aria-labelledby="contents">\n<h2 id="contents">{label}</h2>\n'
        f"<ol>\n{rows}\n</ol>\n</nav>",
    )


def _write_title(booklet: Booklet) -> str:
    title, author = _escape(title_of(booklet)), _escape(shorten_title(booklet.author))
    line = f"\n<p>{author}</p>" if author else ""
    return _write_page(
        booklet,
        title_of(booklet),
        f'<section class="title" epub:type="titlepage">\n<h1>{title}</h1>{line}\n</section>',
    )


def _write_chapter(booklet: Booklet, chapter: Chapter) -> str:
    return _write_page(
        booklet,
        chapter.title,
        '<section epub:type="chapter" role="doc-chapter" aria-labelledby="heading">\n'
        f'<h2 id="heading">{_escape(chapter.title)}</h2>\n{_write_markdown(chapter.text)}\n</section>',
    )


def _write_page(booklet: Booklet, title: str, body: str) -> str:
    return _PAGE.format(language=language_of(booklet), title=_escape(title), body=body)


def _write_markdown(text: str) -> str:
    """Write Markdown as well-formed XHTML, headings below the chapter's title, which is below the story's."""
    rendered = render_html(text).strip()
    pieces = html.fragments_fromstring(rendered) if rendered else []
    written = [escape(piece) if isinstance(piece, str) else _write_element(piece) for piece in pieces]
    return "".join(written).strip()


def _write_element(element: Any) -> str:
    for item in element.iter():
        if item.tag in _HEADINGS:
            item.tag = f"h{min(int(item.tag[1]) + 2, 6)}"
        # EPUB has HTML as it is today: alignment is a matter of style.
        side = item.attrib.pop("align", None)
        if side in ("right", "center"):
            item.set("class", side)
        item.attrib.pop("data-cite", None)
    return str(etree.tostring(element, encoding="unicode", method="xml"))


def _escape(text: str) -> str:
    return escape(clean_block(text))
