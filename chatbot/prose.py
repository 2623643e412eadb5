"""Prose of a document made fit to be quoted elsewhere: no marks of other tools, nothing left open."""

from __future__ import annotations

import re
from collections.abc import Callable

from chatbot.text import collapse_space

_CODE_SPAN = re.compile(r"(`+)(?!`).{1,1000}?(?<!`)\1(?!`)", re.DOTALL)
_IMAGE = re.compile(r"!\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])(?:\{[^}]*\})?")
_LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(\s*<?([^)\s>]*)>?(?:\s[^)]*)?\)(?:\{[^}]*\})?")
_REFERENCE = re.compile(r"(?<!!)\[([^\[\]]+)\]\s?\[[^\]]*\]")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s+\S.*$", re.MULTILINE)
_FOOTNOTE = re.compile(r"\[\^[^\]]+\]")
_LOOKS_CITED = re.compile(r"\[(\d+)\]")
_SHORTCODE = re.compile(r"\{\{[<%].*?[>%]\}\}|\{%.*?%\}", re.DOTALL)
_PARAMETER = re.compile(r'="([^"]*)"')
_FEWEST_SPACES = 3
_ATTRIBUTES = re.compile(r"\{:?\s*[.#][^{}]*\}")
_HTML = re.compile(
    r"</?(?:a|abbr|b|br|code|dd|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|iframe|img|kbd|li|ol|p|pre|small"
    r"|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|u|ul|video|source)\b[^<>]*>",
    re.IGNORECASE,
)
_MACHINERY = re.compile(r"<!--.*?-->|<(script|style)\b[^<>]*>.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple)-[a-z0-9-]+:")
_EMOJI = {":white_check_mark:": "✅", ":heavy_check_mark:": "✔", ":x:": "❌", ":warning:": "⚠"}
_EMOJI_NAME = re.compile("|".join(_EMOJI))
_SINGLE_STAR = re.compile(r"(?<![\w*\\/])\*(?=[^\W_])|(?<=[^\s*\\/(])\*(?![\w*])")
# What would begin a list, a heading, a quote or a fence where a sentence comes to stand at the head of a line.
_BLOCK_OPENING = re.compile(r"(?:[-+*>]|#{1,6})(?=\s)|>|~{3}|={3}|-{3}")
_NUMBERED_OPENING = re.compile(r"(\d{1,9})([.)])(?=\s)")


def drop_machinery(markdown: str) -> str:
    """Leave out comments, scripts and style sheets, of which a reader of the page sees nothing."""
    return _MACHINERY.sub("", markdown)


def drop_definitions(text: str) -> str:
    """Leave out the lines that define the addresses of links."""
    return _DEFINITION.sub("", text)


def clean_inline(text: str) -> str:
    """Make prose of a document fit to be quoted elsewhere, its code spans untouched.

    Links to pages of the documentation, images, references and footnotes become their text; HTML tags, shortcodes,
    icons and attribute lists go; a number in brackets is escaped, for it would be read as a citation.
    """
    return _outside_code(text, _clean_prose)


def clean_sentence(sentence: str) -> str:
    """Make one sentence stand alone on a line: emphasis and code that it leaves open are closed off.

    Emphasis over several sentences would be left open by quoting one of them, and an open code span would swallow
    what follows; a year at the head of a sentence would begin a list.
    """
    plain = close_marks(collapse_space(sentence))
    if opening := _NUMBERED_OPENING.match(plain):
        return f"{opening.group(1)}\\{plain[opening.end(1) :]}"
    return f"\\{plain}" if _BLOCK_OPENING.match(plain) else plain


def close_marks(text: str) -> str:
    """Take off marks of emphasis and code that are opened and not closed: a citation would fall into them."""
    return _outside_code(text, _close_marks)


def cut_prose(text: str, room: int) -> str:
    """Cut prose between words, outside of code, links and emphasis; " …" follows within the room."""
    if len(text) <= room:
        return text
    end = room - 2
    # Where nothing but one long span fits, its marks are taken off with it.
    for cut in range(end, end // 2, -1):
        if text[cut] == " " and _is_closed(text[:cut]):
            return f"{text[:cut].rstrip()} …"
    return clean_sentence(re.sub(r"[`*\[\]|]", "", text)[:end]).rstrip("\\")[:end] + " …"


def _clean_prose(text: str) -> str:
    text = _IMAGE.sub("", _SHORTCODE.sub(_keep_parameter, text))
    text = _LINK.sub(_keep_web_link, text)
    text = _FOOTNOTE.sub("", _REFERENCE.sub(r"\1", text))
    text = _ATTRIBUTES.sub("", _HTML.sub("", _ICON.sub("", text)))
    text = _EMOJI_NAME.sub(lambda match: _EMOJI[match.group()], text)
    return _LOOKS_CITED.sub(r"\\[\1\\]", text)


def _keep_parameter(shortcode: re.Match[str]) -> str:
    """Keep what a shortcode says to the reader: a parameter of several words, such as an alert's text."""
    return " ".join(
        value for value in _PARAMETER.findall(shortcode.group()) if value.count(" ") >= _FEWEST_SPACES
    )


def _keep_web_link(match: re.Match[str]) -> str:
    is_on_the_web = match.group(2).startswith(("https://", "http://"))
    return match.group(0) if is_on_the_web and "`" not in match.group(1) else match.group(1)


def _close_marks(text: str) -> str:
    if text.count("**") % 2:
        text = text.replace("**", "")
    if len(_SINGLE_STAR.findall(text)) % 2:
        text = _SINGLE_STAR.sub("", text)
    return re.sub(r"(?<!\\)`", r"\\`", text)


def _is_closed(text: str) -> bool:
    without_code = _CODE_SPAN.sub("", text)
    if "`" in without_code or without_code.count("**") % 2:
        return False
    return without_code.rfind("[") <= without_code.rfind("]") and without_code.rfind("](") <= max(
        without_code.rfind(")"), -1
    )


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to a text but not to its code spans, which stand in it as private-use characters meanwhile."""
    if "`" not in text:
        return change(text)
    spans: list[str] = []

    def hide(match: re.Match[str]) -> str:
        spans.append(match.group(0))
        return f"\ue000{len(spans) - 1}\ue001"

    changed = change(_CODE_SPAN.sub(hide, text.replace("\ue000", "").replace("\ue001", "")))
    return re.sub("\ue000(\\d+)\ue001", lambda match: spans[int(match.group(1))], changed)
