"""Makes files of drafts: a letter or mail laid out, a template of the office filled in; records that it did."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, tzinfo

from chatbot.answer import DRAFTED
from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import DOCUMENT, Assistant, DocumentKind, Format
from chatbot.assistants.form import FormField, check_form
from chatbot.assistants.texts import say
from chatbot.assistants.wording import write_wording
from chatbot.errors import InvalidRequest, MessageTooLong, UnknownMessage
from chatbot.letters.docx import write_docx
from chatbot.letters.letter import Letter, build_letter
from chatbot.letters.mail import write_eml, write_plain_text
from chatbot.letters.odt import write_odt
from chatbot.letters.pdf import render_letter_pdf
from chatbot.office.expressions import Value
from chatbot.office.fill import fill_template
from chatbot.office.template import OfficeTemplate
from chatbot.store import forms, templates, threads
from chatbot.store.engine import Store
from chatbot.store.forms import GeneratedFile
from chatbot.store.records import Message
from chatbot.store.templates import TemplateVersion
from chatbot.text import clean_text, is_blank
from chatbot.writing import LETTER_FORMATS, choose_language, prepare_values, write_value

LONGEST_TEXT = 20_000
MEDIA_TYPES: dict[str, str] = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "pdf": "application/pdf",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
}
LAYOUTS: dict[Format, Callable[[Letter], bytes]] = {
    "docx": write_docx,
    "odt": write_odt,
    "pdf": render_letter_pdf,
    "eml": write_eml,
}
# What a template may name beside the fields of the form: parts of the letter.
LETTER_FIELDS = ("subject", "body", "signature", "today")


@dataclass(frozen=True, slots=True)
class Order:
    """A file that is asked for.

    Args:
        language: the reader's.
        text: the draft as the tester has changed it; None = as it was written.
        sender: values of the fields that stay in the browser; used for this file, and forgotten.
    """

    message_id: str
    tester: str
    format: str
    language: str
    text: str | None = None
    sender: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file, ready to be sent."""

    name: str
    media_type: str
    data: bytes


class Stationery:
    """Makes files of drafts; what is in them is not kept.

    Args:
        zone: of the calendar by which a letter is written today.
    """

    def __init__(self, store: Store, assistants: Assistants, zone: tzinfo = UTC) -> None:
        self._store = store
        self._assistants = assistants
        self._zone = zone

    def make_file(self, order: Order) -> MadeFile:
        """Make a file of one draft; takes up to seconds of a core.

        Raises:
            UnknownMessage: there is no such draft among the tester's own.
            UnknownAssistant: its assistant is gone.
            InvalidRequest: the draft cannot become this file.
            InvalidForm: a value of the sender's is wrong.
            MessageTooLong: the changed text is longer than 20,000 characters.
            ReportFailed: it could not be laid out.
        """
        message = self._store.read(threads.read_message, order.message_id, order.tester)
        thread = self._store.read(threads.read_thread, message.thread_id, order.tester)
        assistant = self._assistants.get(thread.assistant)
        if message.origin != "bot" or message.status not in DRAFTED or assistant.kind != "writer":
            raise UnknownMessage(f"The message {order.message_id} is not a draft that files are made of.")
        values = self._store.read(forms.read_form, thread.thread_id)
        document = assistant.find_document(values.get(DOCUMENT))
        chosen = _choose_format(order.format, document)
        language = choose_language(assistant, values, thread.language or order.language)
        fields = [*assistant.list_fields(document), *assistant.list_fields(document, in_browser=True)]
        all_values = {**values, **self._check_sender(assistant, document, order)}
        subject = self._word_subject(document, fields, all_values, language)
        letter = build_letter(_choose_text(order.text, message), all_values, {}, language, subject)
        template = self._find_template(document, chosen)
        data = self._fill(template, fields, all_values, letter) if template else _lay_out(letter, chosen)
        self._store.write(
            forms.add_file,
            GeneratedFile(
                message_id=message.message_id,
                created_at=self._store.clock(),
                format=chosen,
                bytes=len(data),
                is_edited=order.text is not None and order.text.strip() != message.content.strip(),
                template=template.name if template else None,
                template_version=template.version if template else None,
            ),
        )
        kind = document.name if document else "letter"
        return MadeFile(f"{kind.replace('_', '-')}.{chosen}", MEDIA_TYPES[chosen], data)

    def _check_sender(
        self, assistant: Assistant, document: DocumentKind | None, order: Order
    ) -> dict[str, str]:
        fields = assistant.list_fields(document, in_browser=True)
        entries = check_form(fields, order.sender or {}, order.language, today=self._find_today())
        return {entry.field: entry.value for entry in entries}

    def _word_subject(
        self,
        document: DocumentKind | None,
        fields: list[FormField],
        values: Mapping[str, str],
        language: str,
    ) -> str:
        if document is None:
            return ""
        given = prepare_values(fields, values, language, today=self._find_today())
        title = say(document.title, language)
        try:
            return write_wording(say(document.subject, language), given) or title
        except ValueError:
            # Grown too long by what was filled in: the draft has its own, or takes the kind's.
            return title

    def _find_today(self) -> date:
        return self._store.clock().astimezone(self._zone).date()

    def _find_template(self, document: DocumentKind | None, chosen: Format) -> TemplateVersion | None:
        if document is None or document.template is None:
            return None
        found = self._store.read(templates.find_published, document.template)
        return found if found and found.kind == chosen else None

    def _fill(
        self,
        template: TemplateVersion,
        fields: list[FormField],
        values: Mapping[str, str],
        letter: Letter,
    ) -> bytes:
        content = self._store.read(templates.read_content, template.name, template.version)
        given: dict[str, Value] = {
            field.name: _read_value(field, values.get(field.name, "")) for field in fields
        }
        given |= {
            f"{field.name}_label": write_value(field, values.get(field.name, ""), letter.language)
            for field in fields
            if field.type == "choice"
        }
        given |= {
            "subject": letter.subject,
            "body": write_plain_text(letter).removesuffix(letter.signature).strip(),
            "signature": letter.signature,
            "today": self._find_today(),
        }
        # It was read and tried when it was taken, which costs more than filling it.
        checked = OfficeTemplate("docx" if template.kind == "docx" else "xlsx", template.fields, content)
        return fill_template(checked, given, language=letter.language)


def list_template_fields(assistants: Assistants) -> set[str]:
    """Give the names that a template's fields may have: those of every form, and the parts of a letter.

    A choice has its words beside it, under its name and `_label`, as in wordings.
    """
    names = set(LETTER_FIELDS)
    for assistant in assistants.list_all():
        for document in assistant.documents:
            for in_browser in (False, True):
                fields = assistant.list_fields(document, in_browser=in_browser)
                names |= {field.name for field in fields}
                names |= {f"{field.name}_label" for field in fields if field.type == "choice"}
    return names


def _choose_format(asked: str, document: DocumentKind | None) -> Format:
    formats = document.formats if document else LETTER_FORMATS
    for known in formats:
        if known == asked:
            return known
    raise InvalidRequest(f"format {asked!r}: this draft can become {', '.join(formats)}.")


def _choose_text(changed: str | None, message: Message) -> str:
    text = message.content if changed is None else clean_text(changed)
    if len(text) > LONGEST_TEXT and changed is not None:
        raise MessageTooLong(len(text), LONGEST_TEXT)
    if is_blank(text):
        raise InvalidRequest("text: it is empty. Write something, or ask for another draft.")
    return text


def _lay_out(letter: Letter, chosen: Format) -> bytes:
    if chosen not in LAYOUTS:
        raise InvalidRequest(
            f"format {chosen!r}: no template is published to make it from. The team uploads one in the admin; "
            "until then take another format."
        )
    return LAYOUTS[chosen](letter)


def _read_value(field: FormField, value: str) -> Value:
    """Give a value as a workbook keeps it: dates and numbers as such.

    Of a thread that is older than the field's type it may be any text, and stays one.
    """
    if field.type == "checkbox":
        return value == "true"
    try:
        if value and field.type == "date":
            return date.fromisoformat(value)
        if value and field.type == "number":
            return float(value)
    except ValueError:
        return value
    return value
