"""A letter's parts: a draft's text read by its convention, the rest by the names of the form's fields.

A draft is Markdown. Its first line is `**Subject:** …` (French `**Objet :** …`); salutation, body and closing formula
follow. Sender, recipient, place, date, reference, signature and enclosures come from the form.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from chatbot import markup
from chatbot.letters.dates import read_date
from chatbot.text import clean_text, collapse_space, fold

Language = Literal["en", "fr"]

_SUBJECT = re.compile(r"(?:subject|re|objet|sujet|concerne)\s*[:：]\s*(.*)", re.IGNORECASE)
# Emphasis that a model opened and did not close goes from the ends of a subject; signs that were typed stay.
_STAND_INS = {"*": "\ue000", "_": "\ue001"}
_ESCAPED = re.compile(r"\\([*_])")
_FENCE = re.compile(r"```\w*\n(.*?)\n?```", re.DOTALL)
_PLACEHOLDER = re.compile(r"\[[^\]\n]{0,40}\b(?:name|signature|nom|prénom)\b[^\]\n]{0,40}\]", re.IGNORECASE)
_LABELS = {"en": ("Tel: ", "Email: "), "fr": ("Tél.\u00a0: ", "Courriel\u00a0: ")}
# They turn the order of what follows them: a draft must read on paper as it was read in the page.
_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Unicode's non-characters: no XML may hold those at the end of the first plane.
_NO_CHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter or mail in its parts; nothing but `body` is Markdown.

    `sender` and `recipient` are the lines of an address, `body` runs from the salutation to the closing formula.
    """

    language: Language
    sender: tuple[str, ...]
    recipient: tuple[str, ...]
    place: str
    date: date | None
    reference: str
    subject: str
    body: str
    signature: str
    enclosures: tuple[str, ...]
    sender_email: str = ""
    recipient_email: str = ""


def build_letter(
    text: str,
    values: Mapping[str, str],
    sender: Mapping[str, str],
    language: str,
    default_subject: str = "",
) -> Letter:
    """Put a letter together from a draft and the form it was written from.

    Args:
        text: the draft; one without a subject line takes the default subject.
        values: the form's values; dates as `2026-11-22` or written out.
        sender: `sender_name`, `sender_address`, `sender_email`, `sender_phone`; they go before those of `values`.
        language: `fr`, or anything else for English.
        default_subject: the form's own.
    """
    chosen: Language = "fr" if language == "fr" else "en"
    form = {**values, **{name: value for name, value in sender.items() if value.strip()}}
    name = clean_line(form.get("sender_name", ""))
    subject, body = read_draft(text)
    return Letter(
        language=chosen,
        sender=_read_sender(form, chosen),
        recipient=_read_address(form, "recipient"),
        place=clean_line(form.get("place", "")),
        date=read_date(form.get("date", "")),
        reference=clean_line(form.get("reference", "")),
        subject=subject or clean_line(default_subject),
        body=_drop_signature(body, name),
        signature=name,
        enclosures=_read_lines(form.get("enclosures", "")),
        sender_email=clean_line(form.get("sender_email", "")),
        recipient_email=clean_line(form.get("recipient_email", "")),
    )


def read_draft(text: str) -> tuple[str, str]:
    """Split a draft into its subject, without markup, and its body; the subject is empty where no line names one."""
    whole = clean_block(text).strip()
    if fenced := _FENCE.fullmatch(whole):
        whole = fenced[1].strip()
    first, _, rest = whole.partition("\n")
    plain = markup.plain_text(_ESCAPED.sub(lambda sign: _STAND_INS[sign[1]], first))
    found = _SUBJECT.fullmatch(collapse_space(plain).strip("*_# "))
    if found is None:
        return "", whole
    subject = found[1].strip("*_ ")
    for sign, stand_in in _STAND_INS.items():
        subject = subject.replace(stand_in, sign)
    return subject, rest.strip()


def write_draft(subject: str, body: str, language: str) -> str:
    """Put a draft together by the convention by which it is read; a body that names its subject itself stays so."""
    if not subject.strip() or read_draft(body)[0]:
        return body
    label = "Objet\u00a0:" if language == "fr" else "Subject:"
    return f"**{label}** {clean_line(subject)}\n\n{body}"


def clean_block(text: str) -> str:
    """Give text of several lines without what no document can hold: control characters, NUL, lone surrogates."""
    unified = _OVERRIDES.sub("", _LINE_ENDS.sub("\n", clean_text(_NO_CHARACTERS.sub("", text))))
    if unified.isprintable():
        return unified
    return "".join(
        character
        for character in unified
        if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )


def clean_line(text: str) -> str:
    """Give text in one line, runs of white space as one space; no-break spaces stay what they are."""
    return re.sub(r"[ \t\n]+", " ", clean_block(text)).strip()


def _read_lines(text: str) -> tuple[str, ...]:
    lines = (clean_line(line) for line in clean_block(text).split("\n"))
    return tuple(line for line in lines if line)


def _read_address(form: Mapping[str, str], who: str) -> tuple[str, ...]:
    name = clean_line(form.get(f"{who}_name", ""))
    lines = _read_lines(form.get(f"{who}_address", ""))
    if name and (not lines or fold(lines[0]) != fold(name)):
        return (name, *lines)
    return lines


def _read_sender(form: Mapping[str, str], language: Language) -> tuple[str, ...]:
    phone_label, email_label = _LABELS[language]
    phone, email = clean_line(form.get("sender_phone", "")), clean_line(form.get("sender_email", ""))
    reach = (phone and phone_label + phone, email and email_label + email)
    return (*_read_address(form, "sender"), *filter(None, reach))


def _drop_signature(body: str, name: str) -> str:
    """Leave out a name that a model wrote below the closing formula: the layout signs."""
    above, _, last = body.rpartition("\n")
    plain = collapse_space(last.strip("*_ "))
    is_name = bool(name) and fold(plain) == fold(name)
    return above.rstrip("\\ \n") if above and (is_name or _PLACEHOLDER.fullmatch(plain)) else body
