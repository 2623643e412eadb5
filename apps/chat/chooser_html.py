"""The HTML of the choice between assistants: page and widget show the same."""

from __future__ import annotations

from collections.abc import Sequence

from apps.chat.page_frame import escape
from apps.chat.texts import set_type
from apps.chat.writing_texts import phrase
from chatbot.assistants.definition import Assistant

# An assistant, and why it cannot be used where it cannot.
Choice = tuple[Assistant, str | None]


def render_chooser(choices: Sequence[tuple[Assistant, str | None]], language: str, chosen: str = "") -> str:
    """Render assistants as cards; nothing where there is no choice.

    Args:
        chosen: the name of the one that is.
    """
    if len(choices) < 2 and not any(reason for _, reason in choices):
        return ""
    cards = "".join(_render_card(assistant, reason, language, chosen) for assistant, reason in choices)
    return (
        f'<section class="chooser" aria-labelledby="chooser-title"><h2 id="chooser-title">'
        f"{escape(phrase(language, 'assistants'))}</h2><ul>{cards}</ul></section>"
    )


def _render_card(assistant: Assistant, reason: str | None, language: str, chosen: str) -> str:
    title, about = (
        escape(set_type(language, assistant.say(text, language)))
        for text in (assistant.title, assistant.description)
    )
    if reason:
        # No button: who cannot use it shall still hear why.
        away = escape(phrase(language, "unavailable"))
        why = escape(set_type(language, reason))
        return (
            f'<li class="assistant is-{assistant.kind} is-away"><b>{title}</b><span>{about}</span>'
            f'<span class="why"><i>{away}</i> {why}</span></li>'
        )
    pressed = "true" if assistant.name == chosen else "false"
    return (
        f'<li><button type="button" class="assistant is-{assistant.kind}" data-do="assistant"'
        f' data-assistant="{escape(assistant.name)}" data-kind="{assistant.kind}" aria-pressed="{pressed}">'
        f"<b>{title}</b><span>{about}</span></button></li>"
    )
