"""What a turn looks like: from the store's messages, and from the events of an answer in the making."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from apps.chat.page_html import TurnView, pick_cited
from apps.chat.texts import explain_code, say
from chatbot.answer import CURATED, Draft, nearest_of
from chatbot.events import Event, Failed, Html, Reply, Sources
from chatbot.store.records import Feedback, Message, PassageUsed


def view_thread(
    messages: list[Message],
    verdicts: dict[str, Feedback],
    running_id: str,
    language: str,
    requested: Collection[str] = (),
) -> tuple[list[TurnView], TurnView | None]:
    """Pair a thread's questions with their answers.

    Args:
        messages: oldest first.
        running_id: the id of the answer under way, or empty.
        requested: the answers under which documentation was asked for.

    Returns:
        The turns, and the one under way (the last), if any.
    """
    views: list[TurnView] = []
    running: TurnView | None = None
    answers = {message.position: message for message in messages if message.origin == "bot"}
    for question in (message for message in messages if message.origin == "user"):
        answer = answers.get(question.position + 1)
        if answer:
            view = view_answer(question.content, answer, verdicts.get(answer.message_id), language)
            views.append(replace(view, is_requested=answer.message_id in requested))
        elif running_id:
            running = TurnView(running_id, question.content, "pending", fault=say(language, "elsewhere"))
            views.append(running)
        else:
            views.append(TurnView(question.message_id, question.content, "interrupted"))
    return views, running


def view_answer(question: str, answer: Message, verdict: Feedback | None, language: str) -> TurnView:
    """Show an answer that is stored."""
    cited = tuple(passage for passage in answer.passages if passage.cited)
    return TurnView(
        message_id=answer.message_id,
        question=question,
        state=answer.status,
        html=Draft.render(answer.content, cited) if answer.content else "",
        passages=cited,
        nearest=nearest_of(answer.passages) if answer.status == "refused" else (),
        fault=explain_code(language, answer.error_code or "internal_error")
        if answer.status == "failed"
        else "",
        is_cut=answer.is_cut,
        is_curated=answer.model == CURATED,
        feedback=verdict,
    )


def advance_view(view: TurnView, event: Event, found: tuple[PassageUsed, ...], language: str) -> TurnView:
    """Give what a turn looks like after an event; the same view where nothing is to be shown."""
    if isinstance(event, Sources):
        return replace(view, fault=say(language, "reading"))
    if isinstance(event, Html):
        return replace(
            view, state="streaming", fault="", html=event.html, passages=pick_cited(event.html, found)
        )
    if isinstance(event, Reply):
        return replace(
            view,
            state=event.status,
            fault="",
            html=event.answer_html,
            passages=event.passages,
            nearest=event.nearest,
            is_cut=event.is_cut,
            is_curated=event.is_curated,
        )
    if isinstance(event, Failed):
        rendered = Draft.render(event.text, found) if event.text else ""
        sentence = explain_code(language, event.code)
        state = "interrupted" if event.code == "interrupted" else "failed"
        return replace(view, state=state, fault=sentence, html=rendered, passages=pick_cited(rendered, found))
    return view
