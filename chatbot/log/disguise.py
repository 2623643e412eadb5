"""What the shareable log leaves out, replaces and masks, so that it holds no personal data that can be recognized.

Labels of testers and codes, and the names of authors, become stand-ins: the same label is the same stand-in in every
publication, by a salt that is made once, kept in `private/` and never changed. Free text is masked by `masking`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

from chatbot.key_file import read_or_make_key
from chatbot.masking import MASKING_VERSION, make_pseudonym, mask_text
from chatbot.store.records import Feedback, Message, PassageUsed, Thread, Transcript

SALT_NAME = "shareable-salt"
# Raised whenever another column is masked or left out: a file made by other rules is made anew.
DISGUISE_VERSION = 3

# Who did what in the office is nobody's business elsewhere.
LEFT_OUT = frozenset({"audit"})
# By table: labels that get a stand-in of a kind, columns that are emptied, columns of free text.
LABELS = {
    "threads": {"tester": "tester", "code_label": "code"},
    "assistant_versions": {"author": "author"},
}
# A client may choose its trace id, and log lines of the same id name addresses.
EMPTIED = {"messages": ("trace_id",)}
TEXTS = {
    "threads": ("wave",),
    "messages": ("content", "searched_for"),
    "passages_used": ("source", "heading", "snippet"),
    "feedback_events": ("reason", "comment"),
    "ratings": ("comment",),
    "generated_files": ("template",),
    "assistant_versions": ("definition", "note"),
}
# A letter or a story is made of names and addresses that no pattern knows: its text is left out whole, and of a form
# only what was chosen or ticked stays.
LEFT_OUT_TEXT = "[left out]"
KEPT_TYPES = frozenset({"choice", "checkbox"})

Values = dict[str, Sequence[Any]]
Record = TypeVar("Record", Thread, Message, PassageUsed, Feedback)


class Disguise:
    """Takes personal data out of rows.

    Args:
        salt: 32 random bytes or more.
    """

    def __init__(self, salt: bytes) -> None:
        # The same passages are behind many answers.
        self._mask = lru_cache(maxsize=4096)(mask_text)
        self._name = lru_cache(maxsize=65536)(partial(make_pseudonym, salt))
        fingerprint = hashlib.sha256(b"guichet shareable log\0" + salt).hexdigest()[:8]
        self.name = f"{DISGUISE_VERSION}.{MASKING_VERSION}-{fingerprint}"

    def hide_columns(self, table: str, values: Values) -> Values:
        """Give the columns of a table's rows, disguised; the names and their order stay."""
        hidden = dict(values)
        for name, kind in LABELS.get(table, {}).items():
            hidden[name] = _map(values[name], partial(self._name, kind))
        for name in EMPTIED.get(table, ()):
            hidden[name] = [None] * len(values[name])
        # What testers and bots wrote is hardly ever the same twice.
        mask = mask_text if table == "messages" else self._mask
        for name in TEXTS.get(table, ()):
            hidden[name] = _map(values[name], mask)
        if table == "messages":
            hidden["content"] = _leave_out(hidden["content"], values["is_personal"])
            hidden["searched_for"] = _leave_out(hidden["searched_for"], values["is_personal"])
        if table == "passages_used":
            # Made of the heading's letters and digits alone, it shows them to no pattern.
            headings = zip(values["anchor"], values["heading"], hidden["heading"], strict=True)
            hidden["anchor"] = [anchor if plain == masked else "" for anchor, plain, masked in headings]
        if table == "thread_forms":
            hidden["value"] = _leave_out(values["value"], [kind not in KEPT_TYPES for kind in values["type"]])
        return hidden

    def hide_transcript(self, transcript: Transcript) -> Transcript:
        """Give a thread, disguised as its rows are."""
        return Transcript(
            thread=self._hide("threads", transcript.thread),
            messages=tuple(
                replace(
                    self._hide("messages", message),
                    passages=tuple(self._hide("passages_used", passage) for passage in message.passages),
                )
                for message in transcript.messages
            ),
            feedback={
                name: self._hide("feedback_events", verdict) for name, verdict in transcript.feedback.items()
            },
        )

    def _hide(self, table: str, record: Record) -> Record:
        values: Values = {
            field.name: [getattr(record, field.name)] for field in fields(record) if field.name != "passages"
        }
        hidden = self.hide_columns(table, values)
        return replace(record, **{name: column[0] for name, column in hidden.items()})


def build_disguise(private_dir: Path) -> Disguise:
    """Build the disguise with the salt in `private/`, made where there is none.

    Raises:
        StoreUnavailable: the salt cannot be read or written.
    """
    return Disguise(read_or_make_key(private_dir / SALT_NAME))


def _leave_out(values: Sequence[Any], is_left_out: Sequence[bool | None]) -> list[Any]:
    return [
        LEFT_OUT_TEXT if is_out and value is not None else value
        for value, is_out in zip(values, is_left_out, strict=True)
    ]


def _map(values: Sequence[Any], change: Callable[[str], str]) -> list[Any]:
    return [None if value is None else change(value) for value in values]
