"""What a thread was begun with by form, as the page shows it: folded above the first draft, in the tools under each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apps.chat.assistant_api import ThreadDesk
from apps.chat.draft_html import DraftView, render_draft, render_given
from apps.chat.form_html import render_sender
from apps.chat.page_html import TurnView
from chatbot.assistants.definition import DOCUMENT, Assistant
from chatbot.assistants.texts import say
from chatbot.store.records import Message
from chatbot.wishes import DraftInfo


@dataclass(frozen=True, slots=True)
class Dossier:
    """A writer's thread: its assistant, and what its form was filled in with.

    `language` is the reader's.
    """

    assistant: Assistant
    desk: ThreadDesk
    language: str

    def begin(self, view: TurnView, *, is_first: bool) -> TurnView:
        """Show a turn as one of writing, the first with what was filled in."""
        return replace(view, is_writing=True, given=self._render_given() if is_first else "")

    def finish(self, view: TurnView, info: DraftInfo | None, text: str) -> TurnView:
        """Show what can be done with a draft, where a turn has brought one."""
        if info is None:
            return view
        document = self.assistant.find_document(self.desk.values.get(DOCUMENT))
        shown = DraftView(
            info,
            text,
            recipient=self.desk.values.get("recipient_email", ""),
            sender=render_sender(self.assistant, document, self.language, f"sender-{view.message_id}"),
        )
        return replace(view, draft=render_draft(shown, self.language))

    def show(self, view: TurnView, answer: Message | None, *, is_first: bool) -> TurnView:
        """Show a turn that is stored."""
        view = self.begin(view, is_first=is_first)
        return self.finish(view, self.desk.describe(answer), answer.content) if answer else view

    def _render_given(self) -> str:
        document = self.assistant.find_document(self.desk.values.get(DOCUMENT))
        entries = [(field.field, field.label, field.value) for field in self.desk.list_fields()]
        return render_given(entries, say(document.title, self.language) if document else "", self.language)
