"""Curated answers: a person's own answers to known questions, kept in `curated.yaml` of the knowledge folder.

    - questions:
        - How do I reset the kettle?
        - How can the kettle be reset?
      answer: Hold the button for ten seconds. [1]
      sources: [en/troubleshooting.md#the-kettle-does-not-heat]
      author: Ada
      date: 2025-03-01

The file is read again when it changes; while it is wrong, what was read last stays in force. Each answer's sources
are remembered as they were when it was first seen, so that it can tell when they change.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.knowledge.passages import Passage
from chatbot.knowledge.retriever import Knowledge
from chatbot.knowledge.wording import normalize_wording
from chatbot.text import clean_text, detect_language

CURATED_FILE = "curated.yaml"
NOTES_FILE = "curated.json"
MAX_FILE_BYTES = 2_000_000
_DIGEST_LENGTH = 12

logger = logging.getLogger(__name__)

Signature = tuple[int, int, int] | None


class CuratedAnswer(BaseModel):
    """An answer that the team wrote itself, and the wordings it answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: list[str] = Field(
        min_length=1, description="Wordings of the question; one of them has to match."
    )
    answer: str = Field(min_length=1, description="Markdown; [n] cites the n-th source.")
    language: Literal["en", "fr"] | None = Field(
        default=None, description="That of its wordings; its readers are served first."
    )
    sources: list[str] = Field(default=[], description="FILE or FILE#ANCHOR in the knowledge folder.")
    author: str = Field(default="", description="Who wrote it; not shown to readers.")
    written: date | None = Field(
        default=None, alias="date", description="When it was written or last confirmed."
    )
    checked: str | None = Field(
        default=None,
        description="What its sources were when it was confirmed; kept by the service if left out.",
    )

    @property
    def key(self) -> str:
        """What names this version of the answer: it changes with its text, its sources and its date."""
        parts = [self.answer, *self.sources, str(self.written)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class CuratedHit:
    """A curated answer with the first passage of each source, None where it is gone, and the sources that changed."""

    answer: CuratedAnswer
    passages: tuple[Passage | None, ...]
    changed: tuple[str, ...]


class CuratedAnswers:
    """The curated answers of a knowledge folder.

    Args:
        notes_folder: where it is kept what the sources were when an answer was first seen.
    """

    def __init__(self, knowledge: Knowledge, notes_folder: Path) -> None:
        self.path = knowledge.folder / CURATED_FILE
        self._knowledge = knowledge
        self._notes_path = notes_folder / NOTES_FILE
        self._lock = threading.Lock()
        self._seen: tuple[Signature, str] | None = None
        self._signature: Signature = None
        self._answers: tuple[CuratedAnswer, ...] = ()
        # By the language of the wordings, then by wording.
        self._hits: dict[str, dict[str, list[CuratedHit]]] = {}
        self._faults: tuple[str, ...] = ()
        self._warnings: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is wrong: faults of the file, sources that are gone, sources that changed; one sentence each."""
        self._bring_up_to_date()
        return self._warnings

    def list_all(self) -> tuple[CuratedAnswer, ...]:
        """Give the answers in force, in the file's order."""
        self._bring_up_to_date()
        return self._answers

    def find(self, question: str, language: str) -> CuratedHit | None:
        """Give the answer one of whose wordings is the question, one in the reader's language first.

        The wording has to be the same but for what `normalize_wording` leaves out; a near one is another question.
        """
        self._bring_up_to_date()
        hits = [
            hit
            for spoken, known in self._hits.items()
            for hit in known.get(normalize_wording(question, spoken), [])
        ]
        fitting = [hit for hit in hits if hit.answer.language in (language, None)]
        return next(iter([*fitting, *hits]), None)

    def save(self, answers: Sequence[CuratedAnswer]) -> None:
        """Write the answers, whole or not at all; comments of the file are not kept.

        Raises:
            OSError: the folder cannot be written.
        """
        entries = [
            answer.model_dump(mode="python", by_alias=True, exclude_defaults=True) for answer in answers
        ]
        text = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False)
        _write_whole(self.path, text)

    def is_read(self) -> bool:
        """Tell whether the file and its sources are as they were last seen: then looking up takes no time."""
        return self._see() == self._seen

    def _see(self) -> tuple[Signature, str]:
        return (_sign(self.path), self._knowledge.index_version)

    def _bring_up_to_date(self) -> None:
        """Read the file again if it changed, and look at the sources again if they may have."""
        state = self._see()
        if state == self._seen:
            return
        with self._lock:
            if state == self._seen:
                return
            signature = state[0]
            if self._seen is None or signature != self._signature:
                self._read()
                self._signature = signature
            warnings = (*self._faults, *self._look_up())
            for warning in warnings:
                if warning not in self._warnings:
                    logger.warning("%s", warning)
            self._warnings = warnings
            self._seen = state

    def _read(self) -> None:
        """Read the file; where it is wrong, keep what was read before and say what is wrong."""
        try:
            self._answers = read_curated(self.path)
            self._faults = ()
        except ValueError as error:
            kept = "the answers read before stay in use" if self._answers else "no curated answer is in use"
            self._faults = tuple(f"{CURATED_FILE}: {line}; {kept}." for line in str(error).splitlines())

    def _look_up(self) -> list[str]:
        """Find every answer's sources, and give a warning for each answer whose sources are gone or have changed."""
        notes = _read_notes(self._notes_path)
        before = json.dumps(notes, sort_keys=True)
        hits: dict[str, dict[str, list[CuratedHit]]] = {}
        warnings: list[str] = []
        for number, answer in enumerate(self._answers, start=1):
            sections = {source: self._list_section(source) for source in answer.sources}
            changed = _find_changed(answer, sections, notes.setdefault(answer.key, {}))
            name = f"{CURATED_FILE}: answer {number} ({answer.questions[0]!r})"
            if gone := [source for source, section in sections.items() if not section]:
                warnings.append(f"{name}: not among the documents: {', '.join(gone)}. Correct its sources.")
            if changed:
                remedy = (
                    f'set its checked to "{digest_sources(sections)}"'
                    if answer.checked
                    else "give it today's date"
                )
                warnings.append(
                    f"{name}: changed since it was written: {', '.join(changed)}. Read them again, then {remedy}."
                )
            firsts = tuple(sections[source][0] if sections[source] else None for source in answer.sources)
            hit = CuratedHit(answer, firsts, changed)
            for text in answer.questions:
                spoken = answer.language or detect_language(text)
                known = hits.setdefault(spoken, {}).setdefault(normalize_wording(text, spoken), [])
                if hit not in known:
                    known.append(hit)
        self._hits = hits
        if json.dumps(notes, sort_keys=True) != before:
            _write_notes(self._notes_path, notes)
        return warnings

    def _list_section(self, source: str) -> list[Passage]:
        name, _, anchor = source.partition("#")
        return [
            passage
            for passage in self._knowledge.index.passages
            if passage.source == name and (not anchor or passage.anchor == anchor)
        ]


def read_curated(path: Path) -> tuple[CuratedAnswer, ...]:
    """Read a file of curated answers; none where there is no file.

    Raises:
        ValueError: one line per fault, with its line, or its answer and field.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ValueError(f"it cannot be read ({error.strerror})") from error
    if len(content) > MAX_FILE_BYTES:
        raise ValueError(f"it has more than {MAX_FILE_BYTES:,} bytes")
    try:
        entries = yaml.safe_load(clean_text(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ValueError(f"line {line}: not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not YAML: {' '.join(str(error).split())}") from error
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise ValueError("a list of answers is expected, each with questions and answer")
    return _check_entries(entries)


def digest_sources(sections: Mapping[str, Sequence[Passage]]) -> str:
    """Give what `checked` has to be for sources that say what these do."""
    digests = "\0".join(map(_digest, sections.values()))
    return hashlib.sha256(digests.encode()).hexdigest()[:_DIGEST_LENGTH]


def _find_changed(
    answer: CuratedAnswer, sections: Mapping[str, Sequence[Passage]], known: dict[str, str]
) -> tuple[str, ...]:
    """Give the sources that say something else than when the answer was confirmed; those seen first become known."""
    if answer.checked:
        return tuple(sections) if answer.checked != digest_sources(sections) else ()
    changed = []
    for source, section in sections.items():
        if source in known and known[source] != _digest(section):
            changed.append(source)
        elif section:
            known[source] = _digest(section)
    return tuple(changed)


def _check_entries(entries: Sequence[Any]) -> tuple[CuratedAnswer, ...]:
    answers: list[CuratedAnswer] = []
    faults: list[str] = []
    for number, entry in enumerate(entries, start=1):
        try:
            answers.append(CuratedAnswer.model_validate(entry))
        except ValidationError as error:
            faults += [
                f"answer {number}, {'.'.join(map(str, fault['loc'])) or 'entry'}: {fault['msg']}"
                for fault in error.errors()
            ]
    if faults:
        raise ValueError("\n".join(faults))
    return tuple(answers)


def _digest(section: Sequence[Passage]) -> str:
    """Hash the words of a section: the same however it is cut into passages."""
    words = " ".join(passage.text for passage in section).split()
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:_DIGEST_LENGTH]


def _sign(path: Path) -> Signature:
    try:
        state = path.stat()
    except OSError:
        return None
    return (state.st_mtime_ns, state.st_size, state.st_ino)


def _read_notes(path: Path) -> dict[str, dict[str, str]]:
    try:
        notes = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read (%s): curated answers are taken as they are now.", path.name, error)
        return {}
    return notes if isinstance(notes, dict) else {}


def _write_notes(path: Path, notes: dict[str, dict[str, str]]) -> None:
    try:
        _write_whole(path, json.dumps(notes, indent=1, sort_keys=True))
    except OSError as error:
        logger.warning("%s cannot be written (%s): changes of sources may be missed.", path.name, error)


def _write_whole(path: Path, text: str) -> None:
    """Write a file beside and rename it, so that nobody reads half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
