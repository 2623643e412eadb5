"""What an assistant is: a YAML definition, in a file of `ASSISTANTS_DIR` named for it or written in the office."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from chatbot.assistants import texts, wording
from chatbot.assistants.form import FIELD_NAME, FormField, describe_form
from chatbot.assistants.policy import Policy
from chatbot.assistants.source import Location, Source
from chatbot.assistants.texts import Language, Texts

DEFAULT_ASSISTANT = "support"
NAME = r"^[a-z][a-z0-9-]{0,39}$"
TEMPLATE_NAME = r"^[a-z][a-z0-9_-]{0,79}$"
# The field of a form by which the kind of document is chosen.
DOCUMENT = "document"
DOCUMENT_TITLE = {"en": "Kind of document", "fr": "Type de document"}
# Variables that every wording may use, whether or not the form asks for them.
ALWAYS_KNOWN = ("tone", "length", "language", "today")

Kind = Literal["documentation", "writer", "story"]
Format = Literal["docx", "odt", "pdf", "eml", "xlsx", "epub"]


def _listen(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class DocumentKind(BaseModel):
    """One kind of document that a writer writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=FIELD_NAME, description="Chooses it in a form, and names it in the log.")
    title: Texts = Field(min_length=1, description="What readers see.")
    description: Texts = Field(default={}, description="One sentence on what it is for.")
    layout: Literal["letter", "mail", "plain"] = Field(
        default="letter", description="How a file of it is laid out."
    )
    form: tuple[FormField, ...] = Field(
        default=(), description="What it asks for, beside the assistant's own form."
    )
    instructions: str = Field(default="", description="What the model is told about this kind.")
    subject: Texts = Field(default={}, description="Its subject: a wording over the form's values.")
    text: Texts = Field(
        default={}, description="The whole text as a wording: what is written without a model."
    )
    formats: tuple[Format, ...] = Field(
        default=("docx", "odt", "pdf"), description="The files that can be made of it."
    )
    template: str | None = Field(
        default=None,
        pattern=TEMPLATE_NAME,
        description="The office template that .docx or .xlsx files are filled from.",
    )


class Assistant(BaseModel):
    """One assistant's definition; texts for readers are given per language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME, description="The file's name without its ending.")
    kind: Kind = Field(
        default="documentation",
        description="documentation answers from documents, writer writes documents from a form, story tells stories.",
    )
    title: Texts = Field(min_length=1, description="What readers see as its name.")
    description: Texts = Field(default={}, description="One sentence on what it is for.")
    greeting: Texts = Field(default={}, description="Shown above an empty conversation.")
    examples: dict[Language, list[str]] = Field(default={}, description="Questions or wishes to click.")
    language: Language | None = Field(
        default=None,
        description="The one language it writes in; empty = that of the question, or of the reader.",
    )
    prompt: str = Field(min_length=1, description="What the model is told about itself and its answers.")
    knowledge: Annotated[tuple[str, ...], BeforeValidator(_listen)] = Field(
        default=(), description="Folders or files of `KNOWLEDGE_DIR` it answers from; empty = all."
    )
    passages: int = Field(
        default=5, ge=1, le=12, description="How many passages a question is answered from."
    )
    history: int = Field(default=3, ge=0, le=10, description="How many earlier turns the model is shown.")
    form: tuple[FormField, ...] = Field(default=(), description="What is asked for before it writes.")
    documents: tuple[DocumentKind, ...] = Field(default=(), description="Of a writer: the kinds of document.")
    policy: Policy = Field(default=Policy(), description="What it declines.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kind == "writer") != bool(self.documents):
            _refuse(("documents",), "an assistant of kind writer needs them, and no other has any")
        if self.kind == "documentation" and self.form:
            _refuse(("form",), "an assistant of kind documentation has none")
        _refuse_twice(("documents",), [document.name for document in self.documents])
        if not self.documents:
            _refuse_twice(("form",), [field.name for field in self.form])
        for place, document in enumerate(self.documents):
            names = [field.name for field in (*self.form, *document.form)]
            _refuse_twice(("documents", place, "form"), [*names, DOCUMENT])
            _check_formats(document, ("documents", place))
            _check_wordings(document, ("documents", place), self.list_fields(document))
        return self

    def say(self, given: Texts, language: str) -> str:
        """Choose the reader's language, or what there is."""
        return texts.say(given, language)

    @property
    def needs_model(self) -> bool:
        """Whether it can do nothing without a language model."""
        return self.kind == "story"

    def find_document(self, name: str | None) -> DocumentKind | None:
        """Give a kind of document; None where there is none of this name."""
        return next((document for document in self.documents if document.name == name), None)

    def list_fields(self, document: DocumentKind | None, *, in_browser: bool = False) -> list[FormField]:
        """Give the fields of a form: those that are sent, or those that stay in the browser."""
        fields = (*(document.form if document else ()), *self.form)
        return [field for field in fields if field.stays_in_browser == in_browser]

    def describe_form(self, language: str) -> dict[str, Any] | None:
        """Give the JSON Schema of what `start_chat` takes as `form`; None where nothing is asked."""
        if not self.documents:
            return describe_form(self.list_fields(None), language) if self.form else None
        kinds = [
            {"const": document.name, "title": texts.say(document.title, language)}
            for document in self.documents
        ]
        return {
            "type": "object",
            "properties": {
                DOCUMENT: {"type": "string", "title": texts.say(DOCUMENT_TITLE, language), "oneOf": kinds}
            },
            "required": [DOCUMENT],
            "oneOf": [self._describe_document(document, language) for document in self.documents],
        }

    def _describe_document(self, document: DocumentKind, language: str) -> dict[str, Any]:
        schema = describe_form(self.list_fields(document), language)
        schema["properties"] = {DOCUMENT: {"const": document.name}, **schema["properties"]}
        schema["required"] = [DOCUMENT, *schema["required"]]
        return {"title": texts.say(document.title, language), **schema}


# Commands, reports and tries read the same few texts again and again.
@lru_cache(maxsize=32)
def parse_assistant(text: str, name: str) -> Assistant:
    """Read a definition.

    Raises:
        ValueError: one line per fault, with its line in the text and its field.
    """
    source = Source(text)
    if source.data.get("name", name) != name:
        raise ValueError(
            f"line {source.find_line(['name'])}: name: it is that of the file, {name}. Leave it out."
        )
    try:
        return Assistant.model_validate({"name": name, **source.data})
    except ValidationError as error:
        lines = [_write_fault(source, fault) for fault in error.errors()]
        raise ValueError("\n".join(lines)) from error


def _write_fault(source: Source, fault: Mapping[str, Any]) -> str:
    location = (*fault["loc"], *fault.get("ctx", {}).get("location", ()))
    place = ".".join(map(str, location))
    message = str(fault["msg"]).removeprefix("Value error, ")
    return f"line {source.find_line(location)}: {place}: {message}"


def _check_formats(document: DocumentKind, place: Location) -> None:
    if "epub" in document.formats:
        _refuse((*place, "formats"), "epub is for stories")
    if "xlsx" in document.formats and document.template is None:
        _refuse((*place, "formats"), "xlsx is filled from an office template: name it as template")


def _check_wordings(document: DocumentKind, place: Location, fields: list[FormField]) -> None:
    samples = [_fill_in(fields, is_empty=True), _fill_in(fields, is_empty=False)]
    for name, wordings in (("subject", document.subject), ("text", document.text)):
        for language, text in wordings.items():
            if fault := _find_fault(text, samples):
                _refuse((*place, name, language), fault)


def _find_fault(text: str, samples: list[dict[str, str | bool]]) -> str | None:
    try:
        if unknown := sorted(wording.list_fields(text) - set(samples[0])):
            return f"no field that is sent with the form is named {', '.join(unknown)}"
        for sample in samples:
            wording.write_wording(text, sample)
    except ValueError as error:
        return str(error)
    return None


def _fill_in(fields: list[FormField], *, is_empty: bool) -> dict[str, str | bool]:
    """Give values to try a wording with: none at all, or something in every field."""
    values: dict[str, str | bool] = dict.fromkeys(ALWAYS_KNOWN, "")
    for field in fields:
        if field.type == "checkbox":
            values[field.name] = not is_empty
            continue
        values[field.name] = "" if is_empty else "1"
        if field.type == "choice":
            values[field.name] = "" if is_empty else field.choices[-1].value
            values[f"{field.name}_label"] = values[field.name]
    return values


def _refuse_twice(place: Location, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        _refuse(place, f"{', '.join(twice)} is there twice")


def _refuse(place: Location, reason: str) -> NoReturn:
    """Raise a fault that knows the place it is found at, for a check that takes more than one field."""
    raise PydanticCustomError("definition", "{reason}", {"reason": reason, "location": place})
