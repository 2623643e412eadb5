"""Finds the very passage behind a citation: which part of its section it is, and its whole text where a row was cut.

The store keeps of a passage its source, heading and text, of one that was not cited the beginning alone; the rest is
looked up in the index in force. Of documents that have changed since, nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from apps.chat.page_html import TurnView
from chatbot.knowledge.index import PassageIndex
from chatbot.knowledge.passages import Passage
from chatbot.knowledge.retriever import Knowledge
from chatbot.store.records import PassageUsed


class Shelf:
    """The passages of a knowledge by source and heading, read again where the index is another."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._index: PassageIndex | None = None
        self._sections: dict[tuple[str, str], list[Passage]] = {}

    def place(self, view: TurnView) -> TurnView:
        """Give the view of a turn with the place of each passage in its section, and with whole texts."""
        shown = [*view.passages, *view.nearest]
        found = {used.number: passage for used in shown if (passage := self._find(used))}
        if not found:
            return view
        return replace(
            view,
            parts={number: (passage.part, passage.parts) for number, passage in found.items()},
            nearest=tuple(_complete(used, found.get(used.number)) for used in view.nearest),
        )

    def _find(self, used: PassageUsed) -> Passage | None:
        index = self._knowledge.index
        if index is not self._index:
            sections: dict[tuple[str, str], list[Passage]] = defaultdict(list)
            for passage in index.passages:
                sections[passage.source, passage.heading].append(passage)
            self._index, self._sections = index, dict(sections)
        beginning = used.snippet.removesuffix("…")
        same = [
            passage
            for passage in self._sections.get((used.source, used.heading), [])
            if passage.text.startswith(beginning)
        ]
        # Two parts that begin alike cannot be told apart.
        return same[0] if len(same) == 1 else None


def _complete(used: PassageUsed, passage: Passage | None) -> PassageUsed:
    return replace(used, snippet=passage.text) if passage else used
