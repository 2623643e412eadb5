"""A comparison of two texts as a table: one piece of escaped HTML."""

from __future__ import annotations

import html

import streamlit as st

from apps.admin.texts import Texts
from chatbot.workshop.differences import DiffLine, compare_texts, count_changes

_SIGNS = {"same": "", "added": "+", "removed": "−", "gap": "⋯"}


def show_difference(before: str, after: str, texts: Texts, *, heading: str) -> bool:
    """Show what changed from one text to another; tell whether anything did."""
    lines = compare_texts(before, after)
    if not lines:
        st.html(f'<p class="g-muted">{html.escape(texts["diff.none"])}</p>')
        return False
    added, removed = count_changes(lines)
    counted = texts["diff.count"].format(added=added, removed=removed)
    st.html(
        f'<div class="g-diff-head"><b>{html.escape(heading)}</b><span>{html.escape(counted)}</span></div>'
        f'<div class="g-diff"><table><caption class="g-sr">{html.escape(heading)}</caption>'
        f"<tbody>{''.join(map(_draw_line, lines))}</tbody></table></div>"
    )
    return True


def _draw_line(line: DiffLine) -> str:
    numbers = "".join(f"<td>{number or ''}</td>" for number in (line.before, line.after))
    sign = f'<td aria-label="{line.sign}">{_SIGNS[line.sign]}</td>'
    return f'<tr class="g-{line.sign}">{numbers}{sign}<td>{html.escape(line.text)}</td></tr>'
