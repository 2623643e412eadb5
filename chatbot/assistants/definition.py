"""What an assistant is: a YAML file in `ASSISTANTS_DIR`, named for it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from chatbot.errors import SettingsError, UnknownAssistant

Language = Literal["en", "fr"]
Texts = dict[Language, str]
DEFAULT_ASSISTANT = "support"


class Assistant(BaseModel):
    """One assistant's definition; texts for readers are given per language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$", description="The file's name without its ending.")
    title: Texts = Field(min_length=1, description="What readers see as its name.")
    description: Texts = Field(default={}, description="One sentence on what it is for.")
    greeting: Texts = Field(default={}, description="Shown above an empty conversation.")
    examples: dict[Language, list[str]] = Field(default={}, description="Questions to click.")
    prompt: str = Field(min_length=1, description="What the model is told about itself and its answers.")
    passages: int = Field(
        default=5, ge=1, le=12, description="How many passages a question is answered from."
    )
    history: int = Field(default=3, ge=0, le=10, description="How many earlier turns the model is shown.")

    def say(self, texts: Texts, language: str) -> str:
        """Choose the reader's language, or what there is."""
        return texts.get("fr" if language == "fr" else "en") or next(iter(texts.values()), "")


class Assistants:
    """The assistants of a folder.

    Raises:
        SettingsError: the folder is missing, or a file is wrong: one sentence per fault, with file and field.
    """

    def __init__(self, folder: Path) -> None:
        self._all: dict[str, Assistant] = {}
        self._sources: dict[str, str] = {}
        faults: list[str] = []
        if not folder.is_dir():
            raise SettingsError(
                [f"ASSISTANTS_DIR={folder}: there is no such folder. Name one with YAML files."]
            )
        for path in sorted(folder.glob("*.yaml")):
            try:
                text = path.read_text(encoding="utf-8")
                self._all[path.stem] = parse_assistant(text, path.stem)
                self._sources[path.stem] = text
            except (OSError, UnicodeDecodeError) as error:
                faults.append(f"{path}: cannot be read: {error}")
            except ValueError as error:
                faults += [f"{path}: {line}" for line in str(error).splitlines()]
        if not self._all and not faults:
            faults.append(f"ASSISTANTS_DIR={folder}: holds no .yaml file. Add one, such as support.yaml.")
        if faults:
            raise SettingsError(faults)

    def get(self, name: str) -> Assistant:
        """Give an assistant.

        Raises:
            UnknownAssistant: there is none of this name.
        """
        if name not in self._all:
            raise UnknownAssistant(
                f"There is no assistant {name!r}. There are: {', '.join(sorted(self._all))}."
            )
        return self._all[name]

    def list_all(self) -> list[Assistant]:
        """Give every assistant, by name."""
        return list(self._all.values())

    def read_source(self, name: str) -> str:
        """Give the YAML of an assistant."""
        return self._sources[name]

    @property
    def default(self) -> Assistant:
        """The one for those who name none: `support`, else the first."""
        return self._all.get(DEFAULT_ASSISTANT) or next(iter(self._all.values()))


def read_titles(folder: Path, language: str) -> dict[str, str]:
    """Give the titles that readers see, by assistant; none where a definition is wrong: no report waits for it."""
    try:
        found = Assistants(folder).list_all()
    except SettingsError:
        return {}
    return {assistant.name: assistant.say(assistant.title, language) for assistant in found}


def parse_assistant(text: str, name: str) -> Assistant:
    """Read a definition.

    Raises:
        ValueError: one line per fault, with its field or line.
    """
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(f"not YAML: {error}".split())) from error
    if not isinstance(data, dict):
        raise ValueError("not a definition: a mapping of fields is expected")
    try:
        return Assistant.model_validate({"name": name, **data})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise ValueError("\n".join(lines)) from error
