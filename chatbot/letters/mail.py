"""A mail as a file that mail programs open as a draft, and as an address that opens a new message.

Sources: RFC 5322 and 2047 by the standard library's email package, RFC 6068 for `mailto:`.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import quote

from chatbot import markup
from chatbot.letters.conventions import CONVENTIONS
from chatbot.letters.letter import Letter, clean_line
from chatbot.letters.plan import name_title
from chatbot.letters.prose import read_prose

MAX_MAILTO = 1_800
"""Characters of an address that every system still hands to its mail program (Windows takes 2,048)."""

# What may stand before the @ without quotes (RFC 5322, 3.2.3); anything else is left to the sender to fill in.
_LOCAL_PART = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_STYLE = "font-family: Arial, 'Liberation Sans', sans-serif; font-size: 11pt; line-height: 1.4"


@dataclass(frozen=True, slots=True)
class Mailto:
    """A `mailto:` address; without the body where it would be too long to be passed on."""

    address: str
    has_body: bool


def write_eml(letter: Letter) -> bytes:
    """Write a mail as an unsent message (`X-Unsent: 1`): plain text, and the same as HTML.

    Recipient and sender are left out where there is no address that mail can be sent to.
    """
    message = EmailMessage(policy=SMTP)
    message["X-Unsent"] = "1"
    message["Subject"] = _one_line(letter.subject or name_title(letter))
    for header, name, address in (
        ("From", letter.signature, letter.sender_email),
        ("To", next(iter(letter.recipient), ""), letter.recipient_email),
    ):
        if found := _read_address(address):
            username, _, domain = found.rpartition("@")
            message[header] = Address(_one_line(name), username, domain)
    message.set_content(write_plain_text(letter) + "\n", charset="utf-8")
    message.add_alternative(_write_html(letter), subtype="html", charset="utf-8")
    # Last, for setting a content drops what is said of it.
    message["Content-Language"] = CONVENTIONS[letter.language].locale
    return message.as_bytes()


def write_mailto(letter: Letter) -> Mailto:
    """Write a mail as an address that opens it in the reader's mail program."""
    recipient = quote(_read_address(letter.recipient_email) or "", safe="@")
    subject = f"?subject={_quote(_one_line(letter.subject or name_title(letter)))}"
    body = f"&body={_quote(write_plain_text(letter))}"
    start = f"mailto:{recipient}"
    if len(start + subject + body) <= MAX_MAILTO:
        return Mailto(start + subject + body, has_body=True)
    if len(start + subject) <= MAX_MAILTO:
        return Mailto(start + subject, has_body=False)
    return Mailto(start, has_body=False)


def write_plain_text(letter: Letter) -> str:
    """Write a letter's text with its signature as plain text: paragraphs, items with dashes or numbers."""
    return "\n".join(_write_lines(letter)).strip("\n")


def _write_lines(letter: Letter) -> Iterator[str]:
    is_item = False
    for paragraph in read_prose(letter.body, letter.language):
        text = paragraph.text
        if paragraph.role == "item":
            marker = "  " if paragraph.is_continued else f"{paragraph.number}. " if paragraph.number else "- "
            margin = "  " * (paragraph.level - 1)
            text = margin + marker + text.replace("\n", "\n" + margin + " " * len(marker))
        elif paragraph.role == "quote":
            text = "> " + text.replace("\n", "\n> ")
        if not (is_item and paragraph.role == "item"):
            yield ""
        is_item = paragraph.role == "item"
        yield text
    if letter.signature:
        yield ""
        yield letter.signature


def _write_html(letter: Letter) -> str:
    signature = f"<p>{html.escape(letter.signature)}</p>\n" if letter.signature else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{letter.language}">\n<head><meta charset="utf-8"></head>\n'
        f'<body style="{_STYLE}">\n{markup.render_html(letter.body)}\n{signature}</body>\n</html>\n'
    )


def _one_line(text: str) -> str:
    """Give text for a header: a line's end in it would begin another one."""
    return clean_line(text)[:400]


def _read_address(text: str) -> str | None:
    local_part, _, host = clean_line(text).rpartition("@")
    try:
        ascii_host = host.encode("idna").decode("ascii") if host else ""
    except UnicodeError:
        return None
    if len(local_part) > 64 or not _LOCAL_PART.fullmatch(local_part) or not _HOST.fullmatch(ascii_host):
        return None
    return f"{local_part}@{ascii_host}"


def _quote(text: str) -> str:
    # Lines end as in mail; a plus sign is no space here.
    return quote(text.replace("\n", "\r\n"), safe="")
