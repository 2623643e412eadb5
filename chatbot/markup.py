"""The one place where Markdown becomes something shown: tokens for the PDF, sanitized HTML for pages.

Text of models and documents is hostile. Raw HTML stays the characters it is made of, images become
links, links lead to http, https or mailto alone, and the allow-list sanitizer comes last.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block import reference as markdown_reference
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from chatbot.text import clean_text

MAX_CHARACTERS = 100_000
"""Longer Markdown is shown as plain text: the parser's time grows with the square on hostile input."""
MAX_NESTING = 24
"""Deeper Markdown is shown as plain text: the parser drops what lies deeper than its own limit."""
MAX_ADDRESS = 2_000
"""Characters of a link's address; a longer one is dropped, its text stays."""

_MARK = re.compile(r"\[(\d{1,3}(?:[ \t]*,[ \t]*\d{1,3})*)\]")
_NUMERIC_DEFINITION = re.compile(r"\[\d{1,3}(?:[ \t]*,[ \t]*\d{1,3})*\]:")
_SIGNS = re.compile(r"[\\`*_\[\]<&~]")
_ITEM = re.compile(r"(?:[-*] |\d{1,9}[.)] )\s*")
_RULE = re.compile(r"[=|: -]+")
_LINE_SIGN = re.compile(r"[#>+=|-]")
_SCHEME = re.compile(r"(?:https?://[^\s/]|mailto:[^\s])", re.IGNORECASE)
_ALIGNED = re.compile(r"text-align:\s*(left|right|center)")
_LANGUAGE_CLASS = re.compile(r"language-[\w+#.-]{1,32}")

_TAGS = {
    *("a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol"),
    *("p", "pre", "s", "strong", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "target", "data-cite"},
    "code": {"class"},
    "sup": {"class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}


def render_html(markdown: str, citations: Collection[int] = ()) -> str:
    """Render Markdown of a model or a document as HTML that is safe to show anywhere.

    Args:
        markdown: CommonMark with tables and strikethrough; anything else is text.
        citations: the numbers that exist; `[n]` outside code becomes
            `<sup class="cite"><a href="#cite-n" data-cite="n">n</a></sup>`, any other mark stays text.

    Returns:
        HTML of an allow-list of tags, without style, id, image or script.
    """
    rendered = _parser().renderer.render(parse(markdown, citations), _parser().options, {})
    return _sanitizer().clean(rendered)


def plain_html(text: str) -> str:
    """Escape a tester's text for HTML; line breaks are kept, nothing is interpreted."""
    unified = clean_text(text).replace("\r\n", "\n").replace("\r", "\n")
    return html.escape(unified).replace("\n", "<br>\n")


def plain_text(markdown: str) -> str:
    """Give the words of Markdown without its signs: code as it is, links and images as their text."""
    parts: list[str] = []
    for token in parse(markdown):
        if token.type in {"fence", "code_block"}:
            parts.append(token.content.removesuffix("\n"))
        elif token.type == "inline":
            parts.append("".join(_plain_child(child) for child in token.children or ()))
    return "\n".join(parts)


def escape_markdown(text: str) -> str:
    """Give a tester's plain text as Markdown that shows it as it was typed.

    Lists stay lists, and a line that Markdown leaves alone anyway stays as it is: signs are rarely seen in a draft.
    """
    return "\n".join(map(_escape_line, text.split("\n")))


def parse(markdown: str, citations: Collection[int] = ()) -> list[Token]:
    """Parse Markdown into the block tokens that both HTML and PDF are made of.

    An inline token's children are text, code_inline, softbreak, hardbreak, em, strong, s and link pairs, and
    `cite` (its number in `meta["number"]`). Links have an http, https or mailto address; images are links.
    What is too long or too deeply nested comes back as plain paragraphs, without a character lost.
    """
    text = clean_text(markdown)
    if len(text) > MAX_CHARACTERS:
        return _parse_plain(text)
    tokens = _parser().parse(text, {"citations": frozenset(citations)})
    # Nothing is left of text that is all link definitions: then its characters are the answer.
    if not tokens or any(token.level >= MAX_NESTING - 2 for token in tokens):
        return _parse_plain(text)
    return tokens


def find_close(tokens: Sequence[Token], index: int) -> int:
    """Find the token that closes the one at `index`; itself where it opens nothing."""
    depth = 0
    for position in range(index, len(tokens)):
        depth += tokens[position].nesting
        if depth == 0:
            return position
    return len(tokens) - 1


def find_marks(markdown: str) -> list[int]:
    """List the numbers that Markdown marks as citations, in order of first appearance; code is not searched."""
    numbers = [token.meta["number"] for block in parse(markdown, range(1000)) for token in block.children or ()
               if token.type == "cite"]  # fmt: skip
    return list(dict.fromkeys(numbers))


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING, "xhtmlOut": False})
    parser.enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", _define_reference)
    # Before text_join: an escaped \[1\] is still a token of its own there, and so is not taken for a mark.
    parser.core.ruler.before("text_join", "guichet_inline", _rewrite_inline)
    parser.core.ruler.push("guichet_tables", _align_cells)
    parser.add_render_rule("cite", _render_citation)
    return parser


@lru_cache(maxsize=1)
def _sanitizer() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=_TAGS,
        clean_content_tags=set(),
        attributes=_ATTRIBUTES,
        attribute_filter=_filter_attribute,
        link_rel="noopener noreferrer nofollow",
        url_schemes={"http", "https", "mailto"},
    )


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    """Keep an attribute only with a value that this module itself writes."""
    allowed = {
        ("a", "href"): is_safe_link(value) or re.fullmatch(r"#cite-\d{1,3}", value),
        ("a", "target"): value == "_blank",
        ("a", "rel"): True,
        ("a", "data-cite"): re.fullmatch(r"\d{1,3}", value),
        ("code", "class"): _LANGUAGE_CLASS.fullmatch(value),
        ("sup", "class"): value == "cite",
        ("ol", "start"): re.fullmatch(r"\d{1,9}", value),
    }
    if name == "align":
        return value if value in {"left", "right", "center"} else None
    return value if allowed.get((tag, name)) else None


def is_safe_link(address: str) -> bool:
    """Tell whether an address may be followed from a page: absolute http, https or mailto."""
    return (
        len(address) <= MAX_ADDRESS
        and bool(_SCHEME.match(address))
        and not re.search(r"[\x00-\x20\x7f<>\"]", address)
    )


def _define_reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Refuse `[1]: address`: it would turn every citation mark `[1]` into a link of the model's choice."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    return not _NUMERIC_DEFINITION.match(line) and markdown_reference(state, start, end, silent)


def _rewrite_inline(state: StateCore) -> None:
    citations = state.env.get("citations", frozenset())
    # A definition may be used thousands of times: together addresses are bounded as the text is.
    budget = MAX_CHARACTERS
    for token in state.tokens:
        if token.type == "inline" and token.children:
            children = list(_secure_links(_open_images(token.children), budget))
            budget -= sum(len(str(child.attrs["href"])) for child in children if child.type == "link_open")
            token.children = list(_mark_citations(children, citations))


def _secure_links(tokens: Iterable[Token], budget: int) -> Iterator[Token]:
    """Drop links that lead nowhere allowed, keeping their text.

    Args:
        tokens: children of one inline token.
        budget: characters that the addresses of all links may have together.
    """
    kept: list[bool] = []
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href") or "")
            budget -= len(address)
            kept.append(budget >= 0 and is_safe_link(address))
            if kept[-1]:
                token.attrs = {"href": address, "target": "_blank"}
                yield token
        elif token.type == "link_close":
            if kept.pop():
                yield token
        else:
            yield token


def _open_images(tokens: Iterable[Token]) -> Iterator[Token]:
    """Turn images into links on their alternative text: a page that loads one tells its owner who reads."""
    links = 0
    for token in tokens:
        links += token.nesting if token.type.startswith("link_") else 0
        if token.type != "image":
            yield token
            continue
        address = str(token.attrGet("src") or "")
        text = Token("text", "", 0, content=token.content.strip() or address[:100], level=token.level)
        if links:
            yield text
            continue
        yield Token("link_open", "a", 1, attrs={"href": address}, level=token.level)
        yield text
        yield Token("link_close", "a", -1, level=token.level)


def _mark_citations(tokens: Iterable[Token], citations: Collection[int]) -> Iterator[Token]:
    """Split text at marks whose numbers all exist; inside a link a mark stays text."""
    links = 0
    for token in tokens:
        links += token.nesting if token.type.startswith("link_") else 0
        if token.type != "text" or links or "[" not in token.content:
            yield token
            continue
        end = 0
        for mark in _MARK.finditer(token.content):
            numbers = [int(number) for number in mark[1].split(",")]
            if not all(number in citations for number in numbers):
                continue
            if mark.start() > end:
                yield Token("text", "", 0, content=token.content[end : mark.start()], level=token.level)
            for number in numbers:
                yield Token(
                    "cite", "sup", 0, content=f"[{number}]", meta={"number": number}, level=token.level
                )
            end = mark.end()
        if end < len(token.content):
            yield Token("text", "", 0, content=token.content[end:], level=token.level)


def _align_cells(state: StateCore) -> None:
    """Say a cell's alignment without a style attribute, which pages with a strict policy block."""
    for token in state.tokens:
        if token.type in {"th_open", "td_open"} and (
            style := _ALIGNED.match(str(token.attrs.pop("style", "")))
        ):
            token.attrs["align"] = style[1]


def _render_citation(
    _self: RendererProtocol, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType
) -> str:
    number = int(tokens[index].meta["number"])
    return f'<sup class="cite"><a href="#cite-{number}" data-cite="{number}">{number}</a></sup>'


def _escape_line(line: str) -> str:
    item = _ITEM.match(line)
    head, rest = (item[0], line[item.end() :]) if item else ("", line.lstrip(" \t"))
    # After another paragraph, for a text that is nothing but a definition would be shown.
    if plain_text(f"x\n\n{rest}") == f"x\n{rest}" and not _RULE.fullmatch(rest):
        return head + rest
    escaped = _SIGNS.sub(r"\\\g<0>", rest)
    # Only where a line may begin anything else than a sentence.
    return head + ("\\" + escaped if _LINE_SIGN.match(escaped) else escaped)


def _plain_child(token: Token) -> str:
    return "\n" if token.type in {"softbreak", "hardbreak"} else token.content


def _parse_plain(text: str) -> list[Token]:
    """Give paragraphs of unformatted text with their line breaks kept."""
    tokens: list[Token] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        if not block.strip():
            continue
        children: list[Token] = []
        for line in block.strip("\n").split("\n"):
            children += [Token("text", "", 0, content=line), Token("hardbreak", "br", 0)]
        inline = Token("inline", "", 0, content=block, children=children[:-1], level=1)
        tokens += [
            Token("paragraph_open", "p", 1, block=True),
            inline,
            Token("paragraph_close", "p", -1, block=True),
        ]
    return tokens
