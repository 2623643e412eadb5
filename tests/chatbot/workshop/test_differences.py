"""What changed between two texts."""

from __future__ import annotations

from chatbot.workshop.differences import DiffLine, compare_texts, count_changes


def test_changed_line_is_removed_and_added_with_its_numbers() -> None:
    """A change stands among the lines around it; what is far from it is a gap."""
    before = "".join(f"line {number}\n" for number in range(1, 21))
    lines = compare_texts(before, before.replace("line 10\n", "line ten\nand more\n"), context=1)
    assert lines == [
        DiffLine("gap"),
        DiffLine("same", "line 9", 9, 9),
        DiffLine("removed", "line 10", before=10),
        DiffLine("added", "line ten", after=10),
        DiffLine("added", "and more", after=11),
        DiffLine("same", "line 11", 11, 12),
        DiffLine("gap"),
    ]
    assert count_changes(lines) == (2, 1)


def test_equal_texts_have_no_lines() -> None:
    """Where nothing changed there is nothing to show, the end of the last line apart."""
    assert compare_texts("a\nb", "a\nb\n") == []


def test_new_text_is_all_added() -> None:
    """Against nothing, everything is new; against everything, nothing is left."""
    assert [line.sign for line in compare_texts("", "a\nb\n")] == ["added", "added"]
    assert [line.sign for line in compare_texts("a\nb\n", "")] == ["removed", "removed"]
