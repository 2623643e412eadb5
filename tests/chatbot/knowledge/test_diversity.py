"""Results of many sections before many results of one."""

from __future__ import annotations

from chatbot.knowledge.diversity import spread_sections
from chatbot.knowledge.language_index import Hit
from chatbot.knowledge.passages import Passage


def hit(section: str, number: int) -> Hit:
    """Make a result of a section."""
    return Hit(Passage(f"{section}{number}", "a.md", "A", section, "", "en", "text"), 1.0)


def test_the_best_of_each_section_comes_before_the_second_of_any() -> None:
    """Both keep their order; k are taken."""
    hits = [hit("x", 1), hit("x", 2), hit("y", 1), hit("x", 3), hit("z", 1)]
    spread = [result.passage.passage_id for result in spread_sections(hits, 4)]
    assert spread == ["x1", "y1", "z1", "x2"]


def test_nothing_found_is_nothing_spread() -> None:
    """No result, no error."""
    assert spread_sections([], 5) == []
