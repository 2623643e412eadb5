"""The cards with the figures of a range."""

from __future__ import annotations

import streamlit as st

from apps.admin.formats import write_milliseconds, write_number, write_share
from apps.admin.frame import Visit
from apps.admin.ranges import CUSTOM, Range
from chatbot.analytics import Latency, Totals


def show_totals(visit: Visit, span: Range, totals: Totals, previous: Totals) -> None:
    """Show what was asked and how it was answered, compared with the range before."""
    texts = visit.texts
    messages = totals.user_messages + totals.bot_messages
    with st.container(key="cards", horizontal=True):
        _show_count(visit, "threads", totals.threads, span, previous.threads)
        _show_count(visit, "messages", messages, span, previous.user_messages + previous.bot_messages)
        _show_count(visit, "testers", totals.testers, span, previous.testers)
        _show_part(visit, "answered", totals.answered, totals.bot_messages)
        _show_part(visit, "refused", totals.refused, totals.bot_messages)
        if totals.declined:
            _show_part(visit, "declined", totals.declined, totals.bot_messages)
        _show_part(visit, "failed", totals.failed, totals.bot_messages)
    st.html(f'<span class="g-sr">{texts["range.label"]}: {texts[f"range.{span.key}"]}</span>')


def show_latency(visit: Visit, latency: Latency) -> None:
    """Show how fast answers began and ended."""
    texts = visit.texts
    if not latency.answers:
        st.caption(texts["chart.latency.none"])
        return
    with st.container(key="latency", horizontal=True):
        for name, median, p95 in (
            ("first_token", latency.first_token_p50_ms, latency.first_token_p95_ms),
            ("total", latency.total_p50_ms, latency.total_p95_ms),
        ):
            st.metric(
                f"{texts[f'metric.{name}']}, {texts['metric.median']}",
                write_milliseconds(median, texts),
                delta=f"{texts['metric.p95']} {write_milliseconds(p95, texts)}",
                delta_color="off",
                delta_arrow="off",
            )


def _show_count(visit: Visit, name: str, count: int, span: Range, before: int) -> None:
    texts = visit.texts
    change = count - before
    delta, notes = None, [texts.get(f"metric.{name}.help", "")]
    if before and span.key != CUSTOM:
        delta = f"{'+' if change >= 0 else '−'}{write_share(abs(change), before, texts)}"
        notes.append(texts["metric.previous"].format(range=texts[f"range.{span.key}"]))
    st.metric(
        texts[f"metric.{name}"],
        write_number(count, texts),
        delta=delta,
        delta_color="off",
        delta_arrow="off",
        help=" ".join(filter(None, notes)) or None,
        border=True,
    )


def _show_part(visit: Visit, name: str, part: int, whole: int) -> None:
    texts = visit.texts
    st.metric(
        texts[f"metric.{name}"],
        write_number(part, texts),
        delta=write_share(part, whole, texts) if whole else None,
        delta_color="off",
        delta_arrow="off",
        help=texts.get(f"metric.{name}.help"),
        border=True,
    )
