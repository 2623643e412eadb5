"""The HTML around a conversation: header, menu, what is left, errors, the notice, the end, the login page.

All that is not ours is escaped here or comes through `chatbot.markup.render_html`; `page_html` has the turns.
"""

from __future__ import annotations

import html
import json
import uuid
from functools import lru_cache
from pathlib import Path
from string import Template

from apps.chat.texts import explain_error, format_number, say
from apps.chat.writing_texts import phrase
from chatbot.access import Session
from chatbot.assistants.definition import Assistant
from chatbot.errors import GuichetError, NotLoggedIn, TooBusy, WrongPassword
from chatbot.markup import render_html
from chatbot.settings import Settings

ASSETS = Path(__file__).parent / "assets"
# What the script has to say by itself.
SCRIPT_WORDS = (
    *("copied", "copy", "documented", "earlier", "failed_feedback", "minutes", "no_network", "no_threads"),
    *("not_sent", "over", "saved", "seconds", "soon_minutes", "threads", "today", "too_long", "yesterday"),
)
SCRIPT_PHRASES = ("file_failed", "form_failed", "manage_prompts", "wish")
# Errors that the script itself meets: Gradio's queue is full, a login ended, a resume code is wrong.
SCRIPT_FAULTS: dict[str, GuichetError] = {
    "too_busy": TooBusy(""),
    "not_logged_in": NotLoggedIn(""),
    "wrong_password": WrongPassword(""),
    "internal_error": GuichetError(""),
}
SOON_SECONDS = 120
SOON_MESSAGES = 2
SOON_SHARE = 0.1
RATINGS = range(1, 6)

ICONS = {
    "up": "M7 11v9H4v-9zm0 0 4-8c1.5 0 2.5 1 2.5 2.5V9h5a2 2 0 0 1 2 2.3l-1.2 7A2 2 0 0 1 17.3 20H7",
    "down": "M7 13V4H4v9zm0 0 4 8c1.5 0 2.5-1 2.5-2.5V15h5a2 2 0 0 0 2-2.3l-1.200-7A2 2 0 0 0 17.3 4H7",
    "copy": "M9 9h10v11H9zM5 15V4h10",
    "again": "M20 11a8 8 0 1 0-2.3 6M20 4v7h-7",
    "chevron": "m9 6 6 6-6 6",
    "page": "M7 3h7l4 4v14H7zM14 3v4h4M10 12h5M10 16h5",
    "alert": "M12 8v5m0 3.5v.01M12 3 2.5 20h19z",
    "search": "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14m5 12 5 5",
    "team": "m5 13 4 4L19 7",
    "ask": "M5 4h14v12H9l-4 4zM12 7v6m-3-3h6",
    "list": "M4 6h16M4 12h16M4 18h10",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "close": "M6 6l12 12M18 6 6 18",
    "devices": "M3 5h13v10H3zM7 19h5M18 9h3v10h-5v-2",
    "save": "M12 4v11m-5-5 5 5 5-5M5 20h14",
    "leave": "M14 4H5v16h9M10 12h11m-4-4 4 4-4 4",
}


def render_bar(
    assistant: Assistant, language: str, settings: Settings, *, has_logout: bool, prompts: str = ""
) -> str:
    """Render the header with name, menu and what the script puts elsewhere in the page: words, the end, the dialogs.

    Args:
        prompts: the rendered dialog of story prompts.
        has_logout: whether there is a login to end.
    """
    faults = {code: explain_error(language, error) for code, error in SCRIPT_FAULTS.items()}
    words = {key: say(language, key) for key in SCRIPT_WORDS} | faults
    words |= {key: phrase(language, key) for key in SCRIPT_PHRASES} | {
        "ask_here": say(language, "placeholder")
    }
    title, new = escape(assistant.say(assistant.title, language)), say_safe(language, "new")
    return one_line(
        f'<div class="bar" data-language="{language}" data-max="{settings.max_message_characters}"'
        f' data-soon="{SOON_SECONDS}" data-words="{escape(json.dumps(words, ensure_ascii=False))}">'
        f'<a class="skip" href="#box">{say_safe(language, "skip")}</a>'
        f'<button type="button" id="threads-toggle" class="tool" aria-expanded="false" aria-controls="threads"'
        f' title="{say_safe(language, "threads")}" aria-label="{say_safe(language, "threads")}">{icon("list")}</button>'
        f'<div class="brand">{logo()}<div><h1>{title}</h1>'
        f"<p>{escape(assistant.say(assistant.description, language))}</p></div></div>"
        f'<button type="button" id="fresh" aria-label="{new}"><i aria-hidden="true">+</i><span>{new}</span></button>'
        f"{_render_menu(language, has_logout)}"
        f'<template data-part="ending">{_render_ending(language)}</template>'
        f'<template data-part="closing">{_render_closing(language)}</template>'
        f'<template data-part="prompts">{prompts}</template>'
        f'<template data-part="handover">{_render_handover(language)}</template></div>'
    )


def render_allowance(session: Session, language: str, max_characters: int) -> str:
    """Render what is left of a session, and what is to be said when little is.

    Minutes count down in the browser, in conversations that have begun; the script warns of their end.

    Args:
        max_characters: what the session began with; 0 = no limit.
    """
    minutes = None if session.seconds_left is None else -(-session.seconds_left // 60)
    is_running = session.expires_at is not None
    few_messages = session.messages_left is not None and session.messages_left <= SOON_MESSAGES
    few_characters = (
        session.characters_left is not None and session.characters_left <= SOON_SHARE * max_characters
    )
    cells = [
        _render_left(minutes, language, "minutes", seconds=session.seconds_left if is_running else None),
        _render_left(session.messages_left, language, "messages", is_low=few_messages),
        _render_left(session.characters_left, language, "characters", is_low=few_characters),
    ]
    warnings = []
    if session.active and few_messages:
        key = "soon_message" if session.messages_left == 1 else "soon_messages"
        warnings.append(_render_warning("messages", say(language, key)))
    if session.active and few_characters and session.characters_left is not None:
        count = format_number(language, session.characters_left)
        warnings.append(_render_warning("characters", say(language, "soon_characters").format(count=count)))
    return (
        f'<div class="allowance" role="group" aria-label="{say_safe(language, "allowance")}"'
        f' data-active="{"true" if session.active else "false"}" data-limit="{_name_limit(session)}">'
        f'{"".join(cells)}</div><div class="warnings">{"".join(warnings)}</div>'
    )


def render_alert(sentence: str, code: str, language: str) -> str:
    """Render an error as one sentence; where the login has ended, with the way back in.

    Each has a mark of its own, so that the same error twice is news to the page, and read out again.
    """
    link = f' <a href="login">{say_safe(language, "log_in")}</a>' if code == "not_logged_in" else ""
    return one_line(
        f'<div class="alert" role="alert" data-code="{escape(code)}" data-mark="{uuid.uuid4().hex}">{icon("alert")}'
        f'<p>{escape(sentence)}{link}</p><button type="button" class="dismiss" data-dismiss'
        f' aria-label="{say_safe(language, "close")}">{icon("close")}</button></div>'
    )


def render_notice(markdown: str, language: str) -> str:
    """Render the privacy notice."""
    return one_line(
        f'<div class="notice"><h2>{say_safe(language, "notice")}</h2><div>{render_html(markdown)}</div></div>'
    )


def render_side() -> str:
    """Render the frame of the list of conversations, which the script fills."""
    return '<div class="side"><nav id="threads"></nav><div id="veil" hidden></div></div>'


def render_stage(language: str = "en") -> str:
    """Render the frame that conversations and their end are put into; `#news` is read out, the log is not."""
    skeleton = '<div class="skeleton" aria-hidden="true"><i></i><i></i><i></i></div>'
    return one_line(
        f'<div class="stage"><div id="log" role="log" aria-live="off" tabindex="0"'
        f' aria-label="{say_safe(language, "conversation")}">{skeleton}</div><div id="ending" hidden></div>'
        '<div id="news" class="sr-only" role="status" aria-live="polite"></div></div>'
    )


def render_ledge() -> str:
    """Render the frame above the box: what the network does, errors of the script's own, warnings, the end."""
    places = '<div id="fault"></div><div id="soon"></div><div id="closing"></div>'
    return f'<div class="ledge"><div id="network" role="status"></div>{places}</div>'


def render_foot() -> str:
    """Render the frame below the box: what is left of the session, and of the message."""
    return '<div class="foot"><div id="left"></div><div id="count" aria-live="off"></div></div>'


def render_login(language: str, *, error: str | None, title: str) -> str:
    """Render the page that asks for the password.

    Args:
        error: a sentence above the field, after a failed attempt.
    """
    fault = f'<p class="fault" id="fault" role="alert">{escape(error)}</p>' if error else ""
    described = 'aria-invalid="true" aria-describedby="fault hint"' if error else 'aria-describedby="hint"'
    return _login_template().substitute(
        language=language,
        title=escape(title),
        logo=logo(),
        heading=escape(title),
        intro=say_safe(language, "login_intro"),
        field=say_safe(language, "login_field"),
        hint=say_safe(language, "login_hint"),
        button=say_safe(language, "login_button"),
        fault=fault,
        described=described,
    )


def icon(name: str) -> str:
    """Give a picture that says nothing to a screen reader."""
    return f'<svg class="icon icon-{name}" viewBox="0 0 24 24" aria-hidden="true"><path d="{ICONS[name]}"/></svg>'


@lru_cache(maxsize=1)
def logo() -> str:
    """Give the assistant's picture."""
    source = (ASSETS / "favicon.svg").read_text(encoding="utf-8").strip()
    return source.replace("<svg ", '<svg class="logo" aria-hidden="true" ', 1)


def say_safe(language: str, key: str) -> str:
    """Give a text of the page, escaped."""
    return escape(say(language, key))


def escape(text: str) -> str:
    """Make text safe in HTML and its attributes."""
    return html.escape(text, quote=True)


def one_line(content: str) -> str:
    """Give HTML as the one line that Gradio passes on as it is.

    Tabs and line ends are written as references (Gradio expands tabs and cuts at blank lines), and its marker of
    translations is broken up, so that no text of a tester's or a model's is taken for one.
    """
    return (
        content.replace("__i18n__", "&#95;_i18n__")
        .replace("\r", "")
        .replace("\n", "&#10;")
        .replace("\t", "&#9;")
    )


def _render_menu(language: str, has_logout: bool) -> str:
    """Render what is done seldom: another device, copies, logging out."""
    more = say_safe(language, "more")
    items = [
        f'<button type="button" id="handover-open">{icon("devices")}{say_safe(language, "handover")}</button>',
        *(_render_copy(kind, language, "copy-link") for kind in ("pdf", "md")),
    ]
    if has_logout:
        items.append(
            f'<button type="button" id="logout">{icon("leave")}{say_safe(language, "logout")}</button>'
        )
    listing = "".join(f"<li>{item}</li>" for item in items)
    return (
        f'<div class="menu"><button type="button" id="menu-toggle" class="tool" aria-expanded="false"'
        f' aria-controls="menu" title="{more}" aria-label="{more}">{icon("more")}</button>'
        f'<ul id="menu" hidden>{listing}</ul></div>'
    )


def _render_copy(kind: str, language: str, css: str) -> str:
    text = say_safe(language, f"keep_{kind}")
    return f'<a class="{css}" data-copy="{kind}" href="#" download>{icon("save")}{text}</a>'


def _render_ending(language: str) -> str:
    """Render the end of a conversation: why, the tester's own copies, one last question, a new one."""
    reasons = "".join(
        f'<span data-limit="{kind}">{say_safe(language, f"over_{kind}")}</span>'
        for kind in ("minutes", "messages", "characters")
    )
    radios = "".join(
        f'<label><input type="radio" name="rating" value="{value}" required><span>{value}</span></label>'
        for value in RATINGS
    )
    return (
        f'<section class="ending" aria-labelledby="ending-title"><h2 id="ending-title">{say_safe(language, "ended")}'
        f'</h2><p class="why">{reasons} {say_safe(language, "over_readable")}</p><p class="copies">'
        f"{_render_copy('pdf', language, 'ghost')}{_render_copy('md', language, 'ghost')}"
        f'<button type="button" class="solid" data-fresh>{say_safe(language, "new")}</button></p>'
        f'<form class="rating"><fieldset><legend>{say_safe(language, "rate")}</legend>'
        f'<div class="scale"><span>{say_safe(language, "rate_worst")}</span>{radios}'
        f"<span>{say_safe(language, 'rate_best')}</span></div></fieldset>"
        f'<label for="rating-comment">{say_safe(language, "comment")}</label>'
        f'<textarea id="rating-comment" rows="2" maxlength="2000"></textarea>'
        f'<div class="verdict-buttons"><button type="submit" class="ghost">{say_safe(language, "save")}</button></div>'
        f'</form><p class="rated" role="status"></p></section>'
    )


def _render_closing(language: str) -> str:
    """Render what stands in the place of the box at the end; the rest of the end is below the last answer."""
    return (
        f'<p class="closing"><span>{say_safe(language, "ended")}.</span>'
        f'<button type="button" class="ghost" data-to-end>{say_safe(language, "keep")}</button>'
        f'<button type="button" class="solid" data-fresh>{say_safe(language, "new")}</button></p>'
    )


def _render_handover(language: str) -> str:
    """Render the dialog that carries a login to another device, and takes a code from one."""
    return (
        f'<dialog id="handover" aria-labelledby="handover-title"><div class="dialog-head">'
        f'<h2 id="handover-title">{say_safe(language, "handover")}</h2>'
        f'<button type="button" class="tool" data-close-dialog aria-label="{say_safe(language, "close")}">'
        f"{icon('close')}</button></div><p>{say_safe(language, 'handover_how')}</p>"
        f'<p class="code-shown" role="status"></p><p class="code-life">{say_safe(language, "handover_life")}</p>'
        f'<button type="button" class="solid" data-make-code>{say_safe(language, "handover_make")}</button>'
        f'<form class="resume"><label for="resume-code">{say_safe(language, "handover_enter")}</label>'
        f'<div><input id="resume-code" autocomplete="off" autocapitalize="characters" spellcheck="false" maxlength="40"'
        f' required><button type="submit" class="ghost">{say_safe(language, "handover_take")}</button></div>'
        f'<p class="fault" role="alert"></p></form></dialog>'
    )


def _render_left(
    left: int | None, language: str, kind: str, *, is_low: bool = False, seconds: int | None = None
) -> str:
    if left is None:
        return f'<span class="left is-free" data-kind="{kind}">{say_safe(language, f"{kind}_none")}</span>'
    text = say(language, "remaining_one" if kind == "messages" and left == 1 else kind)
    ticking = f' data-seconds="{seconds}"' if seconds is not None else ""
    return (
        f'<span class="left{" is-low" if is_low else ""}" data-kind="{kind}"{ticking}>'
        f"<b>{format_number(language, left)}</b> <span>{escape(text)}</span></span>"
    )


def _render_warning(kind: str, sentence: str) -> str:
    return f'<p data-kind="{kind}">{icon("alert")}<span>{escape(sentence)}</span></p>'


def _name_limit(session: Session) -> str:
    """Name the limit that ended a session, the first where there are several; empty where it goes on."""
    spent = {
        "minutes": session.seconds_left,
        "messages": session.messages_left,
        "characters": session.characters_left,
    }
    return next((kind for kind, left in spent.items() if left == 0), "")


@lru_cache(maxsize=1)
def _login_template() -> Template:
    return Template((ASSETS / "login.html").read_text(encoding="utf-8"))
