"""`export`: conversations as PDF, tables or JSON lines, read from the store."""

from __future__ import annotations

import argparse
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import Progress, say
from chatbot.errors import UnknownThread, UsageError
from chatbot.log.disguise import Disguise, build_disguise
from chatbot.reports.labels import Language
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store
from chatbot.store.ranges import list_thread_ids
from chatbot.store.records import Transcript
from chatbot.store.threads import iterate_transcripts, read_transcript

# An export without a row is one file without a day.
PARTITION = re.compile(r"day=\d{4}-\d{2}-\d{2}|part-0\.parquet")


@dataclass(frozen=True, slots=True)
class Threads:
    """The threads that are written, in order; with a disguise they lose personal data on the way."""

    store: Store
    thread_ids: list[str]
    disguise: Disguise | None

    def read(self) -> Iterator[Transcript]:
        """Give them one by one."""
        for transcript in iterate_transcripts(self.store, self.thread_ids):
            yield self.disguise.hide_transcript(transcript) if self.disguise else transcript

    def read_with_progress(self) -> Iterator[Transcript]:
        """Give them one by one, counting on a terminal."""
        progress = Progress("Threads")
        for done, transcript in enumerate(self.read(), 1):
            yield transcript
            progress(done, len(self.thread_ids))


Write = Callable[[Threads, BinaryIO, Settings], None]


def run(options: argparse.Namespace) -> int:
    """Write the file that was asked for, whole or not at all."""
    if options.thread and (options.start or options.end):
        raise UsageError("--thread excludes --from and --to: one thread, or a range of days.")
    if options.start and options.end and options.end < options.start:
        raise UsageError(f"--to {options.end} lies before --from {options.start}.")
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        thread_ids = _choose_threads(store, options, settings.zone)
        threads = Threads(
            store, thread_ids, build_disguise(settings.private_dir) if options.shareable else None
        )
        if options.format == "parquet" and options.out.suffix != ".parquet":
            with replace_folder(options.out) as folder:
                _write_days(threads, folder)
        else:
            is_single = options.format == "pdf" and options.thread
            write: Write = _write_pdf if is_single else WRITERS[options.format]
            with replace_whole(options.out) as file:
                write(threads, file, settings)
    say(f"{options.out}: {len(thread_ids)} {'thread' if len(thread_ids) == 1 else 'threads'}")
    return 0


@contextmanager
def replace_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the path's name once it is complete; a failure leaves what was there."""
    if path.is_dir():
        raise UsageError(f"--out {path}: this is a folder. Name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}. Make it first.")
    # What a link points to is replaced, not the link.
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with draft.open("xb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replace_folder(path: Path) -> Iterator[Path]:
    """Give the name of a folder that takes the path's name once it is complete; a failure leaves what was there.

    Raises:
        UsageError: something else than an earlier export by days lies there.
    """
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}. Make it first.")
    if path.exists() and not (
        path.is_dir() and all(PARTITION.fullmatch(part.name) for part in path.iterdir())
    ):
        raise UsageError(
            f"--out {path}: there is something else than an earlier export. Name a new folder, or a file in .parquet."
        )
    path = path.resolve()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    old = draft.with_suffix(".old")
    try:
        yield draft
        if path.exists():
            path.rename(old)
        draft.rename(path)
    finally:
        for left in (draft, old):
            shutil.rmtree(left, ignore_errors=True)


def _choose_threads(store: Store, options: argparse.Namespace, zone: ZoneInfo) -> list[str]:
    if options.thread:
        if store.read(read_transcript, options.thread) is None:
            raise UnknownThread(f"There is no thread {options.thread}.")
        return [options.thread]
    last = options.end + timedelta(days=1) if options.end else None
    return store.read(list_thread_ids, _begin(options.start, zone), _begin(last, zone))


def _begin(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Give a day's first moment in a time zone, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC) if day else None


def _write_pdf(threads: Threads, out: BinaryIO, settings: Settings) -> None:
    from chatbot.assistants.catalogue import read_titles
    from chatbot.reports.thread_pdf import render_thread_pdf

    language = _choose_language(settings)
    titles = read_titles(settings.assistants_dir, threads.store, language)
    for transcript in threads.read():
        title = titles.get(transcript.thread.assistant)
        out.write(
            render_thread_pdf(transcript, timezone=settings.zone, language=language, assistant_title=title)
        )


def _write_zip(threads: Threads, out: BinaryIO, settings: Settings) -> None:
    from chatbot.assistants.catalogue import read_titles
    from chatbot.reports.archive import write_archive

    language = _choose_language(settings)
    manifest = write_archive(
        threads.read(),
        out,
        total=len(threads.thread_ids),
        timezone=settings.zone,
        language=language,
        assistant_titles=read_titles(settings.assistants_dir, threads.store, language),
        progress=Progress("Threads"),
    )
    for error in manifest.errors:
        say(f"warning: {error.message}")


def _write_csv(threads: Threads, out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_csv

    write_csv(threads.read_with_progress(), out)


def _write_xlsx(threads: Threads, out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_xlsx

    write_xlsx(threads.read_with_progress(), out)


def _write_jsonl(threads: Threads, out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_jsonl

    write_jsonl(threads.read_with_progress(), out)


def _write_parquet(threads: Threads, out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.parquet import write_parquet

    write_parquet(threads.read_with_progress(), out)


def _write_days(threads: Threads, folder: Path) -> None:
    from chatbot.reports.parquet import write_parquet_days

    write_parquet_days(threads.read_with_progress(), folder)


def _choose_language(settings: Settings) -> Language:
    return "fr" if settings.language == "fr" else "en"


WRITERS: dict[str, Write] = {
    "pdf": _write_zip,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "jsonl": _write_jsonl,
}
