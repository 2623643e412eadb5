"""The charts: data frames in, Plotly figures out; colours come from the theme in `.streamlit/config.toml`."""

from __future__ import annotations

import html
from zoneinfo import ZoneInfo

import pandas as pd
import plotly.graph_objects as go

from apps.admin.formats import write_number, write_share
from apps.admin.texts import Texts

_HOUR_TICKS = [
    {"dtickrange": [None, 43_200_000], "value": "%H:%M\n%d/%m"},
    {"dtickrange": [43_200_000, None], "value": "%d/%m"},
]
# Seen as well on light ground as on dark.
_COLOURS = {"answered": "#2f877c", "refused": "#e09a35", "failed": "#dd5063", "threads": "#7b8a87"}
_HOURS_IN_BARS = 8 * 24
_MARGIN = {"l": 8, "r": 8, "t": 8, "b": 8}


def draw_usage(usage: pd.DataFrame, zone: ZoneInfo, texts: Texts) -> go.Figure:
    """Draw answers per hour by outcome, stacked, and threads per hour as a line.

    Args:
        usage: as `Analytics.usage_per_hour` gives it.
    """
    hours = usage["hour"].dt.tz_convert(zone).dt.tz_localize(None)
    answered = usage["bot_messages"] - usage["refused"] - usage["failed"]
    figure = go.Figure()
    for name, label, values in (
        ("answered", "chart.answered", answered),
        ("refused", "chart.refused", usage["refused"]),
        ("failed", "metric.failed", usage["failed"]),
    ):
        _add_layer(figure, hours, values, texts[label], _COLOURS[name])
    figure.add_scatter(
        x=hours,
        y=usage["threads"],
        name=texts["metric.threads"],
        mode="lines",
        line={"width": 1.4, "shape": "hvh", "color": _COLOURS["threads"]},
        # Over many days the line would only cover the bars: it comes by a click on its name.
        visible=True if len(usage) <= _HOURS_IN_BARS else "legendonly",
    )
    figure.update_layout(
        barmode="stack",
        bargap=0.15,
        height=300,
        margin=_MARGIN,
        hovermode="x unified",
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "title": None,
            "traceorder": "normal",
        },
    )
    figure.update_xaxes(tickformatstops=_HOUR_TICKS, hoverformat="%Y-%m-%d %H:%M", title=None)
    # Messages come whole: few of them would otherwise get halves on the axis.
    step = 1 if usage["bot_messages"].max() <= 5 else None
    figure.update_yaxes(rangemode="tozero", title=None, nticks=5, dtick=step)
    return figure


def draw_peaks(peaks: pd.DataFrame, texts: Texts) -> go.Figure:
    """Draw questions by weekday (Monday on top) and hour of the day.

    Args:
        peaks: as `Analytics.peak_hours` gives it.
    """
    grid = peaks.pivot(index="weekday", columns="hour", values="user_messages")
    hours = [str(hour) for hour in range(24)]
    figure = go.Figure(
        go.Heatmap(
            z=grid.to_numpy(),
            x=hours,
            y=texts["weekdays"].split(),
            xgap=2,
            ygap=2,
            showscale=False,
            hovertemplate=f"{texts['chart.hour']}<br><b>%{{z}}</b><extra></extra>",
        )
    )
    figure.update_layout(height=330, margin=_MARGIN)
    figure.update_xaxes(
        tickvals=hours[::3], type="category", tickangle=0, showgrid=False, title=None, fixedrange=True
    )
    figure.update_yaxes(autorange="reversed", showgrid=False, title=None, fixedrange=True)
    return figure


def draw_outcomes(outcomes: pd.DataFrame, texts: Texts) -> str:
    """Give how answers ended as labelled bars (HTML).

    Args:
        outcomes: as `Analytics.count_outcomes` gives it.
    """
    total = int(outcomes["answers"].sum())
    rows = "".join(
        _draw_bar(status, int(count), total, texts)
        for status, count in zip(outcomes["status"], outcomes["answers"], strict=True)
    )
    return f'<div class="g-bars">{rows}</div>'


def _add_layer(figure: go.Figure, hours: pd.Series, values: pd.Series, name: str, colour: str) -> None:
    """Add one outcome: bars, or beyond a week one outline of the same shape.

    A browser draws three outlines of 90 days at once, and 6,480 bars in a second and a half.
    """
    if len(hours) <= _HOURS_IN_BARS:
        figure.add_bar(x=hours, y=values, name=name, marker={"color": colour, "line": {"width": 0}})
        return
    figure.add_scatter(
        x=hours,
        y=values,
        name=name,
        mode="lines",
        stackgroup="answers",
        line={"width": 0, "shape": "hv", "color": colour},
        fillcolor=colour,
    )


def _draw_bar(status: str, count: int, total: int, texts: Texts) -> str:
    return (
        f'<div class="g-bar g-{status}"><span class="g-bar-name">{html.escape(texts[f"status.{status}"])}</span>'
        f'<span class="g-bar-count">{write_number(count, texts)}'
        f"<small>{write_share(count, total, texts)}</small></span>"
        f'<progress value="{count}" max="{max(total, 1)}" aria-hidden="true"></progress></div>'
    )
