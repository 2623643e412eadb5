"""Gives sentences that were raised in English in the reader's language, where they are known; else as they are."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import yaml

from chatbot.assistants.form import FAULTS

FRENCH = Path(__file__).parent / "french.yaml"
SENTENCES = ("definitions", "parsers", "templates", "office")
# Deeper than any sentence within a sentence.
_DEEPEST = 4
_PLACE = re.compile(r"<(\w+)>")
_PLACE_OF_FORM = re.compile(r"\{(\w+)\}")
_LINE = re.compile(
    r"(?:(?P<file>[^\n]+?): )?line (?P<line>\w+): (?P<fault>(?:(?P<field>[\w.]+): )?(?P<reason>.+))",
    re.DOTALL,
)

Known = tuple[tuple[re.Pattern[str], str], ...]


def translate(text: str, language: str) -> str:
    """Give a sentence in a language; what it names stays as it is."""
    return _translate(text, _read_sentences(), _DEEPEST) if language == "fr" else text


def translate_fault(line: str, language: str) -> str:
    """Give a line about a definition in a language: the file where it is named, the line, the field, the reason."""
    found = _LINE.fullmatch(line)
    if language != "fr" or found is None:
        return translate(line, language)
    # `not YAML: …` looks like a field and its fault.
    fault = translate(found["fault"], language)
    if fault == found["fault"] and found["field"]:
        fault = f"{found['field']} : {translate(found['reason'], language)}"
    return f"{found['file'] + ' : ' if found['file'] else ''}ligne {found['line']} : {fault}"


def translate_place(place: str, language: str) -> str:
    """Give a place in an office file in a language, such as `table 1, row 2, cell 1`."""
    if language != "fr":
        return place
    return ", ".join(_translate(part, _read_places(), 1) for part in place.split(", "))


def _translate(text: str, known: Known, depth: int) -> str:
    if not depth:
        return text
    for pattern, translated in known:
        if found := pattern.fullmatch(text):
            pieces = _PLACE.split(translated)
            pieces[1::2] = [_translate(found[name], known, depth - 1) for name in pieces[1::2]]
            return "".join(pieces)
    return text


@lru_cache(maxsize=1)
def _read_sentences() -> Known:
    kept = _read()
    pairs = {english: said for part in SENTENCES for english, said in kept[part].items()}
    pairs |= {
        _PLACE_OF_FORM.sub(r"<\1>", said["en"]): _PLACE_OF_FORM.sub(r"<\1>", said["fr"])
        for said in FAULTS.values()
    }
    return _compile(pairs)


@lru_cache(maxsize=1)
def _read_places() -> Known:
    return _compile(_read()["places"])


def _read() -> dict[str, dict[str, str]]:
    kept: dict[str, dict[str, str]] = yaml.safe_load(FRENCH.read_text(encoding="utf-8"))
    return kept


def _compile(pairs: dict[str, str]) -> Known:
    return tuple((_write_pattern(english), translated) for english, translated in pairs.items())


def _write_pattern(english: str) -> re.Pattern[str]:
    # A split by a group gives texts and names in turn.
    pieces = _PLACE.split(english)
    parts = [f"(?P<{piece}>.+?)" if number % 2 else re.escape(piece) for number, piece in enumerate(pieces)]
    return re.compile("".join(parts), re.DOTALL)
