"""Story prompts in the store: the team's and the testers' own, within limits, and nothing of two authors lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from chatbot.errors import EditConflict, InvalidForm, InvalidRequest, UnknownPrompt
from chatbot.store import story_prompts as prompts
from chatbot.store.engine import Store
from chatbot.store.schema import audit
from chatbot.store.story_prompts import NewPrompt, StoryPrompt
from tests.conftest import Clock

TESTER = "beta-1"


def add(store: Store, title: str = "Over the sea", **values: Any) -> StoryPrompt:
    """Keep a prompt of a few words."""
    new = NewPrompt(title, values.pop("text", "A voyage and a way home."), **values)
    return store.write(prompts.add_prompt, new, "anne", store.clock())


def list_titles(found: list[StoryPrompt]) -> list[str]:
    """Give the titles, in order."""
    return [prompt.title for prompt in found]


def list_audit(store: Store) -> list[tuple[str, str, str]]:
    """Give who did what, and to which title in which state, in order."""
    statement = select(audit.c.actor, audit.c.action, audit.c.detail).order_by(audit.c.change)
    rows: list[Any] = store.read(lambda connection: list(connection.execute(statement)))
    return [tuple(row) for row in rows]


def test_prompt_comes_back_as_it_was_kept(store: Store, clock: Clock) -> None:
    """A prompt keeps its words, lines and tags; its title is one line, and a tag is there once."""
    added = add(
        store,
        " Sur la\nmer ",
        text="Une traversée.\r\n\r\nUn retour.",
        language="fr",
        tags=("Mer", "mer ", " ", "île"),
    )
    kept = store.read(prompts.read_prompt, added.prompt_id)
    assert kept == added
    assert (kept.title, kept.text) == ("Sur la mer", "Une traversée.\n\nUn retour.")
    assert (kept.language, kept.tags, kept.is_draft, kept.revision) == ("fr", ("Mer", "île"), False, 1)
    assert (kept.owner, kept.author, kept.created_at, kept.updated_at) == ("", "anne", clock(), clock())
    assert store.read(prompts.read_prompt, "none") is None


def test_testers_choose_from_the_teams_and_their_own(store: Store) -> None:
    """A tester is offered what the team has published and all that is his; no draft of the team's, and no other's."""
    add(store, "Élan")
    add(store, "Apples")
    add(store, "Unfinished", is_draft=True)
    add(store, "Mine", owner=TESTER, is_draft=True)
    add(store, "Foreign", owner="beta-2")
    assert list_titles(store.read(prompts.list_offered, TESTER)) == ["Apples", "Élan", "Mine"]
    assert list_titles(store.read(prompts.list_offered, "")) == ["Apples", "Élan"]
    assert list_titles(store.read(prompts.list_prompts)) == ["Apples", "Élan", "Unfinished"]
    assert list_titles(store.read(lambda c: prompts.list_prompts(c, with_drafts=False))) == ["Apples", "Élan"]
    assert list_titles(store.read(prompts.list_prompts, TESTER)) == ["Mine"]


def test_change_is_a_new_revision(store: Store, clock: Clock) -> None:
    """A save counts up and names its author; who began it and when stays."""
    added = add(store)
    clock.now += timedelta(minutes=5)
    wanted = replace(added, title="Home", tags=("sea",), is_draft=True, created_at=clock(), revision=9)
    changed = store.write(lambda c: prompts.change_prompt(c, wanted, "bea", clock(), revision=1))
    assert store.read(prompts.read_prompt, added.prompt_id) == changed
    assert (changed.title, changed.tags, changed.is_draft, changed.revision) == ("Home", ("sea",), True, 2)
    assert (changed.author, changed.created_at, changed.updated_at) == ("bea", added.created_at, clock())


def test_second_of_two_authors_is_told(store: Store, clock: Clock) -> None:
    """Who did not see the last save overwrites nothing."""
    added = add(store)
    store.write(lambda c: prompts.change_prompt(c, replace(added, text="First."), "bea", clock(), revision=1))
    with pytest.raises(EditConflict, match="bea has saved “Over the sea”"):
        store.write(
            lambda c: prompts.change_prompt(c, replace(added, text="Second."), "cara", clock(), revision=1)
        )
    kept = store.read(prompts.read_prompt, added.prompt_id)
    assert kept is not None and kept.text == "First."


@pytest.mark.parametrize("owner", ["", "beta-2"])
def test_prompt_of_another_is_unknown(store: Store, clock: Clock, owner: str) -> None:
    """Only under its owner a prompt is changed or removed."""
    added = add(store, owner=TESTER)
    other = replace(added, owner=owner)
    jobs: list[Callable[[Any], Any]] = [
        lambda c: prompts.change_prompt(c, other, "x", clock(), revision=1),
        lambda c: prompts.remove_prompt(c, added.prompt_id, owner, "x", clock()),
    ]
    for job in jobs:
        with pytest.raises(UnknownPrompt):
            store.write(job)
    store.write(prompts.remove_prompt, added.prompt_id, TESTER, TESTER, clock())
    assert store.read(prompts.list_prompts, TESTER) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " \u200b"}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"text": "\n"}, "text"),
        ({"text": "x" * 4_001}, "text"),
        ({"language": "de"}, "language"),
        ({"tags": tuple("abcdefghi")}, "tags"),
        ({"tags": ("x" * 41,)}, "tags"),
    ],
)
def test_what_passes_a_limit_is_refused_at_its_field(values: dict[str, Any], field: str) -> None:
    """Each field has its limit, and the fault names the field in the reader's language."""
    new = NewPrompt(**{"title": "x" * 200, "text": "y" * 4_000, "tags": ("z" * 40,) * 8} | values)
    with pytest.raises(InvalidForm) as caught:
        prompts.check_prompt(new, "fr")
    assert list(caught.value.fields) == [field]
    english = prompts.FAULTS["required"]["en"]
    assert english not in caught.value.fields[field] and "at most" not in caught.value.fields[field]


def test_limits_themselves_are_allowed() -> None:
    """What just fits is kept."""
    new = NewPrompt("x" * 200, "y" * 4_000, "en", tuple(letter * 40 for letter in "abcdefgh"))
    assert prompts.check_prompt(new) == new


def test_tester_has_fifty_prompts_at_most(store: Store, clock: Clock) -> None:
    """The fifty-first of a tester is refused; another tester and the team go on."""

    def fill(connection: Any) -> None:
        for number in range(50):
            prompts.add_prompt(connection, NewPrompt(f"Nr {number}", "x", owner=TESTER), TESTER, clock())

    store.write(fill)
    with pytest.raises(InvalidRequest, match="50 story prompts"):
        add(store, owner=TESTER)
    add(store, owner="beta-2")
    add(store)


def test_audit_tells_of_the_teams_prompts_alone(store: Store, clock: Clock) -> None:
    """What is done to the team's prompts stands in the audit; a tester's own are nobody's business."""
    added = add(store, is_draft=True)
    published = replace(added, is_draft=False)
    store.write(lambda c: prompts.change_prompt(c, published, "bea", clock(), revision=1))
    store.write(prompts.remove_prompt, added.prompt_id, "", "cara", clock())
    mine = add(store, owner=TESTER)
    store.write(prompts.remove_prompt, mine.prompt_id, TESTER, TESTER, clock())
    assert list_audit(store) == [
        ("anne", "story_prompt.add", "Over the sea (draft)"),
        ("bea", "story_prompt.change", "Over the sea (published)"),
        ("cara", "story_prompt.remove", "Over the sea (published)"),
    ]


def test_limit_holds_for_those_who_add_at_once(store: Store, clock: Clock) -> None:
    """Of several that come at the same moment no more are kept than there is room for."""

    def fill(connection: Any) -> None:
        for number in range(48):
            prompts.add_prompt(connection, NewPrompt(f"Nr {number}", "x", owner=TESTER), TESTER, clock())

    def try_to_add(_: int) -> bool:
        try:
            add(store, owner=TESTER)
        except InvalidRequest:
            return False
        return True

    store.write(fill)
    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(try_to_add, range(6))) == 2
    assert len(store.read(prompts.list_prompts, TESTER)) == 50


def test_one_of_those_who_change_at_once_is_kept(store: Store, clock: Clock) -> None:
    """Two saves against the same revision: one is kept whole, the other is told."""
    added = add(store)

    def try_to_change(number: int) -> bool:
        wanted = replace(added, text=f"Text {number}.")
        try:
            store.write(lambda c: prompts.change_prompt(c, wanted, f"a{number}", clock(), revision=1))
        except EditConflict:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(try_to_change, range(6))) == 1
    kept = store.read(prompts.read_prompt, added.prompt_id)
    assert kept is not None and kept.revision == 2 and kept.text == f"Text {kept.author[1]}."
