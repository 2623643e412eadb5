"""The office's work on assistants: drafts, publication, the way back, and what the second of two is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import parse_assistant
from chatbot.errors import EditConflict, InvalidRequest, NotPermitted, UnknownAssistant, WrongDefinition
from chatbot.settings import Settings
from chatbot.store import versions
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.store.schema import audit
from chatbot.workshop.assistants import AssistantWorkshop, Edit, Folder
from chatbot.workshop.patterns import PATTERNS
from tests.conftest import Clock

from .conftest import ANNE, BEN, SUPPORT

WARM = SUPPORT.replace("Be short.", "Be warm.")


def save(workshop: AssistantWorkshop, text: str = WARM, by: Account = BEN, note: str = "") -> int:
    """Save a draft of `support` from what is there now; gives its revision."""
    folder = workshop.open_folder("support", by)
    return workshop.save(Edit("support", text, folder.revision, folder.base, note), by).revision


def find(workshop: AssistantWorkshop, name: str) -> Folder:
    """Give one of the list."""
    return next(folder for folder in workshop.list_folders() if folder.name == name)


def list_audit(store: Store) -> list[tuple[str, str, str, str]]:
    """Give who did what to which, in order."""
    statement = select(audit.c.actor, audit.c.action, audit.c.target, audit.c.detail).order_by(audit.c.change)
    rows: list[Any] = store.read(lambda connection: list(connection.execute(statement)))
    return [tuple(row) for row in rows]


def test_list_shows_what_is_in_force_with_version_and_author(workshop: AssistantWorkshop) -> None:
    """Files are versions by the author `file`; nothing is drafted at first."""
    folders = workshop.list_folders()
    assert [(found.name, found.base, found.draft, found.fault) for found in folders] == [
        ("letters", 1, None, ""),
        ("support", 1, None, ""),
    ]
    newest = folders[1].newest
    assert newest is not None and newest.author == versions.FILE
    assert folders[0].title == {"en": "Letters", "fr": "Lettres"}


def test_draft_changes_nothing_until_it_is_published(
    workshop: AssistantWorkshop, assistants: Assistants, store: Store
) -> None:
    """A publication is the next version with author and note, in force at once; the audit says who."""
    revision = save(workshop, note="warmer")
    assert assistants.get("support").prompt == "Be short.\n"
    assert find(workshop, "support").text == WARM
    assert workshop.publish("support", revision, "", BEN) == 2
    assert assistants.get("support").prompt == "Be warm.\n"
    folder = find(workshop, "support")
    assert folder.draft is None and folder.base == 2
    newest = workshop.list_versions("support")[0]
    assert (newest.author, newest.note, newest.definition) == ("ben", "warmer", WARM)
    assert list_audit(store) == [("ben", "assistant.publish", "support 2", "warmer")]


def test_publication_is_in_force_in_another_process(
    workshop: AssistantWorkshop, settings: Settings, store: Store
) -> None:
    """Another catalogue over the same store has the new version at its next look, though the file is the old one."""
    other = Assistants(settings.assistants_dir, store)
    workshop.publish("support", save(workshop), "", BEN)
    other.refresh()
    edition = other.find("support")
    assert (edition.version, edition.author, edition.definition.prompt) == (2, "ben", "Be warm.\n")


def test_wrong_definition_is_not_kept(workshop: AssistantWorkshop) -> None:
    """Each fault is named with line and field; the draft of before stays."""
    save(workshop)
    with pytest.raises(WrongDefinition) as raised:
        save(workshop, "title: {}\nprompt: ''\npassages: 99\n")
    assert [fault.split(": ")[:2] for fault in raised.value.faults] == [
        ["line 1", "title"],
        ["line 2", "prompt"],
        ["line 3", "passages"],
    ]
    assert find(workshop, "support").text == WARM


def test_second_of_two_editors_is_told_and_may_save_over_it(
    workshop: AssistantWorkshop, clock: Clock
) -> None:
    """Who saves second is told who was first, loses nothing, and saves over it only on purpose."""
    opened = workshop.open_folder("support", BEN)
    save(workshop, by=ANNE)
    edit = Edit("support", SUPPORT + "passages: 3\n", opened.revision, opened.base)
    with pytest.raises(EditConflict, match=r"anne has saved the draft of support .* 2025-03-01 12:00 UTC"):
        workshop.save(edit, BEN)
    assert find(workshop, "support").text == WARM
    now = workshop.open_folder("support", BEN)
    assert workshop.save(Edit("support", edit.text, now.revision, now.base), BEN).author == "ben"


def test_publication_over_another_is_told(workshop: AssistantWorkshop) -> None:
    """A draft made from version 1 is not published over version 2; made anew from 2 it is."""
    opened = workshop.open_folder("support", BEN)
    workshop.publish("support", save(workshop, by=ANNE), "", ANNE)
    draft = workshop.save(Edit("support", SUPPORT + "passages: 3\n", 0, opened.base), BEN)
    with pytest.raises(EditConflict, match="anne has published version 2"):
        workshop.publish("support", draft.revision, "", BEN)
    assert find(workshop, "support").draft == draft
    again = workshop.save(Edit("support", draft.definition, draft.revision, 2), BEN)
    assert workshop.publish("support", again.revision, "", BEN) == 3


def test_publication_of_a_draft_that_was_saved_since_is_told(workshop: AssistantWorkshop) -> None:
    """What is put in force is what was looked at."""
    seen = save(workshop)
    save(workshop, SUPPORT + "passages: 3\n", by=ANNE)
    with pytest.raises(EditConflict, match="anne"):
        workshop.publish("support", seen, "", BEN)
    workshop.discard("support", 2, BEN)
    with pytest.raises(EditConflict, match="no draft"):
        workshop.publish("support", seen, "", BEN)


def test_roll_back_is_a_new_version_of_an_old_text(
    workshop: AssistantWorkshop, assistants: Assistants, store: Store
) -> None:
    """The way back is a version of its own, whose note says from which; nothing is lost."""
    workshop.publish("support", save(workshop), "", BEN)
    assert workshop.roll_back("support", 1, 2, "too warm", ANNE) == 3
    assert assistants.get("support").prompt == "Be short.\n"
    newest = workshop.list_versions("support")[0]
    assert (newest.version, newest.author, newest.note) == (3, "anne", "From version 1. too warm")
    assert list_audit(store)[-1] == ("anne", "assistant.roll_back", "support 3", "From version 1. too warm")
    with pytest.raises(EditConflict, match="anne has published version 3"):
        workshop.roll_back("support", 2, 2, "", BEN)
    with pytest.raises(InvalidRequest, match="no version 9"):
        workshop.roll_back("support", 9, 3, "", BEN)


def test_withdrawn_assistant_is_gone_and_can_come_back(
    workshop: AssistantWorkshop, assistants: Assistants, settings: Settings, store: Store
) -> None:
    """A superadmin takes an assistant out of use everywhere, though its file is there; a roll back brings it back."""
    other = Assistants(settings.assistants_dir, store)
    with pytest.raises(NotPermitted):
        workshop.withdraw("letters", 1, "", BEN)
    workshop.withdraw("letters", 1, "no more letters", ANNE)
    for catalogue in (assistants, other, Assistants(settings.assistants_dir, store, is_recording=False)):
        catalogue.refresh()
        assert [found.name for found in catalogue.list_all()] == ["support"]
    folder = find(workshop, "letters")
    assert folder.is_withdrawn and folder.definition is None
    with pytest.raises(InvalidRequest, match="last assistant in force"):
        workshop.withdraw("support", 1, "", ANNE)
    workshop.roll_back("letters", 1, 2, "", BEN)
    assert assistants.get("letters").kind == "writer"


@pytest.mark.parametrize("kind", PATTERNS)
def test_new_assistant_of_each_kind_begins_with_a_right_pattern(
    workshop: AssistantWorkshop, kind: Any
) -> None:
    """A new assistant is a draft that could be published as it is; it is in force only then."""
    draft = workshop.begin("new-one", kind, BEN)
    assert parse_assistant(draft.definition, "new-one").kind == kind
    assert find(workshop, "new-one").definition is None
    assert workshop.publish("new-one", draft.revision, "", BEN) == 1
    assert find(workshop, "new-one").definition is not None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("support", SUPPORT, "There is an assistant support already"),
        ("Bad Name", SUPPORT, "no name of an assistant"),
        ("other", "title: [", "not YAML"),
        ("other", "name: elsewhere\n" + SUPPORT, "line 1: name"),
        ("other", SUPPORT + "# " + "x" * 200_000, "too many"),
    ],
)
def test_what_cannot_be_taken_in_is_refused(
    workshop: AssistantWorkshop, name: str, text: str, message: str
) -> None:
    """An imported definition has a name of its own and is right, or nothing is kept."""
    with pytest.raises(InvalidRequest, match=message):
        workshop.take_in(name, text, BEN)
    assert all(folder.draft is None for folder in workshop.list_folders())


def test_fault_of_a_file_is_shown_and_the_rest_works(
    workshop: AssistantWorkshop, folder: Path, settings: Settings, store: Store
) -> None:
    """A file that went wrong is named while its last good version is in force; a new wrong one is listed too."""
    (folder / "support.yaml").write_text("title: {en: Support}\nprompt: 3\nx: 1\n")
    (folder / "new.yaml").write_text("prompt: x\n")
    listed = {found.name: found for found in workshop.list_folders()}
    assert "support.yaml: line 2: prompt" in listed["support"].fault
    assert listed["support"].definition is not None
    assert "title" in listed["new"].fault and listed["new"].newest is None
    fresh = AssistantWorkshop(store, Assistants(settings.assistants_dir, store, is_patient=True))
    assert [found.name for found in fresh.list_folders()] == ["letters", "new", "support"]


@pytest.mark.parametrize(
    "job",
    [
        lambda workshop, by: workshop.open_folder("nobody", by),
        lambda workshop, by: workshop.roll_back("nobody", 1, None, "", by),
    ],
)
def test_unknown_assistant_is_refused(
    workshop: AssistantWorkshop, job: Callable[[AssistantWorkshop, Account], object]
) -> None:
    """A name that nobody knows leads nowhere."""
    with pytest.raises(InvalidRequest, match="nobody"):
        job(workshop, ANNE)


def test_empty_office_works(tmp_path: Path, store: Store) -> None:
    """Without any file the first assistant can be made in the office."""
    (tmp_path / "none").mkdir()
    assistants = Assistants(tmp_path / "none", store, is_patient=True)
    workshop = AssistantWorkshop(store, assistants)
    assert workshop.list_folders() == []
    workshop.publish("first", workshop.begin("first", "documentation", ANNE).revision, "", ANNE)
    assert assistants.get("first").title["en"] == "New assistant"
    with pytest.raises(UnknownAssistant):
        assistants.get("second")
