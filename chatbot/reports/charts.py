"""Charts as SVG that stands in a page: coloured by the page's classes, named and described for those who do not see."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 380, 236
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 14, 44
_BINS = 24

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its ends, the places of its marks with their words, and its name."""

    low: float
    high: float
    marks: tuple[tuple[float, str], ...]
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points; `style` is a class of the page's; `dots` marks every point."""

    points: tuple[Point, ...]
    style: str
    name: str
    dots: bool = False


def draw_lines(title: str, description: str, x: Axis, y: Axis, lines: Sequence[Line]) -> str:
    """Draw lines over two axes; a line of one point is drawn as that point."""
    parts = []
    for line in lines:
        places = [(_place_x(x, px), _place_y(y, py)) for px, py in line.points]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in places)
        if len(places) > 1:
            parts.append(f'<polyline class="line {line.style}" points="{path}"/>')
        if line.dots or len(places) == 1:
            radius = 5 if len(places) == 1 else 3
            parts += [
                f'<circle class="dot {line.style}" cx="{px:.1f}" cy="{py:.1f}" r="{radius}"><title>'
                f"{escape(line.name)}: {point[0]:g}, {point[1]:.3g}</title></circle>"
                for (px, py), point in zip(places, line.points, strict=True)
            ]
    return _frame(title, description, x, y, "".join(parts))


def draw_histogram(title: str, description: str, values: Sequence[float], x_name: str, y_name: str) -> str:
    """Draw how values spread from 0 to their 99th percentile; the last bar takes what lies beyond."""
    ordered = sorted(values)
    high = _round_up(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] or 1.0)
    counts = [0] * _BINS
    for value in ordered:
        counts[min(_BINS - 1, int(value / high * _BINS))] += 1
    x = Axis(0, high, tuple((high * k / 4, f"{high * k / 4:g}") for k in range(5)), x_name)
    top = _round_up(max(counts))
    y = Axis(0, top, tuple((top * k / 2, f"{top * k / 2:g}") for k in range(3)), y_name)
    width = (WIDTH - _LEFT - _RIGHT) / _BINS
    bars = []
    for place, count in enumerate(counts):
        if count:
            above = _place_y(y, count)
            ends = f"{high * place / _BINS:.3g}–{high * (place + 1) / _BINS:.3g}"
            ends = f"≥ {high * place / _BINS:.3g}" if place == _BINS - 1 else ends
            bars.append(
                f'<rect class="bar" x="{_LEFT + place * width + 0.5:.1f}" y="{above:.1f}" width="{width - 1:.1f}" '
                f'height="{HEIGHT - _BOTTOM - above:.1f}" rx="1.5"><title>{ends}: {count}</title></rect>'
            )
    return _frame(title, description, x, y, "".join(bars))


def draw_shares(title: str, description: str, shares: Sequence[tuple[str, str, int]]) -> str:
    """Draw one bar cut into shares.

    Args:
        shares: style, name and count of each; those of none are left out.
    """
    total = sum(count for _, _, count in shares) or 1
    parts, start = [], 0.0
    for style, name, count in shares:
        if count:
            width = 100 * count / total
            parts.append(
                f'<rect class="fill-{style}" x="{start:.3f}%" width="{width:.3f}%" height="18">'
                f"<title>{escape(name)}: {count}</title></rect>"
            )
            start += width
    return (
        f'<svg class="shares" role="img" aria-label="{escape(f"{title}: {description}")}" width="100%" height="18">'
        f"{''.join(parts)}</svg>"
    )


def _frame(title: str, description: str, x: Axis, y: Axis, drawing: str) -> str:
    bottom, right = HEIGHT - _BOTTOM, WIDTH - _RIGHT
    parts = [f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"]
    for value, words in y.marks:
        place = _place_y(y, value)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{place:.1f}" y2="{place:.1f}"/>')
        parts.append(f'<text class="mark end" x="{_LEFT - 7}" y="{place + 4:.1f}">{escape(words)}</text>')
    for value, words in x.marks:
        parts.append(
            f'<text class="mark middle" x="{_place_x(x, value):.1f}" y="{bottom + 17}">{escape(words)}</text>'
        )
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
    parts.append(
        f'<text class="name middle" x="{(_LEFT + right) / 2}" y="{HEIGHT - 8}">{escape(x.name)}</text>'
    )
    if y.name:
        middle = (_TOP + bottom) / 2
        parts.append(
            f'<text class="name middle" transform="rotate(-90 11 {middle})" x="11" y="{middle}">{escape(y.name)}</text>'
        )
    return (
        f'<svg class="chart" role="img" aria-label="{escape(f"{title}. {description}")}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}">{"".join(parts)}{drawing}</svg>'
    )


def _place_x(axis: Axis, value: float) -> float:
    return _LEFT + (value - axis.low) / (axis.high - axis.low) * (WIDTH - _LEFT - _RIGHT)


def _place_y(axis: Axis, value: float) -> float:
    return HEIGHT - _BOTTOM - (value - axis.low) / (axis.high - axis.low) * (HEIGHT - _TOP - _BOTTOM)


def _round_up(value: float) -> float:
    """Give the next number of 1, 2, 4, 5 or 8 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in (1, 2, 4, 5, 8, 10) if step * power >= value * (1 - 1e-9))
    return step * power
