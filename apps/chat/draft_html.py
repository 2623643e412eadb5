"""The HTML around a draft: what it was written from, and all that can be done with it. Page and widget show the same.

All that is not ours is escaped here; there are class names and no styles, deeds by `data-do` and no scripts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.chat.page_frame import escape
from apps.chat.texts import set_type
from apps.chat.writing_texts import phrase
from chatbot.wishes import DraftInfo, Wish

# Made of a whole conversation, by an address of its own.
BOOKLETS = ("pdf", "epub")


@dataclass(frozen=True, slots=True)
class DraftView:
    """A finished draft, as its tools are made.

    `text` is its Markdown, `recipient` where a mail goes, `sender` the rendered block of the sender's own details.
    """

    info: DraftInfo
    text: str
    recipient: str = ""
    sender: str = ""

    @property
    def is_story(self) -> bool:
        """Whether its files are booklets of the whole conversation, of which this is a chapter."""
        return self.info.layout == "story"


def render_draft(view: DraftView, language: str) -> str:
    """Render the tools under a draft: wishes, editing by hand, copies, files, mail."""
    info = view.info
    note = (
        f'<p class="note is-template"><span>{_speak(language, "template")}</span></p>'
        if info.is_template
        else ""
    )
    edit = _render_button("edit", phrase(language, "edit"), other=phrase(language, "discard"))
    tools = [
        *([] if view.is_story else [edit]),
        _render_button("copyDraft", phrase(language, "copy_draft")),
        *(_render_file(format_name, view, language) for format_name in info.formats),
    ]
    if info.layout == "mail":
        tools.append(_render_button("mail", phrase(language, "mail"), to=view.recipient))
    return (
        f'<section class="draft" aria-label="{_speak(language, "draft_tools")}"'
        f' data-failed="{_speak(language, "file_failed")}" data-long="{_speak(language, "mail_long")}">'
        f'<textarea class="wording" rows="14" aria-label="{_speak(language, "wording")}" hidden>'
        f'{escape(_open_up(view.text))}</textarea><p class="hint own" hidden>{_speak(language, "edited")}</p>{note}'
        f"{render_wishes(info.wishes, language)}"
        f'<div class="tools">{"".join(tools)}</div>{view.sender}'
        f'<p class="fault" role="status"></p></section>'
    )


def render_given(entries: Sequence[tuple[str, str, str]], title: str, language: str) -> str:
    """Render what a form was filled in with, folded.

    Args:
        entries: field, label and value, in the form's order.
        title: of the kind of document.
    """
    rows = "".join(
        f'<div data-field="{escape(field)}"><dt>{escape(set_type(language, label))}</dt><dd>{escape(value)}</dd></div>'
        for field, label, value in entries
    )
    name = f"<b>{escape(title)}</b>" if title else ""
    return (
        f'<details class="given"><summary><span>{_speak(language, "form_given")}</span>{name}</summary>'
        f"<dl>{rows}</dl></details>"
    )


def render_wishes(wishes: Sequence[Wish], language: str) -> str:
    """Render the wishes that a click sends."""
    if not wishes:
        return ""
    buttons = "".join(
        f'<button type="button" class="chip" data-do="say" data-wish="{escape(wish.name)}">'
        f"{escape(set_type(language, wish.say(language)))}</button>"
        for wish in wishes
    )
    label = _speak(language, "wishes")
    return f'<div class="wishes" role="group" aria-label="{label}"><span>{label}</span>{buttons}</div>'


def _open_up(text: str) -> str:
    """Give a draft as it is edited: its subject's line without the stars that make it bold."""
    first, line_end, rest = text.partition("\n")
    return f"{first.replace('**', '')}{line_end}{rest}"


def _render_file(format_name: str, view: DraftView, language: str) -> str:
    if view.is_story and format_name in BOOKLETS:
        return _render_button("booklet", phrase(language, f"booklet_{format_name}"), format=format_name)
    title = phrase(language, "download", format=f".{format_name}")
    return _render_button("file", f".{format_name}", title, format=format_name)


def _render_button(deed: str, text: str, label: str = "", **data: str) -> str:
    marks = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    named = f' aria-label="{escape(label)}" title="{escape(label)}"' if label else ""
    return f'<button type="button" class="deed" data-do="{deed}"{marks}{named}>{escape(text)}</button>'


def _speak(language: str, name: str) -> str:
    return escape(phrase(language, name))
