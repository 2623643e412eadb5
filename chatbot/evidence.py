"""How much speaks for each unit of some passages as the answer to a question."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chatbot.excerpts import Unit, read_units
from chatbot.prose import clean_inline, clean_sentence
from chatbot.text import detect_language, fold, strip_html, tokenize

_CONTEXT_SHARE = 0.5
_NEIGHBOUR_SHARE = 0.25
_RANK_DECAY = 0.85
# One passage in five, whatever of the question's words its sentences have: the search had reasons to put it first.
_FIRST_BONUS = 0.2
_CODE_GAIN = 1.2
_CODE_BONUS = 0.05
_POINTER_SHARE = 0.3
_SHORTEST_FUZZY = 5

_WORD = re.compile(r"\w+")
_IDENTIFIER = re.compile(r"`[^`\n]+`|\b[A-Z]+_[A-Z_]+\b|(?<![\w-])--?[a-z][\w-]+")
_POINTER = re.compile(
    r"(?:(?:see|refer to|check|visit|read|learn more|more (?:information|details)|voir|consultez|reportez-vous)\b"
    r"|for (?:more|further|additional|all|full|other|details)\b[^.]*\b(?:see|refer to|check|visit|read)\b"
    r"|pour (?:plus|en savoir|de plus)\b[^.]*\b(?:voir|voyez|consultez|reportez-vous)\b)[^.]{0,100}\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A unit that may be quoted; `terms` are its own, `context` those of heading, label and announcement.

    `passage` counts the passages from 0, best first; `section` is the first passage of the same section,
    `title` that section's own heading.
    """

    passage: int
    section: int
    title: str
    unit: Unit
    terms: frozenset[str]
    context: frozenset[str]


def list_candidates(
    question: str, language: str, passages: Sequence[tuple[str, str, str]]
) -> tuple[list[Candidate], list[str]]:
    """Read passages into candidates in reading order, and the question into terms that fit theirs.

    All are read in the question's language: what counts is that both sides are stemmed alike.

    Args:
        language: of a question that does not tell its own.
        passages: (source, heading, text) of each, best first.
    """
    spoken = detect_language(question, default=language)
    candidates: list[Candidate] = []
    sections: dict[tuple[str, str], int] = {}
    for number, (source, heading, text) in enumerate(passages):
        section = sections.setdefault((source, heading), number)
        title = clean_sentence(strip_html(clean_inline(heading.rsplit(" > ", 1)[-1]))).replace("*", "")
        for unit in read_units(text):
            terms = frozenset(tokenize(unit.text, spoken))
            around = frozenset(tokenize(f"{unit.lead} {unit.label} {title}", spoken))
            candidates.append(Candidate(number, section, title, unit, terms, around - terms))
    known = frozenset[str]().union(*(candidate.terms | candidate.context for candidate in candidates))
    asked = set(tokenize(question, spoken))
    for word in sorted(set(_WORD.findall(fold(question)))):
        meant = tokenize(word, spoken)
        if meant and len(word) >= _SHORTEST_FUZZY and word.isalpha() and known.isdisjoint(meant):
            asked.update(_correct(word, [text for _, _, text in passages], spoken))
    return candidates, sorted(asked)


def weigh_terms(asked: Iterable[str], candidates: Sequence[Candidate]) -> dict[str, float]:
    """Give the question's terms their idf over the candidates, as shares of its sum; unknown terms are left out.

    Among passages that are all about the topic, what tells one sentence from another are the terms that few of
    them have.
    """
    total = len(candidates)
    weights: dict[str, float] = {}
    for term in asked:
        count = sum(term in candidate.terms for candidate in candidates)
        if count or any(term in candidate.context for candidate in candidates):
            weights[term] = math.log(1 + (total - count + 0.5) / (count + 0.5))
    asked_in_all = sum(weights.values())
    return {term: weight / asked_in_all for term, weight in weights.items()}


def weigh(weights: Mapping[str, float], terms: frozenset[str]) -> float:
    """Add up what a set of terms has of the question."""
    return sum(weight for term, weight in weights.items() if term in terms)


def score_candidates(
    question: str, weights: Mapping[str, float], candidates: Sequence[Candidate]
) -> list[float]:
    """Score each candidate: its share of the question, part of what stands around it, its passage's rank.

    The question's terms in the unit, half of those in its heading, label and announcement, a quarter of its
    neighbours' (answers stand beside the words of the question as often as among them); a little more for code and
    names of settings, which questions to a documentation are mostly after. Every unit of the best section gets
    `_FIRST_BONUS`. Checked one by one at half and twice their size on 180 questions on three documentations, written
    for it: none finds the right words more often. Expecting a number or a name where the question asks for one (Li
    and Roth, COLING 2002) changed nothing and is left out.
    """
    said = frozenset(_WORD.findall(fold(question)))
    own: list[float] = []
    for candidate in candidates:
        match = weigh(weights, candidate.terms) + _CONTEXT_SHARE * weigh(weights, candidate.context)
        own.append(match * _CODE_GAIN + _CODE_BONUS if _names_code(candidate.unit, said) else match)
    scores: list[float] = []
    for index, candidate in enumerate(candidates):
        near = sum(
            own[other]
            for other in (index - 1, index + 1)
            if 0 <= other < len(candidates) and candidates[other].passage == candidate.passage
        )
        score = (own[index] + _NEIGHBOUR_SHARE * near) * _RANK_DECAY**candidate.passage
        scores.append(score + (_FIRST_BONUS if candidate.section == 0 else 0))
    return [
        score * (_POINTER_SHARE if _POINTER.fullmatch(candidate.unit.text) else 1)
        for score, candidate in zip(scores, candidates, strict=True)
    ]


def _names_code(unit: Unit, said: frozenset[str]) -> bool:
    """Tell whether a unit is code, or names a setting, an option or a command that the question does not."""
    if unit.kind == "code":
        return True
    return any(fold(name.strip("` ")) not in said for name in _IDENTIFIER.findall(unit.text))


def _correct(word: str, texts: Iterable[str], language: str) -> list[str]:
    """Give the terms of the passages' word that differs from an unknown one by one slip, where there is just one.

    The first letter counts as right: typing errors seldom touch it (Kukich, ACM Computing Surveys 1992).
    """
    written = {other for text in texts for other in _WORD.findall(fold(text)) if other[0] == word[0]}
    near = {tuple(tokenize(other, language)) for other in written if _differs_by_one(word, other)}
    return list(near.pop()) if len(near) == 1 else []


def _differs_by_one(one: str, other: str) -> bool:
    """Tell whether a letter added, left out, changed, or two swapped make one word of the other."""
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    rest, other_rest = one[start:], other[start:]
    return (
        rest[1:] == other_rest[1:]
        or rest[1:] == other_rest
        or rest == other_rest[1:]
        or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    )
