"""What was done, said once after the page was drawn anew; what could not be done, said where it was asked for."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import TypeVar

import streamlit as st

from apps.admin.formats import escape_markdown
from apps.admin.frame import Visit
from chatbot.errors import BrokenTemplate, GuichetError
from chatbot.translation import translate, translate_fault, translate_place

T = TypeVar("T")
_SAID = "notice_said"


def announce(said: str) -> None:
    """Keep a sentence for the next drawing of a page, and draw it."""
    st.session_state[_SAID] = said
    st.rerun()


def show_announced() -> None:
    """Say what was done."""
    if said := st.session_state.pop(_SAID, ""):
        st.success(escape_markdown(said), icon=":material/check_circle:")


def attempt(visit: Visit, job: Callable[[], T]) -> T | None:
    """Do something, or say why it cannot be done; gives None then."""
    try:
        return job()
    except BrokenTemplate as error:
        show_broken(visit, error)
    except GuichetError as error:
        show_error(visit, error)
    return None


def show_error(visit: Visit, error: GuichetError) -> None:
    """Say what could not be done, in the reader's language."""
    lines = (translate_fault(line, visit.texts["language"]) for line in str(error).splitlines())
    st.error(escape_markdown("\n".join(lines)), icon=":material/error:")


def show_broken(visit: Visit, error: BrokenTemplate) -> None:
    """Say what is wrong with a template: the place in the file, the field, the remedy."""
    texts = visit.texts
    facts = [
        (texts["templates.file"], error.filename),
        (texts["templates.place"], translate_place(error.place, texts["language"])),
        (texts["templates.field"], error.field),
    ]
    rows = "".join(
        f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>"
        for name, value in facts
        if value
    )
    st.error(texts["templates.broken"], icon=":material/error:")
    fault = html.escape(translate(error.fault, texts["language"]))
    st.html(f'<dl class="g-facts g-broken">{rows}</dl><p class="g-fault">{fault}</p>')


def show_fault(sentence: str) -> None:
    """Say at a field what is wrong with it."""
    st.html(f'<p class="g-fault" role="alert">{html.escape(sentence)}</p>')
