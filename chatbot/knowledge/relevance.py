"""Whether the passages found can answer at all, decided without a model."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence

_A_THIRD = 1 / 3
_TWO_THIRDS = 2 / 3

_WORD = re.compile(r"[^\W\d_][\w-]*")
_SENTENCE_START = re.compile(r"(?:^|[.?!:…]\s+|\n)[\W_]*$")


def is_covered(
    weights: Mapping[str, float],
    passage_terms: frozenset[str],
    passages: int,
    *,
    has_unknown_name: bool = False,
) -> bool:
    """Tell whether one passage holds enough of a question to be its answer.

    Two quantities of information retrieval, both weighted by idf: the *share* of the question's terms that the
    passage has (terms that no document has count in full, being the rarest), and the *evidence*, what the shared
    terms weigh in units of the rarest term possible. A passage answers when it covers two thirds of the question,
    or when share x evidence reaches a third: one unique word out of three, two out of twelve. Plain thirds, not
    fitted to any question set.

    Words can be paraphrased, names cannot: where the question names what no document knows, share x evidence has
    to reach two thirds. Measured on three question sets: 8 of 95 answerable questions refused, 34 of 45 others;
    without this rule 7 and 30.

    Args:
        weights: the question's terms with their idf.
        passage_terms: the terms of the passage with its breadcrumb.
        passages: how many passages the idf was counted over.
        has_unknown_name: what the function of this name tells.
    """
    asked = sum(weights.values())
    if asked <= 0 or passages <= 0:
        return False
    shared = sum(weight for term, weight in weights.items() if term in passage_terms)
    share = shared / asked
    evidence = shared / math.log(1 + (passages + 0.5) / 0.5)
    needed = _TWO_THIRDS if has_unknown_name else _A_THIRD
    return share >= _TWO_THIRDS or share * evidence >= needed


def find_names(question: str) -> list[str]:
    """List the words of a question that are written as names: `LDAP`, `MySQL`, and `Windows` within a sentence.

    None where most of the words have capitals, for there they tell nothing.
    """
    words = list(_WORD.finditer(question))
    names: list[str] = []
    for word in words:
        first, rest = word.group()[0], word.group()[1:]
        is_inside = first.isupper() and not _SENTENCE_START.search(question[: word.start()])
        if is_inside or rest != rest.lower():
            names.append(word.group())
    return names if 2 * len(names) <= len(words) else []


def has_unknown_name(names: Sequence[Sequence[str]], is_known: Callable[[str], bool]) -> bool:
    """Tell whether no document has one of a question's names, neither whole nor by all of its parts.

    Args:
        names: the terms of each name, as `tokenize` gives them: the whole first, then the parts if it has any.
        is_known: tells whether any document has a term.
    """
    return any(
        not is_known(terms[0]) and not all(is_known(part) for part in terms[1:] or terms)
        for terms in names
        if terms
    )
