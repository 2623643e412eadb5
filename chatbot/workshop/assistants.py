"""Where the office works on assistants: drafts, publication, the way back. Who may what is `chatbot.roles`.

A draft is shared and never in the log; a publication is a version, in force everywhere within seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import Assistant, Kind
from chatbot.assistants.texts import Texts
from chatbot.errors import EditConflict, InvalidRequest, WrongDefinition
from chatbot.roles import require
from chatbot.store import drafts, versions
from chatbot.store.audit import add_entry
from chatbot.store.drafts import AssistantDraft
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.store.versions import Version
from chatbot.workshop.faults import read_definition
from chatbot.workshop.patterns import PATTERNS

LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Folder:
    """All that the office knows of one assistant.

    `newest` is the version that was published last, `definition` what is in force, None where nothing is: not yet, or
    withdrawn. `fault` is what is wrong with its file; then the last good version is in force.
    """

    name: str
    newest: Version | None
    definition: Assistant | None
    draft: AssistantDraft | None
    fault: str = ""

    @property
    def base(self) -> int | None:
        """The version that an edit begins from."""
        return self.newest.version if self.newest else None

    @property
    def text(self) -> str:
        """What an edit begins with: the draft, else what is in force."""
        return self.draft.definition if self.draft else self.newest.definition if self.newest else ""

    @property
    def revision(self) -> int:
        """The save that an edit begins from."""
        return self.draft.revision if self.draft else 0

    @property
    def is_withdrawn(self) -> bool:
        """Whether it was in force once, and was taken out of use."""
        return self.newest is not None and not self.newest.definition

    @property
    def title(self) -> Texts:
        """Its name for readers, from what is in force or else from the draft; empty where neither says it."""
        return self.definition.title if self.definition else {}


@dataclass(frozen=True, slots=True)
class Edit:
    """A text that an admin wrote.

    Args:
        revision: of the save that he began from; 0 where there was no draft.
        base: the version that he began from; None where the assistant had none.
    """

    assistant: str
    text: str
    revision: int
    base: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """A version to be put in force; an empty text takes the assistant out of use.

    Args:
        base: the newest version that was seen.
        action: as the audit has it.
    """

    assistant: str
    text: str
    base: int | None
    action: str
    note: str
    author: str


class AssistantWorkshop:
    """The office's work on assistants; what is done is done by an account."""

    def __init__(self, store: Store, assistants: Assistants) -> None:
        self._store = store
        self._assistants = assistants

    def list_folders(self) -> list[Folder]:
        """Give every assistant that is in force, drafted, withdrawn or wrongly defined, by name."""
        self._assistants.refresh()
        folders = self._store.read(self._list_folders)
        return [
            folder
            for folder in folders
            if folder.definition or folder.draft or folder.fault or folder.is_withdrawn
        ]

    def open_folder(self, name: str, by: Account) -> Folder:
        """Give one assistant.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: nothing is known of this name.
        """
        require(by, "assistant.read")
        self._assistants.refresh()
        folder = self._store.read(self._read_folder, name)
        if not (folder.newest or folder.draft or folder.fault):
            raise InvalidRequest(f"There is no assistant {name[:80]!r}. Choose one from the list.")
        return folder

    def list_versions(self, name: str) -> list[Version]:
        """Give all versions, the newest first."""
        return self._store.read(versions.list_versions, name)

    def begin(self, name: str, kind: Kind, by: Account) -> AssistantDraft:
        """Draft a new assistant from the pattern of a kind.

        Raises:
            NotPermitted, InvalidRequest, EditConflict: as `take_in`.
        """
        return self.take_in(name, PATTERNS[kind], by)

    def take_in(self, name: str, text: str, by: Account) -> AssistantDraft:
        """Draft a new assistant from a definition that was written elsewhere.

        Raises:
            NotPermitted: by this account's role.
            WrongDefinition: with a sentence per fault.
            InvalidRequest: the name is none, or there is an assistant of this name.
        """
        require(by, "assistant.edit")
        read_definition(text, name)
        self._assistants.refresh()
        folder = self._store.read(self._read_folder, name)
        if folder.newest or folder.draft or folder.fault:
            raise InvalidRequest(
                f"There is an assistant {name} already. Choose another name, or open that one."
            )
        return self.save(Edit(name, text, 0, None), by)

    def save(self, edit: Edit, by: Account) -> AssistantDraft:
        """Keep a draft.

        Raises:
            NotPermitted: by this account's role.
            WrongDefinition: with a sentence per fault; nothing is kept.
            EditConflict: somebody saved since the edit began.
        """
        require(by, "assistant.edit")
        read_definition(edit.text, edit.assistant)
        return self._store.write(
            drafts.save_draft,
            edit.assistant,
            edit.text,
            edit.base,
            by.username,
            edit.note[:LONGEST_NOTE],
            self._store.clock(),
            revision=edit.revision,
        )

    def discard(self, name: str, revision: int, by: Account) -> None:
        """Forget a draft.

        Raises:
            NotPermitted: by this account's role.
            EditConflict: somebody saved it since.
        """
        require(by, "assistant.edit")
        self._store.write(drafts.discard_draft, name, revision=revision)

    def publish(self, name: str, revision: int, note: str, by: Account) -> int:
        """Put a draft in force; gives the version's number, and the draft is gone.

        Raises:
            NotPermitted: by this account's role.
            WrongDefinition: the draft is of an older house; with a sentence per fault.
            EditConflict: somebody saved the draft, or published another version, since.
        """
        require(by, "assistant.publish")
        draft = self._store.read(drafts.read_draft, name)
        if draft is None:
            raise EditConflict(
                f"There is no draft of {name} any more: somebody has published or discarded it."
            )
        read_definition(draft.definition, name)
        publication = Publication(
            name,
            draft.definition,
            draft.base_version,
            "assistant.publish",
            note[:LONGEST_NOTE] or draft.note,
            by.username,
        )
        return self._put_in_force(publication, revision=revision)

    def roll_back(self, name: str, version: int, base: int | None, note: str, by: Account) -> int:
        """Put an earlier version in force again, as a new one; gives its number.

        Args:
            base: the newest version that was seen.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: there is no such version, or it withdrew the assistant.
            WrongDefinition: the house no longer understands it; with a sentence per fault.
            EditConflict: somebody published another one since.
        """
        require(by, "assistant.publish")
        earlier = self._store.read(versions.read_version, name, version)
        if earlier is None or not earlier.definition:
            raise InvalidRequest(f"There is no version {version} of {name} to go back to.")
        try:
            read_definition(earlier.definition, name)
        except WrongDefinition as error:
            raise WrongDefinition(
                [f"version {version} of {name}: {fault}" for fault in error.faults]
            ) from error
        said = f"From version {version}. {note[:LONGEST_NOTE]}".strip()
        return self._put_in_force(
            Publication(name, earlier.definition, base, "assistant.roll_back", said, by.username)
        )

    def withdraw(self, name: str, base: int | None, note: str, by: Account) -> int:
        """Take an assistant out of use; its versions stay, and it can be rolled back.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: it is the last one in force.
            EditConflict: somebody published another version since.
        """
        require(by, "assistant.withdraw")
        in_force = [assistant.name for assistant in self._assistants.list_all()]
        if in_force == [name]:
            raise InvalidRequest(f"{name} is the last assistant in force: publish another one first.")
        return self._put_in_force(
            Publication(name, "", base, "assistant.withdraw", note[:LONGEST_NOTE], by.username)
        )

    def _put_in_force(self, publication: Publication, *, revision: int | None = None) -> int:
        number = self._store.write(_publish, publication, self._store.clock(), revision=revision)
        self._assistants.refresh()
        return number

    def _list_folders(self, connection: Connection) -> list[Folder]:
        names = {draft.assistant for draft in drafts.list_drafts(connection)}
        names |= {*versions.list_newest_numbers(connection), *self._assistants.faults}
        names |= {assistant.name for assistant in self._assistants.list_all()}
        return [self._read_folder(connection, name) for name in sorted(names)]

    def _read_folder(self, connection: Connection, name: str) -> Folder:
        in_force = {assistant.name: assistant for assistant in self._assistants.list_all()}
        return Folder(
            name=name,
            newest=versions.find_newest(connection, name),
            definition=in_force.get(name),
            draft=drafts.read_draft(connection, name),
            fault=self._assistants.faults.get(name, ""),
        )


def _publish(connection: Connection, publication: Publication, now: datetime, *, revision: int | None) -> int:
    name, author, note = publication.assistant, publication.author, publication.note
    if revision is not None and not drafts.discard_draft(connection, name, revision=revision):
        raise EditConflict(f"There is no draft of {name} any more: somebody has published or discarded it.")
    base = publication.base
    number = versions.publish(connection, name, publication.text, author, note, now, base=base)
    add_entry(connection, now, author, publication.action, f"{name} {number}", note)
    return number
