"""The tester's own copy of a conversation, as PDF or Markdown."""

from __future__ import annotations

import asyncio
import logging

from chatbot.assistants.catalogue import Assistants
from chatbot.bindery import Bindery
from chatbot.errors import BrokenTemplate, GuichetError, ReportFailed, UnknownThread
from chatbot.limiter import Limiter
from chatbot.reports.archive import name_file
from chatbot.reports.labels import Language
from chatbot.reports.thread_markdown import render_thread_markdown
from chatbot.reports.thread_pdf import render_thread_pdf
from chatbot.settings import Settings
from chatbot.stationery import MadeFile, Order, Stationery
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Transcript

logger = logging.getLogger(__name__)

COPIES = "20/minute"
FILES = "60/minute"


class Printer:
    """Prints one copy at a time: laying out a long PDF takes seconds of a core that writes answers too."""

    def __init__(self, store: Store, assistants: Assistants, settings: Settings) -> None:
        self._store = store
        self._assistants = assistants
        self._zone = settings.zone
        self._limiter = Limiter(store, COPIES, "transcript")
        self._files = Limiter(store, FILES, "file")
        self._stationery = Stationery(store, assistants, settings.zone)
        self._bindery = Bindery(store, assistants)
        self._press = asyncio.Semaphore(1)

    async def print_pdf(self, thread_id: str, tester: str, language: Language) -> tuple[str, bytes]:
        """Give a thread of the tester's own as a PDF, with a name for the file.

        Raises:
            UnknownThread: there is none, or it is somebody else's.
            RateLimited: too many copies were asked for.
            GuichetError: it could not be laid out.
        """
        transcript, title = await self._read(thread_id, tester, language)
        async with self._press:
            try:
                data = await asyncio.to_thread(
                    render_thread_pdf,
                    transcript,
                    timezone=self._zone,
                    language=language,
                    assistant_title=title,
                )
            except ReportFailed as error:
                raise GuichetError(
                    "The PDF could not be laid out. Take the Markdown copy instead."
                ) from error
        return name_file(transcript.thread), data

    async def print_markdown(self, thread_id: str, tester: str, language: Language) -> tuple[str, str]:
        """Give the same as Markdown.

        Raises:
            UnknownThread, RateLimited: as `print_pdf`.
        """
        transcript, title = await self._read(thread_id, tester, language)
        text = render_thread_markdown(
            transcript, timezone=self._zone, language=language, assistant_title=title
        )
        return name_file(transcript.thread).removesuffix(".pdf") + ".md", text

    async def print_file(self, order: Order) -> MadeFile:
        """Give a file made of a draft of the tester's own.

        Raises:
            RateLimited: too many files were asked for; else what `Stationery.make_file` raises.
        """
        await asyncio.to_thread(self._files.count, order.tester)
        async with self._press:
            try:
                return await asyncio.to_thread(self._stationery.make_file, order)
            except (ReportFailed, BrokenTemplate) as error:
                logger.error("A file could not be made: %s", error)
                raise GuichetError(
                    "The file could not be laid out. Take another format, or shorten the text."
                ) from error

    async def print_booklet(self, thread_id: str, tester: str, chosen: str, language: str) -> MadeFile:
        """Give the story of a thread of the tester's own as a booklet.

        Raises:
            RateLimited: too many files were asked for; else what `Bindery.bind` raises.
        """
        await asyncio.to_thread(self._files.count, tester)
        async with self._press:
            return await asyncio.to_thread(self._bindery.bind, thread_id, tester, chosen, language)

    async def _read(self, thread_id: str, tester: str, language: Language) -> tuple[Transcript, str | None]:
        thread = await self._store.read_async(threads.read_thread, thread_id, tester)
        await asyncio.to_thread(self._limiter.count, tester)
        transcript = await self._store.read_async(threads.read_transcript, thread_id)
        if transcript is None:
            raise UnknownThread(f"The thread {thread_id} has been erased.")
        titles = self._assistants.read_titles(language)
        return transcript, titles.get(thread.assistant)
