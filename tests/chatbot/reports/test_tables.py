"""Tables hold every message, and no cell of them is a formula."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime

import pytest
from openpyxl import load_workbook

from chatbot.reports.tables import COLUMNS, MAX_CELL, safe_cell, write_csv, write_jsonl, write_xlsx
from chatbot.store.records import Feedback, Message, Transcript
from tests.chatbot.reports.transcripts import START, THREAD_ID, make_answer, make_passage, make_transcript

FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "\x00=1",
    "\x07=1",
    '=HYPERLINK("http://x")',
]


def make_log() -> list[Transcript]:
    """Give two threads, one of them hostile."""
    answer = make_answer(
        "Answer [1]",
        passages=(make_passage(1), make_passage(2, cited=False)),
        prompt_tokens=12,
        cost_usd=0.5,
        model="m",
    )
    verdict = Feedback("message-1", -1, "wrong", "=cmd()", START)
    return [
        make_transcript('Héllo, "you"\nthere', answer, feedback={1: verdict}),
        make_transcript(
            "=1+1", make_answer("x\x0by\ud800", status="failed"), tester="@me", thread_id="other"
        ),
    ]


def read_csv(data: bytes) -> list[dict[str, str]]:
    """Read CSV as a program would."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_columns_are_those_of_the_log() -> None:
    """Every field of a stored message is a column, beside the thread's."""
    assert set(Message.__slots__) - {"passages"} <= set(COLUMNS)
    assert {"assistant", "channel", "tester", "code_label", "wave", "language"} <= set(COLUMNS)


def test_csv_has_one_row_per_message() -> None:
    """Text with quotes and line breaks survives; times are UTC; empty is empty; the caller's file stays open."""
    out = io.BytesIO()
    assert write_csv(make_log(), out) == 4
    assert not out.closed
    rows = read_csv(out.getvalue())
    assert out.getvalue().startswith(b"\xef\xbb\xbf")
    assert rows[0]["content"] == 'Héllo, "you"\nthere'
    assert rows[0]["thread_id"] == THREAD_ID
    assert rows[0]["created_at"] == "2026-10-20T22:30:05+00:00"
    assert (rows[0]["model"], rows[1]["model"], rows[1]["prompt_tokens"]) == ("", "m", "12")
    assert rows[1]["sources"] == "'[1]"[1:] + " en/bans.md: Bans › Lift a ban"
    assert (rows[1]["feedback_value"], rows[1]["feedback_comment"]) == ("-1", "'=cmd()")
    assert (rows[2]["content"], rows[2]["tester"], rows[3]["content"]) == ("'=1+1", "'@me", "xy")


@pytest.mark.parametrize("text", FORMULAS)
def test_cell_is_never_a_formula(text: str) -> None:
    """Text that a spreadsheet would compute gets an apostrophe, also behind control characters."""
    assert safe_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "plain", "a=b", "1-1", " =1", "'x"])
def test_harmless_cell_is_left_alone(text: str) -> None:
    """Other text is not touched."""
    assert safe_cell(text) == text


def test_xlsx_opens_and_holds_text_and_types() -> None:
    """A workbook has strings, numbers and times, no formula, and no character that XLSX forbids."""
    out = io.BytesIO()
    threads = [
        *make_log(),
        *(make_transcript(formula) for formula in FORMULAS),
        make_transcript("x" * 40_000),
    ]
    assert write_xlsx(threads, out) == 4 + len(FORMULAS) + 1
    sheet = load_workbook(out)["messages"]
    rows = list(sheet.iter_rows())
    assert tuple(cell.value for cell in rows[0]) == COLUMNS
    cells = [cell for row in rows[1:] for cell in row]
    assert all(cell.data_type != "f" for cell in cells)
    first = dict(zip(COLUMNS, (cell.value for cell in rows[1]), strict=True))
    assert first["created_at"] == datetime(2026, 10, 20, 22, 30, 5)  # noqa: DTZ001
    assert (first["position"], first["is_cut"]) == (0, False)
    content = COLUMNS.index("content")
    assert rows[3][content].value == "'=1+1"
    long = str(rows[-1][content].value)
    assert len(long) == MAX_CELL and "cut" in long[-40:]


def test_jsonl_holds_text_as_it_was() -> None:
    """One object a line, with all passages; nothing is prefixed."""
    out = io.BytesIO()
    assert write_jsonl(make_log(), out) == 4
    rows = [json.loads(line) for line in out.getvalue().decode().splitlines()]
    assert rows[2]["content"] == "=1+1"
    assert rows[0]["created_at"] == "2026-10-20T22:30:05+00:00"
    assert [used["cited"] for used in rows[1]["passages"]] == [True, False]
    assert rows[1]["feedback_value"] == -1


def test_no_thread_gives_a_header_alone() -> None:
    """An empty range is a valid table."""
    out = io.BytesIO()
    assert write_csv([], out) == 0
    assert out.getvalue().decode("utf-8-sig").split("\r\n")[0] == ",".join(COLUMNS)
    out = io.BytesIO()
    assert write_xlsx([], out) == 0
    assert load_workbook(out)["messages"].max_row == 1
