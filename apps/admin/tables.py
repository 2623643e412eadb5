"""The tables: paged, sorted and searched by the log itself; a click on a row opens its thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from apps.admin.formats import write_number
from apps.admin.frame import THREAD, Visit, show_nothing
from apps.admin.ranges import ALL, Range, choose_range
from chatbot.analytics import SORTS, ThreadFilter, ThreadPage

SIZES = (25, 50, 100)
MAX_CHARACTERS = 240
STATUSES = {
    "complete": "green",
    "refused": "orange",
    "declined": "violet",
    "failed": "red",
    "interrupted": "gray",
    "stopped": "gray",
    "open": "gray",
}
_COLUMNS = ("title", "status", "last_at", "user_messages", "tester", "assistant")
_SORT = "threads_sort"
_PAGE = "threads_page"
_TURN = "threads_turn"


@dataclass(frozen=True, slots=True)
class Choice:
    """What the reader chose to see; `mark` is the same as long as the choice is, though time goes on."""

    filter: ThreadFilter
    mark: str


def choose_threads(visit: Visit) -> Choice:
    """Let the reader choose threads by range, words, assistant and outcome."""
    texts = visit.texts
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        span = choose_range(visit, key="threads", default="30d", has_all=True)
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            texts["filter.search"],
            placeholder=texts["filter.search.hint"],
            key="threads_search",
            icon=":material/search:",
            max_chars=200,
            persist_state="session",
        )
        assistant = _choose(visit, "assistant", visit.analytics.list_assistants(), lambda name: name)
        status = _choose(visit, "status", list(STATUSES), lambda name: texts[f"status.{name}"])
    chosen = ThreadFilter(
        start=None if span.key == ALL else span.start,
        end=None if span.key == ALL else span.end,
        assistant=assistant,
        status=status,
        search=search,
    )
    return Choice(chosen, _mark(span, chosen))


def show_threads(visit: Visit, choice: Choice) -> int:
    """Show the page of threads that the reader is on, and give how many there are in all."""
    texts = visit.texts
    sort, is_descending = st.session_state.get(_SORT, ("last_at", True))
    size = st.session_state.get("threads_size", SIZES[0])
    mark = f"{choice.mark} {sort} {is_descending} {size}"
    key = f"{_PAGE} {mark}"
    number = st.session_state.get(key) or _remembered_page(mark)

    def read(number: int) -> ThreadPage:
        return visit.analytics.list_threads(
            choice.filter, sort=sort, descending=is_descending, limit=size, offset=(number - 1) * size
        )

    page = read(number)
    if page.rows.empty and page.total:
        # Threads were erased meanwhile.
        number = -(-page.total // size)
        page = read(number)
    if not page.total:
        show_nothing(texts["empty.filter.title"], texts["empty.filter.body"])
        return 0
    st.html(f'<span class="g-muted">{texts["threads.hint"]}</span>')
    event = st.dataframe(
        _prepare(page.rows, visit),
        column_order=_COLUMNS,
        column_config=_describe_columns(visit, sort, is_descending),
        hide_index=True,
        height="content",
        row_height=38,
        on_select="rerun",
        selection_mode=["single-cell", "single-column"],
        key=_name_table("threads", page.rows),
        alt=texts["threads.table"],
    )
    st.session_state[_PAGE] = (mark, number)
    _show_pager(visit, key, number, page, size)
    _follow(event.selection, page.rows, sort, is_descending)
    return page.total


def show_unanswered(visit: Visit, rows: pd.DataFrame) -> None:
    """Show the newest questions that the documents did not answer."""
    if rows.empty:
        return
    texts = visit.texts
    shown = pd.DataFrame(
        {
            "question": _shorten(rows["question"]),
            "nearest": rows["nearest_heading"].fillna("–"),
            "asked_at": rows["asked_at"],
        }
    )
    with st.container(key="unanswered", border=True):
        st.subheader(texts["unanswered.title"], anchor=False)
        st.caption(texts["unanswered.lead"])
        event = st.dataframe(
            shown,
            column_config={
                "question": st.column_config.TextColumn(texts["column.question"], width="large"),
                "nearest": st.column_config.TextColumn(texts["column.nearest"], width="medium"),
                "asked_at": time_column(visit, texts["column.asked_at"]),
            },
            hide_index=True,
            on_select="rerun",
            selection_mode="single-cell",
            key=_name_table("unanswered", rows),
            alt=texts["unanswered.title"],
        )
    _open_selected(event.selection, rows)


def _name_table(name: str, rows: pd.DataFrame) -> str:
    """Name a table by its rows and the order last chosen.

    A table that is given other rows under its old name takes back what is clicked in it: Streamlit clears the
    selection in a second run, and that run overtakes the way to the thread.
    """
    return f"{name}_table {st.session_state.get(_TURN, 0)} {hash(tuple(rows['thread_id']))}"


def _choose(visit: Visit, name: str, options: list[str], write: Any) -> str | None:
    chosen: str | None = st.selectbox(
        visit.texts[f"filter.{name}"],
        ["", *options],
        format_func=lambda option: visit.texts[f"filter.any.{name}"] if not option else write(option),
        key=f"threads_{name}",
        persist_state="session",
    )
    return chosen or None


def _mark(span: Range, chosen: ThreadFilter) -> str:
    fixed = replace(chosen, start=None, end=None)
    return f"{span.key} {span.start.date()} {span.end.date()} {fixed!r}"


def _remembered_page(mark: str) -> int:
    """Give the page the reader was on; another choice begins at the first."""
    known, number = st.session_state.get(_PAGE, (mark, 1))
    return int(number) if known == mark else 1


def _prepare(rows: pd.DataFrame, visit: Visit) -> pd.DataFrame:
    labels = {name: [visit.texts[f"status.{name}"]] for name in STATUSES}
    return rows.assign(title=_shorten(rows["title"]).replace("", "–"), status=rows["status"].map(labels))


def _shorten(texts: pd.Series) -> pd.Series:
    """Put texts on one line, for the table sends them whole."""
    return texts.str.slice(0, MAX_CHARACTERS).str.replace(r"\s+", " ", regex=True).str.strip()


def _describe_columns(visit: Visit, sort: str, is_descending: bool) -> dict[str, Any]:
    texts = visit.texts

    def label(name: str) -> str:
        arrow = (" ↓" if is_descending else " ↑") if name == sort else ""
        return texts[f"column.{name}"] + arrow

    return {
        "title": st.column_config.TextColumn(label("title"), width=330),
        "status": st.column_config.MultiselectColumn(
            label("status"),
            options=[texts[f"status.{name}"] for name in STATUSES],
            color=list(STATUSES.values()),
            width=140,
        ),
        "last_at": time_column(visit, label("last_at")),
        "user_messages": st.column_config.NumberColumn(label("user_messages"), width=95),
        "tester": st.column_config.TextColumn(label("tester"), width=105),
        "assistant": st.column_config.TextColumn(label("assistant"), width=90),
    }


def time_column(visit: Visit, label: str) -> Any:
    """Describe a column of moments, in local time."""
    return st.column_config.DatetimeColumn(
        label, format="YYYY-MM-DD HH:mm", timezone=visit.zone.key, width=135, help=visit.zone.key
    )


def _show_pager(visit: Visit, key: str, number: int, page: ThreadPage, size: int) -> None:
    texts = visit.texts
    first = (number - 1) * size + 1
    count = texts["threads.count"].format(
        first=write_number(first, texts),
        last=write_number(first + len(page.rows) - 1, texts),
        total=write_number(page.total, texts),
    )
    with st.container(key="pager", horizontal=True, vertical_alignment="center"):
        st.html(f'<span class="g-muted">{count}</span>', width="stretch")
        st.selectbox(
            texts["threads.size"],
            SIZES,
            key="threads_size",
            label_visibility="collapsed",
            width=90,
            persist_state="session",
        )
        st.pagination(-(-page.total // size), default=number, key=key)


def _follow(selection: Any, rows: pd.DataFrame, sort: str, is_descending: bool) -> None:
    """Open the thread of a cell that was clicked; sort by a column whose head was."""
    _open_selected(selection, rows)
    if selection.columns and selection.columns[0] in SORTS:
        column = selection.columns[0]
        # A second click turns the order; words begin with A, times and numbers with the most.
        is_text = column in ("title", "tester", "assistant", "status")
        st.session_state[_SORT] = (column, not is_descending if column == sort else not is_text)
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
        st.rerun()


def _open_selected(selection: Any, rows: pd.DataFrame) -> None:
    if selection.cells:
        # The browser keeps what was clicked under the table's name: it must not count again on the way back.
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
        st.switch_page(THREAD, query_params={"thread": str(rows["thread_id"].iloc[selection.cells[0][0]])})
