"""The text that an admin is writing: what it began from, what could not be saved and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from apps.admin.frame import Visit, count_arrivals
from apps.admin.notices import announce
from apps.admin.services import Office
from chatbot.errors import EditConflict, WrongDefinition
from chatbot.workshop.assistants import Edit, Folder
from chatbot.workshop.faults import Fault, read_faults

Source = Literal["form", "yaml"]


@dataclass(slots=True)
class Editing:
    """An edit under way in one browser.

    `text` is what the fields began with, `shown` what the text area began with at the reader's last arrival, `typed`
    what stood in it last; `turn` counts the beginnings, and is in the fields' keys. `mine` is a text
    that another's save stands in the way of. `faults` are those of the last try to save, made in `source`. `seen` is
    the version in force that the reader was last shown.
    """

    assistant: str
    text: str
    revision: int
    base: int | None
    seen: int | None
    turn: int
    arrival: int
    shown: str
    typed: str
    source: Source = "form"
    faults: list[Fault] = field(default_factory=list)
    mine: str | None = None

    @property
    def yaml_key(self) -> str:
        """The key of the text area."""
        return f"yaml {self.assistant} {self.turn}"

    @property
    def note_key(self) -> str:
        """The key of the note."""
        return f"note {self.assistant} {self.turn}"

    @property
    def current(self) -> str:
        """The text as it stands in the text area."""
        return str(st.session_state.get(self.yaml_key, self.typed))

    @property
    def written(self) -> str:
        """The text that is this admin's: what could not be saved, else what stands there."""
        return self.current if self.mine is None else self.mine

    def find_faults(self, source: Source, path: str = "") -> list[Fault]:
        """Give the faults found when it was last saved from there, all or those at a field."""
        if source != self.source:
            return []
        return [fault for fault in self.faults if not path or fault.is_at(path)]


def open_editing(folder: Folder) -> Editing:
    """Give the edit under way, or begin one from what is there now."""
    known: Editing | None = st.session_state.get(_name(folder.name))
    arrival = count_arrivals()
    if known and known.arrival != arrival:
        # The fields forgot what was in them while the reader was elsewhere; the edit has not.
        known.arrival, known.shown = arrival, known.written
        # Only for what is new there: a text area of another name would lose what is being typed into it.
        began_from = known.text, known.revision, known.seen
        if known.shown == known.text and began_from != (folder.text, folder.revision, folder.base):
            known = begin_editing(folder, known)
    return known or begin_editing(folder, None)


def begin_editing(folder: Folder, before: Editing | None, text: str | None = None) -> Editing:
    """Begin an edit from what is there now; what stood in the fields is gone.

    Args:
        text: what is to stand in the fields instead.
    """
    draft = folder.draft
    begins = folder.text if text is None else text
    begun = Editing(
        assistant=folder.name,
        text=begins,
        revision=folder.revision,
        base=draft.base_version if draft else folder.base,
        seen=folder.base,
        turn=before.turn + 1 if before else 0,
        arrival=count_arrivals(),
        shown=begins,
        typed=begins,
    )
    st.session_state[_name(folder.name)] = begun
    return begun


def save_text(visit: Visit, office: Office, editing: Editing, text: str, source: Source) -> int | None:
    """Keep a text as the draft; gives the revision, None where it was not kept: the edit says why."""
    note = str(st.session_state.get(editing.note_key, ""))
    editing.faults, editing.source = [], source
    try:
        edit = Edit(editing.assistant, text, editing.revision, editing.base, note)
        draft = office.assistants.save(edit, visit.account)
    except WrongDefinition as error:
        editing.faults = read_faults(error.faults)
        return None
    except EditConflict:
        editing.mine = text
        return None
    return draft.revision


def save_and_tell(visit: Visit, office: Office, editing: Editing, text: str, source: Source) -> None:
    """Keep a text as the draft, and draw the page anew with what came of it."""
    if save_text(visit, office, editing, text, source) is None:
        st.rerun()
    begin_editing(office.assistants.open_folder(editing.assistant, visit.account), editing)
    announce(visit.texts["edit.saved"])


def _name(assistant: str) -> str:
    return f"editing {assistant}"
