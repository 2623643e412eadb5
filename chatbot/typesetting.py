"""Units set as Markdown: pieces in reading order, each with its citation, none that breaks the next."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from chatbot.evidence import Candidate
from chatbot.excerpts import Unit
from chatbot.prose import cut_prose

# Leaves room for a table's head or a tab's name, the citation, and the count of lines left out.
LONGEST_UNIT = 620
LINES_LEFT_OUT = {
    "en": "… {count} more lines in the document",
    "fr": "… encore {count} lignes dans le document",
}
ONE_LINE_LEFT_OUT = {"en": "… one more line in the document", "fr": "… encore une ligne dans le document"}
_LONGEST_HEAD = 250
_FENCE_IN_ITEM = re.compile(r"\n\s*(?:```|~~~)")


def set_units(
    chosen: Sequence[int], candidates: Sequence[Candidate], numbers: Sequence[int], language: str
) -> str:
    """Write the chosen units in the order given.

    Args:
        chosen: positions among the candidates.
        numbers: of the passages, by which they are cited.
        language: the reader's, for the line that counts what is left out of a long block of code.
    """
    pieces: list[str] = []
    label = ("", -1)
    for run in _group_runs(chosen, candidates):
        first = candidates[run[0]]
        named = first.unit.label
        if label[1] != first.passage and not named and first.unit.kind != "sentence":
            # A list, a row or code at the head of a quote says too little without its section's heading.
            named = first.title
        if named and (named, first.passage) != label:
            pieces.append(f"**{named.strip('* ')}**")
        label = (named, first.passage)
        text = _join_units([(index, candidates[index].unit) for index in run], language)
        pieces.append(_cite(text, numbers[first.passage]))
    return "\n\n".join(pieces)


def _group_runs(chosen: Sequence[int], candidates: Sequence[Candidate]) -> list[list[int]]:
    """Group the units that are quoted as one piece: of one block, or an announcement and what it announces."""
    runs: list[list[int]] = [[chosen[0]]] if chosen else []
    for before, index in pairwise(chosen):
        first, second = candidates[before], candidates[index]
        is_same_piece = (
            first.passage == second.passage
            and first.unit.label == second.unit.label
            and (
                first.unit.block == second.unit.block
                or (second.unit.lead != "" and first.unit.text == second.unit.lead)
            )
        )
        if is_same_piece:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs


def _join_units(units: Sequence[tuple[int, Unit]], language: str) -> str:
    """Join the units of a piece; sentences left out between two of one paragraph are marked by an ellipsis."""
    text = ""
    previous: tuple[int, Unit] | None = None
    was_table = False
    for index, unit in units:
        opens_block = previous is None or previous[1].block != unit.block
        shown = _show(unit, opens_block or not was_table, language)
        if previous is None:
            joint = ""
        elif opens_block or shown.startswith("|") != was_table:
            joint = "\n\n"
        elif unit.kind == "sentence":
            joint = " " if index == previous[0] + 1 else " … "
        else:
            joint = "\n"
        text += joint + shown
        previous, was_table = (index, unit), shown.startswith("|")
    return text


def _show(unit: Unit, opens_block: bool, language: str) -> str:
    """Write one unit within the room: prose cut between words, code after a whole line, telling how many follow."""
    if unit.kind == "row":
        if not _fits_table(unit):
            return _unfold_row(unit)
        return f"{unit.head}\n{unit.text}" if opens_block else unit.text
    if len(unit.text) <= LONGEST_UNIT:
        return unit.text
    if unit.kind == "code":
        return cut_code(unit.text, LONGEST_UNIT, language)
    return cut_prose(_FENCE_IN_ITEM.split(unit.text)[0], LONGEST_UNIT)


def cut_code(text: str, room: int, language: str) -> str:
    """Show the first whole lines of a fenced block and say how many follow."""
    opening, *body, closing = text.split("\n")
    kept: list[str] = []
    size = len(opening) + len(closing) + 1
    for line in body:
        size += len(line) + 1
        if size > room:
            break
        kept.append(line)
    left = len(body) - len(kept)
    notes = LINES_LEFT_OUT if left > 1 else ONE_LINE_LEFT_OUT
    note = notes.get(language, notes["en"]).format(count=left)
    return "\n".join([opening, *kept, closing, "", note]) if kept else note


def _fits_table(unit: Unit) -> bool:
    return len(unit.head) <= _LONGEST_HEAD and len(unit.head) + len(unit.text) < LONGEST_UNIT


def _unfold_row(unit: Unit) -> str:
    """Write a row too long or too wide for a table as a list of its cells, each under its column's name."""
    names = _split_cells(unit.head.split("\n")[0])
    cells = _split_cells(unit.text)
    names += [""] * (len(cells) - len(names))
    lines = [
        f"- {name}: {cell}" if name else f"- {cell}" for name, cell in zip(names, cells, strict=False) if cell
    ]
    return cut_prose("\n".join(lines), LONGEST_UNIT)


def _split_cells(row: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _cite(text: str, number: int) -> str:
    """Put the citation behind a piece: on a line of its own where it would become part of code or of a table."""
    last_line = text.rsplit("\n", 1)[-1].strip()
    return f"{text}\n\n[{number}]" if last_line.startswith(("```", "~~~", "|")) else f"{text} [{number}]"
