"""Threads as tables: one row per message, as CSV, XLSX or JSON lines.

To a spreadsheet a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return is a formula, and the text comes
from testers and models: such text gets an apostrophe before it in CSV and XLSX. JSON lines hold it as it was.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from chatbot.store.records import Transcript
from chatbot.text import clean_text

MAX_CELL = 32_767
"""Characters that an XLSX cell may hold (ECMA-376 leaves it open; the limit is Excel's)."""
_CUT = " … [cut: the CSV has all of it]"
# Full-width signs too: some spreadsheets read them as the plain ones.
_FORMULA = re.compile(r"[=+\-@\t\r\n＝＋－＠]")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message with its thread, its sources and its verdict; the columns of a table, in order.

    `sources` are the cited passages, `[number] source: heading`, one a line. Times are in UTC.
    """

    thread_id: str
    assistant: str
    channel: str
    tester: str
    code_label: str | None
    wave: str | None
    language: str | None
    thread_created_at: datetime
    message_id: str
    position: int
    origin: str
    content: str
    created_at: datetime
    status: str
    error_origin: str | None
    error_code: str | None
    model: str | None
    assistant_version: int | None
    index_version: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cost_usd: float | None
    first_token_ms: int | None
    total_ms: int | None
    trace_id: str | None
    is_cut: bool
    parameters: str | None
    searched_for: str | None
    model_calls: int | None
    retries: int | None
    limits_hit: str | None
    is_personal: bool | None
    sources: str
    feedback_value: int | None
    feedback_reason: str | None
    feedback_comment: str | None


COLUMNS = tuple(column.name for column in fields(MessageRow))


def flatten(transcript: Transcript) -> Iterator[MessageRow]:
    """Give one row per message of a thread, oldest first."""
    thread = transcript.thread
    for message in transcript.messages:
        verdict = transcript.feedback.get(message.message_id)
        cited = [f"[{used.number}] {used.source}: {used.heading}" for used in message.passages if used.cited]
        yield MessageRow(
            thread_id=thread.thread_id,
            assistant=thread.assistant,
            channel=thread.channel,
            tester=thread.tester,
            code_label=thread.code_label,
            wave=thread.wave,
            language=thread.language,
            thread_created_at=thread.created_at,
            message_id=message.message_id,
            position=message.position,
            origin=message.origin,
            content=message.content,
            created_at=message.created_at,
            status=message.status,
            error_origin=message.error_origin,
            error_code=message.error_code,
            model=message.model,
            assistant_version=message.assistant_version,
            index_version=message.index_version,
            prompt_tokens=message.prompt_tokens,
            completion_tokens=message.completion_tokens,
            cost_usd=message.cost_usd,
            first_token_ms=message.first_token_ms,
            total_ms=message.total_ms,
            trace_id=message.trace_id,
            is_cut=message.is_cut,
            parameters=message.parameters,
            searched_for=message.searched_for,
            model_calls=message.model_calls,
            retries=message.retries,
            limits_hit=message.limits_hit,
            is_personal=message.is_personal,
            sources="\n".join(cited),
            feedback_value=verdict.value if verdict else None,
            feedback_reason=verdict.reason if verdict else None,
            feedback_comment=verdict.comment if verdict else None,
        )


def write_csv(transcripts: Iterable[Transcript], out: BinaryIO) -> int:
    """Write CSV (RFC 4180, UTF-8 with a byte order mark, as Excel wants it); give the number of rows."""
    text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        count = 0
        for row in _rows(transcripts):
            writer.writerow([_csv_value(getattr(row, column)) for column in COLUMNS])
            count += 1
        text.flush()
    finally:
        # Else the wrapper closes the caller's file.
        text.detach()
    return count


def write_xlsx(transcripts: Iterable[Transcript], out: BinaryIO) -> int:
    """Write an XLSX workbook with one sheet, row by row; give the number of rows. Times are UTC, without a zone."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("messages")
    sheet.freeze_panes = "A2"
    header = [WriteOnlyCell(sheet, value=column) for column in COLUMNS]
    for cell in header:
        cell.font = Font(bold=True)
    sheet.append(header)
    count = 0
    for row in _rows(transcripts):
        sheet.append([_xlsx_value(getattr(row, column)) for column in COLUMNS])
        count += 1
    workbook.save(out)
    return count


def write_jsonl(transcripts: Iterable[Transcript], out: BinaryIO) -> int:
    """Write one JSON object per message, with all its passages, text exactly as it was; give the number of rows."""
    count = 0
    for transcript in transcripts:
        for message, row in zip(transcript.messages, flatten(transcript), strict=True):
            entry = asdict(row) | {"passages": [asdict(used) for used in message.passages]}
            line = json.dumps(entry, ensure_ascii=False, default=_json_value)
            # A lone surrogate has no place in UTF-8.
            out.write(line.encode("utf-8", "replace") + b"\n")
            count += 1
    return count


def safe_cell(text: str) -> str:
    """Give text that no spreadsheet takes for a formula, without control characters that XLSX forbids."""
    plain = _ILLEGAL.sub("", clean_text(text))
    return "'" + plain if _FORMULA.match(plain) else plain


def _rows(transcripts: Iterable[Transcript]) -> Iterator[MessageRow]:
    for transcript in transcripts:
        yield from flatten(transcript)


def _csv_value(value: Any) -> Any:
    if isinstance(value, str):
        return safe_cell(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _xlsx_value(value: Any) -> Any:
    if isinstance(value, str):
        text = safe_cell(value)
        return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(_CUT)] + _CUT
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value


def _json_value(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
