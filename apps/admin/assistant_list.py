"""The list of assistants as cards, and how a new one begins."""

from __future__ import annotations

import html
from pathlib import PurePath
from typing import get_args

import streamlit as st

from apps.admin.assistant_editor import read_upload
from apps.admin.assistant_versions import name_author
from apps.admin.formats import write_moment
from apps.admin.frame import ASSISTANT, Visit, show_blank
from apps.admin.notices import attempt
from apps.admin.services import Office
from apps.admin.texts import Texts
from chatbot.assistants.definition import Kind
from chatbot.assistants.texts import say
from chatbot.roles import may
from chatbot.translation import translate_fault
from chatbot.workshop.assistants import Folder


def show_assistants(visit: Visit, office: Office) -> None:
    """Show every assistant as a card that leads to its editor."""
    folders = office.assistants.list_folders()
    if not folders:
        show_blank(visit.texts["assistants.none"], visit.texts["assistants.none.body"], icon="smart_toy")
        return
    with st.container(key="assistants"):
        for folder in folders:
            _show_card(visit, folder)


def offer_new(visit: Visit, office: Office) -> None:
    """Let a new assistant be begun, from a pattern or from a file."""
    texts = visit.texts
    if not may(visit.account.role, "assistant.edit"):
        return
    with (
        st.expander(texts["assistants.new"], icon=":material/add:", key="new_expander"),
        st.form("new_assistant", border=False),
    ):
        name = st.text_input(
            texts["assistants.name"], max_chars=40, help=texts["assistants.name.help"], key="new_name"
        )
        kind: Kind = st.selectbox(
            texts["assistants.kind"],
            get_args(Kind),
            format_func=lambda kind: texts[f"kind.{kind}"],
            key="new_kind",
        )
        if st.form_submit_button(texts["assistants.begin"], type="primary"):
            wanted = str(name or "").strip()
            begun = attempt(visit, lambda: office.assistants.begin(wanted, kind, visit.account))
            if begun:
                open_assistant(wanted)
    with st.expander(texts["assistants.import"], icon=":material/upload_file:", key="import_expander"):
        uploaded = st.file_uploader(texts["assistants.import.file"], type=["yaml", "yml"], key="import_file")
        if uploaded is None:
            return
        with st.form("import_assistant", border=False):
            stem = PurePath(uploaded.name).stem.lower()
            name = st.text_input(
                texts["assistants.name"], value=stem[:40], max_chars=40, key=f"import_name {stem}"
            )
            is_sent = st.form_submit_button(texts["assistants.import.do"], type="primary")
        text = read_upload(visit, uploaded.getvalue()) if is_sent else None
        wanted = str(name or "").strip()
        if text is not None and attempt(
            visit, lambda: office.assistants.take_in(wanted, text, visit.account)
        ):
            open_assistant(wanted)


def open_assistant(name: str) -> None:
    """Go to an assistant's editor."""
    st.switch_page(ASSISTANT, query_params={"assistant": name})


def render_facts(visit: Visit, folder: Folder) -> str:
    """Give kind, version, author and time of what is in force."""
    texts, newest = visit.texts, folder.newest
    facts = [(texts["assistants.key"], folder.name)]
    if folder.definition:
        facts.append((texts["assistants.kind"], texts[f"kind.{folder.definition.kind}"]))
    if newest and newest.published_at:
        facts += [
            (texts["column.version"], str(newest.version)),
            (texts["column.author"], name_author(visit, newest.author)),
            (texts["column.published_at"], write_moment(newest.published_at, visit.zone)),
        ]
    rows = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in facts
    )
    return f'<dl class="g-facts">{rows}</dl>'


def render_badges(visit: Visit, folder: Folder) -> str:
    """Give what is special: a draft, a fault of the file, out of use."""
    texts = visit.texts
    badges = []
    if folder.fault:
        badges.append(("failed", texts["state.fault"]))
    if folder.is_withdrawn:
        badges.append(("stopped", texts["state.withdrawn"]))
    elif not folder.definition and not folder.fault:
        badges.append(("stopped", texts["state.new"]))
    if folder.draft:
        said = texts["state.draft"].format(
            name=folder.draft.author, time=write_moment(folder.draft.updated_at, visit.zone)
        )
        badges.append(("refused", said))
    return "".join(f'<span class="g-badge g-{kind}">{html.escape(said)}</span>' for kind, said in badges)


def find_title(folder: Folder, texts: Texts) -> str:
    """Give an assistant's name for readers, or the one it is known by."""
    return say(folder.title, texts["language"]) or folder.name


def _show_card(visit: Visit, folder: Folder) -> None:
    texts = visit.texts
    description = say(folder.definition.description, texts["language"]) if folder.definition else ""
    with st.container(key=f"card_{folder.name}", border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            badges = render_badges(visit, folder)
            st.html(
                f'<div class="g-card"><b>{html.escape(find_title(folder, texts))}</b>{badges}</div>',
                width="content",
            )
            st.page_link(
                ASSISTANT,
                label=texts["assistants.open"],
                icon=":material/edit:",
                query_params={"assistant": folder.name},
            )
        lead = f'<p class="g-muted">{html.escape(description)}</p>' if description else ""
        fault = (
            f'<p class="g-fault">{html.escape(_say_fault(visit, folder.fault))}</p>' if folder.fault else ""
        )
        st.html(f"{lead}{render_facts(visit, folder)}{fault}")


def _say_fault(visit: Visit, fault: str) -> str:
    return "\n".join(translate_fault(line, visit.texts["language"]) for line in fault.splitlines())
