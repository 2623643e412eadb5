"""A zip with one PDF per thread and a manifest of what is in it."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chatbot.errors import ReportFailed
from chatbot.reports.labels import Language
from chatbot.reports.thread_pdf import render_failure_pdf, render_thread_pdf
from chatbot.store.records import Thread, Transcript

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ArchivedFile:
    """One PDF of the archive."""

    name: str
    thread_id: str
    sha256: str
    bytes: int
    messages: int


@dataclass(frozen=True, slots=True)
class ArchiveError:
    """A thread whose file only says that it could not be laid out, and why."""

    name: str
    thread_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds, in the order of its files; `filter` is what the caller selected by."""

    schema_version: int
    made_at: str
    timezone: str
    language: str
    filter: Mapping[str, str | int | None]
    count: int
    first_thread: str | None
    last_thread: str | None
    files: list[ArchivedFile] = field(default_factory=list)
    errors: list[ArchiveError] = field(default_factory=list)

    def to_json(self) -> str:
        """Write the manifest as an indented JSON document."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"


def write_archive(
    transcripts: Iterable[Transcript],
    out: BinaryIO,
    *,
    total: int,
    timezone: ZoneInfo,
    language: Language = "en",
    progress: Callable[[int, int], None] | None = None,
    filters: Mapping[str, str | int | None] | None = None,
    assistant_titles: Mapping[str, str] | None = None,
    made_at: datetime | None = None,
) -> Manifest:
    """Write a zip of PDFs, one thread at a time: memory stays that of one report.

    A thread that cannot be laid out gets a page that says so and an entry among the manifest's errors.

    Args:
        transcripts: read once; what it raises is raised.
        out: a binary file, open for writing; it need not be seekable.
        total: how many transcripts are expected, for `progress`.
        timezone: of the times in the PDFs.
        language: of the labels in the PDFs.
        progress: called with (done, total) after each thread.
        filters: what the threads were selected by, for the manifest.
        assistant_titles: titles by assistant's name.
        made_at: for the manifest; now by default.

    Returns:
        The manifest, which is also the archive's last entry.
    """
    files: list[ArchivedFile] = []
    errors: list[ArchiveError] = []
    titles = assistant_titles or {}
    # A PDF is compressed already: to pack it again costs time and gains two percent.
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for done, transcript in enumerate(transcripts, 1):
            title = titles.get(transcript.thread.assistant)
            data, error = _render(transcript, timezone, language, title)
            name = name_file(transcript.thread)
            archive.writestr(zipfile.ZipInfo(name, _zip_time(transcript.thread.created_at)), data)
            files.append(_describe(name, transcript, data))
            if error is not None:
                errors.append(ArchiveError(name, transcript.thread.thread_id, error))
            if progress:
                progress(done, total)
        manifest = Manifest(
            schema_version=SCHEMA_VERSION,
            made_at=(made_at or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds"),
            timezone=timezone.key,
            language=language,
            filter=dict(filters or {}),
            count=len(files),
            first_thread=files[0].thread_id if files else None,
            last_thread=files[-1].thread_id if files else None,
            files=files,
            errors=errors,
        )
        archive.writestr(MANIFEST, manifest.to_json(), zipfile.ZIP_DEFLATED)
    return manifest


def _render(
    transcript: Transcript, timezone: ZoneInfo, language: Language, title: str | None
) -> tuple[bytes, str | None]:
    """Give a thread's PDF, or a page that says that there is none, with the reason."""
    try:
        data = render_thread_pdf(transcript, timezone=timezone, language=language, assistant_title=title)
    except ReportFailed as error:
        _log.exception("thread %s could not be laid out", transcript.thread.thread_id)
        return render_failure_pdf(transcript.thread.thread_id, str(error), language=language), str(error)
    return data, None


def _describe(name: str, transcript: Transcript, data: bytes) -> ArchivedFile:
    digest = hashlib.sha256(data).hexdigest()
    return ArchivedFile(name, transcript.thread.thread_id, digest, len(data), len(transcript.messages))


def name_file(thread: Thread) -> str:
    """Name a thread's PDF by its UTC date and id, never by what anybody wrote."""
    identifier = re.sub(r"[^A-Za-z0-9_-]", "_", thread.thread_id)[:64]
    return f"{thread.created_at.astimezone(UTC):%Y-%m-%d}_{identifier}.pdf"


def _zip_time(moment: datetime) -> tuple[int, int, int, int, int, int]:
    utc = moment.astimezone(UTC)
    # The zip format counts years from 1980.
    return (max(utc.year, 1980), utc.month, utc.day, utc.hour, utc.minute, utc.second)
