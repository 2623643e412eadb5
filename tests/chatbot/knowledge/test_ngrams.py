"""Character n-grams: which there are, whose they are, and the same hashes by either way."""

from __future__ import annotations

import pytest

from chatbot.knowledge.ngrams import BUCKETS, hash_grams, hash_word


def test_grams_stay_within_their_word() -> None:
    """A word of n letters has n - 1 trigrams counting its borders; none spans two words."""
    hashes, owners = hash_grams(["ab", "hello"], 3)
    assert owners.tolist() == [0, 0, 1, 1, 1, 1, 1]
    assert hashes.tolist() == [*hash_grams(["ab"], 3)[0], *hash_grams(["hello"], 3)[0]]
    assert hashes.max() < BUCKETS


@pytest.mark.parametrize("words", [[], [""], ["a"], ["a", "b"]])
def test_words_too_short_have_none(words: list[str]) -> None:
    """Of a 4-gram at least two characters are letters."""
    assert len(hash_grams(words, 4)[0]) == 0


@pytest.mark.parametrize("word", ["a", "ip", "unban", "été", "日本語", "𝔘nicode"])
@pytest.mark.parametrize("n", [3, 4])
def test_one_word_hashes_as_many_do(word: str, n: int) -> None:
    """Documents are hashed in bulk and questions word by word: they have to meet."""
    assert list(hash_word(word, n)) == hash_grams([word], n)[0].tolist()


def test_grams_of_many_words_hardly_collide() -> None:
    """A thousand different words of random letters share no more buckets than chance allows."""
    words = [f"{n * 7919:x}{n * 104729:x}" for n in range(1000)]
    grams = {(word[i : i + 4]) for word in words for i in range(len(word) - 3)}
    buckets = {hash_word(gram, 4)[1] for gram in grams}
    assert len(buckets) > 0.98 * len(grams)
