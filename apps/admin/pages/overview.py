"""Overview: when the counter is used, how answers end, how fast they come, what the documents miss."""

import streamlit as st

from apps.admin.charts import draw_outcomes, draw_peaks, draw_usage
from apps.admin.frame import enter, explain_errors, show_log_title, show_nothing
from apps.admin.metrics import show_latency, show_totals
from apps.admin.ranges import choose_range
from apps.admin.tables import show_unanswered

with explain_errors():
    visit = enter()
    texts, analytics = visit.texts, visit.analytics
    show_log_title(visit, texts["page.overview"])
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        span = choose_range(visit, key="overview", default="24h")

    totals = analytics.count_totals(span.start, span.end)
    previous = analytics.count_totals(span.previous.start, span.previous.end)
    show_totals(visit, span, totals, previous)
    if not totals.user_messages and not totals.bot_messages:
        show_nothing(texts["empty.range.title"], texts["empty.range.body"])
        st.stop()

    with st.container(key="usage", border=True):
        st.subheader(texts["chart.usage"], anchor=False)
        st.plotly_chart(
            draw_usage(analytics.usage_per_hour(span.start, span.end), visit.zone, texts),
            key="usage_chart",
            config={"displayModeBar": False},
            alt=texts["chart.usage.alt"],
        )
    left, right = st.columns([3, 2])
    with left.container(key="peaks", border=True, height="stretch"):
        st.subheader(texts["chart.peaks"], anchor=False)
        st.caption(texts["chart.peaks.lead"].format(zone=visit.zone.key))
        st.plotly_chart(
            draw_peaks(analytics.peak_hours(span.start, span.end, visit.zone.key), texts),
            key="peaks_chart",
            config={"displayModeBar": False},
            alt=texts["chart.peaks.alt"],
        )
    with right.container(key="ends", border=True, height="stretch"):
        st.subheader(texts["chart.outcomes"], anchor=False)
        st.html(draw_outcomes(analytics.count_outcomes(span.start, span.end), texts))
        st.subheader(texts["chart.latency"], anchor=False)
        show_latency(visit, analytics.measure_latency(span.start, span.end))
    show_unanswered(visit, analytics.list_unanswered(span.start, span.end, limit=20))
