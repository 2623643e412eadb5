"""The box that makes a zip of PDFs while its bar moves, and hands it over."""

from __future__ import annotations

import streamlit as st

from apps.admin.exports import Archive, make_archive
from apps.admin.formats import write_number
from apps.admin.frame import Visit
from apps.admin.tables import Choice

_READY = "archive"


def show_archive_box(visit: Visit, choice: Choice, total: int) -> None:
    """Offer the PDFs of the chosen threads as one zip."""
    texts = visit.texts
    with st.container(key="archive_box", border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.html(
                f'<div class="g-box"><b>{texts["export.title"]}</b>'
                f"<span>{texts['export.lead'].format(total=write_number(total, texts))}</span></div>",
                width="stretch",
            )
            is_asked = st.button(texts["export.make"], icon=":material/folder_zip:", key="make_archive")
        if is_asked:
            st.session_state[_READY] = (choice.mark, _make(visit, choice))
        mark, archive = st.session_state.get(_READY, ("", None))
        if archive and mark == choice.mark and archive.path.exists():
            _hand_over(visit, archive)


def _make(visit: Visit, choice: Choice) -> Archive | None:
    texts = visit.texts
    bar = st.progress(0.0)

    def move(done: int, total: int) -> None:
        text = texts["export.progress"].format(
            done=write_number(done, texts), total=write_number(total, texts)
        )
        bar.progress(min(1.0, done / total), text=text)

    archive = make_archive(visit, choice.filter, move)
    bar.empty()
    if archive is None:
        st.info(texts["export.nothing"])
    return archive


def _hand_over(visit: Visit, archive: Archive) -> None:
    texts = visit.texts
    ready = texts["export.ready"].format(
        count=write_number(archive.threads, texts), size=write_number(archive.bytes / 1e6, texts, 1)
    )
    st.success(ready, icon=":material/check_circle:")
    if archive.failed:
        st.warning(texts["export.failed"].format(count=archive.failed))
    st.download_button(
        texts["export.download"],
        data=archive.open,
        file_name="threads.zip",
        mime="application/zip",
        icon=":material/download:",
        type="primary",
        on_click="ignore",
        key="download_archive",
    )
