"""The report of an evaluation: one HTML file that opens from disk, without any network.

Questions, passages and answers are hostile. What the server writes is escaped; the rows are data that the page's own
script shows as text; answers pass the one sanitizer. A policy in the file itself lets no script run but that one, by
its hash, and loads nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from chatbot.comparison import DIRECTIONS, Comparison
from chatbot.outcomes import VERDICTS, Outcome
from chatbot.reports.charts import draw_shares
from chatbot.reports.evaluation_curves import draw_curves
from chatbot.reports.evaluation_rows import describe_rows
from chatbot.reports.evaluation_words import Language, list_words, say, write_number, write_share

SURE = 0.05
_ASSETS = Path(__file__).parent / "assets"
# Figures of which less is better.
_COSTS = {"refused_in_scope", "failed", "prompt_tokens_mean", "retrieval_ms_p50", "retrieval_ms_p95"}
_TILES = (
    "hit@5",
    "hit@1",
    "mrr@10",
    "answer_contains",
    "refused_in_scope",
    "refused_out_of_scope",
)
_PLAIN = {"mrr@10", "failed", "prompt_tokens_mean", "retrieval_ms_p50", "retrieval_ms_p95"}


@dataclass(frozen=True, slots=True)
class Heading:
    """What was evaluated and when; `questions` and `knowledge` are names, `model` is empty for the offline one."""

    questions: str
    knowledge: str
    model: str
    language: Language
    created_at: datetime


def render_report(
    outcomes: Sequence[Outcome],
    summary: dict[str, Any],
    heading: Heading,
    comparison: Comparison | None = None,
) -> str:
    """Lay the report out.

    Args:
        outcomes: at least one, in the questions' order.
        summary: the JSON document of the run.
        comparison: with an earlier run, if there is one.
    """
    language = heading.language
    words = partial(say, language=language)
    style, script = _read_asset("evaluation.css"), _read_asset("evaluation.js")
    data = {
        "language": language,
        "words": list_words(language),
        "verdicts": VERDICTS,
        "directions": DIRECTIONS if comparison else (),
        **describe_rows(outcomes, comparison),
    }
    return Template(_read_asset("evaluation.html")).substitute(
        language=language,
        policy=_write_policy(style, script),
        style=style,
        script=script,
        title=f"{escape(words('title'))} · {escape(heading.questions)}",
        head=_write_head(summary, heading, outcomes, comparison),
        notes=_write_notes(summary, comparison, language),
        figures_title=words("figures"),
        tiles="".join(_write_tiles(summary, outcomes, comparison, language)),
        interval_note=words("interval_note"),
        verdicts_title=words("verdicts"),
        verdicts=_write_verdicts(outcomes, language),
        changes=_write_changes(comparison, language) if comparison else "",
        curves_title=words("curves"),
        curves=draw_curves(outcomes, comparison, language),
        rows_title=words("every_question"),
        no_script=words("no_script"),
        data=_write_data(data),
    )


def _read_asset(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")


def _write_policy(style: str, script: str) -> str:
    allowed = "; ".join(
        f"{kind}-src '{_hash(text)}'" for kind, text in (("style", style), ("script", script))
    )
    return f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'"


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _write_data(data: dict[str, Any]) -> str:
    """Write JSON that no text in it can end: within `<script>` only `<` begins anything."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _write_head(
    summary: dict[str, Any], heading: Heading, outcomes: Sequence[Outcome], comparison: Comparison | None
) -> str:
    language = heading.language
    words = partial(say, language=language)
    asked = words(
        "asked_on",
        count=write_number(summary["questions"], language),
        set=heading.questions,
        date=f"{heading.created_at:%Y-%m-%d %H:%M %Z}",
    )
    index = next((outcome.index_version for outcome in outcomes if outcome.index_version), None)
    passages = words("passages_count", count=write_number(summary["passages"], language))
    facts = [
        (words("documents"), f"{heading.knowledge}, {passages}"),
        (words("model"), heading.model or words("offline")),
        *([(words("index"), index)] if index else []),
        *([(words("baseline"), comparison.baseline)] if comparison else []),
    ]
    listed = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    return (
        f'<p class="brand">Guichet</p><h1>{escape(words("title"))}</h1><p class="lead">{escape(asked)}</p>'
        f'<dl class="facts">{listed}</dl>'
    )


def _write_notes(summary: dict[str, Any], comparison: Comparison | None, language: Language) -> str:
    notes = []
    if summary.get("stopped"):
        notes.append(say("stopped", language, reason=summary["stopped"], count=summary["not_asked"]))
    if comparison and (comparison.only_here or comparison.only_before or comparison.reworded):
        notes.append(
            say(
                "mismatch",
                language,
                here=comparison.only_here,
                before=comparison.only_before,
                reworded=comparison.reworded,
                shared=comparison.shared,
            )
        )
    return "".join(f'<p class="note" role="note">{escape(note)}</p>' for note in notes)


def _write_tiles(
    summary: dict[str, Any], outcomes: Sequence[Outcome], comparison: Comparison | None, language: Language
) -> list[str]:
    words = partial(say, language=language)

    def tile(name: str, title: str, value: str, note: str) -> str:
        change = _write_change(name, comparison, language)
        return (
            f'<li class="tile"><h3>{escape(title)}</h3><p><span class="value">{escape(value)}</span>{change}</p>'
            f'<p class="under">{escape(note)}</p></li>'
        )

    tiles = []
    for name in _TILES:
        value, interval = summary.get(name), summary["intervals_95"].get(name)
        note = words("none_asked")
        if interval:
            low, high = (_write_value(name, end, language, digits=0) for end in interval)
            note = words("interval", low=low, high=high)
        if "refused_near" in summary and "refused_far" in summary and name == "refused_out_of_scope":
            near, far = (write_share(summary[key], language, 0) for key in ("refused_near", "refused_far"))
            note = f"{note} · {words('near_far', near=near, far=far)}"
        tiles.append(tile(name, words(name), _write_value(name, value, language), note))
    of = words("of_questions", count=write_number(summary["questions"], language))
    tiles.append(tile("failed", words("failed"), write_number(summary["failed"], language), of))
    tokens = summary["prompt_tokens_mean"]
    share = write_share(
        tokens / summary["knowledge_tokens"] if summary["knowledge_tokens"] else None, language, 2
    )
    note = words("tokens_note", share=share)
    if summary["cost_usd"] is not None:
        note = f"{note} · {words('cost', cost=write_number(summary['cost_usd'], language, 4))}"
    tiles.append(tile("prompt_tokens_mean", words("tokens"), write_number(tokens, language), note))
    if summary["retrieval_ms_p50"] is not None:
        note = words("search_note", ms=write_number(summary["retrieval_ms_p95"], language, 1))
        value = f"{write_number(summary['retrieval_ms_p50'], language, 1)}\u00a0ms"
        tiles.append(tile("retrieval_ms_p50", words("search_time"), value, note))
    count, longest = (write_number(summary[name], language) for name in ("passages", "longest_passage"))
    seconds = f"{write_number(summary['index_seconds'], language, 1)}\u00a0s"
    tiles.append(tile("", words("indexing"), seconds, words("indexing_note", count=count, longest=longest)))
    return tiles


def _write_change(name: str, comparison: Comparison | None, language: Language) -> str:
    change = comparison.figures.get(name) if comparison else None
    if change is None or change.difference is None:
        return ""
    mood = (
        "same" if not change.difference else "good" if (change.difference > 0) != (name in _COSTS) else "bad"
    )
    # No colour for what may well be chance.
    mood = "unsure" if change.difference and change.p is not None and change.p >= SURE else mood
    arrow = "±" if mood == "same" else "▲" if change.difference > 0 else "▼"
    shown = "0" if mood == "same" else _write_step(name, abs(change.difference), language)
    return f' <span class="change {mood}">{arrow}\u00a0{escape(shown)}</span>'


def _write_value(name: str, value: float | None, language: Language, digits: int = 1) -> str:
    if value is None:
        return "–"
    if name in _PLAIN:
        is_whole = name in ("failed", "prompt_tokens_mean")
        return write_number(value, language, 0 if is_whole else 3 if name == "mrr@10" and digits else 2)
    return write_share(value, language, digits)


def _write_step(name: str, step: float, language: Language) -> str:
    """Write the size of a change; that of a share is in points, for a percentage of a percentage says another thing."""
    if name in _PLAIN:
        return _write_value(name, step, language)
    return say("points", language, value=write_number(100 * step, language, 1)).replace(" ", "\u00a0")


def _write_verdicts(outcomes: Sequence[Outcome], language: Language) -> str:
    counts = Counter(outcome.verdict for outcome in outcomes)
    shares = [(verdict, say(verdict, language), counts[verdict]) for verdict in VERDICTS]
    named = ", ".join(f"{name} {count}" for _, name, count in shares if count)
    keys = "".join(
        f'<li><span class="key key-{verdict}"></span>{escape(name)} <b>{write_number(count, language)}</b></li>'
        for verdict, name, count in shares
        if count
    )
    return f'{draw_shares(say("verdicts", language), named, shares)}<ul class="legend">{keys}</ul>'


def _write_changes(comparison: Comparison, language: Language) -> str:
    words = partial(say, language=language)
    counts: dict[str, object] = {name: len(comparison.list_changes(name)) for name in DIRECTIONS}
    lead = say("changes_lead", language, shared=comparison.shared, **counts)
    head = "".join(
        f'<th scope="col">{escape(words(name))}</th>'
        for name in ("figure", "before", "after", "difference", "gained_lost", "chance")
    )
    rows = []
    for name, change in comparison.figures.items():
        values = [
            _write_value(name, change.before, language),
            _write_value(name, change.after, language),
            "–"
            if change.difference is None
            else f"{'+' if change.difference > 0 else '−' if change.difference < 0 else '±'}"
            f"{_write_step(name, abs(change.difference), language)}",
            "" if change.gained is None else f"{change.gained} / {change.lost}",
            "" if change.p is None else write_number(change.p, language, 3),
        ]
        mark = ' class="sure"' if change.p is not None and change.p < SURE else ""
        cells = "".join(f"<td>{escape(value)}</td>" for value in values)
        rows.append(f'<tr{mark}><th scope="row"><code>{escape(name)}</code></th>{cells}</tr>')
    return (
        f'<section aria-labelledby="changes"><h2 id="changes">{escape(words("changes"))}</h2><p>{escape(lead)}</p>'
        f'<div class="wide" tabindex="0" role="region" aria-labelledby="changes"><table><thead><tr>{head}</tr></thead>'
        f'<tbody>{"".join(rows)}</tbody></table></div><p class="under">{escape(words("chance_note"))}</p></section>'
    )
