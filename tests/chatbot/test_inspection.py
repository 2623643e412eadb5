"""What a model writes is let through sentence by sentence, and not at all once it holds what is declined."""

from __future__ import annotations

import random

import pytest

from chatbot.assistants.policy import Declined, Policy
from chatbot.inspection import LONGEST_SENTENCE, Inspection, see

POLICY = Policy(
    declines=(
        Declined(topic={"en": "sharks"}, words={"en": ["shark", "great white"]}, below_age=10),
        Declined(topic={"en": "maps"}, words={"fr": ["carte au trésor"]}),
    )
)


def read(inspection: Inspection, pieces: list[str]) -> list[str]:
    """Give what is let through of each piece, and at last of the rest."""
    return [*map(inspection.feed, pieces), inspection.finish()]


def test_sentence_is_shown_once_it_is_whole() -> None:
    """A sentence waits for its end and the space behind it; a heading for the end of its line."""
    pieces = ["# The sea", "\n\nIt was", " calm. “Come", " in!” said", " Ana.", " She swam"]
    assert read(Inspection(POLICY, 8), pieces) == [
        "",
        "# The sea\n\n",
        "It was calm. ",
        "“Come in!” ",
        "",
        "said Ana. ",
        "She swam",
    ]


@pytest.mark.parametrize(
    "pieces",
    [
        ["It was calm. Then a sh", "ark came. It ", "smiled. "],
        ["It was calm. Then a SHÂRK came."],
        ["It was calm. Then a sh\u200bark came. "],
        ["It was calm. Then a sh**ark** came. "],
        ["It was calm. Then a sh&#97;rk came. "],
        ["It was calm. It was great&nbsp;_white_. "],
        ["It was calm. It was great.", " White foam rose. "],
        ["It was calm. Une carte, au trésor ? Non : une carte au TRESOR. "],
        ["It was calm. A shark"],
    ],
)
def test_what_is_declined_is_never_shown(pieces: list[str]) -> None:
    """Whatever the cut, the case, accents or what no reader sees: the sentence goes, and all behind it."""
    stopped: list[bool] = []
    inspection = Inspection(POLICY, 8, lambda: stopped.append(True))
    shown = "".join(read(inspection, pieces))
    assert shown in ("", "It was calm. ", "It was calm. It was great. ")
    assert inspection.declined is not None
    assert stopped == [True]
    assert inspection.feed("Nice fish. ") == ""


def test_age_decides() -> None:
    """For an older reader, or one whose age is not known, only what is declined for all is looked for."""
    for age in (10, 40, None):
        assert (
            "".join(read(Inspection(POLICY, age), ["A shark came. ", "It smiled."]))
            == "A shark came. It smiled."
        )
        assert "".join(read(Inspection(POLICY, age), ["Une carte au trésor ! "])) == ""


def test_nothing_waits_where_nothing_is_declined() -> None:
    """Without a policy each piece is shown as it comes."""
    assert read(Inspection(Policy(), 8), ["A sh", "ark"]) == ["A sh", "ark", ""]


@pytest.mark.parametrize("piece", ["a word and ", "x" * 50])
def test_text_without_an_end_does_not_wait_for_ever(piece: str) -> None:
    """A sentence that never ends is shown once it is longer than any, at a space where there is one."""
    inspection = Inspection(POLICY, 8)
    shown = "".join(inspection.feed(piece) for _ in range(200))
    assert len(piece) * 200 - len(shown) <= LONGEST_SENTENCE + len(piece)
    assert shown + inspection.finish() == piece * 200


def test_cut_word_is_not_taken_for_another() -> None:
    """What was shown is looked at again from a whole word on: the end of one may read like what is declined."""
    inspection = Inspection(POLICY, 8)
    long = "x" * 400 + "shark"
    assert "".join(read(inspection, [f"{long} swam. ", "Then it slept. " * 30])).startswith(long)
    assert inspection.declined is None


def test_whatever_the_text_and_its_pieces() -> None:
    """What is shown is the text's beginning, holds nothing declined, and is the whole text where nothing is in it."""
    chance = random.Random(7)
    words = [
        "shark",
        "Great",
        "white",
        "wave",
        "sharks",
        "sea.",
        "Why?",
        "\n\n",
        "carte",
        "au",
        "trésor",
        "« oui »",
        "x" * 600,
    ]
    for _ in range(300):
        text = " ".join(chance.choices(words, k=chance.randint(1, 40)))
        cuts = sorted(chance.choices(range(len(text) + 1), k=chance.randint(0, 30)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        inspection = Inspection(POLICY, 8)
        shown = "".join(read(inspection, pieces))
        assert text.startswith(shown)
        assert POLICY.find([see(shown)], 8) is None
        assert (shown == text) == (inspection.declined is None)
        assert (inspection.declined is None) == (POLICY.find([see(text)], 8) is None)
