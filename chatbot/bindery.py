"""Binds a thread's story as a booklet, to be printed or read on a reader, and records that it did."""

from __future__ import annotations

from chatbot.assistants.catalogue import Assistants
from chatbot.booklets.booklet import Booklet, Chapter, say
from chatbot.booklets.epub import write_epub
from chatbot.booklets.pdf import write_pdf
from chatbot.errors import InvalidRequest
from chatbot.followups import pair_turns
from chatbot.stationery import MEDIA_TYPES, MadeFile
from chatbot.store import forms, threads
from chatbot.store.engine import Store
from chatbot.store.forms import GeneratedFile
from chatbot.storytelling import assemble_story
from chatbot.text import fold
from chatbot.writing import choose_language

BINDINGS = {"pdf": write_pdf, "epub": write_epub}


class Bindery:
    """Makes booklets; what is in them is not kept."""

    def __init__(self, store: Store, assistants: Assistants) -> None:
        self._store = store
        self._assistants = assistants

    def bind(self, thread_id: str, tester: str, chosen: str, language: str) -> MadeFile:
        """Bind the story of a thread of the tester's own, as it stands.

        Args:
            chosen: `pdf` or `epub`.
            language: the reader's.

        Raises:
            UnknownThread: there is none, or it is somebody else's.
            UnknownAssistant: its assistant is gone.
            InvalidRequest: there is no story in it.
            ReportFailed: it could not be laid out.
        """
        thread = self._store.read(threads.read_thread, thread_id, tester)
        assistant = self._assistants.get(thread.assistant)
        messages = self._store.read(threads.list_messages, thread_id)
        story = assemble_story(pair_turns(messages))
        if assistant.kind != "story" or not story.chapters:
            raise InvalidRequest(f"The thread {thread_id} has no story yet that a booklet could be made of.")
        values = self._store.read(forms.read_form, thread_id)
        written_in = choose_language(assistant, values, thread.language or language)
        now = self._store.clock()
        chapters = tuple(
            Chapter(chapter.title or say("chapter", written_in).format(number=number), chapter.text)
            for number, chapter in enumerate(story.chapters, 1)
        )
        data = BINDINGS[chosen](
            Booklet(story.title, assistant.say(assistant.title, written_in), written_in, chapters, now)
        )
        last = next(message for message in reversed(messages) if message.origin == "bot")
        self._store.write(
            forms.add_file, GeneratedFile(last.message_id, now, chosen, bytes=len(data), is_edited=False)
        )
        return MadeFile(f"{_name(story.title)}.{chosen}", MEDIA_TYPES[chosen], data)


def _name(title: str) -> str:
    """Give a file's name in the letters and digits that every system takes."""
    words = "".join(
        letter if letter.isascii() and letter.isalnum() else " " for letter in fold(title)
    ).split()
    return "-".join(words)[:60] or "story"
