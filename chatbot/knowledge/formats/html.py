"""HTML converted to Markdown: the page's own text, without the site's navigation."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LEFT_OUT = (
    *("script", "style", "noscript", "template", "nav", "iframe", "svg", "canvas", "form", "button"),
    *("input", "select", "dialog", "link", "meta", "img", "picture", "video", "audio", "object"),
)
# What themes mark for machines, by ARIA's roles (W3C) and by the names of Sphinx, MkDocs and Docusaurus.
_LEFT_OUT_BY = (
    "[role=complementary], [role=navigation], [role=search], [role=banner], [role=contentinfo], aside:has(nav), "
    "[hidden], [aria-hidden=true]:not(pre *), "
    ".headerlink, .hash-link, .header-anchor, .anchor-link, .skip-link, .sr-only, .linenos, .edit-page, .prev-next-area"
)
_MAIN = ("main", "[role=main]", "article", "#content", ".markdown-body", "body")
_TEMPLATE = re.compile(rb"\A\s*(?:\{%|\{\{|<%|<\?php|<#)")
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+\n")


class UnreadablePage(Exception):
    """A page has nothing to read; the message says why and what helps."""


def convert_html(content: bytes) -> str:
    """Convert a page to Markdown; its `<title>` names it where it has no H1, an `id` becomes its heading's anchor.

    Args:
        content: the file, in the encoding that it declares, else UTF-8.

    Raises:
        UnreadablePage: it is a template or no HTML.
    """
    if _TEMPLATE.match(content):
        raise UnreadablePage("it is a template, not a page; name the folder of the finished pages")
    if b"\0" in content[:1000] and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadablePage("it is binary, not HTML; rename or remove it")
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(content, "html.parser")
    title = " ".join(soup.title.get_text().split()) if soup.title else ""
    main = _find_main(soup)
    for part in main.select(_LEFT_OUT_BY):
        part.decompose()
    for part in main.find_all(["header", "footer", *_LEFT_OUT]):
        if part.name not in ("header", "footer") or not part.find(_HEADINGS):
            part.decompose()
    for heading in main.find_all(_HEADINGS):
        _mark_anchor(heading)
    for code in main.select("tt, span.docutils.literal"):
        code.name = "code"
    for bar in main.find_all(string=re.compile(r"\|")):
        if bar.find_parent(["td", "th"]):
            bar.replace_with(bar.replace("|", "\\|"))
    text = _write_markdown(main)
    if title and not main.find("h1"):
        return f"---\ntitle: {_quote(title)}\n---\n\n{text}"
    return text


def _find_main(soup: BeautifulSoup) -> Any:
    for selector in _MAIN:
        if found := soup.select_one(selector):
            return found
    return soup


def _mark_anchor(heading: Tag) -> None:
    """Write the anchor of a heading behind it, its own or that of the section that it opens (Sphinx)."""
    anchor = heading.get("id")
    parent = heading.parent
    if not anchor and parent is not None and parent.name in ("section", "div"):
        before = heading.find_previous_sibling()
        anchor = parent.get("id") if before is None or before.name in ("span", "a") else None
    if not anchor and (inner := heading.find("a", id=True)):
        anchor = inner.get("id")
    if isinstance(anchor, str) and not re.search(r"[\s{}]", anchor):
        heading.append(f" {{#{anchor}}}")


def _write_markdown(main: Any) -> str:
    from markdownify import ATX, MarkdownConverter

    def find_language(code: Tag) -> str:
        names = " ".join(
            name
            for tag in (code, code.find("code"), code.parent, code.parent.parent if code.parent else None)
            if tag is not None and not isinstance(tag, int)
            for name in tag.get("class") or ()
        )
        match = re.search(r"\b(?:language|lang|highlight(?:-source)?)-([\w+#-]+)", names)
        # docutils writes the language of a program where HTML has that of people.
        language = code.get("lang") if "literal-block" in names else None
        return match.group(1) if match else str(language or "")

    converter = MarkdownConverter(
        heading_style=ATX,
        bullets="-",
        code_language_callback=find_language,
        escape_misc=False,
        # An identifier such as USE_X is sought as it is written.
        escape_underscores=False,
        escape_asterisks=False,
        table_infer_header=True,
    )
    return _BLANK_LINES.sub("\n\n", str(converter.convert_soup(main))).strip() + "\n"


def _quote(title: str) -> str:
    escaped = title.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
