"""A thread as the tester saw it, with what the office knows beside it: one sanitized piece of HTML."""

from __future__ import annotations

import html
from collections.abc import Iterable
from datetime import date
from zoneinfo import ZoneInfo

from apps.admin.formats import write_milliseconds, write_moment, write_number, write_time
from apps.admin.texts import Texts
from chatbot.markup import plain_html, render_html
from chatbot.reports.labels import name_outcome
from chatbot.store.records import Feedback, Message, PassageUsed, Thread, Transcript
from chatbot.text import collapse_space

TITLE_CHARACTERS = 120


def find_title(transcript: Transcript, texts: Texts) -> str:
    """Give the thread's first question on one line, shortened."""
    first = next((message.content for message in transcript.messages if message.origin == "user"), "")
    line = collapse_space(first) or texts["page.thread"]
    return line if len(line) <= TITLE_CHARACTERS else f"{line[: TITLE_CHARACTERS - 1].rstrip()}…"


def render_head(transcript: Transcript, texts: Texts, zone: ZoneInfo) -> str:
    """Give title and facts of a thread."""
    facts = "".join(
        f"<div><dt>{_escape(name)}</dt><dd>{_escape(value)}</dd></div>"
        for name, value in _list_facts(transcript.thread, texts, zone)
    )
    title = _escape(find_title(transcript, texts))
    return f'<h1 class="g-title">{title}</h1><dl class="g-facts">{facts}</dl>'


def render_messages(transcript: Transcript, texts: Texts, zone: ZoneInfo) -> str:
    """Give the messages, oldest first; a new day has a line of its own."""
    if not transcript.messages:
        return f'<p class="g-muted">{_escape(texts["thread.empty"])}</p>'
    parts: list[str] = []
    day: date | None = None
    for message in transcript.messages:
        if (moment := message.created_at.astimezone(zone)).date() != day:
            day = moment.date()
            parts.append(f'<div class="g-day"><span>{day.isoformat()}</span></div>')
        draw = _render_question if message.origin == "user" else _render_answer
        parts.append(draw(message, transcript.feedback.get(message.message_id), texts, zone))
    return f'<div class="g-thread">{"".join(parts)}</div>'


def _list_facts(thread: Thread, texts: Texts, zone: ZoneInfo) -> Iterable[tuple[str, str]]:
    yield texts["thread.bot"], thread.assistant
    yield texts["thread.tester"], thread.tester
    yield texts["thread.channel"], thread.channel
    yield texts["thread.started"], f"{write_moment(thread.created_at, zone)} ({zone.key})"
    if thread.language:
        yield texts["thread.language"], thread.language
    if thread.code_label:
        yield texts["thread.code"], thread.code_label
    yield texts["thread.id"], thread.thread_id


def _render_question(message: Message, _feedback: Feedback | None, texts: Texts, zone: ZoneInfo) -> str:
    return (
        f'<article class="g-turn g-user"><header><b>{_escape(texts["thread.tester"])}</b>'
        f"<time>{write_time(message.created_at, zone)}</time></header>"
        f'<div class="g-bubble">{plain_html(message.content)}</div></article>'
    )


def _render_answer(message: Message, feedback: Feedback | None, texts: Texts, zone: ZoneInfo) -> str:
    cited = [passage for passage in message.passages if passage.cited]
    found = [passage for passage in message.passages if not passage.cited]
    body = render_html(message.content, {passage.number for passage in message.passages})
    # Each answer counts its passages from 1: the marks of one must not lead to those of another.
    body = body.replace('href="#cite-', f'href="#cite-{message.position}-')
    if not message.content.strip():
        body = f'<p class="g-muted">{_escape(texts["thread.nothing_written"])}</p>'
    return (
        f'<article class="g-turn g-bot g-is-{_escape(message.status)}"><header>'
        f"<b>{_escape(texts['thread.bot'])}</b>{_render_badges(message, texts)}"
        f"<time>{write_time(message.created_at, zone)}</time></header>"
        f'<div class="g-bubble">{body}</div>'
        f"{_render_passages(message, cited, texts['thread.cited'])}"
        f"{_render_passages(message, found, texts['thread.found'])}"
        f"{_render_feedback(feedback, texts)}"
        f"<footer>{_render_measures(message, texts)}</footer></article>"
    )


def _render_badges(message: Message, texts: Texts) -> str:
    badges = []
    if message.status != "complete":
        outcome = name_outcome(message)
        label = texts[f"status.{outcome}"]
        if message.error_origin:
            label += f": {texts[f'thread.origin.{message.error_origin}']}"
        if message.error_code:
            label += f" ({message.error_code})"
        badges.append(f'<span class="g-badge g-{_escape(outcome)}">{_escape(label)}</span>')
    if message.is_cut:
        badges.append(f'<span class="g-badge g-stopped">{_escape(texts["status.cut"])}</span>')
    return "".join(badges)


def _render_passages(message: Message, passages: list[PassageUsed], title: str) -> str:
    if not passages:
        return ""
    items = "".join(
        f'<li id="cite-{message.position}-{passage.number}"><b>{passage.number}</b>'
        f"<div><span>{_escape(passage.heading)}</span><small>{_escape(passage.source)}</small>"
        f"<blockquote>{render_html(passage.snippet)}</blockquote></div></li>"
        for passage in passages
    )
    return (
        f'<details class="g-passages"><summary>{_escape(title)} ({len(passages)})</summary>'
        f"<ol>{items}</ol></details>"
    )


def _render_feedback(feedback: Feedback | None, texts: Texts) -> str:
    if feedback is None:
        return ""
    is_liked = feedback.value > 0
    words = [texts["thread.liked" if is_liked else "thread.disliked"], feedback.reason or ""]
    label = " · ".join(word for word in words if word)
    comment = f"<p>{plain_html(feedback.comment)}</p>" if feedback.comment else ""
    kind = "liked" if is_liked else "disliked"
    return f'<div class="g-feedback g-{kind}"><b>{_escape(label)}</b>{comment}</div>'


def _render_measures(message: Message, texts: Texts) -> str:
    measures = [
        message.model,
        _name(texts["thread.version"], message.assistant_version),
        _name(texts["thread.index"], (message.index_version or "")[:12]),
        _write_tokens(message, texts),
        _measure(message.first_token_ms, texts["thread.first"], texts),
        _measure(message.total_ms, texts["thread.total"], texts),
        None if message.cost_usd is None else f"{texts['thread.cost']} {message.cost_usd:.4f} $",
        _name(texts["thread.trace"], message.trace_id),
    ]
    return "".join(f"<span>{_escape(measure)}</span>" for measure in measures if measure)


def _name(name: str, value: object) -> str | None:
    return f"{name} {value}" if value else None


def _measure(value: int | None, name: str, texts: Texts) -> str | None:
    return None if value is None else f"{write_milliseconds(value, texts)} {name}"


def _write_tokens(message: Message, texts: Texts) -> str | None:
    if message.prompt_tokens is None and message.completion_tokens is None:
        return None
    counts = (write_number(count or 0, texts) for count in (message.prompt_tokens, message.completion_tokens))
    return f"{' + '.join(counts)} {texts['thread.tokens']}"


def _escape(text: str) -> str:
    return html.escape(text)
