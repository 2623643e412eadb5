"""Trying a draft: a conversation with it that leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from apps.admin.editing import Editing
from apps.admin.formats import escape_markdown
from apps.admin.frame import Visit
from apps.admin.notices import attempt, show_fault
from apps.admin.services import Office
from apps.admin.thread_view import render_messages
from chatbot.assistants.definition import DOCUMENT, Assistant
from chatbot.assistants.form import FormField
from chatbot.assistants.texts import say
from chatbot.errors import InvalidForm, WrongDefinition
from chatbot.roles import may
from chatbot.translation import translate_fault
from chatbot.workshop.faults import read_definition

if TYPE_CHECKING:
    from chatbot.workshop.trial import Trial

_FAULTS = "trial_faults"


def show_trial(visit: Visit, office: Office, editing: Editing) -> None:
    """Let what is written, saved or not, be tried with the model and the documents."""
    texts = visit.texts
    key = f"trial {editing.assistant}"
    st.caption(texts["try.lead"])
    if not may(visit.account.role, "assistant.try"):
        return
    trial: Trial | None = st.session_state.get(key)
    if trial and trial.text != editing.written:
        # A conversation with another text than the one shown would prove nothing.
        trial = None
        st.session_state.pop(key)
    if trial is None:
        begun = _begin(visit, office, editing)
        if begun is None:
            return
        st.session_state[key] = begun
        st.rerun()
    _show_conversation(visit, office, trial, key)


def _show_conversation(visit: Visit, office: Office, trial: Trial, key: str) -> None:
    texts = visit.texts
    st.html(render_messages(trial.transcript, texts, visit.zone))
    if trial.failure:
        st.error(escape_markdown(trial.failure), icon=":material/error:")
    if trial.draft:
        _offer_files(visit, office, trial, trial.draft.formats)
    with st.form(f"{key} ask", clear_on_submit=True, border=False):
        question = st.text_input(
            texts["try.more"], key=f"{key} more", placeholder=texts["try.more.hint"], max_chars=2000
        )
        is_sent = st.form_submit_button(texts["try.send"], icon=":material/send:")
    if is_sent and question and question.strip():
        _ask(visit, office, trial, question, key)
    if st.button(texts["try.again"], key=f"{key} again", icon=":material/restart_alt:"):
        st.session_state.pop(key)
        st.rerun()


def _offer_files(visit: Visit, office: Office, trial: Trial, formats: Sequence[str]) -> None:
    texts = visit.texts
    st.caption(texts["try.files"])
    with st.container(key="try_files", horizontal=True):
        for name in formats:
            st.download_button(
                f".{name}",
                # Made when it is asked for: laying out takes up to seconds.
                data=partial(_make_file, visit, office, trial, name),
                file_name=f"{trial.definition.name}.{name}",
                icon=":material/download:",
                on_click="ignore",
                key=f"try file {name}",
            )


def _make_file(visit: Visit, office: Office, trial: Trial, name: str) -> bytes:
    return office.trials.make_file(trial, name, _language(visit)).data


def _ask(visit: Visit, office: Office, trial: Trial, question: str, key: str) -> None:
    with st.spinner(visit.texts["try.waiting"]):
        answered = attempt(visit, lambda: office.trials.ask(trial, question))
    if answered:
        st.session_state[key] = answered
        st.rerun()


def _begin(visit: Visit, office: Office, editing: Editing) -> Trial | None:
    """Ask for the first question, or for the form; give the trial with its first answer."""
    texts, language = visit.texts, _language(visit)
    try:
        assistant = read_definition(editing.written, editing.assistant)
    except WrongDefinition as error:
        st.error(texts["try.faults"])
        for fault in error.faults:
            show_fault(translate_fault(fault, texts["language"]))
        return None
    form: dict[str, Any] = {}
    question = ""
    if assistant.documents:
        names = [document.name for document in assistant.documents]
        titles = {document.name: say(document.title, language) for document in assistant.documents}
        form[DOCUMENT] = st.selectbox(
            texts["field.document"], names, format_func=titles.__getitem__, key=f"try kind {editing.yaml_key}"
        )
    fields = assistant.list_fields(assistant.find_document(form.get(DOCUMENT)))
    with st.form(f"try {editing.assistant}", border=False):
        if assistant.kind == "documentation":
            question = (
                st.text_input(texts["try.question"], key=f"try question {editing.yaml_key}", max_chars=2000)
                or ""
            )
        form |= _draw_form(visit, editing, fields, str(form.get(DOCUMENT, "")))
        is_sent = st.form_submit_button(texts["try.send"], type="primary", icon=":material/play_arrow:")
    if not is_sent or (assistant.kind == "documentation" and not question.strip()):
        return None
    return _open(visit, office, editing, assistant, form, question)


def _open(
    visit: Visit, office: Office, editing: Editing, assistant: Assistant, form: dict[str, Any], question: str
) -> Trial | None:
    language = _language(visit)
    given = form if assistant.kind != "documentation" else None
    st.session_state[_FAULTS] = {}

    def run() -> Trial | None:
        try:
            trial = office.trials.begin(
                editing.written, editing.assistant, visit.account, language=language, form=given
            )
        except InvalidForm as error:
            st.session_state[_FAULTS] = error.fields
            return None
        return office.trials.ask(trial, question or trial.first or "")

    with st.spinner(visit.texts["try.waiting"]):
        trial = attempt(visit, run)
    if st.session_state[_FAULTS]:
        st.rerun()
    return trial


def _draw_form(visit: Visit, editing: Editing, fields: list[FormField], document: str) -> dict[str, Any]:
    """Draw a tester's form, as it will be asked for."""
    today = visit.services.store.clock().date()
    faults: dict[str, str] = st.session_state.get(_FAULTS, {})
    given = {}
    for field in fields:
        given[field.name] = _draw_field(
            visit, field, today, f"try {editing.yaml_key} {document} {field.name}"
        )
        if field.name in faults:
            show_fault(faults[field.name])
    return given


def _draw_field(visit: Visit, field: FormField, today: date, key: str) -> Any:
    language = _language(visit)
    # Labels are Markdown to Streamlit: a definition's words are shown as what they are.
    label = escape_markdown(say(field.label, language)) + (r" \*" if field.required else "")
    begin, help_text = field.begin(today), escape_markdown(say(field.help, language)) or None
    if field.type == "checkbox":
        return st.checkbox(label, value=begin == "true", key=key, help=help_text)
    if field.type == "choice":
        labels = {choice.value: say(choice.label, language) for choice in field.choices}
        options = ["", *labels] if not begin else list(labels)
        return st.selectbox(
            label,
            options,
            index=options.index(begin),
            format_func=lambda value: labels.get(value, "–"),
            key=key,
            help=help_text,
        )
    draw = st.text_area if field.type == "long_text" else st.text_input
    # Dates and numbers too: what is wrong with them is said as it will be said to testers.
    return draw(label, value=begin, key=key, help=help_text)


def _language(visit: Visit) -> str:
    return visit.texts["language"]
