"""An answer made of quotations: which units of some passages are quoted, within a length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chatbot.evidence import Candidate, list_candidates, score_candidates, weigh, weigh_terms
from chatbot.typesetting import set_units

LONGEST_ANSWER = 700
_READ_PASSAGES = 5
_QUOTED_PASSAGES = 3
_LEAST_SHARE = 0.3
_SENTENCE_SHARE = 0.3
_LONE_SHARE = 0.7
_NEWS_SHARE = 0.15
_SHORTEST_COST = 40
_LONGEST_CHAIN = 2
_SAME_SHARE = 0.8
_ROW_SHARE = 0.9

# Openings that lean on the sentence before (Paice, Information Processing and Management 1990).
_LEANS_BACK = re.compile(
    r"(?:(?:this|that|these|those|it|they|he|she|its|their|such|both|however|also|therefore|thus|then|otherwise|instead"
    r"|but|and|so|in (?:this|that) case|as a result|for this|cela|ceci|ce|cet|cette|ces|il|elle|ils|elles|son|sa|ses"
    r"|leurs?|celui-ci|celle-ci|ceux-ci|toutefois|cependant|ainsi|donc|sinon|de plus|en outre|dans ce cas|en effet"
    r"|par (?:conséquent|ailleurs)|mais|et)\b|(?:c|d)['’](?:est|ailleurs)\b|l['’](?:un|autre)\b)"
    r"(?! (?:y a|faut|s['’]agit)\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class QuotablePassage:
    """A passage that may be quoted under its number."""

    number: int
    heading: str
    source: str
    text: str


def quote_passages(question: str, language: str, passages: Sequence[QuotablePassage]) -> str:
    """Compose an answer of the passages' own sentences, lists, rows and code, each followed by ` [number]`.

    Args:
        question: as it was asked.
        language: the reader's, for the words that are not quoted.
        passages: best first; the first five are read, three at most quoted.

    Returns:
        Markdown of at most `LONGEST_ANSWER` characters; empty where the passages hold nothing to quote.
    """
    read = passages[:_READ_PASSAGES]
    candidates, asked = list_candidates(
        question, language, [(one.source, one.heading, one.text) for one in read]
    )
    if not candidates:
        return ""
    numbers = [passage.number for passage in read]

    def write(chosen: Sequence[int]) -> str:
        return set_units(chosen, candidates, numbers, language)

    weights = weigh_terms(asked, candidates)
    scores = score_candidates(question, weights, candidates)
    chosen = _choose(candidates, weights, scores, lambda some: len(write(some)))
    return write(_open_with_prose(candidates, weights, chosen))


def _choose(
    candidates: Sequence[Candidate],
    weights: Mapping[str, float],
    scores: Sequence[float],
    measure: Callable[[Sequence[int]], int],
) -> list[int]:
    """Take what answers most for its length until the answer is full, each unit with what it cannot be read without.

    Greedy by score over the root of the length (Lin and Bilmes, NAACL 2010: gain over a power of the cost), in other
    sections than the first down to a share of the best score; what says the same as a unit chosen is passed over.
    """
    worth = [
        score / max(_SHORTEST_COST, len(candidate.unit.text)) ** 0.5
        for score, candidate in zip(scores, candidates, strict=True)
    ]
    ranking = sorted(range(len(candidates)), key=lambda index: (-worth[index], index))
    least = _LEAST_SHARE * max(scores)
    chosen: set[int] = set()
    for index in ranking:
        if index in chosen or (scores[index] < least and candidates[index].section != 0):
            continue
        if not _earns_place(candidates, weights, chosen, index):
            continue
        for wanted in _list_bundles(candidates, index):
            extended = chosen.union(wanted)
            if any(_repeats(candidates, chosen, new) for new in wanted if new not in chosen):
                continue
            if _fits(candidates, extended, measure):
                chosen = extended
                break
    return sorted(chosen or {max(ranking, key=lambda index: (scores[index], -index))})


def _earns_place(
    candidates: Sequence[Candidate], weights: Mapping[str, float], chosen: Iterable[int], index: int
) -> bool:
    """Tell whether a unit is worth its place beside those chosen.

    One of another section than the best must have, in its own words, a share of what the best of those chosen has
    (a larger one where it is a row, an item or code, which say little alone), or a part of the question that they
    do not have. One of the best section must say something of the question, or enough to be read by itself.
    """
    candidate = candidates[index]
    others = [candidates[other] for other in chosen]
    own = weigh(weights, candidate.terms)
    if not others:
        return True
    if candidate.section == 0:
        return own > 0 or len(candidate.unit.text) >= _SHORTEST_COST
    if any(other.section == candidate.section for other in others):
        return True
    share = _SENTENCE_SHARE if candidate.unit.kind == "sentence" else _LONE_SHARE
    said = frozenset[str]().union(*(other.terms for other in others))
    return own >= share * max(weigh(weights, other.terms) for other in others) or (
        weigh(weights, candidate.terms - said) >= _NEWS_SHARE
    )


def _fits(
    candidates: Sequence[Candidate], chosen: Iterable[int], measure: Callable[[Sequence[int]], int]
) -> bool:
    ordered = sorted(chosen)
    if len({candidates[index].passage for index in ordered}) > _QUOTED_PASSAGES:
        return False
    # Setting the text costs most of the time here; what is far too long need not be set.
    shortest = sum(min(len(candidates[index].unit.text), LONGEST_ANSWER // 2) for index in ordered)
    return shortest <= LONGEST_ANSWER and measure(ordered) <= LONGEST_ANSWER


def _repeats(candidates: Sequence[Candidate], chosen: Iterable[int], index: int) -> bool:
    """Tell whether a unit says what one already chosen says: the same text, or nearly all terms in common."""
    one = candidates[index]
    for other in (candidates[position] for position in chosen):
        if one.unit.text == other.unit.text:
            return True
        shared, all_terms = len(one.terms & other.terms), len(one.terms | other.terms)
        if "code" not in (one.unit.kind, other.unit.kind) and shared > _SAME_SHARE * all_terms:
            return True
    return False


def _list_bundles(candidates: Sequence[Candidate], index: int) -> list[list[int]]:
    """List the sets of units a unit may be quoted in, the best to read first.

    An announcement needs the first of what it announces; what is announced, a sentence that leans on the one before
    and code under a sentence are better with it than without.
    """
    needed = [index]
    while candidates[needed[-1]].unit.is_announcement:
        following = needed[-1] + 1
        if following >= len(candidates) or candidates[following].passage != candidates[index].passage:
            return []
        needed.append(following)
    bundles = [needed]
    while len(bundles) <= _LONGEST_CHAIN and (before := _find_before(candidates, bundles[0][0])) is not None:
        bundles.insert(0, [before, *bundles[0]])
    return bundles


def _find_before(candidates: Sequence[Candidate], index: int) -> int | None:
    """Find the unit that one leans on: its announcement, or the sentence before it."""
    candidate = candidates[index]
    earlier = index - 1
    if candidate.unit.lead:
        while earlier >= 0 and candidates[earlier].unit.block == candidate.unit.block:
            earlier -= 1
    elif candidate.unit.kind == "code":
        if earlier < 0 or candidates[earlier].unit.kind != "sentence":
            return None
    elif candidate.unit.kind != "sentence" or not _leans_back(candidate.unit.text):
        return None
    if earlier < 0 or candidates[earlier].passage != candidate.passage:
        return None
    return earlier if candidates[earlier].unit.label == candidate.unit.label else None


def _leans_back(sentence: str) -> bool:
    return sentence[:1].islower() or _LEANS_BACK.match(sentence) is not None


def _open_with_prose(
    candidates: Sequence[Candidate], weights: Mapping[str, float], chosen: list[int]
) -> list[int]:
    """Put a passage first whose sentence matches about as well as the rows of a table that the answer would open with.

    A table is a poor opening; the other passages keep their order.
    """
    if candidates[chosen[0]].unit.kind != "row":
        return chosen
    matched = {index: weigh(weights, candidates[index].terms) for index in chosen}
    opening = candidates[chosen[0]].passage
    least = _ROW_SHARE * max(matched[index] for index in chosen if candidates[index].passage == opening)
    for index in sorted(chosen, key=lambda index: (-matched[index], index)):
        if candidates[index].unit.kind == "sentence" and matched[index] >= least:
            first = candidates[index].passage
            return sorted(chosen, key=lambda index: (candidates[index].passage != first, index))
    return chosen
