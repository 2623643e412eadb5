"""Prose made fit to be quoted: other tools' marks go, nothing stays open."""

from __future__ import annotations

import pytest

from chatbot.prose import clean_inline, clean_sentence, cut_prose


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("See [the page](a.md#b) and [site](https://x.org).", "See the page and [site](https://x.org)."),
        ("![chart](a.png) A ban[^1] ends{ .wide }.", " A ban ends."),
        (":material-check: done, :white_check_mark: yes", " done, ✅ yes"),
        ("`[a](b.md)` and `:x:` stay", "`[a](b.md)` and `:x:` stay"),
        ("as [3] says", r"as \[3\] says"),
        ('{{< since version="0.5" >}}A ban ends.', "A ban ends."),
        ('{{< alert icon="!" text="One writer at a time." >}}', "One writer at a time."),
    ],
)
def test_marks_of_a_site_become_what_a_reader_sees(written: str, shown: str) -> None:
    """Links of the site, icons, footnotes and shortcodes mean nothing elsewhere; code is left alone."""
    assert clean_inline(written) == shown


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("1986. It was so.", "1986\\. It was so."),
        ("# of bans", "\\# of bans"),
        ("- a ban", "\\- a ban"),
        ("> 3 bans", "\\> 3 bans"),
        ("-flag ends it", "-flag ends it"),
        ("**A ban ends.", "A ban ends."),
        ("*A ban ends.", "A ban ends."),
        ("Hosts *.example.com and /api/* too", "Hosts *.example.com and /api/* too"),
        ("*A* ban `*x`", "*A* ban `*x`"),
        ("A ` stands alone", "A \\` stands alone"),
    ],
)
def test_a_sentence_stands_alone_on_its_line(written: str, shown: str) -> None:
    """It begins no list or heading by accident and leaves no mark open."""
    assert clean_sentence(written) == shown


@pytest.mark.parametrize(
    "text", ["word " * 50, "封" * 200, "**bold " * 30 + "**", "`code " * 30 + "`", "a" * 200]
)
def test_prose_is_cut_to_its_room(text: str) -> None:
    """Between words where there are any, never inside code or emphasis."""
    cut = cut_prose(text, 100)
    assert len(cut) <= 100
    assert cut.endswith(" …")
    assert cut.count("`") % 2 == 0
    assert cut.count("**") % 2 == 0


def test_prose_that_fits_is_left_as_it_is() -> None:
    """Nothing is cut without need."""
    assert cut_prose("A ban ends.", 11) == "A ban ends."
