"""The data dictionary says what the file says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from chatbot.log.dictionary import write_dictionary
from chatbot.log.publisher import Publisher
from tests.chatbot.log.rows import read_log
from tests.conftest import ROOT


def test_page_is_up_to_date() -> None:
    """`make dictionary` was run since the last change of a table, a view or a comment."""
    assert (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8") == write_dictionary()


def test_page_has_every_column_of_a_published_file(publisher: Publisher, log_path: Path) -> None:
    """Each relation is a section with its comment, each column a row with its type and comment."""
    publisher.publish()
    page = write_dictionary()
    sections = dict(
        re.findall(r"^## (?:Table|View) `(\w+)`\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    )
    found = read_log(
        log_path, "SELECT table_name, column_name, comment FROM duckdb_columns() WHERE NOT internal"
    )
    assert {table for table, _, _ in found} == set(sections)
    for table, column, comment in found:
        row = re.search(rf"^\| `{column}` \| .+ \| (.+) \|$", sections[table], re.MULTILINE)
        assert row and row[1].replace("&lt;", "<") == comment, f"{table}.{column}"
