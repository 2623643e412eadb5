"""Where the office works on Word and Excel templates: checked when they come, tried on the spot, published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chatbot.assistants.catalogue import Assistants
from chatbot.office.expressions import Value
from chatbot.office.fill import fill_template
from chatbot.office.template import OfficeTemplate, read_template
from chatbot.roles import require
from chatbot.stationery import list_template_fields
from chatbot.store import templates
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.store.templates import NewTemplate, TemplateState, TemplateVersion

LONGEST_NOTE = 500


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded to be a template.

    Args:
        base: number of the newest version of this name that was seen; None where there was none.
    """

    name: str
    filename: str
    data: bytes
    base: int | None
    note: str = ""


class TemplateWorkshop:
    """The office's work on templates; what is done is done by an account."""

    def __init__(self, store: Store, assistants: Assistants) -> None:
        self._store = store
        self._assistants = assistants

    def list_states(self) -> list[TemplateState]:
        """Give every template, by name."""
        return self._store.read(templates.list_newest)

    def list_versions(self, name: str) -> list[TemplateVersion]:
        """Give all versions of one, the newest first."""
        return self._store.read(templates.list_versions, name)

    def list_users(self, name: str) -> list[str]:
        """Give the kinds of document that files are made of with a template: `letters: complaint`."""
        self._assistants.refresh()
        return [
            f"{assistant.name}: {document.name}"
            for assistant in self._assistants.list_all()
            for document in assistant.documents
            if document.template == name
        ]

    def list_fields(self) -> list[str]:
        """Give the names that fields of a template may have."""
        self._assistants.refresh()
        return sorted(list_template_fields(self._assistants))

    def check(self, data: bytes, filename: str) -> OfficeTemplate:
        """Check a file.

        Raises:
            BrokenTemplate: it names the place, the field and the remedy.
        """
        return read_template(data, filename, self.list_fields())

    def add(self, upload: Upload, by: Account) -> int:
        """Keep a file as a draft; gives the version's number.

        Raises:
            NotPermitted: by this account's role.
            BrokenTemplate: as `check`.
            InvalidRequest: the name is none.
            EditConflict: somebody added a version since.
        """
        require(by, "template.upload")
        checked = self.check(upload.data, upload.filename)
        template = NewTemplate(checked.kind, upload.filename[:200], upload.data, checked.fields)
        return self._store.write(
            templates.add_version,
            upload.name,
            template,
            by.username,
            upload.note[:LONGEST_NOTE],
            self._store.clock(),
            base=upload.base,
        )

    def fill(self, name: str, version: int, values: Mapping[str, Value], by: Account, language: str) -> bytes:
        """Fill a version in with values given by hand.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: there is no such version, or a value is too long.
        """
        require(by, "template.try")
        filename, content = self.read_file(name, version)
        return fill_template(read_template(content, filename), values, language=language)

    def read_file(self, name: str, version: int) -> tuple[str, bytes]:
        """Give a version's file with the name it came by.

        Raises:
            InvalidRequest: there is no such version.
        """
        content = self._store.read(templates.read_content, name, version)
        found = self._store.read(templates.read_version, name, version)
        return (found.filename if found else name), content

    def publish(self, name: str, version: int, by: Account) -> None:
        """Put a draft in force.

        Raises:
            NotPermitted: by this account's role.
            EditConflict: a newer one is in force.
        """
        require(by, "template.publish")
        self._store.write(templates.publish, name, version, by.username, self._store.clock())

    def roll_back(self, name: str, version: int, note: str, by: Account) -> int:
        """Put an earlier version in force again, as a new one; gives its number.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: there is no such version.
        """
        require(by, "template.publish")
        said = f"From version {version}. {note[:LONGEST_NOTE]}".strip()
        return self._store.write(templates.roll_back, name, version, by.username, said, self._store.clock())

    def remove(self, name: str, by: Account) -> None:
        """Forget a template with all its versions.

        Raises:
            NotPermitted: by this account's role.
            InvalidRequest: there is none of this name.
        """
        require(by, "template.remove")
        self._store.write(templates.remove, name, by.username, self._store.clock())
