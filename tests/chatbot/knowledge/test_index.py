"""The index: scores, what is kept on disk, what happens when that is damaged."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from chatbot.knowledge.index import KEPT_CACHES, PassageIndex, build_index, load_index, save_index
from chatbot.knowledge.passages import make_passages


def make_index(version: str = "v1") -> PassageIndex:
    passages = [
        *make_passages(
            "# Bans\n## Unban\nUse `bwcli unban`.\n## Time\nA ban lasts a day.", "en/bans.md", "en"
        ),
        *make_passages("# Ports\nThe `HTTP_PORT` setting.", "en/ports.md", "en"),
        *make_passages("# Ports\nLe réglage des ports à l'écoute.", "fr/ports.md", "fr"),
    ]
    return build_index(version, passages, time.perf_counter())


def test_the_best_passage_comes_first_and_others_without_terms_not_at_all() -> None:
    """Results share a term with the question and are ordered by score."""
    hits = make_index().search("How do I unban?", "en", 10)
    assert [hit.passage.heading for hit in hits] == ["Bans > Unban"]
    both = make_index().search("unban ban", "en", 10)
    assert [hit.score for hit in both] == sorted((hit.score for hit in both), reverse=True)
    assert len(both) == 2


def test_words_of_the_breadcrumb_count() -> None:
    """A passage is found by its headings although its text does not repeat them."""
    hits = make_index().search("time of bans", "en", 1)
    assert hits[0].passage.heading == "Bans > Time"


def test_each_language_is_searched_by_itself() -> None:
    """A search in French finds French passages, by French stems and without accents."""
    hits = make_index().search("reglages du port", "fr", 10)
    assert [hit.passage.source for hit in hits] == ["fr/ports.md"]
    assert make_index().search("réglages", "en", 10) == []
    assert make_index().search("ports", "de", 10) == []


def test_the_function_words_of_the_asking_language_are_no_terms() -> None:
    """An English question finds no French passage by a word that only joins others in English."""
    passages = [
        *make_passages("# Vagues\nUn swell what.", "a.md", "fr"),
        *make_passages("# Ports\nLa rade.", "b.md", "fr"),
    ]
    index = build_index("v1", passages, time.perf_counter())
    assert index.search("what", "fr", 5)
    assert index.search("what", "fr", 5, "en") == []


def test_a_term_is_known_where_a_passage_has_it() -> None:
    """Terms are those of one language; a language without documents knows none."""
    index = make_index()
    known = [index.has_term("bwcli", language) for language in ("en", "fr", "de")]
    assert known == [True, False, False]


@pytest.mark.parametrize("question", ["", "?", "the of and", "zzzunknown"])
def test_a_question_without_known_terms_finds_nothing(question: str) -> None:
    """No term, no passage, no error."""
    assert make_index().search(question, "en", 10) == []


def test_rare_terms_weigh_more_and_unknown_ones_most() -> None:
    """Weights fall with the number of passages that have the term."""
    weights = {term.term: term.weight for term in make_index().read_question("ban unban zzz", "en")}
    assert weights["ban"] < weights["unban"] < weights["zzz"] == make_index().highest_weight("en")


def test_an_index_read_from_disk_answers_alike(tmp_path: Path) -> None:
    """What was kept gives the same passages, scores and statistics."""
    index = make_index()
    save_index(index, tmp_path)
    kept = load_index("v1", tmp_path)
    assert kept is not None
    assert kept.passages == index.passages
    assert kept.stats == index.stats
    assert kept.search("unban ban", "en", 10) == index.search("unban ban", "en", 10)
    assert [path.name for path in tmp_path.iterdir()] == ["v1"]


def test_statistics_count_documents_passages_and_tokens() -> None:
    """Documents are files; tokens are those of the passages."""
    stats = make_index().stats
    assert (stats.documents, stats.passages) == (3, 4)
    assert stats.tokens == sum(-(-len(passage.text) // 4) for passage in make_index().passages)
    assert stats.seconds >= 0


def test_an_index_without_passages_is_kept_too(tmp_path: Path) -> None:
    """An empty folder has an index that finds nothing."""
    save_index(build_index("empty", [], time.perf_counter()), tmp_path)
    kept = load_index("empty", tmp_path)
    assert kept is not None
    assert kept.search("anything", "en", 5) == []
    assert kept.languages == ()


@pytest.mark.parametrize(
    "name", ["passages.jsonl", "manifest.json", "en/terms/weights.npy", "fr/terms/vocabulary.json"]
)
@pytest.mark.parametrize("damage", ["cut", "garbled", "removed"])
def test_a_damaged_cache_is_named_and_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str, damage: str
) -> None:
    """A file that is cut, changed or gone makes the whole cache unusable, and the warning says which cache."""
    save_index(make_index(), tmp_path)
    path = tmp_path / "v1" / name
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\xff" + content[1:])
    with caplog.at_level(logging.WARNING):
        assert load_index("v1", tmp_path) is None
    assert str(tmp_path / "v1") in caplog.text


def test_a_missing_cache_is_no_fault(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first start has none and warns of nothing."""
    assert load_index("v1", tmp_path / "none") is None
    assert caplog.text == ""


def test_saving_replaces_a_damaged_cache(tmp_path: Path) -> None:
    """What is saved again is whole again."""
    save_index(make_index(), tmp_path)
    (tmp_path / "v1" / "passages.jsonl").write_text("{")
    save_index(make_index(), tmp_path)
    assert load_index("v1", tmp_path) is not None


def test_only_the_caches_used_last_stay(tmp_path: Path) -> None:
    """Caches used longest ago go, and drafts that a killed process left behind; a draft being written stays."""
    for number in range(KEPT_CACHES + 2):
        save_index(make_index(f"v{number}"), tmp_path)
        os.utime(tmp_path / f"v{number}", (1_000_000 + number, 1_000_000 + number))
    for name, age in ((".draft-old", 1_000_000.0), (".draft-new", time.time())):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (age, age))
    save_index(make_index("last"), tmp_path)
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == sorted([".draft-new", "last", *(f"v{number}" for number in range(3, KEPT_CACHES + 2))])


def test_a_folder_that_cannot_be_written_costs_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The index works from memory when it cannot be kept."""
    (tmp_path / "file").write_text("")
    with caplog.at_level(logging.WARNING):
        save_index(make_index(), tmp_path / "file" / "index")
    assert "cannot be kept" in caplog.text
