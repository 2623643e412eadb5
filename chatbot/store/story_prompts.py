"""Managed story prompts: what a story can be told by, the team's and the testers' own.

Writing: `add_prompt`, `change_prompt`, `remove_prompt`; those of the team leave a line in the audit. Reading: the rest.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, or_, select, update

from chatbot.errors import EditConflict, InvalidForm, InvalidRequest, UnknownPrompt
from chatbot.store.audit import add_entry
from chatbot.store.schema import story_prompts
from chatbot.text import LANGUAGES, clean_text, fold, is_blank

# The owner of what every tester can choose.
TEAM = ""
LONGEST_TITLE = 200
LONGEST_TEXT = 4_000
LONGEST_TAG = 40
MOST_TAGS = 8
MOST_PROMPTS = 50

FAULTS = {
    "required": {"en": "Please fill this in.", "fr": "Veuillez remplir ce champ."},
    "too_long": {
        "en": "{length} characters are too many: {limit} at most.",
        "fr": "{length} caractères, c'est trop : {limit} au plus.",
    },
    "too_many": {
        "en": "{count} tags are too many: {limit} at most.",
        "fr": "{count} étiquettes, c'est trop : {limit}.",
    },
    "language": {
        "en": "“{value}” is not a language of stories: en or fr, or nothing for any.",
        "fr": "« {value} » n'est pas une langue des histoires : en ou fr, ou rien pour toutes.",
    },
    "summary": {
        "en": "The prompt cannot be kept yet: {fields}.",
        "fr": "La consigne n'est pas complète : {fields}.",
    },
}


@dataclass(frozen=True, slots=True)
class NewPrompt:
    """A prompt to be kept.

    Args:
        language: that of its text, `en` or `fr`; None for any.
        is_draft: kept, but offered to nobody but its owner.
        owner: a tester's label, or `TEAM`.
    """

    title: str
    text: str
    language: str | None = None
    tags: tuple[str, ...] = ()
    is_draft: bool = False
    owner: str = TEAM


@dataclass(frozen=True, slots=True)
class StoryPrompt:
    """A managed prompt; `revision` counts its saves from 1, `author` made the last one."""

    prompt_id: str
    owner: str
    title: str
    text: str
    language: str | None
    tags: tuple[str, ...]
    is_draft: bool
    revision: int
    author: str
    created_at: datetime
    updated_at: datetime


_NAMES = tuple(field.name for field in fields(StoryPrompt))
_COLUMNS = [story_prompts.c[name] for name in _NAMES]


def check_prompt(prompt: NewPrompt, reader: str = "en") -> NewPrompt:
    """Clean a prompt as it is kept: one line of title, each tag once.

    Args:
        reader: the language of the sentences in the error.

    Raises:
        InvalidForm: with a sentence per field that is wrong.
    """
    checked = replace(
        prompt,
        title=_join_lines(prompt.title),
        text=clean_text(prompt.text).replace("\r\n", "\n").strip(),
        language=prompt.language or None,
        tags=tuple(_clean_tags(prompt.tags)),
    )
    faults = dict(_find_faults(checked, reader))
    if faults:
        raise InvalidForm(_say("summary", reader, fields=", ".join(faults)), faults)
    return checked


def add_prompt(connection: Connection, prompt: NewPrompt, author: str, now: datetime) -> StoryPrompt:
    """Keep a new prompt.

    Raises:
        InvalidForm: as `check_prompt`.
        InvalidRequest: the tester has 50 already.
    """
    kept = check_prompt(prompt)
    if kept.owner != TEAM and _count_locked(connection, kept.owner) >= MOST_PROMPTS:
        raise InvalidRequest(
            f"You have {MOST_PROMPTS} story prompts, as many as there may be. Remove one first."
        )
    added = StoryPrompt(
        prompt_id=str(uuid.uuid4()),
        owner=kept.owner,
        title=kept.title,
        text=kept.text,
        language=kept.language,
        tags=kept.tags,
        is_draft=kept.is_draft,
        revision=1,
        author=author,
        created_at=now,
        updated_at=now,
    )
    connection.execute(insert(story_prompts).values(_write_row(added)))
    _record(connection, added, author, "story_prompt.add", now)
    return added


def change_prompt(
    connection: Connection, prompt: StoryPrompt, author: str, now: datetime, *, revision: int
) -> StoryPrompt:
    """Keep title, text, language, tags and state of a prompt; gives it as it is then.

    Args:
        prompt: as it is to be; known by its id and owner.
        revision: of the save that the author saw.

    Raises:
        InvalidForm: as `check_prompt`.
        UnknownPrompt: its owner has none of this id.
        EditConflict: somebody saved it since.
    """
    new = NewPrompt(prompt.title, prompt.text, prompt.language, prompt.tags, prompt.is_draft, prompt.owner)
    checked = check_prompt(new)
    known = _need_locked(connection, prompt.prompt_id, prompt.owner)
    if known.revision != revision:
        raise EditConflict(
            f"{known.author} has saved “{known.title}” since you began. Your text is still here: compare the two, then "
            "save again."
        )
    changed = replace(
        known,
        title=checked.title,
        text=checked.text,
        language=checked.language,
        tags=checked.tags,
        is_draft=checked.is_draft,
        revision=revision + 1,
        author=author,
        updated_at=now,
    )
    is_it = story_prompts.c.prompt_id == changed.prompt_id
    connection.execute(update(story_prompts).where(is_it).values(_write_row(changed)))
    _record(connection, changed, author, "story_prompt.change", now)
    return changed


def remove_prompt(connection: Connection, prompt_id: str, owner: str, actor: str, now: datetime) -> None:
    """Remove a prompt; stories that were begun with it keep the text they were given.

    Raises:
        UnknownPrompt: the owner has none of this id.
    """
    known = _need_locked(connection, prompt_id, owner)
    connection.execute(delete(story_prompts).where(story_prompts.c.prompt_id == prompt_id))
    _record(connection, known, actor, "story_prompt.remove", now)


def list_prompts(connection: Connection, owner: str = TEAM, *, with_drafts: bool = True) -> list[StoryPrompt]:
    """Give an owner's prompts, by title."""
    condition = story_prompts.c.owner == owner
    return _list(connection, condition if with_drafts else condition & story_prompts.c.is_draft.is_(False))


def list_offered(connection: Connection, tester: str) -> list[StoryPrompt]:
    """Give what a tester can choose from, by title: the team's without its drafts, and all of his own."""
    published = (story_prompts.c.owner == TEAM) & story_prompts.c.is_draft.is_(False)
    # Without a label nobody is told apart from the team.
    return _list(connection, or_(published, story_prompts.c.owner == tester) if tester else published)


def read_prompt(connection: Connection, prompt_id: str) -> StoryPrompt | None:
    """Give a prompt, whoever owns it; None where there is none."""
    return next(iter(_list(connection, story_prompts.c.prompt_id == prompt_id)), None)


def _list(connection: Connection, condition: ColumnElement[bool]) -> list[StoryPrompt]:
    found = [_read_row(row) for row in connection.execute(select(*_COLUMNS).where(condition))]
    return sorted(found, key=lambda prompt: (fold(prompt.title), prompt.created_at, prompt.prompt_id))


def _count_locked(connection: Connection, owner: str) -> int:
    """Count a tester's prompts; who adds one at the same moment waits, and counts it too."""
    his = story_prompts.c.owner == owner
    if connection.dialect.name != "sqlite":
        statement = select(story_prompts.c.prompt_id).where(his).order_by(story_prompts.c.prompt_id)
        connection.execute(statement.with_for_update())
    return int(connection.execute(select(func.count()).select_from(story_prompts).where(his)).scalar_one())


def _need_locked(connection: Connection, prompt_id: str, owner: str) -> StoryPrompt:
    condition = (story_prompts.c.prompt_id == prompt_id) & (story_prompts.c.owner == owner)
    row = connection.execute(select(*_COLUMNS).where(condition).with_for_update()).one_or_none()
    if row is None:
        raise UnknownPrompt(
            "There is no such story prompt among these. It may have been removed; load the list anew."
        )
    return _read_row(row)


def _record(connection: Connection, prompt: StoryPrompt, actor: str, action: str, now: datetime) -> None:
    if prompt.owner == TEAM:
        state = "draft" if prompt.is_draft else "published"
        add_entry(connection, now, actor, action, prompt.prompt_id, f"{prompt.title} ({state})")


def _write_row(prompt: StoryPrompt) -> dict[str, Any]:
    return {name: getattr(prompt, name) for name in _NAMES} | {"tags": "\n".join(prompt.tags)}


def _read_row(row: Row[Any]) -> StoryPrompt:
    values = dict(zip(_NAMES, row, strict=True))
    return StoryPrompt(**values | {"tags": tuple(filter(None, values["tags"].split("\n")))})


def _clean_tags(tags: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for tag in map(_join_lines, tags):
        if not is_blank(tag) and fold(tag) not in seen:
            seen.add(fold(tag))
            yield tag


def _join_lines(text: str) -> str:
    return " ".join(clean_text(text).split())


def _find_faults(prompt: NewPrompt, reader: str) -> Iterator[tuple[str, str]]:
    for name, text, limit in (("title", prompt.title, LONGEST_TITLE), ("text", prompt.text, LONGEST_TEXT)):
        if is_blank(text):
            yield name, _say("required", reader)
        elif len(text) > limit:
            yield name, _say("too_long", reader, length=len(text), limit=limit)
    if prompt.language is not None and prompt.language not in LANGUAGES:
        yield "language", _say("language", reader, value=prompt.language[:20])
    if len(prompt.tags) > MOST_TAGS:
        yield "tags", _say("too_many", reader, count=len(prompt.tags), limit=MOST_TAGS)
    elif (longest := max(map(len, prompt.tags), default=0)) > LONGEST_TAG:
        yield "tags", _say("too_long", reader, length=longest, limit=LONGEST_TAG)


def _say(name: str, reader: str, **values: Any) -> str:
    return FAULTS[name]["fr" if reader == "fr" else "en"].format(**values)
