"""Search engines side by side, each step in a process of its own: `python -m benchmarks.engines NAME STEP FOLDER`.

The folder holds `docs/` to begin with. The step `build` of `guichet` comes first: it leaves the passages and the
questions that all engines are asked. Prints the figures as JSON: seconds, milliseconds, megabytes.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from benchmarks.documentation import make_questions
from chatbot.knowledge.index import INDEX_FORMAT, build_index, save_index
from chatbot.knowledge.library import Library
from chatbot.knowledge.passages import Passage

K = 5
WARM_UP = 20
ASKED = 200
_LEAST_ASKED = 40
_LONGEST_S = 60
_PASSAGES, _QUESTIONS, _CACHE, _STORE = "passages.jsonl", "questions.json", "cache", "store"


class Engine(Protocol):
    """What is measured of an engine; one that keeps nothing on disk builds when it loads."""

    def build(self, folder: Path) -> dict[str, float]:
        """Make the index and keep it; give figures that are better than those of it all."""

    def load(self, folder: Path) -> None:
        """Get ready to search."""

    def search(self, question: str) -> object:
        """Find the best passages."""


class Guichet:
    """The product: documents read and cut, then indexed; searched as a turn does."""

    def __init__(self) -> None:
        # Imported here, as the others are: LangChain's memory is not theirs.
        from chatbot.knowledge.retriever import Knowledge

        self._open = Knowledge

    def build(self, folder: Path) -> dict[str, float]:
        """Build as `Knowledge` does, step by step."""
        started, started_cpu = time.perf_counter(), time.process_time()
        library = Library(folder / "docs", folder / _CACHE)
        library.look()
        passages = library.make_passages((), {})
        cut_s = time.perf_counter() - started
        index = build_index(library.make_version(INDEX_FORMAT), passages, started)
        save_index(index, folder / _CACHE)
        figures = {
            "passages": len(passages),
            "cut_s": cut_s,
            "s": time.perf_counter() - started,
            "cpu_s": time.process_time() - started_cpu,
            "peak_mb": _read_peak_mb(),
        }
        with (folder / _PASSAGES).open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(passage.to_json()) + "\n" for passage in passages)
        questions = make_questions(passages, 2 * (WARM_UP + ASKED), seed=2)
        (folder / _QUESTIONS).write_text(json.dumps(questions), encoding="utf-8")
        return figures

    def load(self, folder: Path) -> None:
        """Look through the documents for changes, and read the kept index."""
        self._knowledge = self._open(folder / "docs", folder / _CACHE, poll_interval_s=3600)
        self._index = self._knowledge.index

    def search(self, question: str) -> object:
        """Search as a turn does: tell the language, find, judge whether it answers."""
        return self._knowledge.search(question, k=K)

    def search_index(self, question: str) -> object:
        """Search the index alone."""
        return self._index.search(question, "en", K, "en")


class RankBM25:
    """What LangChain's `BM25Retriever` does at its defaults; it is built anew in every process."""

    def __init__(self) -> None:
        from rank_bm25 import BM25Okapi

        self._make = BM25Okapi

    def build(self, folder: Path) -> dict[str, float]:
        """Build as `BM25Retriever.from_documents`."""
        self.load(folder)
        return {}

    def load(self, folder: Path) -> None:
        """Split texts at white space and count."""
        self._texts = read_texts(folder)
        self._engine = self._make([text.split() for text in self._texts])

    def search(self, question: str) -> object:
        """Score all passages and sort them."""
        return self._engine.get_top_n(question.split(), self._texts, n=K)


class BM25S:
    """bm25s with a stemmer, otherwise at its defaults."""

    def __init__(self) -> None:
        import bm25s
        from Stemmer import Stemmer

        self._module = bm25s
        self._stemmer = Stemmer("english")

    def build(self, folder: Path) -> dict[str, float]:
        """Tokenize, count, save."""
        engine = self._module.BM25()
        engine.index(self._tokenize(read_texts(folder)), show_progress=False)
        engine.save(folder / _STORE / "bm25s")
        return {}

    def load(self, folder: Path) -> None:
        """Read what was saved, and the passages."""
        self._texts = read_texts(folder)
        self._engine = self._module.BM25.load(folder / _STORE / "bm25s")

    def search(self, question: str) -> object:
        """Retrieve the best."""
        found, _ = self._engine.retrieve(self._tokenize([question]), k=K, show_progress=False)
        return [self._texts[number] for number in found[0]]

    def _tokenize(self, texts: Sequence[str]) -> Any:
        return self._module.tokenize(texts, stopwords="en", stemmer=self._stemmer, show_progress=False)


class Tantivy:
    """tantivy with its English stemmer, on disk."""

    def __init__(self) -> None:
        import tantivy

        self._module = tantivy

    def build(self, folder: Path) -> dict[str, float]:
        """Add the passages by number, commit, merge."""
        builder = self._module.SchemaBuilder()
        builder.add_text_field("text", stored=False, tokenizer_name="en_stem")
        builder.add_unsigned_field("number", stored=True)
        store = folder / _STORE / "tantivy"
        store.mkdir(parents=True)
        writer = self._module.Index(builder.build(), path=str(store)).writer()
        for number, text in enumerate(read_texts(folder)):
            writer.add_document(self._module.Document(text=text, number=number))
        writer.commit()
        writer.wait_merging_threads()
        return {}

    def load(self, folder: Path) -> None:
        """Open the index, and read the passages."""
        self._texts = read_texts(folder)
        self._engine = self._module.Index.open(str(folder / _STORE / "tantivy"))
        self._searcher = self._engine.searcher()

    def search(self, question: str) -> object:
        """Any of the words; what is no query language is left out."""
        query, _ = self._engine.parse_query_lenient(question, ["text"])
        hits = self._searcher.search(query, K).hits
        return [self._texts[self._searcher.doc(address)["number"][0]] for _, address in hits]


ENGINES: dict[str, type[Engine]] = {
    "guichet": Guichet,
    "rank_bm25": RankBM25,
    "bm25s": BM25S,
    "tantivy": Tantivy,
}


def main(name: str, step: str, folder: Path) -> dict[str, float]:
    """Run one step of one engine; give its figures."""
    engine = ENGINES[name]()
    started, started_cpu = time.perf_counter(), time.process_time()
    if step == "build":
        figures = engine.build(folder)
        taken = {"s": time.perf_counter() - started, "cpu_s": time.process_time() - started_cpu}
        return {"peak_mb": _read_peak_mb(), **taken, **figures}
    engine.load(folder)
    load_s = time.perf_counter() - started
    questions = json.loads((folder / _QUESTIONS).read_text(encoding="utf-8"))
    half = len(questions) // 2
    figures = _time_questions(engine.search, questions[:half])
    if isinstance(engine, Guichet):
        # Other questions: those just asked are still known.
        figures["index_p50_ms"] = _time_questions(engine.search_index, questions[half:])["p50_ms"]
    return {"load_s": load_s, "mb": psutil.Process().memory_info().rss / 1e6, **figures}


def read_texts(folder: Path) -> list[str]:
    """Read the passages as one text each, headings first."""
    with (folder / _PASSAGES).open(encoding="utf-8") as file:
        passages = (Passage(**json.loads(line)) for line in file)
        return [f"{passage.heading}\n{passage.text}" for passage in passages]


def _time_questions(search: Callable[[str], object], questions: Sequence[str]) -> dict[str, float]:
    """Time each question by itself, for a minute at most, but 40 at least."""
    for question in questions[:WARM_UP]:
        search(question)
    began = time.perf_counter()
    walls: list[float] = []
    cpus: list[float] = []
    for question in questions[WARM_UP:]:
        if len(walls) >= _LEAST_ASKED and time.perf_counter() - began > _LONGEST_S:
            break
        started, started_cpu = time.perf_counter(), time.process_time()
        search(question)
        cpus.append(time.process_time() - started_cpu)
        walls.append(time.perf_counter() - started)
    return {
        "p50_ms": 1000 * statistics.median(walls),
        "p95_ms": 1000 * statistics.quantiles(walls, n=20)[-1],
        "cpu_p50_ms": 1000 * statistics.median(cpus),
    }


def _read_peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 * 1.048576


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
