"""Plausible documentation of any size, and questions to it: real documents with their words exchanged.

Each page takes the shape of a real one: headings, lists, tables, code, identifiers, function words. Its other words are
drawn anew, a word of the real page for one of the made page, so that a page keeps to its topics. How often a word is
drawn follows from how often it was drawn before (Simon, "On a class of skew distribution functions", Biometrika 1955),
which gives Zipf's law; how many are new follows from Heaps' law as the real pages show it (Heaps, "Information
Retrieval", 1978). Copies of a few pages would flatter: their vocabulary would stop growing.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chatbot.knowledge.passages import Passage, make_passages
from chatbot.stopwords import STOP_WORDS
from chatbot.text import fold

ROOT = Path(__file__).parent.parent
_CORPORA = ROOT.parent / "shared" / "data" / "corpora"
_FOLDERS = [_CORPORA / name for name in ("bunkerweb-en", "fastapi-en", "litestream")]
_OWN = ROOT / "data" / "knowledge" / "en"

_STOP_WORDS = STOP_WORDS["en"]
# Tags, the keys of front matter, fences and admonitions are the page's shape and stay.
_SHAPE = r"<[^<>\n]*>|^\w+: |^\s*(?:`{3,}|~{3,}|!!!|\?\?\?|===|:::).*$|\d+"
_TOKEN = re.compile(rf"({_SHAPE})|([^\W\d_]+)", re.MULTILINE)
_FRAMES = (
    "how do I",
    "what is the",
    "where can I set",
    "why does",
    "can I use",
    "which",
    "how to",
    "what happens when",
)
_LINKS = ("the", "of the", "with", "for a", "in", "to", "and the", "from", "")
_TYPING_ERRORS = 0.1
# How far a word may stray from its usual rank: with it, words are about as frequent as in the real pages.
_TOPICALITY = 0.7


@dataclass(frozen=True, slots=True)
class _Page:
    """A real page: its text, how many passages it makes, and its words, folded, with their counts."""

    text: str
    passages: int
    words: Counter[str]


def write_documentation(folder: Path, passages: int, seed: int) -> None:
    """Write Markdown files that make about so many passages into a folder."""
    pages = _read_pages()
    vocabulary = _Vocabulary([page.words for page in pages], seed)
    chosen = random.Random(seed)
    target = folder / "en"
    target.mkdir(parents=True)
    number, remaining = 0, passages
    while fitting := [page for page in pages if page.passages <= remaining]:
        page = chosen.choice(fitting)
        text = _rewrite(page.text, vocabulary.draw(page.words), chosen)
        (target / f"page-{number:05}.md").write_text(text, encoding="utf-8")
        remaining -= page.passages
        number += 1


def make_questions(passages: Sequence[Passage], count: int, seed: int) -> list[str]:
    """Ask for words of one passage each, in 3 to 12 words; one question in ten has a typing error."""
    chosen = random.Random(seed)
    questions: list[str] = []
    while len(questions) < count:
        passage = chosen.choice(passages)
        words = sorted(
            {
                word
                for word in re.findall(r"[^\W\d_]{3,}", f"{passage.heading} {passage.text}")
                if fold(word) not in _STOP_WORDS
            }
        )
        if len(words) < 10:
            continue
        asked = chosen.sample(words, chosen.randint(1, 4))
        if chosen.random() < _TYPING_ERRORS:
            place = chosen.randrange(1, len(asked[0]))
            asked[0] = asked[0][:place] + asked[0][place + 1 :]
        parts = [chosen.choice(_FRAMES)]
        for word in asked:
            parts += [chosen.choice(_LINKS), word.lower()]
        question = " ".join(" ".join(parts).split())
        if 3 <= len(question.split()) <= 12:
            questions.append(f"{question}?")
    return questions


class _Vocabulary:
    """The words drawn so far, by which the next are drawn."""

    def __init__(self, pages: Sequence[Counter[str]], seed: int) -> None:
        self._random = random.Random(seed)
        self._generator = np.random.default_rng(seed)
        whole = Counter[str]()
        growth: list[tuple[int, int]] = []
        for words in pages:
            whole.update(words)
            growth.append((whole.total(), len(whole)))
        middle, end = growth[len(growth) // 2], growth[-1]
        # Heaps: the number of different words is factor * tokens ** exponent.
        self._exponent = math.log(end[1] / middle[1]) / math.log(end[0] / middle[0])
        self._factor = end[1] / end[0] ** self._exponent
        self._words = list(whole)
        self._known = set(whole)
        self._real = list(whole)
        self._tokens = end[0]
        # One entry per page that has the word: drawing an entry draws a word by its frequency.
        numbers = {word: number for number, word in enumerate(self._words)}
        drawn = [numbers[word] for words in pages for word in words]
        self._drawn = np.empty(2 * len(drawn), np.int32)
        self._drawn[: len(drawn)] = drawn
        self._count = len(drawn)
        self._pages_with = Counter(drawn)

    def draw(self, words: Counter[str]) -> dict[str, str]:
        """Give another word for each of a page's."""
        before = self._factor * self._tokens**self._exponent
        self._tokens += words.total()
        new = self._factor * self._tokens**self._exponent - before
        # New words are among the rare ones of their page.
        rare_first = sorted(words, key=lambda word: (words[word], self._random.random()))
        fresh = min(len(rare_first), int(new) + (self._random.random() < new % 1))
        places = self._generator.integers(0, self._count, len(rare_first) - fresh)
        known = self._drawn[places].tolist()
        # What is frequent everywhere is mostly frequent on a page, with exceptions: its topics.
        known.sort(key=lambda number: self._pages_with[number] * self._random.lognormvariate(0, _TOPICALITY))
        numbers = [self._invent() for _ in range(fresh)] + known
        self._remember(numbers)
        return {word: self._words[number] for word, number in zip(rare_first, numbers, strict=True)}

    def _invent(self) -> int:
        """Make a word of the beginning of a real one and the end of another."""
        while True:
            first, second = self._random.choice(self._real), self._random.choice(self._words)
            word = first[: self._random.randint(2, 5)] + second[-self._random.randint(2, 6) :]
            if word not in self._known:
                self._known.add(word)
                self._words.append(word)
                return len(self._words) - 1

    def _remember(self, numbers: Sequence[int]) -> None:
        end = self._count + len(numbers)
        if end > len(self._drawn):
            self._drawn = np.concatenate([self._drawn, np.empty(max(end, len(self._drawn)), np.int32)])
        self._drawn[self._count : end] = numbers
        self._count = end
        self._pages_with.update(numbers)


def _read_pages() -> list[_Page]:
    folders = [folder for folder in _FOLDERS if folder.is_dir()] or [_OWN]
    pages: list[_Page] = []
    for folder in folders:
        for path in sorted(folder.rglob("*.md")):
            text = path.read_text(encoding="utf-8")
            words = Counter(fold(word) for word in _list_words(text))
            if passages := len(make_passages(text, path.name, "en")):
                pages.append(_Page(text, passages, words))
    random.Random(0).shuffle(pages)
    return pages


def _list_words(text: str) -> Iterator[str]:
    for match in _TOKEN.finditer(text):
        if not match[1] and fold(match[2]) not in _STOP_WORDS:
            yield match[2]


def _rewrite(text: str, words: dict[str, str], chosen: random.Random) -> str:
    """Exchange a page's words, each in the case it was written in, and the digits of its numbers."""

    def exchange(match: re.Match[str]) -> str:
        if match[1]:
            return str(chosen.randrange(10 ** len(match[1]))) if match[1].isdigit() else match[1]
        word = match[2]
        new = words.get(fold(word), word)
        return new.upper() if word.isupper() else new.capitalize() if word[0].isupper() else new

    return _TOKEN.sub(exchange, text)
