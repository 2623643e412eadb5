"""Threads: all of them, a page at a time, by what is looked for; and their PDFs in one zip."""

import streamlit as st

from apps.admin.archive_box import show_archive_box
from apps.admin.frame import enter, explain_errors, show_log_title
from apps.admin.tables import choose_threads, show_threads

with explain_errors():
    visit = enter()
    show_log_title(visit, visit.texts["page.threads"])
    choice = choose_threads(visit)
    with st.container(key="threads"):
        total = show_threads(visit, choice)
    if total:
        show_archive_box(visit, choice, total)
