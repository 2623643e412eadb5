"""Marks are checked while the text streams, alike however it is cut into pieces."""

from __future__ import annotations

import random
import re

import pytest

from chatbot.addresses import find_addresses
from chatbot.citations import LONGEST_WAIT, NO_ANSWER, MarkFilter, quote_material, strip_marks
from chatbot.markup import render_html

KNOWN = {1, 2, 12}
ALPHABET = [
    *("a", " ", "\n", "\n\n", "[", "]", ",", "1", "2", "9", "12", "[1]", "[9]", "[1, 9,2]", "[1][2]", "(x)"),
    *(
        "`",
        "``",
        "```",
        "```py\n",
        "list[1]",
        "[[",
        "é",
        "🫖",
        " [",
        "[ 1 ]",
        "[0012]",
        "[1" + ", 9" * 12 + "]",
    ),
    NO_ANSWER,
    NO_ANSWER[:9],
    NO_ANSWER[9:],
    *(
        "[x](https://good.io/x)",
        "[1](https://evil.io)",
        "![i](https://evil.io/a.png)",
        "https://evil.io/b",
        "](",
        "]:",
    ),
    *(
        "https://good.io/x.",
        "www.evil.io",
        "h",
        "tp://",
        "[ref]: https&#58;//evil.io",
        "[x](https&#58;//evil.io/a(b(c)))",
    ),
    *("[`c`](https://evil.io)", '[t](/rel "ti(t")', "](<https://evil.io>)", "mailto:x@y.zz", "\\]", "<", '"'),
]
ADDRESSES = find_addresses("https://good.io/x")
SEEDS = range(40)


def feed(pieces: list[str]) -> tuple[str, list[int], bool]:
    """Give the text let through, the numbers cited, and whether it was a refusal."""
    marks = MarkFilter(KNOWN, ADDRESSES)
    shown = "".join([*map(marks.feed, pieces), marks.finish()])
    return shown, marks.cited, marks.is_refusal


def cut(text: str, chance: random.Random) -> list[str]:
    """Cut a text anywhere."""
    places = sorted(chance.sample(range(len(text) + 1), k=min(len(text), chance.randint(1, 12))))
    return [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]


def make_text(chance: random.Random) -> str:
    """Make an answer with everything that is hard; every third begins as a refusal."""
    head = chance.choice(["", f"{NO_ANSWER} ", f"\n {NO_ANSWER}\n\n"])
    return head + "".join(chance.choices(ALPHABET, k=chance.randint(1, 30)))


@pytest.mark.parametrize("seed", SEEDS)
def test_any_cutting_gives_the_same(seed: int) -> None:
    """However a text comes in pieces, the same is shown, cited and refused as in one piece."""
    chance = random.Random(seed)
    for _ in range(50):
        text = make_text(chance)
        whole = feed([text])
        assert feed(list(text)) == whole, text
        for _ in range(5):
            assert feed(cut(text, chance)) == whole, text


@pytest.mark.parametrize("seed", SEEDS)
def test_marker_and_unknown_addresses_are_never_shown(seed: int) -> None:
    """Whatever stands around them: the refusal's marker is nowhere, an unknown address in code at most."""
    chance = random.Random(seed)
    for _ in range(50):
        text = make_text(chance)
        shown, _, _ = feed(cut(text, chance))
        assert NO_ANSWER not in shown
        if "`" not in text:
            assert "https://evil.io" not in shown
            assert "evil.io" not in "".join(re.findall(r'href="([^"]*)"', render_html(shown)))


@pytest.mark.parametrize("seed", SEEDS)
def test_prose_shows_no_unknown_number(seed: int) -> None:
    """Outside of code no mark is left that no passage stands behind, and every number cited can be seen."""
    chance = random.Random(seed)
    for _ in range(50):
        text = make_text(chance).replace("`", "")
        shown, cited, _ = feed(cut(text, chance))
        left = MarkFilter(range(1000))
        left.feed(shown)
        left.finish()
        assert set(left.cited) <= KNOWN
        assert set(cited) <= set(left.cited)


@pytest.mark.parametrize(
    ("text", "shown", "cited"),
    [
        ("Port 4180. [1]", "Port 4180. [1]", [1]),
        ("One [2]. Two [1]. One [2].", "One [2]. Two [1]. One [2].", [2, 1]),
        ("Both. [1, 2]", "Both. [1][2]", [1, 2]),
        ("Both. [1,9]", "Both. [1]", [1]),
        ("None. [9]", "None. ", []),
        ("A link [1](https://x.example)", "A link [1](https://x.example)", [1]),
        ("An array [0] and [a] and [1a]", "An array  and [a] and [1a]", []),
        ("Open [1", "Open [1", []),
        ("Large [1234]", "Large [1234]", []),
        ("", "", []),
    ],
)
def test_marks_in_prose(text: str, shown: str, cited: list[int]) -> None:
    """Known numbers stay, each in brackets of its own; unknown ones go; what is no mark stays as it is."""
    assert feed([text]) == (shown, cited, False)


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("`list[1]` [2]", [2]),
        ("``a ` [1] ``", []),
        ("```\nrow[1] = [9]\n```\nDone. [1]", [1]),
        ("```\nnever closed [1] [9]", []),
    ],
)
def test_code_is_left_as_it_is(text: str, cited: list[int]) -> None:
    """In code a number in brackets is no citation, and nothing is taken away."""
    shown, found, _ = feed([text])
    assert (shown, found) == (text, cited)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (NO_ANSWER, ""),
        (f"{NO_ANSWER} The price is missing.", "The price is missing."),
        (f"  \n{NO_ANSWER}\n\nThe price is missing.", "The price is missing."),
    ],
)
def test_refusal_is_parsed_and_never_shown(text: str, shown: str) -> None:
    """The marker at the beginning makes a refusal; it is not shown, nor is the space after it."""
    assert feed([text]) == (shown, [], True)
    assert feed(list(text)) == (shown, [], True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"It is 4180. {NO_ANSWER} [1]", "It is 4180.   [1]"),
        (f"The `{NO_ANSWER}` is code. [1]", "The ` ` is code. [1]"),
        (f"{NO_ANSWER[:9]}{NO_ANSWER}{NO_ANSWER[9:]}", f"{NO_ANSWER[:9]} {NO_ANSWER[9:]}"),
    ],
)
def test_marker_within_an_answer_is_taken_out(text: str, shown: str) -> None:
    """Only at the very beginning the marker is a refusal; elsewhere it is no refusal and is not shown."""
    for pieces in ([text], list(text)):
        assert feed(pieces)[::2] == (shown, False)


def test_refusal_cites_nothing() -> None:
    """What a refusal refers to is not its source."""
    assert feed([f"{NO_ANSWER} Nothing on tea. [1]"]) == ("Nothing on tea. ", [], True)


def test_mark_that_goes_closes_no_gap() -> None:
    """What stands around an unknown number never becomes a mark, or the marker, by its absence."""
    assert feed(["[[9]1]"])[:2] == ("[…1]", [])
    assert feed([NO_ANSWER[:9], "[9]", NO_ANSWER[9:]])[0] == f"{NO_ANSWER[:9]}…{NO_ANSWER[9:]}"


def test_text_does_not_wait_for_ever() -> None:
    """A model that opens a link and never closes it is shown all the same."""
    marks = MarkFilter(KNOWN, ADDRESSES)
    shown = marks.feed("[x](") + "".join(marks.feed("a " * 100) for _ in range(LONGEST_WAIT // 100))
    assert len(shown) > LONGEST_WAIT


def test_documents_own_numbers_are_no_marks() -> None:
    """A passage's own `[1]` is rewritten for the prompt, and its marker taken out; code stays."""
    assert quote_material("As in [1]. `a[1]`\n```\nb[2]\n```\n[3, 4]") == (
        "As in (1). `a[1]`\n```\nb[2]\n```\n(3, 4)"
    )
    assert NO_ANSWER not in quote_material(f"{NO_ANSWER} and {NO_ANSWER}")


def test_almost_a_refusal_is_text() -> None:
    """What only begins like the marker is text, and is all shown."""
    for text in (NO_ANSWER[:-1], NO_ANSWER.lower(), f"See {NO_ANSWER}"[:20], "[[1]]"):
        assert feed(list(text)) == feed([text])
        assert not feed([text])[2]
    assert feed([NO_ANSWER[:-1]])[0] == NO_ANSWER[:-1]


def test_text_is_shown_as_soon_as_it_is_sure() -> None:
    """Only what may be the beginning of a mark waits."""
    marks = MarkFilter(KNOWN)
    assert marks.feed("Port") == "Port"
    assert marks.feed(" 4180. [") == " 4180. "
    assert marks.feed("1") == ""
    assert marks.feed("] Then") == "[1] Then"


def test_stray_backtick_does_not_hide_the_marks_of_the_next_paragraph() -> None:
    """A backtick that is never closed is text to its paragraph's end: marks after it are checked."""
    shown, cited, _ = feed(["Use the ` key.\n\nThat is all. [1] [9]"])
    assert shown == "Use the ` key.\n\nThat is all. [1] "
    assert cited == [1]


def test_numbers_of_earlier_answers_are_taken_out() -> None:
    """An earlier answer's marks mean other passages than today's."""
    assert strip_marks("One. [1] Two. [2, 3] `a[x]`") == "One.  Two.  `a[x]`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"**{NO_ANSWER}** It is not said.", "It is not said."),
        (f"`{NO_ANSWER}`\n\nIt is not said.", "It is not said."),
        (f"> {NO_ANSWER}\n> It is not said.", "It is not said."),
        (f'"{NO_ANSWER}"', ""),
        (f"{NO_ANSWER} **Not** said.", "**Not** said."),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_marker_in_emphasis_or_quotes_is_a_refusal(text: str, shown: str, size: int) -> None:
    """Models emphasise what stands alone; words before the marker still make it none."""
    marks = MarkFilter(KNOWN)
    pieces = [marks.feed(text[start : start + size]) for start in range(0, len(text), size)]
    assert ("".join([*pieces, marks.finish()]), marks.is_refusal) == (shown, True)
    other = MarkFilter(KNOWN)
    assert (other.feed(f"**Well:** {NO_ANSWER} no") + other.finish(), other.is_refusal) == (
        "**Well:**   no",
        False,
    )
