"""The form for the fields of a definition that need no YAML; each fault stands at its field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st
import yaml

from apps.admin.editing import Editing
from apps.admin.frame import Visit
from apps.admin.notices import show_fault
from apps.admin.texts import Texts
from chatbot.assistants import amendment
from chatbot.translation import translate

LANGUAGES = ("en", "fr")
Path = tuple[int | str, ...]
# What the definition's check says in English of the faults that are met most, and our words for it.
_KNOWN = (
    (re.compile("Field required|at least 1 "), "field.required"),
    (re.compile(r"no field that is sent with the form is named (?P<name>.+)"), "field.unknown"),
)
_TEXT_COLUMNS = [f"{part}_{language}" for part in ("topic", "words") for language in LANGUAGES]


@dataclass(frozen=True, slots=True)
class Change:
    """A field that was changed; `value` is None where it was emptied."""

    path: Path
    value: Any


class FieldForm:
    """The fields as they are drawn in a form, and what was changed in them.

    Args:
        data: the definition that the fields begin with.
    """

    def __init__(self, visit: Visit, editing: Editing, data: Mapping[str, Any]) -> None:
        self._texts = visit.texts
        self._editing = editing
        self._data = data
        self._changes: list[Change] = []

    @property
    def changes(self) -> list[Change]:
        """What differs from what the fields began with."""
        return self._changes

    def draw_texts(self, path: Path, *, height: int | None = None, is_required: bool = False) -> None:
        """Draw a text per language; `height` in pixels for texts of several lines."""
        before = self._read(path) or {}
        given = {}
        for column, language in zip(st.columns(2), LANGUAGES, strict=True):
            with column:
                label = self._label(path, language)
                given[language] = self._draw_text(
                    (*path, language), label, str(before.get(language, "")), height
                )
                self._show_faults((*path, language))
        kept = {language: text for language, text in given.items() if text.strip()}
        shown = {language: str(text) for language, text in before.items() if language in LANGUAGES}
        if {name: text.strip() for name, text in kept.items()} != {n: t.strip() for n, t in shown.items()}:
            written = {language: _finish(text, height) for language, text in kept.items()}
            self._changes.append(Change(path, written or ({} if is_required else None)))
        self._show_faults(path, is_whole=True)

    def draw_lists(self, path: Path) -> None:
        """Draw a list of lines per language."""
        before = self._read(path) or {}
        given = {}
        for column, language in zip(st.columns(2), LANGUAGES, strict=True):
            with column:
                shown = "\n".join(map(str, before.get(language) or ()))
                text = self._draw_text((*path, language), self._label(path, language), shown, 130)
                given[language] = [line.strip() for line in text.splitlines() if line.strip()]
        kept = {language: lines for language, lines in given.items() if lines}
        if kept != {
            language: [str(line) for line in before[language]]
            for language in LANGUAGES
            if before.get(language)
        }:
            self._changes.append(Change(path, kept or None))
        self._show_faults(path)

    def draw_text(self, path: Path, *, height: int, is_required: bool = False) -> None:
        """Draw one text of several lines."""
        before = str(self._read(path) or "")
        text = self._draw_text(path, self._texts[f"field.{path[-1]}"], before, height)
        if text.strip() != before.strip():
            self._changes.append(Change(path, _finish(text, height) if text.strip() or is_required else None))
        self._show_faults(path)

    def draw_choice(self, path: Path, options: Sequence[str]) -> None:
        """Draw a choice of one of some names, or none."""
        before = str(self._read(path) or "")
        names = ["", *dict.fromkeys([*options, *([before] if before else [])])]
        chosen = st.selectbox(
            self._texts[f"field.{path[-1]}"],
            names,
            index=names.index(before),
            format_func=lambda name: name or self._texts["field.none"],
            key=self._key(path),
            help=self._texts.get(f"field.{path[-1]}.help"),
        )
        if chosen != before:
            self._changes.append(Change(path, chosen or None))
        self._show_faults(path)

    def draw_policy(self) -> None:
        """Draw what is declined, a row each."""
        before = list((self._read(("policy",)) or {}).get("declines") or ())
        rows = pd.DataFrame(
            [_write_row(declined) for declined in before], columns=[*_TEXT_COLUMNS, "below_age"]
        )
        rows = rows.astype({**dict.fromkeys(_TEXT_COLUMNS, "str"), "below_age": "Int64"})
        st.markdown(f"**{self._texts['field.policy']}**")
        st.caption(self._texts["field.policy.help"])
        edited = st.data_editor(
            rows,
            num_rows="dynamic",
            hide_index=True,
            key=self._key(("policy",)),
            alt=self._texts["field.policy"],
            column_config={
                **{name: st.column_config.TextColumn(self._texts[f"field.{name}"]) for name in _TEXT_COLUMNS},
                "below_age": st.column_config.NumberColumn(
                    self._texts["field.below_age"], min_value=1, max_value=21, step=1, width="small"
                ),
            },
        )
        given = [
            found
            for found in (
                _read_row({str(name): cell for name, cell in row.items()})
                for row in edited.to_dict("records")
            )
            if found
        ]
        if given != [_read_row(_write_row(declined)) for declined in before]:
            self._changes.append(Change(("policy",), {"declines": given} if given else None))
        self._show_faults(("policy",))

    def _draw_text(self, path: Path, label: str, before: str, height: int | None) -> str:
        key = self._key(path)
        if height is None:
            return str(st.text_input(label, value=before, key=key) or "")
        return str(st.text_area(label, value=before, key=key, height=height) or "")

    def _read(self, path: Path) -> Any:
        found: Any = self._data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def _label(self, path: Path, language: str) -> str:
        return f"{self._texts[f'field.{path[-1]}']} ({self._texts[f'language.{language}']})"

    def _key(self, path: Path) -> str:
        return f"field {self._editing.assistant} {self._editing.turn} {'.'.join(map(str, path))}"

    def _show_faults(self, path: Path, *, is_whole: bool = False) -> None:
        """Show the faults at a field and its parts; `is_whole` leaves out those that stand at the parts already."""
        name = ".".join(map(str, path))
        for fault in self._editing.find_faults("form", name):
            if not is_whole or fault.field == name:
                show_fault(explain_fault(fault.reason, self._texts))


def explain_fault(reason: str, texts: Texts) -> str:
    """Give a fault in the reader's words, those met most in words of this form."""
    for pattern, name in _KNOWN:
        if found := pattern.search(reason):
            return texts[name].format(**found.groupdict())
    return translate(reason, texts["language"])


def amend_all(text: str, changes: Sequence[Change]) -> str:
    """Write the changes into a definition's text.

    Raises:
        ValueError: the text is no YAML, or has no such place any more.
    """
    try:
        for change in changes:
            text = amendment.amend(text, change.path, change.value)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return text


def read_data(text: str) -> dict[str, Any] | None:
    """Give a definition's data; None where it cannot be shown as fields."""
    try:
        data = amendment.read_data(text)
    except yaml.YAMLError:
        return None
    return data if isinstance(data, dict) and all(_has_shape(data)) else None


def _has_shape(data: Mapping[str, Any]) -> Iterator[bool]:
    """Tell of each field shown whether it is of a kind that fields can show."""
    for name in ("title", "description", "greeting", "examples", "policy"):
        yield isinstance(data.get(name) or {}, dict)
    yield isinstance(data.get("prompt", ""), str)
    yield all(isinstance(lines, list) for lines in (data.get("examples") or {}).values())
    documents = data.get("documents") or []
    yield isinstance(documents, list) and all(
        isinstance(document, dict)
        and isinstance(document.get("subject") or {}, dict)
        and isinstance(document.get("text") or {}, dict)
        for document in documents
    )


def _finish(text: str, height: int | None) -> str:
    """Give a text as a definition keeps it: of several lines each ends, of one line it does not."""
    stripped = text.strip()
    return f"{stripped}\n" if height and "\n" in stripped else stripped


def _write_row(declined: Mapping[str, Any]) -> dict[str, Any]:
    topic, words = declined.get("topic") or {}, declined.get("words") or {}
    return {
        **{f"topic_{language}": str(topic.get(language, "")) for language in LANGUAGES},
        **{f"words_{language}": ", ".join(map(str, words.get(language) or ())) for language in LANGUAGES},
        "below_age": declined.get("below_age"),
    }


def _read_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as the definition has it; empty where nothing is in it."""
    given = {
        name: "" if row[name] is None or pd.isna(row[name]) else str(row[name]).strip()
        for name in _TEXT_COLUMNS
    }
    topic = {language: given[f"topic_{language}"] for language in LANGUAGES if given[f"topic_{language}"]}
    words = {
        language: [word.strip() for word in given[f"words_{language}"].split(",") if word.strip()]
        for language in LANGUAGES
        if given[f"words_{language}"]
    }
    if not topic and not words:
        return {}
    declined: dict[str, Any] = {"topic": topic}
    if words:
        declined["words"] = words
    age = row.get("below_age")
    if age is not None and not pd.isna(age):
        declined["below_age"] = int(age)
    return declined
