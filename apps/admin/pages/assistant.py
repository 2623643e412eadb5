"""One assistant: its fields and its YAML, a trial, what publication would change, its versions."""

import html

import streamlit as st

from apps.admin.assistant_editor import show_conflict, show_fields, show_publication, show_yaml
from apps.admin.assistant_list import find_title, render_badges, render_facts
from apps.admin.assistant_trial import show_trial
from apps.admin.assistant_versions import show_versions
from apps.admin.editing import open_editing
from apps.admin.frame import ASSISTANTS, enter, explain_errors
from apps.admin.notices import show_announced
from apps.admin.services import get_office

with explain_errors():
    visit = enter()
    texts = visit.texts
    st.page_link(ASSISTANTS, label=texts["page.assistants"], icon=":material/arrow_back:")
    office = get_office()
    folder = office.assistants.open_folder(st.query_params.get("assistant", ""), visit.account)
    badges = render_badges(visit, folder)
    st.html(
        f'<div class="g-card"><h1 class="g-title">{html.escape(find_title(folder, texts))}</h1>{badges}</div>'
        f"{render_facts(visit, folder)}"
    )
    if folder.fault:
        st.html(f'<p class="g-fault">{html.escape(folder.fault)}</p>')
    if folder.is_withdrawn:
        st.info(texts["withdraw.is"])
    editing = open_editing(folder)
    show_announced()
    show_conflict(visit, office, editing, folder)
    names = ("fields", "yaml", "try", "publish", "versions")
    fields, yaml, trial, publication, versions = st.tabs([texts[f"tab.{name}"] for name in names], key="tabs")
    with fields:
        show_fields(visit, office, editing)
    with yaml:
        show_yaml(visit, office, editing, folder)
    with trial:
        show_trial(visit, office, editing)
    with publication:
        show_publication(visit, office, editing, folder)
    with versions:
        show_versions(visit, office, editing, folder)
