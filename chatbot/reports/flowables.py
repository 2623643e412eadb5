"""What a report is made of: strips, bands of the page that are never torn, and Markdown set as strips.

A page break may fall between any two strips, so a code block, a table row or an answer of any length flows over
pages, while the bars and tints around it, which every strip carries, go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from markdown_it.token import Token

from chatbot import markup
from chatbot.reports.layout import Line, Run, Setter, Style

INK = "#1f2933"
MUTED = "#66727f"
ACCENT = "#0b6e6e"
RULE = "#d5dbe1"
TINT = "#f2f5f8"
CODE_TINT = "#f3f4f6"

BODY = Style(color=INK)
CODE = Style(size=8.2, mono=True, color="#24292f")
SMALL = Style(size=7.8, color=MUTED)
_HEADINGS = (14.0, 12.4, 11.2, 10.2, 9.8, 9.5)
_LINE_HEIGHT = 1.5
_LEAST_WIDTH = 140.0
_LEAST_COLUMN = 42.0
_PADDING = 4.0


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle: `x` from the left of the text area, `top` down from the strip's top, in points."""

    x: float
    top: float
    width: float
    height: float
    color: str
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Text:
    """A line at `x`, its baseline `baseline` points below the strip's top."""

    line: Line
    x: float
    baseline: float


@dataclass(frozen=True, slots=True)
class Strip:
    """A band of the page, `height` points high.

    `keeps_next`: not the last of its page; `is_gap`: dropped at the top of a page; `header`: strips drawn again
    above it where it begins a page.
    """

    height: float
    boxes: tuple[Box, ...] = ()
    texts: tuple[Text, ...] = ()
    keeps_next: bool = False
    is_gap: bool = False
    header: tuple[Strip, ...] = ()
    bookmark: str | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """Where strips are set: left edge, width, bars and tints that run along, the style of plain text."""

    x: float
    width: float
    boxes: tuple[Box, ...] = ()
    style: Style = BODY


@dataclass(slots=True)
class Story:
    """The strips of a document, written from top to bottom."""

    setter: Setter
    area: Area
    strips: list[Strip] = field(default_factory=list)
    _marker: Text | None = None

    @contextmanager
    def inside(
        self, *, indent: float = 0.0, right: float = 0.0, bar: str | None = None, tint: str | None = None,
        style: Style | None = None,
    ) -> Iterator[None]:  # fmt: skip
        """Set what follows further in, along a coloured bar or on a tint; deep nesting stops moving in."""
        outer = self.area
        boxes = outer.boxes
        if tint:
            boxes += (Box(outer.x, 0, outer.width, 0, tint),)
        if bar:
            boxes += (Box(outer.x, 0, 2.5, 0, bar),)
        width = outer.width - indent - right
        if width < _LEAST_WIDTH:
            indent, width = 0.0, outer.width
        self.area = Area(outer.x + indent, width, boxes, style or outer.style)
        yield
        self.area = outer

    def gap(self, height: float, *, keeps_next: bool = False) -> None:
        """Leave room, in points; it is dropped at the top of a page."""
        self.strips.append(Strip(height, self._sides(height), keeps_next=keeps_next, is_gap=True))

    def mark(self, run: Run, *, indent: float) -> None:
        """Set a list's marker beside the next line of text."""
        line = self.setter.wrap([run], 1000)[0]
        self._marker = Text(line, self.area.x + max(indent - line.width - 4.5, 0), 0)

    def text(self, runs: Iterable[Run], *, size: float | None = None, keeps_next: bool = False) -> None:
        """Set runs as lines of the area's width."""
        height = (size or self.area.style.size) * _LINE_HEIGHT
        lines = self.setter.wrap(runs, self.area.width)
        for number, line in enumerate(lines):
            # Neither the first nor the last line of a paragraph stands alone on a page.
            widowed = len(lines) > 1 and number in (0, len(lines) - 2)
            self._line(line, height, keeps_next=keeps_next or widowed)

    def code(self, text: str) -> None:
        """Set code on a tint, its lines as they are; what is too long goes on below, behind a small bar."""
        with self.inside(tint=CODE_TINT):
            self.strips.append(Strip(_PADDING, self._sides(_PADDING), keeps_next=True))
            with self.inside(indent=9, right=6):
                height = CODE.size * 1.42
                for line in self.setter.wrap([Run(text, CODE)], self.area.width, is_code=True):
                    mark = (
                        (Box(self.area.x - 4.5, 1, 1.2, height - 2, "#b6bec8"),) if line.is_continued else ()
                    )
                    self._line(line, height, boxes=mark)
            self.strips.append(Strip(_PADDING, self._sides(_PADDING)))

    def rule(self) -> None:
        """Draw a line across the area."""
        self.gap(4)
        self.strips.append(Strip(1, (*self._sides(1), Box(self.area.x, 0, self.area.width, 0.6, RULE))))
        self.gap(5)

    def markdown(self, source: str, citations: Collection[int] = ()) -> None:
        """Set Markdown, parsed as for the pages; `citations` are the numbers that may stand as marks."""
        _set_blocks(self, markup.parse(source, citations))

    def table(self, rows: Sequence[Sequence[Sequence[Run]]], *, aligned: Sequence[str] = ()) -> None:
        """Set a table whose first row is its header, repeated at the top of each page that it goes on to."""
        columns = max(map(len, rows))
        if columns * _LEAST_COLUMN > self.area.width:
            self._records(rows)
            return
        widths = self._column_widths(rows, columns)
        header: tuple[Strip, ...] = ()
        for number, row in enumerate(rows):
            self.setter.deadline.check()
            strips = self._row(row, widths, aligned, number=number, header=header)
            if number == 0:
                header = tuple(strips)
            self.strips += strips

    def add(self, strip: Strip) -> None:
        """Append a strip, with the bars and tints of the area behind it."""
        self.strips.append(replace(strip, boxes=(*self._sides(strip.height), *strip.boxes)))

    def _line(
        self, line: Line, height: float, *, keeps_next: bool = False, boxes: tuple[Box, ...] = ()
    ) -> None:
        x = self.area.x + (self.area.width - line.width if line.is_rtl else 0)
        baseline = height * 0.72
        texts: tuple[Text, ...] = (Text(line, x, baseline),)
        if self._marker:
            texts = (replace(self._marker, baseline=baseline), *texts)
            self._marker = None
        self.strips.append(Strip(height, (*self._sides(height), *boxes), texts, keeps_next))

    def _sides(self, height: float) -> tuple[Box, ...]:
        return tuple(replace(box, height=height) for box in self.area.boxes)

    def _column_widths(self, rows: Sequence[Sequence[Sequence[Run]]], columns: int) -> list[float]:
        """Give each column what its words need, then what its lines want, as far as there is room."""
        words, lines = [0.0] * columns, [0.0] * columns
        for row in rows:
            for column, cell in enumerate(row):
                word, line = self.setter.width(cell)
                words[column], lines[column] = max(words[column], word), max(lines[column], line)
        padding = 2 * _PADDING + 1
        least = [min(max(word, 16), self.area.width / columns * 1.2) + padding for word in words]
        wanted = [max(line + padding, low) for line, low in zip(lines, least, strict=True)]
        room = self.area.width
        if sum(wanted) <= room:
            return wanted
        if sum(least) >= room:
            return _squeeze(least, room)
        share = (room - sum(least)) / (sum(wanted) - sum(least))
        return [low + (want - low) * share for low, want in zip(least, wanted, strict=True)]

    def _row(
        self, row: Sequence[Sequence[Run]], widths: Sequence[float], aligned: Sequence[str], *,
        number: int, header: tuple[Strip, ...],
    ) -> list[Strip]:  # fmt: skip
        height = self.area.style.size * 1.42
        cells = [
            self.setter.wrap(cell, width - 2 * _PADDING) for cell, width in zip(row, widths, strict=False)
        ]
        count = max(map(len, cells))
        strips: list[Strip] = []
        for line_number in range(count):
            above = _PADDING if line_number == 0 else 0.0
            below = _PADDING if line_number == count - 1 else 0.0
            full = above + height + below
            boxes = [*self._sides(full), *self._grid(widths, full, number, line_number == 0, below > 0)]
            texts = []
            x = self.area.x
            for column, width in enumerate(widths):
                if column < len(cells) and line_number < len(cells[column]):
                    line = cells[column][line_number]
                    side = aligned[column] if column < len(aligned) else ""
                    room = width - 2 * _PADDING - line.width
                    shift = (
                        room
                        if side == "right" or (line.is_rtl and not side)
                        else room / 2
                        if side == "center"
                        else 0
                    )
                    texts.append(Text(line, x + _PADDING + shift, above + height * 0.74))
                x += width
            keeps = number == 0 or (count <= 6 and line_number < count - 1)
            strips.append(Strip(full, tuple(boxes), tuple(texts), keeps, header=header))
        return strips

    def _grid(
        self, widths: Sequence[float], height: float, number: int, is_first: bool, is_last: bool
    ) -> Iterator[Box]:
        total, x = sum(widths), self.area.x
        if number == 0:
            yield Box(x, 0, total, height, "#e8eef0")
        if number == 0 and is_first:
            yield Box(x, 0, total, 0.5, RULE)
        if is_last:
            yield Box(x, height - 0.5, total, 0.5, ACCENT if number == 0 else RULE)
        for width in (0.0, *widths):
            x += width
            yield Box(x - 0.25, 0, 0.5, height, RULE)

    def _records(self, rows: Sequence[Sequence[Sequence[Run]]]) -> None:
        """Set a table that is too wide for the page as a list: one line per cell, after its column's name."""
        for row in rows[1:]:
            with self.inside(indent=8, bar=RULE):
                for name, cell in zip(rows[0], row, strict=False):
                    self.text([*name, Run(": ", self.area.style), *cell])
            self.gap(4)


def _squeeze(widths: Sequence[float], room: float) -> list[float]:
    """Cut the widest columns down to one width, so that all have room and narrow ones keep theirs."""
    left, count = room, len(widths)
    cap = room
    for width in sorted(widths):
        cap = left / count
        if width > cap:
            break
        left, count = left - width, count - 1
    return [min(width, cap) for width in widths]


def _set_blocks(story: Story, tokens: Sequence[Token]) -> None:
    index = 0
    while index < len(tokens):
        token = tokens[index]
        end = markup.find_close(tokens, index)
        inner = tokens[index + 1 : end]
        if token.type == "heading_open":
            size = max(_HEADINGS[int(token.tag[1]) - 1], story.area.style.size)
            style = story.area.style.but(size=size, bold=True)
            story.gap(size * 0.45)
            story.text(list(_inline_runs(inner[0], style)), size=size * 0.93, keeps_next=True)
            story.gap(2, keeps_next=True)
        elif token.type == "paragraph_open":
            story.text(list(_inline_runs(inner[0], story.area.style)))
            story.gap(1 if token.hidden else 5)
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            _set_list(story, token, inner)
            story.gap(3)
        elif token.type == "blockquote_open":
            with story.inside(indent=11, bar="#b9c3cd", style=story.area.style.but(color="#4a5560")):
                _set_blocks(story, inner)
            story.gap(4)
        elif token.type in ("fence", "code_block"):
            story.code(token.content.removesuffix("\n"))
            story.gap(6)
        elif token.type == "hr":
            story.rule()
        elif token.type == "table_open":
            _set_table(story, inner)
            story.gap(6)
        index = end + 1


def _set_list(story: Story, opening: Token, tokens: Sequence[Token]) -> None:
    is_ordered = opening.type == "ordered_list_open"
    number = int(opening.attrGet("start") or 1) if is_ordered else 0
    last = number + sum(
        token.type == "list_item_open" and token.level == opening.level + 1 for token in tokens
    )
    indent = 15.0 if not is_ordered else max(17.0, 6.0 + 5.6 * len(f"{last}."))
    index = 0
    while index < len(tokens):
        end = markup.find_close(tokens, index)
        marker = f"{number}." if is_ordered else "•" if opening.level % 4 == 0 else "–"
        story.mark(Run(marker, story.area.style.but(color=ACCENT, bold=is_ordered)), indent=indent)
        with story.inside(indent=indent):
            if end == index + 1:
                story.text([Run("", story.area.style)])
            _set_blocks(story, tokens[index + 1 : end])
        number += 1
        index = end + 1


def _set_table(story: Story, tokens: Sequence[Token]) -> None:
    rows: list[list[list[Run]]] = []
    aligned: list[str] = []
    for index, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            style = story.area.style.but(size=story.area.style.size - 0.9, bold=token.type == "th_open")
            rows[-1].append(list(_inline_runs(tokens[index + 1], style)))
            if len(rows) == 1:
                aligned.append(str(token.attrGet("align") or ""))
    story.table(rows, aligned=aligned)


def _inline_runs(inline: Token, base: Style) -> Iterator[Run]:
    """Turn an inline token's children into runs; a link's address follows its text."""
    stack = [base]
    link, shown = "", ""
    changes = {"strong_open": {"bold": True}, "em_open": {"italic": True}, "s_open": {"strike": True}}
    for token in inline.children or ():
        style = stack[-1]
        if token.type in changes:
            stack.append(style.but(**changes[token.type]))
        elif token.type == "link_open":
            link, shown = str(token.attrGet("href") or ""), ""
            stack.append(style.but(color=ACCENT, underline=True))
        elif token.nesting < 0 and len(stack) > 1:
            stack.pop()
            if token.type == "link_close" and link.removeprefix("mailto:") != shown:
                yield Run(f" ({link})", stack[-1].but(size=base.size * 0.86, color=MUTED))
        elif token.type == "code_inline":
            shown += token.content
            yield Run(token.content, style.but(mono=True, size=style.size * 0.9, background="#eceff2"))
        elif token.type == "cite":
            yield Run(
                token.content,
                style.but(size=style.size * 0.72, rise=style.size * 0.3, color=ACCENT, bold=True),
            )
        elif token.type in ("softbreak", "hardbreak"):
            yield Run("\n" if token.type == "hardbreak" else " ", style)
        else:
            shown += token.content
            yield Run(token.content, style)
