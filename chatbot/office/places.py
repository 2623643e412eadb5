"""Where in a Word document a paragraph stands, as its author would say it."""

from __future__ import annotations

from collections import Counter
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def find_places(root: Any, label: str) -> dict[Any, str]:
    """Name the places of all paragraphs, in order.

    Args:
        root: the element of a part.
        label: the part, such as `header 1`; empty for the document itself.

    Returns:
        such as `paragraph 3`, `table 1, row 2, cell 1` or `header 1, paragraph 1`; counted from 1, paragraphs
        outside of tables and text boxes alone.
    """
    numbers = _number_cells(root)
    places: dict[Any, str] = {}
    count = 0
    for paragraph in root.iter(W + "p"):
        cell = next(paragraph.iterancestors(W + "tc"), None)
        is_boxed = next(paragraph.iterancestors(W + "txbxContent"), None) is not None
        if cell is not None:
            table, row, column = numbers[cell]
            place = f"table {table}, row {row}, cell {column}"
        elif is_boxed:
            place = f"text box in paragraph {count}"
        else:
            count += 1
            place = f"paragraph {count}"
        places[paragraph] = f"{label}, {place}" if label else place
    return places


def _number_cells(root: Any) -> dict[Any, tuple[int, int, int]]:
    """Count every cell's table, row and column; tables within tables count as they come."""
    tables: dict[Any, int] = {}
    rows: dict[Any, int] = {}
    counts: Counter[Any] = Counter()
    numbers: dict[Any, tuple[int, int, int]] = {}
    for element in root.iter(W + "tbl", W + "tr", W + "tc"):
        if element.tag == W + "tbl":
            tables[element] = len(tables) + 1
        elif element.tag == W + "tr":
            table = next(element.iterancestors(W + "tbl"))
            counts[table] += 1
            rows[element] = counts[table]
        else:
            row = next(element.iterancestors(W + "tr"))
            counts[row] += 1
            numbers[element] = (tables[next(row.iterancestors(W + "tbl"))], rows[row], counts[row])
    return numbers
