"""Forms of threads and files made of drafts, over both stores."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select

from chatbot.store import erasure, forms
from chatbot.store.engine import Store
from chatbot.store.erasure import Erasure, Order
from chatbot.store.forms import FormEntry, GeneratedFile
from chatbot.store.schema import generated_files, thread_forms
from tests.chatbot.log.rows import write_thread, write_turn
from tests.conftest import Clock

ENTRIES = [
    FormEntry("reason", "Ça « va »\nde soi 😀", "long_text"),
    FormEntry("document", "cancellation", "choice"),
]


def count(store: Store) -> tuple[int, int]:
    """Give how many rows there are: fields of forms, files."""
    tables = (thread_forms, generated_files)
    statements = [select(func.count()).select_from(table) for table in tables]
    fields, files = (
        store.read(lambda connection, one=statement: connection.execute(one).scalar_one())
        for statement in statements
    )
    return fields, files


def test_form_comes_back_as_it_was_filled_in(store: Store, clock: Clock) -> None:
    """Each field is a row with its type; a thread without a form has none, and others' are not seen."""
    filled, empty = write_thread(store, clock()), write_thread(store, clock())
    store.write(forms.add_form, filled, ENTRIES)
    store.write(forms.add_form, empty, [])
    assert store.read(forms.read_form, filled) == {entry.field: entry.value for entry in ENTRIES}
    assert store.read(forms.read_form, empty) == {}
    statement = select(thread_forms.c.type).order_by(thread_forms.c.field)
    kinds = store.read(lambda connection: list(connection.execute(statement).scalars()))
    assert kinds == ["choice", "long_text"]


def test_files_are_listed_in_order(store: Store, clock: Clock) -> None:
    """Every file made of a thread's drafts is listed with how it was made, the oldest first."""
    thread_id = write_thread(store, clock())
    first, second = (write_turn(store, thread_id, clock(), position=place) for place in (0, 2))
    made = [
        GeneratedFile(second, clock(), "docx", 4711, is_edited=True, template="head", template_version=3),
        GeneratedFile(first, clock() + timedelta(seconds=1), "pdf", 815, is_edited=False),
    ]
    for file in reversed(made):
        store.write(forms.add_file, file)
    assert store.read(forms.list_files, thread_id) == made
    assert store.read(forms.list_files, write_thread(store, clock())) == []


def test_both_go_with_their_thread(store: Store, clock: Clock) -> None:
    """Erasing a thread takes its form and its list of files along, and nobody else's."""
    gone, kept = write_thread(store, clock()), write_thread(store, clock())
    for thread_id in (gone, kept):
        store.write(forms.add_form, thread_id, ENTRIES)
        message_id = write_turn(store, thread_id, clock())
        store.write(forms.add_file, GeneratedFile(message_id, clock(), "pdf", 1, is_edited=False))
    assert count(store) == (4, 2)
    order = Order("command", "thread.erase", gone)
    store.write(erasure.erase_threads, [gone], Erasure(), order, clock())
    assert count(store) == (2, 1)
    assert store.read(forms.read_form, gone) == {}
    assert len(store.read(forms.list_files, kept)) == 1
