"""What a thread was begun with by form, as the page shows it: folded above the first draft, in the tools under each."""

from __future__ import annotations

from dataclasses import dataclass, replace

from apps.chat.assistant_api import ThreadDesk
from apps.chat.draft_html import DraftView, render_draft, render_given, render_wishes
from apps.chat.form_html import render_sender
from apps.chat.page_html import TurnView
from chatbot.assistants.definition import DOCUMENT, Assistant
from chatbot.assistants.texts import say
from chatbot.store.records import Message
from chatbot.wishes import DraftInfo, find_wish


@dataclass(frozen=True, slots=True)
class Dossier:
    """A writer's thread: its assistant, and what its form was filled in with.

    `language` is the reader's, `last` what can be done with the last draft of it.
    """

    assistant: Assistant
    desk: ThreadDesk
    language: str
    last: DraftInfo | None = None

    def begin(self, view: TurnView, *, is_first: bool) -> TurnView:
        """Show a turn as one of writing, the first with what was filled in."""
        return replace(view, is_writing=True, given=self._render_given() if is_first else "")

    def finish(self, view: TurnView, info: DraftInfo | None, text: str) -> TurnView:
        """Show what can be done with a draft, where a turn has brought one; below a refusal, with the one before."""
        if info is None:
            return replace(view, draft=self._render_offer(view)) if view.state == "refused" else view
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

    def _render_offer(self, view: TurnView) -> str:
        if self.last is None:
            return ""
        # What a letter cannot be it cannot be the next time; a chapter that turned out badly may turn out well.
        declined = None if self.last.layout == "story" else find_wish(view.question, self.last.wishes)
        return render_wishes([wish for wish in self.last.wishes if wish != declined], self.language)

    def _render_given(self) -> str:
        document = self.assistant.find_document(self.desk.values.get(DOCUMENT))
        entries = [(field.field, field.label, field.value) for field in self.desk.list_fields()]
        return render_given(entries, say(document.title, self.language) if document else "", self.language)
