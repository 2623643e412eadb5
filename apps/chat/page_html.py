"""The page's HTML: what is known of a turn, a session or an assistant, made safe to show.

Answers and passages come through `chatbot.markup.render_html`, which sanitizes; all else is escaped here.
"""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Template
from typing import Literal

from apps.chat.texts import explain_code, format_number, say, set_type
from chatbot.access import Session
from chatbot.assistants.definition import Assistant
from chatbot.markup import plain_html, render_html
from chatbot.store.records import Feedback, PassageUsed

ASSETS = Path(__file__).parent / "assets"
REASONS = ("wrong", "incomplete", "unclear", "unrelated")
RETRIED = frozenset({"failed", "interrupted", "stopped"})
# What the script needs to say by itself.
SCRIPT_WORDS = ("copied", "copy", "failed_feedback", "saved")

State = Literal["pending", "streaming", "complete", "refused", "failed", "interrupted", "stopped"]

_FENCE = re.compile(r'<pre><code(?: class="language-([\w+#.-]{1,32})")?>')
_CITED = re.compile(r'data-cite="(\d{1,3})"')

ICONS = {
    "up": "M7 11v9H4v-9zm0 0 4-8c1.5 0 2.5 1 2.5 2.5V9h5a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.3 20H7",
    "down": "M7 13V4H4v9zm0 0 4 8c1.5 0 2.5-1 2.5-2.5V15h5a2 2 0 0 0 2-2.3l-1.200-7A2 2 0 0 0 17.3 4H7",
    "copy": "M9 9h10v11H9zM5 15V4h10",
    "again": "M20 11a8 8 0 1 0-2.3 6M20 4v7h-7",
    "chevron": "m9 6 6 6-6 6",
    "page": "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
    "alert": "M12 8v5m0 3.5v.01M12 3 2.5 20h19z",
    "search": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14m5 12 5 5",
}


@dataclass(frozen=True, slots=True)
class TurnView:
    """A question and what there is of its answer.

    `html` is the answer, rendered and sanitized; `fault` a sentence of our own; `passages` those cited.
    """

    message_id: str
    question: str
    state: State
    html: str = ""
    passages: Sequence[PassageUsed] = ()
    nearest: Sequence[PassageUsed] = ()
    fault: str = ""
    is_cut: bool = False
    feedback: Feedback | None = None


def wrap_feed(kind: Literal["log", "turn"], content: str, thread_id: str) -> str:
    """Put HTML of a thread into an inert template that the script takes it from.

    It travels as the value of a Markdown component: one line that begins with a `div` is passed on as it is. Tabs and
    line ends are written as references (Gradio expands tabs and cuts at blank lines), and its marker of translations is
    broken up, so that no text of a tester's or a model's is taken for one.
    """
    return f'<div><template data-feed="{kind}" data-thread="{_escape(thread_id)}">{_one_line(content)}</template></div>'


def render_turn(view: TurnView, language: str) -> str:
    """Render a question with its answer, in whatever state it is."""
    is_open = view.state in ("pending", "streaming")
    note = _render_note(view, language)
    body = f'<div class="answer-text">{_dress_code(view.html, language)}</div>' if view.html else ""
    parts = [
        _render_waiting(view, language) if view.state == "pending" else "",
        *((note, body) if view.state == "refused" else (body, note)),
        _render_passages(view.passages, language, "sources") if view.passages else "",
        _render_passages(view.nearest, language, "nearest") if view.nearest else "",
        "" if is_open else _render_actions(view, language),
    ]
    return (
        f'<article class="turn is-{view.state}" data-turn="{_escape(view.message_id)}" data-state="{view.state}"'
        f' aria-busy="{"true" if is_open else "false"}">'
        f'<div class="question"><h2 class="sr-only">{_say(language, "question_from")}</h2>'
        f'<div class="bubble">{plain_html(view.question)}</div></div>'
        f'<div class="answer"><h2 class="sr-only">{_say(language, "answer_from")}</h2>{"".join(parts)}</div></article>'
    )


def pick_cited(rendered: str, found: Iterable[PassageUsed]) -> tuple[PassageUsed, ...]:
    """Give the passages that the answer refers to so far."""
    numbers = {int(number) for number in _CITED.findall(rendered)}
    return tuple(passage for passage in found if passage.number in numbers)


def render_transcript(turns: Sequence[TurnView], assistant: Assistant, language: str) -> str:
    """Render a whole conversation, or the welcome where there is none."""
    body = "".join(render_turn(view, language) for view in turns) or render_welcome(assistant, language)
    return f'<div class="transcript">{body}</div>'


def render_welcome(assistant: Assistant, language: str) -> str:
    """Render the greeting and the examples of an empty conversation."""
    examples = assistant.examples.get("fr" if language == "fr" else "en", [])
    items = "".join(
        f'<li><button type="button" class="example" data-example="{index}">'
        f"<span>{_escape(set_type(language, text))}</span>{_icon('chevron')}</button></li>"
        for index, text in enumerate(examples)
    )
    listing = f'<h2 class="label">{_say(language, "examples")}</h2><ul>{items}</ul>' if items else ""
    greeting = set_type(language, assistant.say(assistant.greeting, language))
    return (
        f'<section class="welcome"><div class="welcome-mark">{_logo()}</div>'
        f'<p class="greeting">{_escape(greeting)}</p>{listing}</section>'
    )


def render_brand(assistant: Assistant, language: str, max_characters: int) -> str:
    """Render the header's name and description, with the words the script needs."""
    words = {key: say(language, key) for key in SCRIPT_WORDS}
    return _one_line(
        f'<div class="brand" data-language="{language}" data-max="{max_characters}"'
        f' data-words="{_escape(json.dumps(words, ensure_ascii=False))}">{_logo()}'
        f"<div><h1>{_escape(assistant.say(assistant.title, language))}</h1>"
        f"<p>{_escape(assistant.say(assistant.description, language))}</p></div></div>"
    )


def render_allowance(session: Session, language: str) -> str:
    """Render what is left of a session; minutes count down in the browser, in open conversations alone."""
    minutes = None if session.seconds_left is None else -(-session.seconds_left // 60)
    is_running = session.expires_at is not None
    cells = [
        _render_left(minutes, language, "minutes", session.seconds_left if is_running else None),
        _render_left(session.messages_left, language, "messages"),
        _render_left(session.characters_left, language, "characters"),
    ]
    return _one_line(
        f'<div class="allowance" role="group" aria-label="{_say(language, "allowance")}"'
        f' data-active="{"true" if session.active else "false"}">{"".join(cells)}'
        f'<p class="closing">{_say(language, "over")}</p></div>'
    )


def render_alert(sentence: str, code: str, language: str) -> str:
    """Render an error as one sentence; where the login has ended, with the way back in.

    Each has a mark of its own, so that the same error twice is news to the page, and read out again.
    """
    link = f' <a href="login">{_say(language, "log_in")}</a>' if code == "not_logged_in" else ""
    return _one_line(
        f'<div class="alert" role="alert" data-code="{_escape(code)}" data-mark="{uuid.uuid4().hex}">{_icon("alert")}'
        f"<p>{_escape(sentence)}{link}</p></div>"
    )


def render_notice(markdown: str, language: str) -> str:
    """Render the privacy notice."""
    return _one_line(
        f'<div class="notice"><h2>{_say(language, "notice")}</h2><div>{render_html(markdown)}</div></div>'
    )


def render_stage(language: str = "en") -> str:
    """Render the frame that conversations are put into."""
    skeleton = '<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>'
    return _one_line(
        f'<div class="stage"><div id="log" role="log" aria-live="polite" tabindex="0"'
        f' aria-label="{_say(language, "conversation")}">{skeleton}</div></div>'
    )


def render_login(language: str, *, error: str | None, title: str) -> str:
    """Render the page that asks for the password.

    Args:
        error: a sentence above the field, after a failed attempt.
    """
    fault = f'<p class="fault" id="fault" role="alert">{_escape(error)}</p>' if error else ""
    described = 'aria-invalid="true" aria-describedby="fault"' if error else ""
    return _login_template().substitute(
        language=language,
        title=_escape(title),
        logo=_logo(),
        heading=_escape(title),
        intro=_say(language, "login_intro"),
        field=_say(language, "login_field"),
        button=_say(language, "login_button"),
        fault=fault,
        described=described,
    )


def _render_waiting(view: TurnView, language: str) -> str:
    """Render the typing dots and what is being done."""
    text = view.fault or say(language, "searching")
    return (
        f'<div class="waiting"><span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>'
        f"<span>{_escape(text)}</span></div>"
    )


def _render_note(view: TurnView, language: str) -> str:
    """Render what is to be said about an answer that did not end as it should."""
    if view.state == "refused":
        return f'<p class="note is-refused">{_icon("search")}<span>{_say(language, "refused")}</span></p>'
    text = ""
    if view.state == "failed":
        text = view.fault or explain_code(language, "internal_error")
    elif view.state in ("interrupted", "stopped"):
        text = say(language, f"status_{view.state}")
    elif view.is_cut:
        text = say(language, "cut")
    if not text:
        return ""
    return f'<p class="note is-{view.state}">{_icon("alert")}<span>{_escape(text)}</span></p>'


def _render_passages(passages: Sequence[PassageUsed], language: str, kind: str) -> str:
    title = say(language, kind)
    items = "".join(_render_passage(passage, kind) for passage in passages)
    return (
        f'<section class="{kind}" aria-label="{_escape(title)}"><h3 class="label">{_escape(title)}'
        f' <span class="count">{len(passages)}</span></h3>{items}</section>'
    )


def _render_passage(passage: PassageUsed, kind: str) -> str:
    *parents, heading = (part.strip() for part in (passage.heading or passage.source).split(" > "))
    path = " › ".join([*parents, passage.source]) if passage.heading else ""
    mark = f'<b class="number">{passage.number}</b>' if kind == "sources" else _icon("page")
    return (
        f'<details class="source" data-number="{passage.number}"><summary>{mark}'
        f'<span class="where"><span class="heading">{_escape(heading)}</span>'
        f'<span class="path">{_escape(path)}</span></span>{_icon("chevron")}</summary>'
        f'<blockquote class="passage">{_render_snippet(passage.snippet)}</blockquote></details>'
    )


# A turn is rendered ten times a second while its answer comes; its passages stay the same.
@lru_cache(maxsize=512)
def _render_snippet(snippet: str) -> str:
    return render_html(snippet)


def _render_actions(view: TurnView, language: str) -> str:
    """Render copy, thumbs and retry under an answer that has ended."""
    retry = ""
    if view.state in RETRIED:
        retry = (
            f'<button type="button" class="retry" data-retry="{_escape(view.message_id)}">{_icon("again")}'
            f"<span>{_say(language, 'again')}</span></button>"
        )
    if not view.html:
        return f'<div class="actions">{retry}</div>'
    value = view.feedback.value if view.feedback else 0
    copy = say(language, "copy_answer")
    buttons = [_render_thumb("up", 1, value, language), _render_thumb("down", -1, value, language)]
    return (
        f'<div class="actions">{retry}<button type="button" class="tool copy-answer" title="{_escape(copy)}"'
        f' aria-label="{_escape(copy)}">{_icon("copy")}</button>{"".join(buttons)}'
        f'<span class="saved" role="status">{_say(language, "saved") if view.feedback else ""}</span></div>'
        f"{_render_comment(view, language)}"
    )


def _render_thumb(name: str, value: int, current: int, language: str) -> str:
    text = _say(language, name)
    pressed = "true" if current == value else "false"
    return (
        f'<button type="button" class="tool thumb" data-value="{value}" aria-pressed="{pressed}" title="{text}"'
        f' aria-label="{text}">{_icon(name)}</button>'
    )


def _render_comment(view: TurnView, language: str) -> str:
    """Render the form that a verdict opens; reasons are asked for with a thumb down alone."""
    feedback = view.feedback
    reason = feedback.reason if feedback else None
    comment = (feedback.comment if feedback else None) or ""
    field = f"comment-{_escape(view.message_id)}"
    up, down = _say(language, "comment"), _say(language, "comment_bad")
    chips = "".join(
        f'<button type="button" class="chip" data-reason="{name}"'
        f' aria-pressed="{"true" if name == reason else "false"}">{_say(language, f"reason_{name}")}</button>'
        for name in REASONS
    )
    return (
        f'<form class="verdict" hidden aria-label="{_say(language, "feedback")}">'
        f'<div class="reasons" role="group" aria-label="{_say(language, "reason")}">{chips}</div>'
        f'<label class="sr-only" for="{field}">{up}</label><textarea id="{field}" name="comment" rows="2"'
        f' maxlength="2000" placeholder="{up}" data-up="{up}" data-down="{down}">{_escape(comment)}</textarea>'
        f'<div class="verdict-buttons">'
        f'<button type="button" class="plain" data-close>{_say(language, "close")}</button>'
        f'<button type="submit" class="solid">{_say(language, "save")}</button></div></form>'
    )


def _render_left(left: int | None, language: str, kind: str, seconds: int | None = None) -> str:
    if left is None:
        return f'<span class="left is-free" data-kind="{kind}">{_say(language, f"{kind}_none")}</span>'
    text = say(language, "remaining_one" if kind == "messages" and left == 1 else kind)
    low = " is-low" if left <= {"minutes": 5, "messages": 3, "characters": 1000}[kind] else ""
    ticking = f' data-seconds="{seconds}"' if seconds is not None else ""
    return (
        f'<span class="left{low}" data-kind="{kind}"{ticking}><b>{format_number(language, left)}</b>'
        f" {_escape(text)}</span>"
    )


def _dress_code(rendered: str, language: str) -> str:
    """Give each code block its language's name and a copy button; the sanitizer writes `pre` bare."""

    def open_block(match: re.Match[str]) -> str:
        name = match[1] or ""
        return (
            f'<div class="code"><div class="code-head"><span>{_escape(name)}</span>'
            f'<button type="button" class="copy-code">{_say(language, "copy")}</button></div>'
            f'<pre tabindex="0">{match[0].removeprefix("<pre>")}'
        )

    return _FENCE.sub(open_block, rendered).replace("</code></pre>", "</code></pre></div>")


def _icon(name: str) -> str:
    return f'<svg class="icon icon-{name}" viewBox="0 0 24 24" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'


def _say(language: str, key: str) -> str:
    return _escape(say(language, key))


def _escape(text: str) -> str:
    return html.escape(text, quote=True)


def _one_line(content: str) -> str:
    return (
        content.replace("__i18n__", "&#95;_i18n__")
        .replace("\r", "")
        .replace("\n", "&#10;")
        .replace("\t", "&#9;")
    )


@lru_cache(maxsize=1)
def _logo() -> str:
    source = (ASSETS / "favicon.svg").read_text(encoding="utf-8").strip()
    return source.replace("<svg ", '<svg class="logo" aria-hidden="true" ', 1)


@lru_cache(maxsize=1)
def _login_template() -> Template:
    return Template((ASSETS / "login.html").read_text(encoding="utf-8"))
