"""The versions of an assistant: who wrote them, what changed, the way back, the end."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from apps.admin.diff_view import show_difference
from apps.admin.editing import Editing, begin_editing
from apps.admin.frame import Visit
from apps.admin.notices import announce, attempt
from apps.admin.services import Office
from apps.admin.tables import time_column
from chatbot.roles import may
from chatbot.store.versions import FILE, Version
from chatbot.workshop.assistants import Folder


def show_versions(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    """List the versions; compare any of them with the one in force or the one before it, and go back to it."""
    texts = visit.texts
    versions = office.assistants.list_versions(folder.name)
    if not versions:
        st.info(texts["versions.none"])
        return
    _show_table(visit, folder, versions)
    numbers = {version.version: version for version in versions}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            texts["versions.choose"],
            list(numbers),
            format_func=lambda number: _label(visit, numbers[number]),
            key=f"version {folder.name}",
        )
        against = st.segmented_control(
            texts["versions.against"],
            ["before", "now"],
            default="before",
            required=True,
            format_func=lambda name: texts[f"versions.{name}"],
            key=f"against {folder.name}",
        )
    version = numbers[chosen]
    if against == "now":
        before, after, heading = versions[0].definition, version.definition, texts["versions.diff_now"]
    else:
        earlier = numbers.get(chosen - 1)
        before, after = (earlier.definition if earlier else ""), version.definition
        heading = texts["versions.diff_before"]
    show_difference(before, after, texts, heading=heading.format(version=chosen))
    _offer_return(visit, office, editing, folder, version)
    if may(visit.account.role, "assistant.withdraw") and not folder.is_withdrawn:
        _offer_withdrawal(visit, office, editing, folder)


def name_author(visit: Visit, author: str) -> str:
    """Give an author's name for readers; a file has none of its own."""
    return visit.texts["author.file"] if author == FILE else author


def _show_table(visit: Visit, folder: Folder, versions: list[Version]) -> None:
    texts = visit.texts

    def name_state(version: Version) -> str:
        if version.version == folder.base:
            return texts["state.withdrawn" if folder.is_withdrawn else "state.in_force"]
        return "" if version.definition else texts["state.withdrawal"]

    st.dataframe(
        pd.DataFrame(
            {
                "version": [version.version for version in versions],
                "state": [name_state(version) for version in versions],
                "published_at": [version.published_at for version in versions],
                "author": [name_author(visit, version.author) for version in versions],
                "note": [version.note or "" for version in versions],
            }
        ),
        column_config={
            "version": st.column_config.NumberColumn(texts["column.version"], width="small"),
            "state": st.column_config.TextColumn(texts["column.state"], width="small"),
            "published_at": time_column(visit, texts["column.published_at"]),
            "author": st.column_config.TextColumn(texts["column.author"], width="small"),
            "note": st.column_config.TextColumn(texts["column.note"], width="large"),
        },
        hide_index=True,
        height="content" if len(versions) <= 10 else 388,
        key=f"versions {folder.name} {versions[0].version}",
        alt=texts["versions.title"],
    )


def _label(visit: Visit, version: Version) -> str:
    return visit.texts["versions.label"].format(
        version=version.version, name=name_author(visit, version.author)
    )


def _offer_return(visit: Visit, office: Office, editing: Editing, folder: Folder, version: Version) -> None:
    texts = visit.texts
    is_now = version.version == folder.base
    if is_now or not version.definition or not may(visit.account.role, "assistant.publish"):
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        note = st.text_input(texts["edit.note"], key=f"back note {folder.name}", max_chars=500)
        if not st.button(
            texts["versions.back"].format(version=version.version), key="roll_back", icon=":material/history:"
        ):
            return
    number = attempt(
        visit,
        lambda: office.assistants.roll_back(
            folder.name, version.version, editing.seen, str(note or ""), visit.account
        ),
    )
    if number is not None:
        begin_editing(office.assistants.open_folder(folder.name, visit.account), editing)
        announce(texts["versions.returned"].format(version=number, earlier=version.version))
    editing.seen = folder.base


def _offer_withdrawal(visit: Visit, office: Office, editing: Editing, folder: Folder) -> None:
    texts = visit.texts
    if not folder.newest:
        return
    with st.expander(texts["withdraw.title"], icon=":material/block:", key="withdraw_expander"):
        st.caption(texts["withdraw.lead"])
        note = st.text_input(texts["edit.note"], key=f"withdraw note {folder.name}", max_chars=500)
        is_sure = st.checkbox(
            texts["withdraw.sure"].format(name=folder.name), key=f"withdraw sure {folder.name}"
        )
        if not st.button(texts["withdraw.do"], disabled=not is_sure, key="withdraw", icon=":material/block:"):
            return
    done = attempt(
        visit,
        lambda: office.assistants.withdraw(folder.name, editing.seen, str(note or ""), visit.account),
    )
    if done is not None:
        begin_editing(office.assistants.open_folder(folder.name, visit.account), editing)
        announce(texts["withdraw.done"].format(name=folder.name))
