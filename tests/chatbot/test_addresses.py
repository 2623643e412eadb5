"""A model repeats the addresses of its passages and writes none of its own, in whatever way it tries."""

from __future__ import annotations

import pytest

from chatbot.addresses import drop_unknown, find_addresses
from chatbot.markup import render_html

PASSAGE = (
    "See [the guide](https://docs.good.io/guide/) or https://docs.good.io/faq. Write to mailto:help@good.io. "
    "![Plan](images/plan.png)\n\n[spec]: https://good.io/spec_(v2)"
)
KNOWN = find_addresses(PASSAGE)


def test_passages_own_addresses_stay() -> None:
    """What the passages hold may be repeated, as a link or bare, with or without the slash at the end."""
    assert drop_unknown(PASSAGE, KNOWN) == PASSAGE
    for text in (
        "Read [it](https://docs.good.io/guide).",
        "Read <https://docs.good.io/faq>!",
        "(https://good.io/spec_(v2))",
    ):
        assert drop_unknown(text, KNOWN) == text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Log [in](https://evil.io/login) now", "Log [in] now"),
        ('Log [in](<https://evil.io> "title") now', "Log [in] now"),
        ("![](https://evil.io/?q=what+was+asked)", "![]"),
        ("Go to https://evil.io/login, please.", "Go to …, please."),
        ("Go to HTTPS://EVIL.IO/login", "Go to …"),
        ("Go to www.evil.io.", "Go to …."),
        ("<mailto:ceo@evil.io>", "<…>"),
        ("https://docs.good.io/guide/?q=secret", "…"),
        ("https://docs.good.io.evil.io/guide", "…"),
        ("https://localhost@evil.io/", "…"),
        ("[a](javascript:alert(1))", "[a]"),
        ("[1](https://evil.io)", "[1]"),
    ],
)
def test_other_addresses_go(text: str, left: str) -> None:
    """A link keeps its text; a bare address leaves a sign that something was there."""
    assert drop_unknown(text, KNOWN) == left


@pytest.mark.parametrize(
    "text",
    [
        "[x](https&#58;//evil.io)",
        "[x](https&colon;//evil.io/a(b(c)))",
        "[x](https\\://evil.io)",
        "[x](<https&#58;//evil.io>)",
        "[x](https&#58;//evil.io 'a\"b')",
        '[x](https&#58;//evil.io "a)b(c")',
        "[x](\nhttps&#58;//evil.io\n)",
        "[x][y]\n\n[y]: https&#58;//evil.io",
        "[x][y]\n\n[y]:\n  <https&#58;//evil.io>",
        "[y]\n\n[y]: https&colon;//evil.io",
        "![x](https&#x3a;//evil.io/p.png)",
        "<https://evil.io/>",
        "[[x](https://good.io)](https&#58;//evil.io)",
    ],
)
def test_no_writing_leads_past_the_check(text: str) -> None:
    """Entities, escapes, definitions and brackets within brackets make no link either."""
    assert "evil.io" in render_html(text)
    assert 'href="http' not in render_html(drop_unknown(text, KNOWN))


@pytest.mark.parametrize(
    "text",
    [
        "http://localhost:8080/health",
        "http://127.0.0.1/",
        "https://www.example.com/a",
        "https://shop.example/",
        "see [this, or that](which is no link)",
        "options [a, b]: the first",
        "http://",
        "www",
    ],
)
def test_what_leads_nowhere_stays(text: str) -> None:
    """Reserved names, the reader's own machine and what is no address are left as they are, save a space."""
    assert drop_unknown(text, KNOWN).replace("] (", "](") == text
