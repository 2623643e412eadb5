"""The editor of one assistant: fields, YAML, what another saved meanwhile, publication."""

from __future__ import annotations

from typing import Any

import streamlit as st

from apps.admin.assistant_fields import FieldForm, amend_all, read_data
from apps.admin.diff_view import show_difference
from apps.admin.editing import Editing, begin_editing, save_and_tell, save_text
from apps.admin.formats import escape_markdown, write_moment
from apps.admin.frame import ASSISTANTS, Visit
from apps.admin.notices import announce, attempt, show_fault
from apps.admin.services import Office
from chatbot.roles import may
from chatbot.translation import translate
from chatbot.workshop.assistants import Folder

MAX_BYTES = 1_000_000


def show_conflict(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    """Tell that another has saved or published since the edit began; nothing of either is lost."""
    if folder.revision == editing.revision and editing.mine is None:
        return
    texts, theirs = visit.texts, folder.draft
    with st.container(key="conflict", border=True):
        if theirs:
            said = texts["conflict.saved"].format(
                name=escape_markdown(theirs.author), time=write_moment(theirs.updated_at, visit.zone)
            )
        else:
            said = texts["conflict.gone"]
        st.warning(said, icon=":material/group:")
        show_difference(folder.text, editing.written, texts, heading=texts["conflict.diff"])
        with st.container(horizontal=True):
            if st.button(texts["conflict.mine"], key="save_over", icon=":material/save:"):
                text = editing.written
                editing.revision, editing.base, editing.mine = folder.revision, _find_base(folder), None
                save_and_tell(visit, office, editing, text, editing.source)
            if st.button(texts["conflict.theirs"], key="take_theirs", icon=":material/undo:"):
                begin_editing(folder, editing)
                st.rerun()


def show_fields(visit: Visit, office: Office, editing: Editing) -> None:
    """Let the simple fields be changed; each fault stands at its field."""
    texts = visit.texts
    data = read_data(editing.text)
    if data is None:
        st.info(texts["edit.no_fields"])
        return
    place = _choose_document(visit, editing, data)
    with st.form(f"fields {editing.assistant}", border=False, enter_to_submit=False):
        form = FieldForm(visit, editing, data)
        form.draw_texts(("title",), is_required=True)
        form.draw_texts(("description",), height=90)
        form.draw_texts(("greeting",), height=90)
        form.draw_lists(("examples",))
        form.draw_text(("prompt",), height=220, is_required=True)
        if place is not None:
            _draw_document(visit, office, form, place)
        form.draw_policy()
        _show_other_faults(visit, editing)
        is_sent = st.form_submit_button(texts["edit.save"], type="primary", icon=":material/save:")
    if is_sent:
        if not form.changes and editing.current == editing.text and editing.revision:
            st.info(texts["edit.unchanged"])
            return
        try:
            # The YAML may have been changed too, beside these fields, and not yet been saved.
            text = amend_all(editing.current, form.changes)
        except ValueError:
            st.error(texts["edit.broken_yaml"])
            return
        save_and_tell(visit, office, editing, text, "form")


def show_yaml(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    """Let the whole be changed as YAML; faults are named with their lines."""
    texts = visit.texts
    st.caption(texts["yaml.lead"])
    text = st.text_area(
        texts["yaml.label"],
        value=editing.shown,
        height=520,
        key=editing.yaml_key,
        label_visibility="collapsed",
    )
    editing.typed = str(text or "")
    for fault in editing.find_faults("yaml"):
        where = [texts["yaml.line"].format(line=fault.line)] if fault.line else []
        reason = translate(fault.reason, texts["language"])
        show_fault(texts["yaml.colon"].join([*where, *([fault.field] if fault.field else []), reason]))
    with st.container(horizontal=True):
        if st.button(texts["edit.save"], key="save_yaml", type="primary", icon=":material/save:"):
            save_and_tell(visit, office, editing, str(text or ""), "yaml")
        st.download_button(
            texts["yaml.export"],
            data=editing.current,
            file_name=f"{editing.assistant}.yaml",
            mime="application/yaml",
            icon=":material/download:",
            on_click="ignore",
            key="export_yaml",
        )
    uploaded = st.file_uploader(
        texts["yaml.import"], type=["yaml", "yml"], key=f"import {editing.assistant} {editing.turn}"
    )
    if uploaded is not None:
        taken = read_upload(visit, uploaded.getvalue())
        if taken is not None:
            begin_editing(folder, editing, taken)
            announce(texts["yaml.imported"])


def show_publication(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    """Compare what is written with what is in force; publish it, or discard the draft."""
    texts = visit.texts
    in_force = folder.newest.definition if folder.newest else ""
    _tell_newer(visit, editing, folder)
    is_changed = show_difference(in_force, editing.written, texts, heading=texts["publish.diff"])
    st.text_input(
        texts["edit.note"],
        value=folder.draft.note if folder.draft else "",
        max_chars=500,
        key=editing.note_key,
        help=texts["edit.note.help"],
    )
    with st.container(horizontal=True):
        is_asked = st.button(
            texts["publish.do"],
            key="publish",
            type="primary",
            icon=":material/publish:",
            disabled=not is_changed or not may(visit.account.role, "assistant.publish"),
        )
        is_over = folder.draft and st.button(
            texts["publish.discard"], key="discard", icon=":material/delete:"
        )
    if is_asked:
        _publish(visit, office, editing, folder)
    if is_over:
        _discard(visit, office, editing, folder)


def read_upload(visit: Visit, data: bytes) -> str | None:
    """Give an uploaded file's text, or say why it is none."""
    if len(data) > MAX_BYTES:
        st.error(visit.texts["yaml.too_large"])
        return None
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        st.error(visit.texts["yaml.not_utf8"])
        return None


def _publish(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    """Save what is not saved yet, then put it in force; over another's version only once it was shown."""
    if folder.base != editing.seen:
        editing.seen = folder.base
        st.rerun()
    revision: int | None = editing.revision
    if not folder.draft or editing.written != folder.draft.definition or editing.base != folder.base:
        editing.base = folder.base
        revision = save_text(visit, office, editing, editing.written, "yaml")
    if revision is None:
        st.rerun()
    editing.revision = revision
    note = str(st.session_state.get(editing.note_key, ""))
    version = attempt(visit, lambda: office.assistants.publish(folder.name, revision, note, visit.account))
    if version is not None:
        begin_editing(office.assistants.open_folder(folder.name, visit.account), editing)
        announce(visit.texts["publish.done"].format(version=version))


def _discard(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    def discard() -> bool:
        office.assistants.discard(folder.name, editing.revision, visit.account)
        return True

    if not attempt(visit, discard):
        return
    if not folder.newest and not folder.fault:
        # It never was more than this draft.
        st.switch_page(ASSISTANTS)
    begin_editing(office.assistants.open_folder(folder.name, visit.account), editing)
    announce(visit.texts["publish.discarded"])


def _tell_newer(visit: Visit, editing: Editing, folder: Folder) -> None:
    """Say that another version was published since the edit began."""
    newest = folder.newest
    if newest and newest.published_at and editing.base != newest.version:
        st.warning(
            visit.texts["publish.newer"].format(
                name=escape_markdown(newest.author),
                version=newest.version,
                time=write_moment(newest.published_at, visit.zone),
            ),
            icon=":material/group:",
        )


def _find_base(folder: Folder) -> int | None:
    return folder.draft.base_version if folder.draft else folder.base


def _choose_document(visit: Visit, editing: Editing, data: dict[str, Any]) -> int | None:
    """Let one of a writer's kinds of document be chosen; the others keep what they are."""
    documents = data.get("documents") or []
    if not documents:
        return None
    titles = [_name_document(document, visit.texts["language"]) for document in documents]
    chosen: int = st.selectbox(
        visit.texts["field.document"],
        range(len(documents)),
        format_func=lambda place: titles[place],
        key=f"document {editing.assistant} {editing.turn}",
        help=visit.texts["field.document.help"],
        persist_state="session",
    )
    return chosen


def _name_document(document: dict[str, Any], language: str) -> str:
    title = document.get("title")
    titles = title if isinstance(title, dict) else {}
    return str(titles.get(language) or next(iter(titles.values()), document.get("name", "?")))


def _draw_document(visit: Visit, office: Office, form: FieldForm, place: int) -> None:
    st.subheader(visit.texts["field.document.head"], anchor=False)
    names = [state.newest.name for state in office.templates.list_states()]
    form.draw_text(("documents", place, "instructions"), height=110)
    form.draw_texts(("documents", place, "subject"))
    form.draw_texts(("documents", place, "text"), height=320)
    form.draw_choice(("documents", place, "template"), names)


def _show_other_faults(visit: Visit, editing: Editing) -> None:
    """Say what is wrong with fields that are not drawn here."""
    drawn = ("title", "description", "greeting", "examples", "prompt", "policy")
    for fault in editing.find_faults("form"):
        if not any(fault.is_at(name) for name in drawn) and not _is_of_document(fault.field):
            reason = translate(fault.reason, visit.texts["language"])
            show_fault(f"{fault.field}{visit.texts['yaml.colon']}{reason}" if fault.field else reason)


def _is_of_document(field: str) -> bool:
    parts = field.split(".")
    return (
        parts[0] == "documents"
        and len(parts) > 2
        and parts[2] in ("instructions", "subject", "text", "template")
    )
