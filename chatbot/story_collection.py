"""Story prompts as YAML: a collection to carry from one house to another, and the one that comes with Guichet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from chatbot.assistants.source import Source
from chatbot.assistants.texts import Language
from chatbot.errors import InvalidForm
from chatbot.store.story_prompts import NewPrompt, StoryPrompt, add_prompt, check_prompt, list_prompts
from chatbot.text import fold

EXAMPLES = Path(__file__).parent / "story_examples.yaml"
MOST_PROMPTS = 500


class _Writer(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _write_text(writer: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Writer.add_representer(str, _write_text)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    text: str
    language: Language | None = None
    tags: list[str] = []
    is_draft: bool = False


class _Collection(BaseModel):
    model_config = ConfigDict(extra="forbid")

    prompts: list[_Entry] = Field(max_length=MOST_PROMPTS)


def read_examples() -> list[NewPrompt]:
    """Give the prompts that come with Guichet."""
    return read_collection(EXAMPLES.read_text(encoding="utf-8"))


def read_collection(text: str, reader: str = "en") -> list[NewPrompt]:
    """Read a collection, as prompts of the team's.

    Args:
        reader: the language of the sentences about what passes a limit.

    Raises:
        ValueError: one line per fault, with its line in the text and its field.
    """
    source = Source(text)
    try:
        entries = _Collection.model_validate(source.data).prompts
    except ValidationError as error:
        faults = [(fault["loc"], str(fault["msg"])) for fault in error.errors()]
        raise ValueError("\n".join(_write_fault(source, *fault) for fault in faults)) from error
    prompts: list[NewPrompt] = []
    lines: list[str] = []
    for number, entry in enumerate(entries):
        new = NewPrompt(entry.title, entry.text, entry.language, tuple(entry.tags), entry.is_draft)
        try:
            prompts.append(check_prompt(new, reader))
        except InvalidForm as fault:
            lines += [
                _write_fault(source, ("prompts", number, name), said) for name, said in fault.fields.items()
            ]
    if lines:
        raise ValueError("\n".join(lines))
    return prompts


def write_collection(prompts: Iterable[StoryPrompt]) -> str:
    """Write prompts as YAML; what is read from it is the same, but for who wrote it and when."""
    entries = [
        {
            "title": prompt.title,
            "language": prompt.language,
            "tags": list(prompt.tags),
            "is_draft": prompt.is_draft,
            "text": prompt.text,
        }
        for prompt in prompts
    ]
    return yaml.dump({"prompts": entries}, Dumper=_Writer, allow_unicode=True, sort_keys=False, width=120)


def add_collection(
    connection: Connection, prompts: Sequence[NewPrompt], author: str, now: datetime
) -> list[StoryPrompt]:
    """Keep those of a collection whose titles the team has not; gives them."""
    known = {fold(prompt.title) for prompt in list_prompts(connection)}
    added: list[StoryPrompt] = []
    for prompt in prompts:
        if fold(prompt.title) not in known:
            known.add(fold(prompt.title))
            added.append(add_prompt(connection, prompt, author, now))
    return added


def _write_fault(source: Source, location: Sequence[int | str], message: str) -> str:
    place = ".".join(map(str, location))
    return f"line {source.find_line(location)}: {place}: {message}"
