"""Results of many sections before many results of one."""

from __future__ import annotations

from collections.abc import Sequence

from chatbot.knowledge.language_index import Hit


def spread_sections(hits: Sequence[Hit], k: int) -> list[Hit]:
    """Take the best of each section before the second of any: what is right stands among the first more often.

    Args:
        hits: best first.
        k: how many are taken.

    Source: Carbonell, Goldstein, "The Use of MMR, Diversity-Based Reranking", SIGIR 1998, with sections for similarity.
    """
    seen: set[tuple[str, str]] = set()
    firsts: list[Hit] = []
    others: list[Hit] = []
    for hit in hits:
        section = (hit.passage.source, hit.passage.heading)
        (others if section in seen else firsts).append(hit)
        seen.add(section)
    return [*firsts, *others][:k]
