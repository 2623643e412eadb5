"""The curves of an evaluation's report: what is found within k, what a threshold would refuse, how long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from itertools import pairwise

from chatbot.comparison import Comparison
from chatbot.outcomes import PASSAGES_JUDGED, Outcome, take_percentile
from chatbot.reports.charts import Axis, Line, Point, draw_histogram, draw_lines
from chatbot.reports.evaluation_words import Language, say, write_number, write_share

_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def draw_curves(outcomes: Sequence[Outcome], comparison: Comparison | None, language: Language) -> str:
    """Draw each curve that the run has the values for, as figures of HTML."""
    figures = [
        _draw_hits(outcomes, comparison, language),
        _draw_refusal(outcomes, language),
        _draw_times("curve_search", [outcome.retrieval_ms for outcome in outcomes], language),
        _draw_times("curve_answer", [outcome.total_ms for outcome in outcomes], language),
    ]
    return "".join(figures)


def trace_refusal(outcomes: Sequence[Outcome]) -> tuple[tuple[Point, ...], float] | None:
    """Give what a threshold on the best passage's score alone would refuse, and the area under that line.

    Returns:
        Points (share of answerable questions refused, share of others refused), from (0, 0) to (1, 1), and the
        area: the probability that an answerable question has a higher score than another. None where a score is
        missing or one of the two kinds.
    """
    scores: dict[bool, list[float]] = {True: [], False: []}
    for outcome in outcomes:
        score = outcome.passages[0].score if outcome.passages else 0.0
        if score is None:
            return None
        scores[outcome.question.out_of_scope].append(score)
    inside, outside = scores[False], scores[True]
    if not inside or not outside:
        return None
    points = [(0.0, 0.0)]
    for threshold in sorted({*inside, *outside}):
        refused = (sum(score <= threshold for score in kind) / len(kind) for kind in (inside, outside))
        points.append((next(refused), next(refused)))
    area = sum((right[0] - left[0]) * (right[1] + left[1]) / 2 for left, right in pairwise(points))
    return tuple(points), area


def _draw_hits(outcomes: Sequence[Outcome], comparison: Comparison | None, language: Language) -> str:
    words = partial(say, language=language)
    lines = [Line(_trace_hits(outcomes), "first", words("this_run"), dots=True)]
    if comparison and any(not outcome.question.out_of_scope for outcome in comparison.before):
        lines.insert(0, Line(_trace_hits(comparison.before), "second", words("earlier_run"), dots=True))
    if not lines[-1].points:
        return ""
    described = "; ".join(
        f"{line.name}: {', '.join(f'{k:.0f}: {write_share(share, language, 0)}' for k, share in line.points)}"
        for line in lines
    )
    drawing = draw_lines(
        words("curve_hits"),
        described,
        Axis(1, PASSAGES_JUDGED, tuple((float(k), str(k)) for k in range(1, 11)), words("curve_hits_x")),
        _share_axis("", language),
        lines,
    )
    keys = "".join(f'<span class="key key-{line.style}"></span>{escape(line.name)} ' for line in lines)
    return _frame(words("curve_hits"), drawing, f'<span class="keys">{keys}</span>' if len(lines) > 1 else "")


def _trace_hits(outcomes: Sequence[Outcome]) -> tuple[Point, ...]:
    inside = [outcome for outcome in outcomes if not outcome.question.out_of_scope]
    if not inside:
        return ()
    ks = range(1, PASSAGES_JUDGED + 1)
    return tuple((float(k), sum(outcome.is_within(k) for outcome in inside) / len(inside)) for k in ks)


def _draw_refusal(outcomes: Sequence[Outcome], language: Language) -> str:
    traced = trace_refusal([outcome for outcome in outcomes if not outcome.error_code])
    if traced is None:
        return ""
    points, area = traced
    words = partial(say, language=language)
    decided = [outcome for outcome in outcomes if not outcome.error_code]
    inside = [outcome.refused for outcome in decided if not outcome.question.out_of_scope]
    outside = [outcome.refused for outcome in decided if outcome.question.out_of_scope]
    point = (sum(inside) / len(inside), sum(outside) / len(outside))
    note = words("curve_refusal_note", area=write_number(area, language, 2))
    shares = ", ".join(write_share(share, language, 0) for share in point)
    drawing = draw_lines(
        words("curve_refusal"),
        f"{note} ({shares})",
        Axis(
            0,
            1,
            tuple((mark, write_share(mark, language, 0)) for mark in _QUARTERS),
            words("curve_refusal_x"),
        ),
        _share_axis(words("curve_refusal_y"), language),
        [
            Line(((0.0, 0.0), (1.0, 1.0)), "chance", ""),
            Line(points, "first", ""),
            Line((point,), "decided", words("operating_point")),
        ],
    )
    return _frame(words("curve_refusal"), drawing, escape(note))


def _draw_times(name: str, times: Sequence[float | None], language: Language) -> str:
    words = partial(say, language=language)
    taken = sorted(time for time in times if time is not None)
    if len(taken) < 2:
        return ""
    shown = ", ".join(
        f"p{share * 100:.0f} {write_number(take_percentile(taken, share) or 0, language, 1)}\u00a0ms"
        for share in (0.5, 0.95, 0.99)
    )
    drawing = draw_histogram(words(name), shown, taken, words("milliseconds"), words("questions"))
    note = f"{shown}; {words('curve_answer_note')}" if name == "curve_answer" else shown
    return _frame(words(name), drawing, escape(note))


def _share_axis(name: str, language: Language) -> Axis:
    return Axis(0, 1, tuple((mark, write_share(mark, language, 0)) for mark in _QUARTERS), name)


def _frame(title: str, drawing: str, note: str) -> str:
    under = f'<p class="under">{note}</p>' if note else ""
    return f"<figure><figcaption>{escape(title)}</figcaption>{drawing}{under}</figure>"
