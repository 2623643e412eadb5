"""What a reasoning model writes to itself is not part of its answer."""

from __future__ import annotations

import pytest

from chatbot.thoughts import ThoughtFilter, strip_thoughts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It is 4180.", "It is 4180."),
        ("<think>Port? 4180.</think>It is 4180.", "It is 4180."),
        ("\n<think>\nPort?\n</think>\n\nIt is 4180.", "It is 4180."),
        ("<think>\n\n</think>\n\nIt is 4180.", "It is 4180."),
        ("<think>never ends", ""),
        ("<thin", "<thin"),
        ("", ""),
        ("Use the tag <think>here</think>.", "Use the tag <think>here</think>."),
        ("<think>a</think>b <think>c</think>", "b <think>c</think>"),
        ("<thinking about it> 4180", "<thinking about it> 4180"),
    ],
)
def test_thoughts_at_the_beginning_are_left_out(text: str, shown: str) -> None:
    """Only a block at the very beginning is a thought, however the text is cut into pieces."""
    assert strip_thoughts(text) == shown
    for size in (1, 2, 5):
        thoughts = ThoughtFilter()
        pieces = [thoughts.feed(text[start : start + size]) for start in range(0, len(text), size)]
        # White space after the block comes in the next piece, and is Markdown's to ignore.
        assert ("".join(pieces) + thoughts.finish()).strip() == shown.strip()
