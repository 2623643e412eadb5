"""The index of one language: what stands for a question's terms, and the order of what is found."""

from __future__ import annotations

import gc
import math
import random
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from chatbot.knowledge.bm25 import K1, B
from chatbot.knowledge.language_index import LanguageIndex, QuestionTerm
from chatbot.knowledge.passages import Passage, make_passages
from chatbot.text import tokenize

PAGES = {
    "bans.md": "# Bans\n## Lift a ban\nRun `bwcli unban ADDRESS`.\n## Duration\nA ban lasts a day.",
    "settings.md": "# Settings\n## Captcha\nSet `USE_ANTIBOT=captcha`; `--dry-run` shows it.\n## Errors\nError 413.",
    "files.md": "# Files\n## Delete\nRemove the certificate of a host.\n## Copy\nA backup is taken nightly.",
}


@pytest.fixture(name="index")
def make_index() -> LanguageIndex:
    passages = [passage for source, text in PAGES.items() for passage in make_passages(text, source, "en")]
    return LanguageIndex.build("en", passages)


def find(index: LanguageIndex, question: str, asked_in: str = "") -> list[str]:
    """Find headings, best first."""
    return [hit.passage.heading for hit in index.search(question, 10, asked_in)]


def read(index: LanguageIndex, question: str, asked_in: str = "") -> dict[str, QuestionTerm]:
    """Read a question's terms by name."""
    return {term.term: term for term in index.read_question(question, asked_in)}


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("USE_ANTIBOT", "Settings > Captcha"),
        ("antibot", "Settings > Captcha"),
        ("what does --dry-run do", "Settings > Captcha"),
        ("I get a 413", "Settings > Errors"),
        ("erase a certificate", "Files > Delete"),
        ("certifcate", "Files > Delete"),
        ("how long is the duration", "Bans > Duration"),
    ],
)
def test_what_is_asked_for_comes_first(index: LanguageIndex, question: str, heading: str) -> None:
    """Identifiers whole and in part, numbers, other words for the same, typing errors, headings."""
    assert find(index, question)[0] == heading


def test_a_term_is_itself_and_a_stand_in_less(index: LanguageIndex) -> None:
    """1 for the term, less for what is related or looks alike; only the term itself is the same."""
    term = read(index, "delete")["delet"]
    assert term.shares["delet"] == 1.0
    assert 0 < term.shares["remov"] < 1
    assert term.same == {"delet"}


def test_stand_ins_of_an_unknown_term_count_more(index: LanguageIndex) -> None:
    """Where the documents lack the word itself, its relatives are all there is."""
    assert read(index, "erase")["eras"].shares["remov"] > read(index, "delete")["delet"].shares["remov"]
    assert read(index, "erase")["eras"].same == frozenset()


def test_a_typing_error_is_the_term_it_was_meant_to_be(index: LanguageIndex) -> None:
    """What shares most of its letters with an unknown word counts as the word."""
    assert read(index, "certifcate")["certifc"].same == {"certif"}


def test_a_translation_is_the_same(index: LanguageIndex) -> None:
    """A French question is about what the English passage says in other words."""
    same = frozenset().union(*(term.same for term in read(index, "comment supprimer", "fr").values()))
    assert "remov" in same
    assert "Files > Delete" in find(index, "comment supprimer", "fr")


def test_an_index_read_from_disk_finds_alike(index: LanguageIndex, tmp_path: Path) -> None:
    """Saved and loaded with its passages; not with others."""
    index.save(tmp_path / "en")
    again = LanguageIndex.load(tmp_path / "en", "en", index.passages)
    assert find(again, "erase a certificate") == find(index, "erase a certificate")
    with pytest.raises(ValueError, match="does not cover"):
        LanguageIndex.load(tmp_path / "en", "en", index.passages[1:])


def make_many(count: int) -> list[Passage]:
    """Make short passages of words that are rare and frequent, alike and not, in headings and texts."""
    chosen = random.Random(5)
    stems = [
        "cache",
        "certificate",
        "replicate",
        "deploy",
        "token",
        "widget",
        "antibot",
        "database",
        "snapshot",
    ]
    words = [stem + ending for stem in stems for ending in ("", "s", "d", "ing", "ment", "_DIR")]
    weights = [1 / (rank + 1) for rank in range(len(words))]

    def write(length: int) -> str:
        return " ".join(chosen.choices(words, weights, k=length))

    return [
        Passage(str(number), "a.md", "A", f"A > {write(2)}", "", "en", write(chosen.randint(1, 12)))
        for number in range(count)
    ]


def score_plainly(index: LanguageIndex, question: str) -> dict[str, float]:
    """Score by terms as the formulas have it, one passage after the other; by id, those above 0."""
    fields = [
        [Counter(tokenize(text, "en")) for text in texts]
        for texts in (
            [passage.heading for passage in index.passages],
            [passage.heading.rsplit(" > ", 1)[-1] for passage in index.passages],
            [passage.text for passage in index.passages],
        )
    ]
    means = [sum(counts.total() for counts in field) / len(field) for field in fields]
    total = len(index.passages)
    found = Counter(name for of_passage in zip(*fields, strict=True) for name in set().union(*of_passage))
    scores: dict[str, float] = {}
    for number, passage in enumerate(index.passages):

        def weigh(name: str, number: int = number) -> float:
            frequency = sum(
                field[number][name] / (1 - B + B * field[number].total() / mean)
                for field, mean in zip(fields, means, strict=True)
            )
            idf = math.log(1 + (total - found[name] + 0.5) / (found[name] + 0.5))
            return idf * frequency / (frequency + K1)

        score = sum(
            max((share * term.count * weigh(name) for name, share in term.shares.items()), default=0.0)
            for term in index.read_question(question, "")
        )
        if score > 0:
            scores[passage.passage_id] = score
    return scores


@pytest.mark.parametrize(
    "question", ["caching of snapshots", "DATABASE_DIR token token", "replicaet the widget"]
)
@pytest.mark.parametrize("count", [40, 2000])
def test_scores_are_those_of_the_formulas_taken_one_passage_at_a_time(question: str, count: int) -> None:
    """Batches, groups and tables only make it fast: the same passages, their shares of the score as plainly summed."""
    index = LanguageIndex.build("en", make_many(count))
    plain = score_plainly(index, question)
    best = sorted(plain, key=lambda name: (-round(plain[name], 4), int(name)))[:100]
    places = np.array([int(name) for name in best])
    grams = index.grams.score(question, "en", places)
    expected = {
        name: 0.7 * plain[name] / plain[best[0]] + 0.3 * gram / grams.max()
        for name, gram in zip(best, grams.tolist(), strict=True)
    }
    hits = index.search(question, 10, "")
    assert [hit.score for hit in hits] == pytest.approx(
        sorted(expected.values(), reverse=True)[:10], abs=1e-4
    )
    assert [hit.score for hit in hits] == pytest.approx(
        [expected[hit.passage.passage_id] for hit in hits], abs=1e-4
    )


def test_passages_that_are_alike_come_in_reading_order() -> None:
    """However many have the same score, the first of them are taken."""
    alike = [
        Passage(str(number), "a.md", "A", "A", "", "en", "renew the certificate") for number in range(3000)
    ]
    hits = LanguageIndex.build("en", alike).search("certificate", 20, "")
    assert [hit.passage.passage_id for hit in hits] == [str(number) for number in range(20)]


def test_a_replaced_index_gives_its_memory_back_at_once() -> None:
    """Nothing in an index refers to itself: at 170,000 passages two at a time would be too many."""
    index = LanguageIndex.build("en", make_many(20))
    index.search("cache of a widget", 5, "")
    alive = weakref.ref(index)
    gc.disable()
    try:
        del index
        assert alive() is None
    finally:
        gc.enable()


def test_a_translated_word_weighs_what_its_translations_do(index: LanguageIndex) -> None:
    """A foreign word is no rare word: that no document has it says nothing, how many have its translations does."""
    (term,) = read(index, "effacer", "fr").values()
    assert term.same
    assert 0 < term.weight < index.matrix.highest_idf
    (unknown,) = read(index, "girafe", "fr").values()
    assert unknown.weight == pytest.approx(index.matrix.highest_idf)
