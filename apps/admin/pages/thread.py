"""One thread, read from the store as it is now: as the tester saw it, with what happened behind."""

import streamlit as st

from apps.admin.exports import make_pdf
from apps.admin.frame import THREADS, enter, explain_errors
from apps.admin.reading import read_thread
from apps.admin.thread_view import render_head, render_messages

with explain_errors():
    visit = enter()
    texts = visit.texts
    transcript = read_thread(visit, st.query_params.get("thread", ""))
    with st.container(key="thread_bar", horizontal=True, horizontal_alignment="distribute"):
        st.page_link(THREADS, label=texts["thread.back"], icon=":material/arrow_back:")
        if transcript:
            st.download_button(
                texts["thread.pdf"],
                data=lambda: make_pdf(visit, transcript),
                file_name=f"thread-{transcript.thread.thread_id}.pdf",
                mime="application/pdf",
                icon=":material/picture_as_pdf:",
                on_click="ignore",
                key="download_pdf",
            )
    if transcript:
        st.html(render_head(transcript, texts, visit.zone))
        st.html(render_messages(transcript, texts, visit.zone))
