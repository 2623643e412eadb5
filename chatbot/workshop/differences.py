"""What changed between two texts, line by line, ready to be shown."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

CONTEXT = 3


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison; `before` and `after` are its numbers in the two texts, from 1, None where it is not.

    A `gap` stands for lines that are the same in both.
    """

    sign: Literal["same", "added", "removed", "gap"]
    text: str = ""
    before: int | None = None
    after: int | None = None


def compare_texts(before: str, after: str, *, context: int = CONTEXT) -> list[DiffLine]:
    """Give the lines that were taken away and added, each change with some lines around it; empty where none is."""
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    lines: list[DiffLine] = []
    reached = 0
    for group in matcher.get_grouped_opcodes(context):
        if group[0][1] > reached:
            lines.append(DiffLine("gap"))
        reached = group[-1][2]
        for operation in group:
            lines.extend(_list_lines(operation, old, new))
    if lines and reached < len(old):
        lines.append(DiffLine("gap"))
    return lines


def count_changes(lines: list[DiffLine]) -> tuple[int, int]:
    """Give how many lines were added and removed."""
    return (
        sum(line.sign == "added" for line in lines),
        sum(line.sign == "removed" for line in lines),
    )


def _list_lines(
    operation: tuple[str, int, int, int, int], old: list[str], new: list[str]
) -> Iterator[DiffLine]:
    name, first_old, last_old, first_new, last_new = operation
    if name == "equal":
        for place in range(last_old - first_old):
            number = first_old + place
            yield DiffLine("same", old[number], number + 1, first_new + place + 1)
        return
    for number in range(first_old, last_old):
        yield DiffLine("removed", old[number], before=number + 1)
    for number in range(first_new, last_new):
        yield DiffLine("added", new[number], after=number + 1)
