"""Reading a tester's thread, and the record of who did."""

from __future__ import annotations

import streamlit as st

from apps.admin.formats import escape_markdown
from apps.admin.frame import Visit
from chatbot.roles import require
from chatbot.store.audit import add_entry
from chatbot.store.records import Transcript
from chatbot.store.threads import read_transcript

_READ = "threads_read"


def read_thread(visit: Visit, thread_id: str) -> Transcript | None:
    """Give a thread, or say that there is none; who read it is recorded once per session and thread."""
    texts, store = visit.texts, visit.services.store
    require(visit.account, "thread.read")
    if not thread_id:
        st.info(texts["thread.none"])
        return None
    transcript = store.read(read_transcript, thread_id)
    if transcript is None:
        st.warning(texts["thread.unknown"].format(thread_id=escape_markdown(thread_id[:60])))
        return None
    read: set[str] = st.session_state.setdefault(_READ, set())
    if thread_id not in read:
        store.write(add_entry, store.clock(), visit.account.username, "thread.read", thread_id)
        read.add(thread_id)
    return transcript
