"""A thread as Markdown: all that was said, and nothing that runs or fetches."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from markdown_it import MarkdownIt

from chatbot.reports.thread_markdown import defuse_markdown, escape_plain, render_thread_markdown
from tests.chatbot.reports.transcripts import make_answer, make_passage, make_transcript

PARIS = ZoneInfo("Europe/Paris")
HOSTILE = (
    "<script>alert(1)</script>",
    "![x](https://evil.example/pixel.png)",
    "![x][1]\n\n[1]: https://evil.example/pixel.png",
    "<img src=x onerror=alert(1)>",
    "\\`<img src=x>\\`",
    "a `b\n\n<img src=x>\n\nc`",
    "``` a`b\n<img src=x>\n```",
    "> ```\n<img src=x>\n```",
    "- a\n\n  <div onclick=x>",
)


def parse(text: str) -> list[str]:
    """Give the kinds of all tokens of a text."""
    tokens = [child for token in MarkdownIt().parse(text) for child in (token, *(token.children or ()))]
    return [token.type for token in tokens]


def show(text: str) -> str:
    """Give the text that a reader of the rendered page sees, a line per line and paragraph."""
    breaks = {"softbreak": "\n", "hardbreak": "\n"}
    return "\n".join(
        "".join(breaks.get(child.type, child.content) for child in token.children)
        for token in MarkdownIt().parse(text)
        if token.children
    )


def test_copy_tells_the_whole_turn() -> None:
    """Title, facts, question, answer, sources and the zone of all times are there."""
    answer = make_answer("Run `bwcli unban`. [1]", passages=(make_passage(1),))
    text = render_thread_markdown(
        make_transcript("How do I lift a ban?", answer), timezone=PARIS, assistant_title="Support"
    )
    shown = text.replace("\\", "")
    assert shown.startswith("# How do I lift a ban?\n")
    assert "## Support, 2026-10-21 00:31" in shown
    assert "(Europe/Paris)" in shown
    assert "> How do I lift a ban?" in shown
    assert "Run `bwcli unban`. [1]" in text
    assert "- [1] Bans › Lift a ban (en/bans.md)" in shown


@pytest.mark.parametrize("status", ["refused", "failed", "interrupted", "stopped"])
def test_copy_says_how_an_answer_ended(status: str) -> None:
    """An answer that is not complete is marked; a refusal names the nearest sections."""
    answer = make_answer("Not there.", status=status, passages=(make_passage(1, cited=False),))
    text = render_thread_markdown(make_transcript("Why?", answer), timezone=PARIS, language="fr")
    assert "\n*" in text
    assert ("Sections les plus proches" in text) == (status == "refused")


def test_empty_thread_says_so() -> None:
    """A thread without messages is no empty page."""
    assert "No message was exchanged" in render_thread_markdown(make_transcript(), timezone=PARIS)


@pytest.mark.parametrize(
    "text", [*HOSTILE, "# a\n- b\n1. c", "    code", "a\nb", "*a* _b_ ~~c~~ [d](e) &amp;"]
)
def test_text_of_a_tester_is_shown_letter_by_letter(text: str) -> None:
    """What a tester typed is no Markdown: the rendered copy shows just that."""
    copy = render_thread_markdown(make_transcript(text), timezone=PARIS)
    kinds = parse(copy)
    assert not {"html_block", "html_inline", "image", "fence", "code_block", "code_inline"} & set(kinds)
    quoted = copy[copy.index("\n> ") :]
    lines = [line.strip() for line in show(quoted).replace("\u00a0", " ").split("\n") if line.strip()]
    assert lines == [line.strip() for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize("text", HOSTILE)
def test_answer_neither_runs_nor_fetches(text: str) -> None:
    """HTML of a model's is shown as its characters and images are not images, wherever they hide."""
    assert not {"html_block", "html_inline", "image"} & set(parse(defuse_markdown(text)))


@pytest.mark.parametrize("code", ["`<b>`", "```html\n<b>![x](y)\n```", "``a ` <b>``"])
def test_code_keeps_its_signs(code: str) -> None:
    """Within code nothing is escaped."""
    assert defuse_markdown(f"x <i>\n\n{code}\n\ny") == f"x \\<i>\n\n{code}\n\ny"


def test_plain_text_is_escaped_sign_by_sign() -> None:
    """A name with signs is shown with them."""
    assert show(escape_plain("a_b_ *c* <d>")) == "a_b_ *c* <d>"
