"""Templates in the store: drafts, what is in force, the way back, and who did it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import insert, select

from chatbot.errors import EditConflict, InvalidRequest
from chatbot.store import templates
from chatbot.store.engine import Store
from chatbot.store.schema import audit, generated_files
from chatbot.store.templates import NewTemplate
from tests.chatbot.log.rows import write_thread, write_turn
from tests.conftest import Clock

CONTENT = bytes(range(256))


def make_template(content: bytes = CONTENT) -> NewTemplate:
    """Give a file; the store does not look into it."""
    return NewTemplate("docx", "lettre.docx", content, ("place", "date"))


def add(store: Store, content: bytes = CONTENT, *, base: int | None = None, name: str = "letter") -> int:
    """Keep a file as a draft."""
    return store.write(
        templates.add_version, name, make_template(content), "anne", "a note", store.clock(), base=base
    )


def list_audit(store: Store) -> list[tuple[str, str, str]]:
    """Give who did what to which, in order."""
    statement = select(audit.c.actor, audit.c.action, audit.c.target).order_by(audit.c.change)
    rows: list[Any] = store.read(lambda connection: list(connection.execute(statement)))
    return [tuple(row) for row in rows]


def test_draft_comes_back_as_it_was_kept(store: Store, clock: Clock) -> None:
    """A version keeps the file byte by byte with its fields, author and note; a draft is not in force."""
    assert add(store) == 1
    kept = store.read(templates.read_version, "letter", 1)
    assert kept is not None
    assert (kept.kind, kept.filename, kept.fields, kept.size) == (
        "docx",
        "lettre.docx",
        ("place", "date"),
        256,
    )
    assert (kept.author, kept.note, kept.created_at, kept.published_at) == ("anne", "a note", clock(), None)
    assert store.read(templates.read_content, "letter", 1) == CONTENT
    assert store.read(templates.find_published, "letter") is None
    assert store.read(templates.read_version, "letter", 2) is None


def test_newest_published_version_is_in_force(store: Store, clock: Clock) -> None:
    """A draft changes nothing until it is published; the list shows both."""
    add(store)
    store.write(templates.publish, "letter", 1, "bea", clock())
    add(store, b"new", base=1)
    add(store, name="invoice")
    found = store.read(templates.find_published, "letter")
    assert found is not None and found.version == 1
    states = store.read(templates.list_newest)
    assert [(state.newest.name, state.newest.version, state.in_force) for state in states] == [
        ("invoice", 1, None),
        ("letter", 2, 1),
    ]
    store.write(templates.publish, "letter", 2, "bea", clock())
    found = store.read(templates.find_published, "letter")
    assert found is not None and found.version == 2
    assert [version.version for version in store.read(templates.list_versions, "letter")] == [2, 1]


def test_second_of_two_authors_is_told(store: Store) -> None:
    """Who did not see the newest version adds none, and nothing is lost."""
    add(store)
    add(store, b"first", base=1)
    with pytest.raises(EditConflict, match="anne added version 2 of letter"):
        add(store, b"second", base=1)
    with pytest.raises(EditConflict, match="Somebody removed"):
        add(store, base=1, name="other")
    assert store.read(templates.read_content, "letter", 2) == b"first"


def test_older_draft_does_not_take_over(store: Store, clock: Clock) -> None:
    """Below the version in force nothing is published: that is what rolling back is for."""
    add(store)
    add(store, base=1)
    store.write(templates.publish, "letter", 2, "anne", clock())
    with pytest.raises(EditConflict, match="Roll back to version 1"):
        store.write(templates.publish, "letter", 1, "anne", clock())


def test_roll_back_is_a_new_version(store: Store, clock: Clock) -> None:
    """The old file is in force again under a new number; what came between is kept."""
    add(store, b"old")
    store.write(templates.publish, "letter", 1, "anne", clock())
    add(store, b"new", base=1)
    store.write(templates.publish, "letter", 2, "anne", clock())
    assert store.write(templates.roll_back, "letter", 1, "bea", "was better", clock()) == 3
    found = store.read(templates.find_published, "letter")
    assert found is not None and (found.version, found.author, found.note) == (3, "bea", "was better")
    assert store.read(templates.read_content, "letter", 3) == b"old"
    assert store.read(templates.read_content, "letter", 2) == b"new"


def test_removed_template_is_gone(store: Store, clock: Clock) -> None:
    """All its versions go; its numbers are not given again where files were made of them."""
    message_id = write_turn(store, write_thread(store, clock()), clock(), position=0)
    add(store)
    add(store, base=1)
    row = {
        "file_id": str(uuid.uuid4()),
        "message_id": message_id,
        "created_at": clock(),
        "format": "docx",
        "template": "letter",
        "template_version": 2,
        "bytes": 9,
        "is_edited": False,
        "change": 1,
    }
    store.write(lambda connection: connection.execute(insert(generated_files).values(row)) and None)
    store.write(templates.remove, "letter", "anne", clock())
    assert store.read(templates.list_newest) == []
    assert add(store) == 3
    with pytest.raises(InvalidRequest, match="no template 'none'"):
        store.write(templates.remove, "none", "anne", clock())


def test_what_is_done_stands_in_the_audit(store: Store, clock: Clock) -> None:
    """Each change is an entry with who, what and which version; publishing again is none."""
    add(store)
    for actor in ("bea", "cara"):
        store.write(templates.publish, "letter", 1, actor, clock())
    store.write(templates.roll_back, "letter", 1, "anne", "", clock())
    store.write(templates.remove, "letter", "anne", clock())
    assert list_audit(store) == [
        ("anne", "template.add", "letter 1"),
        ("bea", "template.publish", "letter 1"),
        ("anne", "template.roll_back", "letter 1"),
        ("anne", "template.remove", "letter"),
    ]


@pytest.mark.parametrize("name", ["", "Letter", "a b", "../x", "x" * 81, "-a"])
def test_name_is_a_plain_one(store: Store, name: str) -> None:
    """A template's name is of small letters, digits, - and _."""
    with pytest.raises(InvalidRequest, match="no name of a template"):
        add(store, name=name)


def test_unknown_version_is_named(store: Store, clock: Clock) -> None:
    """What is not there is neither published, read nor rolled back to."""
    add(store)
    for job in (
        lambda: store.write(templates.publish, "letter", 7, "anne", clock()),
        lambda: store.write(templates.roll_back, "letter", 7, "anne", "", clock()),
        lambda: store.read(templates.read_content, "letter", 7),
    ):
        with pytest.raises(InvalidRequest, match="no version 7 of a template 'letter'"):
            job()
