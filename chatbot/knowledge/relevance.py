"""Whether the passages found can answer at all, decided without a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chatbot.knowledge.language_index import QuestionTerm

# Logistic regression of "the answer is in the best five passages" against "not in the documents", rounded where it
# parts the two best; on 180 questions with an answer and 83 without, written for it on three other documentations.
_EVIDENCE_NEEDED = 0.6
_NEEDED_FOR_UNKNOWN = 1.0
_NEEDED_FOR_NAME = 0.5

_WORD = re.compile(r"[^\W\d_][\w-]*")
_SENTENCE_START = re.compile(r"(?:^|[.?!:…]\s+|\n)[\W_]*$")


def is_covered(
    terms: Sequence[QuestionTerm],
    passage_terms: frozenset[str],
    heading_terms: frozenset[str],
    highest_weight: float,
    *,
    has_unknown_name: bool = False,
) -> bool:
    """Tell whether one passage holds enough of a question to be its answer.

    The *evidence* is what those of the question's terms weigh that the passage has, in units of the rarest term
    possible. It has to reach three fifths; more by the part of the question, by weight, that no document knows at
    all; and half more again where that is a name, for words can be paraphrased and names cannot.

    A question of a word or two cannot weigh so much. It is answered where the passage holds the whole of it and a
    heading is about it.

    Args:
        terms: the question's, with what stands for each.
        passage_terms: the terms of the passage with its breadcrumb.
        heading_terms: those of its breadcrumb alone.
        highest_weight: the idf of a term that no passage has.
        has_unknown_name: what the function of this name tells.
    """
    asked = sum(term.weight for term in terms)
    if asked <= 0:
        return False
    held = [term for term in terms if term.same & passage_terms]
    if len(held) == len(terms) and any(term.same & heading_terms for term in held):
        return True
    unknown = sum(term.weight for term in terms if not term.same) / asked
    needed = _EVIDENCE_NEEDED + _NEEDED_FOR_UNKNOWN * unknown + _NEEDED_FOR_NAME * has_unknown_name
    return sum(term.weight for term in held) >= needed * highest_weight


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
