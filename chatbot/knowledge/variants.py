"""Terms of the documents that look like a term of the question: other forms of a word, and typing errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chatbot.knowledge.ngrams import BUCKETS, hash_grams, hash_word

# Half of what two terms are made of. Measured with thresholds from .25 to .5 on eight question sets.
LEAST_SIMILARITY = 0.5
SHORTEST_TERM = 4
_N = 3


class TermVariants:
    """Finds terms of a vocabulary by the trigrams they share.

    Source: Adamson, Boreham, "The use of an association measure based on character structure to identify
    semantically related pairs of words and document titles", Information Storage and Retrieval 10, 1974.

    Args:
        terms: the vocabulary; a term's id is its position.
    """

    def __init__(self, terms: Sequence[str]) -> None:
        ids = np.array([number for number, term in enumerate(terms) if _is_word(term)], np.int64)
        grams, owners = hash_grams([terms[number] for number in ids], _N)
        pairs = (
            np.unique(grams.astype(np.int64) * len(terms) + ids[owners])
            if len(ids)
            else np.empty(0, np.int64)
        )
        gram_of_pair, self._owners = np.divmod(pairs, max(1, len(terms)))
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(gram_of_pair, minlength=BUCKETS))])
        self._sizes = np.bincount(self._owners, minlength=len(terms))
        self._ids = {terms[number]: int(number) for number in ids}

    def find(self, term: str) -> list[tuple[int, float]]:
        """List the terms that share at least half of their trigrams with this one, itself among them.

        An unknown term finds the one that two of its letters exchanged make of it as well, which shares few trigrams.

        Returns:
            (id, Dice coefficient from 0 to 1); none for numbers, identifiers and short words, which are exact or
            nothing.
        """
        if not _is_word(term):
            return []
        if term not in self._ids and (swapped := self._find_swapped(term)) is not None:
            return [(swapped, 1.0)]
        grams = set(hash_word(term, _N))
        found = [self._owners[self._starts[gram] : self._starts[gram + 1]] for gram in grams]
        ids, shared = np.unique(np.concatenate(found), return_counts=True)
        similarity = 2 * shared / (self._sizes[ids] + len(grams))
        chosen = similarity >= LEAST_SIMILARITY
        return list(zip(ids[chosen].tolist(), similarity[chosen].tolist(), strict=True))

    def _find_swapped(self, term: str) -> int | None:
        swaps = (term[:i] + term[i + 1] + term[i] + term[i + 2 :] for i in range(len(term) - 1))
        return next((self._ids[swap] for swap in swaps if swap in self._ids), None)


def _is_word(term: str) -> bool:
    return len(term) >= SHORTEST_TERM and term.isalpha()
