"""`export`: conversations as PDF, tables or JSON lines, read from the store."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import Progress, say
from chatbot.errors import UnknownThread, UsageError
from chatbot.reports.labels import Language
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store
from chatbot.store.ranges import list_thread_ids
from chatbot.store.records import Transcript
from chatbot.store.threads import iterate_transcripts, read_transcript

Write = Callable[[Store, list[str], BinaryIO, Settings], None]


def run(options: argparse.Namespace) -> int:
    """Write the file that was asked for, whole or not at all."""
    if options.thread and (options.start or options.end):
        raise UsageError("--thread excludes --from and --to: one thread, or a range of days.")
    if options.start and options.end and options.end < options.start:
        raise UsageError(f"--to {options.end} lies before --from {options.start}.")
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_path)) as store:
        thread_ids = _choose_threads(store, options, settings.zone)
        is_single = options.format == "pdf" and options.thread
        write: Write = _write_pdf if is_single else WRITERS[options.format]
        with replace_whole(options.out) as file:
            write(store, thread_ids, file, settings)
    say(f"{options.out}: {len(thread_ids)} {'thread' if len(thread_ids) == 1 else 'threads'}")
    return 0


@contextmanager
def replace_whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file that takes the path's name once it is complete; a failure leaves what was there."""
    if path.is_dir():
        raise UsageError(f"--out {path}: this is a folder. Name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"--out {path}: there is no folder {path.parent}. Make it first.")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with draft.open("xb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


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


def _iterate(store: Store, thread_ids: list[str]) -> Iterator[Transcript]:
    progress = Progress("Threads")
    for done, transcript in enumerate(iterate_transcripts(store, thread_ids), 1):
        yield transcript
        progress(done, len(thread_ids))


def _write_pdf(store: Store, thread_ids: list[str], out: BinaryIO, settings: Settings) -> None:
    from chatbot.assistants.definition import read_titles
    from chatbot.reports.thread_pdf import render_thread_pdf

    language = _choose_language(settings)
    titles = read_titles(settings.assistants_dir, language)
    for transcript in iterate_transcripts(store, thread_ids):
        title = titles.get(transcript.thread.assistant)
        out.write(
            render_thread_pdf(transcript, timezone=settings.zone, language=language, assistant_title=title)
        )


def _write_zip(store: Store, thread_ids: list[str], out: BinaryIO, settings: Settings) -> None:
    from chatbot.assistants.definition import read_titles
    from chatbot.reports.archive import write_archive

    language = _choose_language(settings)
    manifest = write_archive(
        iterate_transcripts(store, thread_ids),
        out,
        total=len(thread_ids),
        timezone=settings.zone,
        language=language,
        assistant_titles=read_titles(settings.assistants_dir, language),
        progress=Progress("Threads"),
    )
    for error in manifest.errors:
        say(f"warning: {error.message}")


def _write_csv(store: Store, thread_ids: list[str], out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_csv

    write_csv(_iterate(store, thread_ids), out)


def _write_xlsx(store: Store, thread_ids: list[str], out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_xlsx

    write_xlsx(_iterate(store, thread_ids), out)


def _write_jsonl(store: Store, thread_ids: list[str], out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.tables import write_jsonl

    write_jsonl(_iterate(store, thread_ids), out)


def _write_parquet(store: Store, thread_ids: list[str], out: BinaryIO, _settings: Settings) -> None:
    from chatbot.reports.parquet import write_parquet

    write_parquet(_iterate(store, thread_ids), out)


def _choose_language(settings: Settings) -> Language:
    return "fr" if settings.language == "fr" else "en"


WRITERS: dict[str, Write] = {
    "pdf": _write_zip,
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "jsonl": _write_jsonl,
}
