"""Addresses in an answer: a model may repeat those of the passages it was shown, and writes none of its own.

An address made up by a model is wrong at best; at worst a document told the model to put what was asked into it, so
that whoever follows it, or a program that loads images, hands the conversation to a stranger.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection
from urllib.parse import urlsplit

# What stands where an address was taken out of a sentence.
REMOVED = "…"

# No brackets within: a link cannot hold the beginning of another, so what is open is told from the left.
_DESTINATION = (
    r"\]\([ \t]*\n?[ \t]*(?:<(?P<angled>[^<>()\[\]\n]+)>"
    r"|(?P<plain>(?:[^\s<>()\[\]]|\([^\s()\[\]]*\))+))"
    r"(?:[ \t]*\n?[ \t]*(?:\"[^\"()\[\]\n]*\"|'[^'()\[\]\n]*'))?[ \t]*\n?[ \t]*\)"
)
_DEFINITION = r"\]:(?=[ \t]*\n?[ \t]*(?P<defined>[^\s\[\]]*[:/&\\][^\s\[\]]*))"
_BARE = r"(?P<bare>(?:https?://|mailto:|www\.)[^\s<>\"`|\[\]]+)"
_LINK = re.compile(_DESTINATION)
_ADDRESS = re.compile(rf"{_DESTINATION}|{_DEFINITION}|{_BARE}|\]\(", re.IGNORECASE)
_BEGINNINGS = "|".join(
    re.escape(whole[:length])
    for whole in ("https://", "http://", "mailto:", "www.")
    for length in range(len(whole), 0, -1)
)
# An end that may be the beginning of an address, or a citation that may turn out to be a link's text.
_OPEN = re.compile(
    r"(?:\[[\d\s,]*)?\](?:\((?:[^()\[\]\n]|\n(?![ \t]*\n)|\([^()\[\]]*\)?)*|:[ \t]*\n?[ \t]*[^\s\[\]]*)?$"
    rf"|(?:{_BARE}|{_BEGINNINGS})$",
    re.IGNORECASE,
)
_SIGNS = ("](", "]:", "://", "mailto:", "www.")
_TRAILING = ".,;:!?*_~'\")}»…"
# Reserved names and this machine lead nowhere (RFC 2606, RFC 6761): commands adapted for a reader use them.
_RESERVED_NAMES = frozenset({"localhost", "example.com", "example.org", "example.net", "127.0.0.1", "::1"})
_RESERVED_ENDINGS = (
    *(".localhost", ".example", ".test", ".invalid"),
    *(".example.com", ".example.org", ".example.net"),
)


def find_addresses(text: str) -> set[str]:
    """Give the addresses that a text holds: of its links and images, and bare ones; as `is_known` compares them."""
    return {
        _normalize(address)
        for match in _ADDRESS.finditer(text)
        if (address := match["angled"] or match["plain"] or match["defined"] or match["bare"])
    }


def drop_unknown(text: str, known: Collection[str]) -> str:
    """Take the addresses that are not known out of Markdown, which keeps a link's text.

    Links stay links only in the form that is recognised here; any other is broken up, so that no way of writing
    (entities, brackets within brackets) leads past the comparison.
    """

    # Most of an answer has none of these, and is looked through at a hundredth of the cost.
    plain = text.lower()
    if not any(sign in plain for sign in _SIGNS):
        return text

    def check(match: re.Match[str]) -> str:
        if bare := match["bare"]:
            core = bare.rstrip(_TRAILING)
            return bare if is_known(core, known) else REMOVED + bare[len(core) :]
        if match["defined"]:
            return match[0] if is_known(match["defined"], known) else "] :"
        address = match["angled"] or match["plain"]
        if address is None:
            return "] ("
        return match[0] if is_known(address, known) else "]"

    return _ADDRESS.sub(check, text)


def find_open(text: str) -> int:
    """Give the place from which a text that goes on may be an address; its length where there is none."""
    if "]" in text:
        start = max((match.end() for match in _LINK.finditer(text)), default=0)
    else:
        # Without a bracket only the last word can be open.
        start = max(map(text.rfind, " \n\t")) + 1
    found = _OPEN.search(text, start)
    return found.start() if found else len(text)


def is_known(address: str, known: Collection[str]) -> bool:
    """Tell whether an address is one of the known, or leads nowhere but to the reader's own machine."""
    if _normalize(address) in known:
        return True
    try:
        parts = urlsplit(f"http://{address}" if address[:4].lower() == "www." else address)
        host = (parts.hostname or "").lower()
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and (host in _RESERVED_NAMES or host.endswith(_RESERVED_ENDINGS))


def _normalize(address: str) -> str:
    return html.unescape(address).rstrip(_TRAILING).rstrip("/").casefold()
