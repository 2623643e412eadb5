"""The HTML of an answer that is still being written."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chatbot.live_html import LEAST_INTERVAL_S, SHARE, LiveHtml, choose_interval
from chatbot.markup import render_html
from tests.conftest import ROOT

PAGES = sorted((ROOT / "data" / "knowledge").glob("*/*.md"))
SIGNS = (
    *("a", "b [1]", " ", " ", "\n", "\n", "\n\n", "- ", "1. ", "> ", "    ", "```\n", "`", "# ", "<b>", "\t"),
    *("| a | b |\n", "|---|---|\n", "**", "*", "---", "===", "\\", "~~", "[x](https://x.org)", "[a]"),
    *("[a]: https://x.org\n", "é", "e\u0301"),
)


@pytest.mark.parametrize("page", PAGES[::6], ids=lambda page: page.stem)
def test_growing_page_is_rendered_as_a_whole_one(page: Path) -> None:
    """However far a text has come, its HTML is the one that it has when it is rendered at once."""
    text = page.read_text(encoding="utf-8")[:3_000]
    live = LiveHtml({1, 2})
    for end in range(0, len(text), 37):
        assert live.render(text[:end]) == render_html(text[:end], {1, 2})


@pytest.mark.parametrize("seed", range(60))
def test_blocks_of_every_kind_may_follow_each_other(seed: int) -> None:
    """Lists, quotes, code, tables, headings and definitions, whole and broken, come out as they do at once."""
    draw = random.Random(seed)
    live, text = LiveHtml({1}), ""
    for _ in range(60):
        text += draw.choice(SIGNS)
        assert live.render(text) == render_html(text, {1}), repr(text)


def test_what_has_ended_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer costs no more at its end than at its beginning."""
    sizes: list[int] = []

    def measure(text: str, citations: object) -> str:
        sizes.append(len(text))
        return render_html(text)

    monkeypatch.setattr("chatbot.live_html.render_html", measure)
    live, text = LiveHtml(), ""
    for number in range(200):
        text += f"Paragraph {number}.\n\n"
        live.render(text)
    assert max(sizes) < 100


def test_rendering_takes_its_share_and_no_more() -> None:
    """Few answers are rendered ten times a second; many less often, so that together they take the same share."""
    assert choose_interval(0.001, 5) == LEAST_INTERVAL_S
    assert 100 * 0.01 / choose_interval(0.01, 100) == pytest.approx(SHARE)
