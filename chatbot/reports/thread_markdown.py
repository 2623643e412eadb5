"""A thread as Markdown: what the tester sees on the page, to keep and to paste elsewhere."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from markdown_it import MarkdownIt

from chatbot.reports.labels import Language, label, name_outcome
from chatbot.reports.thread_pdf import SNIPPET_CHARACTERS, shorten
from chatbot.store.records import Message, PassageUsed, Transcript
from chatbot.text import clean_text

# Code keeps its signs: a fenced block to its end (or the text's), or a span within a paragraph.
_CODE = re.compile(
    r"^ {0,3}(?P<fence>`{3,}|~{3,}).*?(?:^ {0,3}(?P=fence)[`~]*[ \t]*$|\Z)|(?P<tick>`+)(?!`).+?(?<!`)(?P=tick)(?!`)",
    re.M | re.S,
)
_PARSER = MarkdownIt()
# What would be read as Markdown or HTML in a text that is neither.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~&:])")


def render_thread_markdown(
    transcript: Transcript,
    *,
    timezone: ZoneInfo,
    language: Language = "en",
    assistant_title: str | None = None,
) -> str:
    """Write one thread down.

    Args:
        transcript: texts of testers are plain text and are shown letter by letter, those of the bot are Markdown
            without HTML and images: a copy that is opened fetches nothing.
        timezone: of all times shown; it is named.
        language: of the labels.
        assistant_title: shown instead of the assistant's name.
    """
    thread, messages = transcript.thread, transcript.messages
    assistant = clean_text(assistant_title or thread.assistant)
    first = next((message.content for message in messages if message.origin == "user"), "")
    title = shorten(first, 120) or label("no_question", language)
    lines = [
        f"# {escape_plain(title)}",
        "",
        f"- {label('assistant', language)}: {escape_plain(assistant)}",
        f"- {label('started', language)}: {_say_time(thread.created_at, timezone)} ({timezone.key})",
        f"- {label('thread', language)}: {escape_plain(thread.thread_id)}",
        "",
    ]
    for message in messages:
        name = label("tester", language) if message.origin == "user" else assistant
        lines += [f"## {escape_plain(name)}, {_say_time(message.created_at, timezone)}", ""]
        lines += _write_message(message, language)
    if not messages:
        lines += [f"*{label('empty', language)}*", ""]
    return "\n".join(lines)


def escape_plain(text: str) -> str:
    """Give plain text so that Markdown shows it as it is."""
    return _SIGNS.sub(r"\\\1", clean_text(text))


def defuse_markdown(text: str) -> str:
    """Give Markdown in which HTML is the characters it is made of, and no image is fetched; code stays as it is."""
    parts, end = [], 0
    for match in _CODE.finditer(text):
        parts += [_defuse_prose(text[end : match.start()]), match[0]]
        end = match.end()
    defused = "".join([*parts, _defuse_prose(text[end:])])
    # What looks like code to an expression may be none to a parser: then its signs are defused too.
    return _defuse_prose(text) if _is_live(defused) else defused


def _is_live(text: str) -> bool:
    tokens = [child for token in _PARSER.parse(text) for child in (token, *(token.children or ()))]
    return any(token.type in ("html_block", "html_inline", "image") for token in tokens)


def _defuse_prose(text: str) -> str:
    return text.replace("<", "\\<").replace("![", "\\![")


def _write_message(message: Message, language: Language) -> list[str]:
    lines = []
    if message.origin == "user":
        # A line break of the tester's stays one, by the two spaces before it.
        lines.append("> " + "  \n> ".join(map(_quote_line, clean_text(message.content).split("\n"))))
    else:
        if message.status != "complete":
            lines += [f"*{label(name_outcome(message), language)}*", ""]
        lines.append(defuse_markdown(clean_text(message.content)) or f"*{label('no_text', language)}*")
        if message.is_cut:
            lines += ["", f"*{label('cut', language)}*"]
        lines += _write_sources(message, language)
    return [*lines, ""]


def _quote_line(line: str) -> str:
    """Give a line as it is, its indentation by spaces that do not make it code."""
    text = line.expandtabs(4).lstrip(" ")
    return "\u00a0" * (len(line.expandtabs(4)) - len(text)) + escape_plain(text)


def _write_sources(message: Message, language: Language) -> list[str]:
    cited = sorted((item for item in message.passages if item.cited), key=lambda item: item.number)
    if cited:
        return ["", f"**{label('sources', language)}**", "", *map(_write_passage, cited)]
    if message.status == "refused" and message.passages:
        nearest = sorted(message.passages, key=lambda item: item.rank)[:3]
        return ["", f"**{label('nearest', language)}**", "", *map(_write_passage, nearest)]
    return []


def _write_passage(passage: PassageUsed) -> str:
    mark = f"\\[{passage.number}\\] " if passage.cited else ""
    snippet = f": “{escape_plain(shorten(passage.snippet, SNIPPET_CHARACTERS))}”" if passage.cited else ""
    return f"- {mark}{escape_plain(passage.heading)} ({escape_plain(passage.source)}){snippet}"


def _say_time(moment: datetime, timezone: ZoneInfo) -> str:
    return f"{moment.astimezone(timezone):%Y-%m-%d %H:%M}"
