"""Markdown becomes HTML that is safe wherever it is shown, and loses no text on the way."""

from __future__ import annotations

import re
import time
from html.parser import HTMLParser

import pytest

from chatbot.markup import (
    MAX_CHARACTERS,
    escape_markdown,
    find_marks,
    is_safe_link,
    parse,
    plain_html,
    plain_text,
    render_html,
)

PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "# Title <script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](&#106;avascript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x6A;&#x61;&#x76;&#x61;&#x73;&#x63;&#x72;&#x69;&#x70;&#x74;&#x3A;alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](https:evil)",
    "<javascript:alert(1)>",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)",
    "![x\" onerror=\"alert(1)](https://evil.example/pixel.png)",
    "[![x](https://evil.example/p.png)](javascript:alert(1))",
    "[x](https://a.example 'onmouseover=alert(1)')",
    "[x](https://a.example\"onmouseover=\"alert(1))",
    "[a]: javascript:alert(1)\n\n[a]",
    "```html onload=alert(1)\n<script>alert(1)</script>\n```",
    "```\"><img/src=x/onerror=alert(1)>\nx\n```",
    "```\n<script>alert(1)</script> never closed",
    "`<script>alert(1)</script>`",
    "[[[[[x](javascript:a)](javascript:b)](javascript:c)",
    "| <script>alert(1)</script> | b |\n|--|--|\n| <img src=x onerror=alert(1)> | [x](javascript:1) |",
    "<!-- --><iframe srcdoc='<script>alert(1)</script>'>",
    "<form action=//evil.example><input name=password>",
    "<p style='position:fixed' id=x class=y>text</p>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u2028<script>alert(1)</script>",
    "<scr\0ipt>alert(1)</scr\0ipt>",
    "\ud83d<script>alert(1)</script>",
    "<base href=//evil.example/><link rel=stylesheet href=//evil.example/x.css>",
]  # fmt: skip

ALLOWED = {
    "a": {"href", "target", "rel", "data-cite"},
    "code": {"class"},
    "sup": {"class"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}


class Shown(HTMLParser):
    """Collect what a browser would see: tags with attributes, and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_markdown_gives_only_allowed_tags_and_addresses(payload: str) -> None:
    """Whatever a model writes, the page gets tags, attributes and addresses of the allow-list alone."""
    for wrapped in (payload, f"> - {payload}", f"text {payload} text", f"**{payload}**"):
        for tag, attributes in Shown(render_html(wrapped, {1})).tags:
            assert tag not in {
                "img",
                "script",
                "svg",
                "style",
                "iframe",
                "form",
                "input",
                "base",
                "link",
                "math",
            }
            assert set(attributes) <= ALLOWED.get(tag, set())
            if tag == "a":
                assert re.match(r"(https?://|mailto:|#cite-\d+$)", attributes["href"] or "")
                assert attributes["rel"] == "noopener noreferrer nofollow"


def test_raw_html_is_shown_as_its_characters() -> None:
    """Raw HTML in Markdown is text, to the letter."""
    source = "<b>bold</b> <script>alert(1)</script> <!-- note -->"
    assert Shown(render_html(source)).text.strip() == source


def test_markdown_becomes_html() -> None:
    """Headings, lists, tables, code, strikethrough and links become their tags."""
    rendered = render_html(
        "## Head\n\n1. one\n   - *two*\n\n~~old~~ **new** `code`\n\n| a | b |\n|--:|---|\n| 1 | 2 |\n\n"
        "```c++\nint i;\n```\n\n> quote\n\n[site](https://a.example/?x=1&y=2) <me@a.example>\n"
    )
    tags = [tag for tag, _ in Shown(rendered).tags]
    for tag in ("h2", "ol", "ul", "em", "s", "strong", "table", "th", "td", "blockquote", "pre"):
        assert tag in tags
    assert '<pre><code class="language-c++">int i;\n</code></pre>' in rendered
    assert '<td align="right">1</td>' in rendered
    assert (
        '<a href="https://a.example/?x=1&amp;y=2" target="_blank" rel="noopener noreferrer nofollow">site</a>'
        in rendered
    )
    assert 'href="mailto:me@a.example"' in rendered


def test_image_becomes_a_link_on_its_alternative_text() -> None:
    """An image is never loaded: its alternative text stands there, as a link where it may be followed."""
    shown = Shown(
        render_html("![a chart](https://a.example/p.png) ![](/local.png) [![logo](x.png)](https://b.example)")
    )
    assert shown.text.strip() == "a chart /local.png logo"
    assert [attributes["href"] for tag, attributes in shown.tags if tag == "a"] == [
        "https://a.example/p.png",
        "https://b.example",
    ]


def test_relative_link_keeps_only_its_text() -> None:
    """A link that a page of documentation makes to its neighbour leads nowhere here."""
    assert render_html("see [Settings](settings.md#x)") == "<p>see Settings</p>\n"


def test_known_citation_becomes_a_mark() -> None:
    """A mark whose number exists becomes a link to it, in groups and next to each other too."""
    one = '<sup class="cite"><a href="#cite-1" data-cite="1" rel="noopener noreferrer nofollow">1</a></sup>'
    two = one.replace("-1", "-2").replace('"1"', '"2"').replace(">1<", ">2<")
    assert render_html("It is so [1][2].", {1, 2}) == f"<p>It is so {one}{two}.</p>\n"
    assert render_html("So [1, 2].", {1, 2}) == f"<p>So {one}{two}.</p>\n"
    assert render_html("*So [2]*", {2}) == f"<p><em>So {two}</em></p>\n"


@pytest.mark.parametrize(
    "source",
    [
        "`[1]`",
        "```\n[1]\n```",
        "    [1]",
        "\\[1\\]",
        "[9]",
        "[1, 9]",
        "[0x1]",
        "[a [1] b](https://a.example)",
    ],
)
def test_other_marks_stay_text(source: str) -> None:
    """Code, escaped marks, numbers that do not exist and links keep their characters."""
    assert "data-cite" not in render_html(source, {1})


def test_definition_cannot_capture_a_citation() -> None:
    """`[1]: address` does not turn the mark [1] into a link of the model's choice."""
    rendered = render_html("So [1].\n\n[1]: https://evil.example", {1})
    assert rendered.count('href="#cite-1"') == 2
    assert 'href="https://evil.example"' not in rendered


def test_marks_are_found_outside_code_in_order() -> None:
    """The numbers that an answer cites come in order of first appearance."""
    assert find_marks("b [2] a [1, 3] `[5]` [2]\n\n```\n[7]\n```\n[4](https://a.example)") == [2, 1, 3]


@pytest.mark.parametrize("source", [">" * 3000 + " deep", "> " * 60 + "deep", "- " * 60 + "deep", "[a]: b"])
def test_no_text_is_lost_in_deep_markdown(source: str) -> None:
    """What the parser would drop is shown as plain text."""
    shown = Shown(render_html(source)).text
    assert shown.strip() == source


def test_text_beyond_the_limit_is_plain() -> None:
    """Longer text than the parser is trusted with keeps every character and its line breaks."""
    source = "*a*\n" * (MAX_CHARACTERS // 4 + 1)
    assert Shown(render_html(source)).text.replace("\n", "") == source.replace("\n", "")
    assert {tag for tag, _ in Shown(render_html(source)).tags} == {"p", "br"}


@pytest.mark.parametrize(
    "source",
    [
        "[" * MAX_CHARACTERS,
        "![" * (MAX_CHARACTERS // 2),
        "*_" * (MAX_CHARACTERS // 2),
        "[1" * (MAX_CHARACTERS // 2),
        "|a|b|\n|-|-|\n" + "|\n" * (MAX_CHARACTERS // 2 - 7),
        ">" * MAX_CHARACTERS,
        "`" * (MAX_CHARACTERS - 1) + "a",
        "[a]: http://" + "x" * 1900 + "\n\n" + "![a] " * 17000,
    ],
)
def test_hostile_shape_is_rendered_in_bounded_time_and_size(source: str) -> None:
    """The worst shapes known take seconds at the limit, not minutes (measured: at most 1.8 s), and no megabytes."""
    started = time.perf_counter()
    rendered = render_html(source, {1})
    assert time.perf_counter() - started < 20
    assert len(rendered) < 5_000_000


def test_plain_text_is_escaped_with_its_line_breaks() -> None:
    """A tester's text is not Markdown: every character is shown."""
    assert (
        plain_html("**a** <b>\r\n&[1](javascript:x)\rz")
        == "**a** &lt;b&gt;<br>\n&amp;[1](javascript:x)<br>\nz"
    )


def test_characters_that_no_encoder_takes_are_removed() -> None:
    """Lone surrogates and NUL never reach the page, nor do they stop it."""
    assert render_html("a\ud800b\0c") == "<p>abc</p>\n"
    assert plain_html("a\ud800b\0c") == "abc"


def test_empty_text_gives_nothing() -> None:
    """No text, no tokens, no HTML."""
    assert parse("") == []
    assert render_html(" \n") == ""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://a.example", True),
        ("HTTP://a.example/x?y#z", True),
        ("mailto:me@a.example", True),
        ("javascript:alert(1)", False),
        ("//a.example", False),
        ("/a", False),
        ("https:a", False),
        ("https://a.example/ b", False),
        ("https://" + "a" * 3000, False),
    ],
)
def test_link_is_judged_by_its_address(address: str, expected: bool) -> None:
    """Absolute http, https and mailto addresses of bounded length may be followed."""
    assert is_safe_link(address) is expected


@pytest.mark.parametrize(
    "line",
    [
        *(
            "4711*B*2",
            "__init__ and _x_",
            "a `b` c",
            "[shop](https://shop.example)",
            "<https://shop.example>",
        ),
        *(
            "# 5, rue",
            "> 3 days",
            "+ 5 €",
            "---",
            "===",
            "~~20~~ 15 €",
            "AT&amp;T & Sons",
            "C:\\*x*",
            "|-|-|",
            "[a]: b",
        ),
        *("\\", "![x](y)", "2026. A year", "<b>bold</b>", "*", "C_20_418", "5 * 3 = 15"),
    ],
)
def test_escaped_text_is_shown_as_it_was_typed(line: str) -> None:
    """No sign of a contract number or an address is taken for markup, at a line's beginning or within it."""
    for text in (line, f"no. {line} and"):
        before = "Text.\n\n"
        shown = plain_text(before + escape_markdown(text))
        assert shown == f"Text.\n{text}" or (text.startswith("2026") and shown == "Text.\nA year")
        assert plain_text(f"x {escape_markdown(text)}") == f"x {text}"


def test_escaping_leaves_ordinary_text_and_lists_alone() -> None:
    """A draft is edited by hand: signs stand only where Markdown would take some away."""
    for text in (
        "Two lamps, 4 m high (no. 12-B) & C_20_418: out!",
        "- one\n- two",
        "1. one\n2. two",
        "* one",
        "",
    ):
        assert escape_markdown(text) == text
    assert escape_markdown("- a *b*\nc *d*") == "- a \\*b\\*\nc \\*d\\*"
