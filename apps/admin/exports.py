"""PDFs for download: one thread's, or a zip of many, made in a private file so that memory stays flat."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from apps.admin.frame import Visit
from chatbot.analytics import ThreadFilter
from chatbot.assistants.catalogue import read_titles
from chatbot.errors import StorageFull, StoreUnavailable
from chatbot.reports.archive import write_archive
from chatbot.reports.labels import Language
from chatbot.reports.thread_pdf import render_thread_pdf
from chatbot.roles import require
from chatbot.store.records import Transcript
from chatbot.store.threads import iterate_transcripts

FOLDER = "exports"
KEPT_S = 3600
"""A zip stays this long after it was made."""


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip that is ready: how many threads it holds, and how many of them could not be laid out."""

    path: Path
    threads: int
    failed: int
    bytes: int

    def open(self) -> BinaryIO:
        """Open the zip for reading."""
        return self.path.open("rb")


def make_pdf(visit: Visit, transcript: Transcript) -> bytes:
    """Give a thread as a PDF in the reader's language."""
    require(visit.account, "thread.export")
    language = _language(visit)
    titles = _read_titles(visit)
    return render_thread_pdf(
        transcript,
        timezone=visit.zone,
        language=language,
        assistant_title=titles.get(transcript.thread.assistant),
    )


def make_archive(visit: Visit, chosen: ThreadFilter, progress: Callable[[int, int], None]) -> Archive | None:
    """Write a zip of the threads that pass the filter; None where there are none.

    Args:
        progress: called with (done, total) after each thread.

    Raises:
        StoreUnavailable: the file cannot be written.
    """
    require(visit.account, "thread.export")
    folder = visit.services.settings.private_dir / FOLDER
    clean_folder(folder)
    ids = visit.analytics.list_thread_ids(chosen)
    if not ids:
        return None
    path = folder / f"threads-{uuid.uuid4().hex}.zip"
    is_whole = False
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            manifest = write_archive(
                iterate_transcripts(visit.services.store, ids),
                out,
                total=len(ids),
                timezone=visit.zone,
                language=_language(visit),
                progress=progress,
                assistant_titles=_read_titles(visit),
                filters=_describe(chosen),
            )
        is_whole = True
    except OSError as error:
        kind = StorageFull if error.errno == 28 else StoreUnavailable
        raise kind(f"The zip cannot be written to {folder}: {error.strerror}. Check the disk.") from error
    finally:
        # Whoever leaves the page stops it in the middle.
        if not is_whole:
            path.unlink(missing_ok=True)
    return Archive(path, manifest.count, len(manifest.errors), path.stat().st_size)


def clean_folder(folder: Path, *, older_than_s: float = KEPT_S) -> None:
    """Remove the zips that nobody fetches any more."""
    limit = time.time() - older_than_s
    for path in folder.glob("threads-*.zip"):
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def _describe(chosen: ThreadFilter) -> dict[str, str | int | None]:
    return {
        "from": chosen.start.isoformat() if chosen.start else None,
        "to": chosen.end.isoformat() if chosen.end else None,
        "assistant": chosen.assistant,
        "status": chosen.status,
        "search": chosen.search or None,
    }


def _language(visit: Visit) -> Language:
    return "fr" if visit.texts["language"] == "fr" else "en"


def _read_titles(visit: Visit) -> dict[str, str]:
    services = visit.services
    return read_titles(services.settings.assistants_dir, services.store, _language(visit))
