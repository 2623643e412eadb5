"""A mail opens as a draft with its text in two forms; no value can become a header."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from chatbot.letters.letter import Letter
from chatbot.letters.mail import MAX_MAILTO, write_eml, write_mailto, write_plain_text
from tests.chatbot.letters.samples import make_english, make_french, make_hostile


def read(letter: Letter) -> EmailMessage:
    """Write a mail and read it back."""
    message = message_from_bytes(write_eml(letter), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def test_mail_is_an_unsent_draft() -> None:
    """Subject, sender and recipient are headers; the text is there as plain text and as HTML, in UTF-8."""
    message = read(make_french(recipient_email="accueil@éxemple.fr"))
    assert message["X-Unsent"] == "1"
    assert message["Subject"] == "Résiliation du contrat n° 4711-B"
    assert message["From"] == "Camille Dupré <camille.dupre@example.org>"
    assert message["To"] == "Assurances du Rhône <accueil@xn--xemple-9ua.fr>"
    assert message["Content-Language"] == "fr-FR"
    assert "Date" not in message and "Message-ID" not in message
    plain, rich = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and rich is not None
    lines = plain.get_content().splitlines()
    assert lines[0] == "Madame, Monsieur,"
    assert lines[-2:] == ["", "Camille Dupré"]
    assert "<strong>résilier</strong>" in rich.get_content()
    assert "<li>de me confirmer la date de fin ;</li>" in rich.get_content()


def test_plain_text_keeps_lists() -> None:
    """Items have dashes or their numbers, further in where they are nested; bold leaves no signs."""
    text = write_plain_text(make_french())
    assert "- de cesser tout prélèvement\n  1. sur mon compte courant,\n  2. sur mon livret.\n\n" in text
    assert "**" not in text


@pytest.mark.parametrize("name", ["recipient_name", "recipient_email", "reference"])
def test_no_value_becomes_a_header(name: str) -> None:
    """A line's end in a value is a space, and an address that is none is left out."""
    evil = "a@b.example\r\nBcc: all@evil.example"
    letter = make_english(**{"recipient_email": "desk@example.com", name: evil})
    message = read(replace(letter, subject=f"Hello\r\nBcc: {evil}", signature=f'"x" <{evil}>'))
    assert "Bcc" not in message
    assert set(message.keys()) <= {
        *("X-Unsent", "Subject", "From", "To", "MIME-Version", "Content-Type", "Content-Language"),
    }
    assert name != "recipient_email" or message["To"] is None


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a b@c.example",
        "a@b",
        '"x"@c.example',
        "<a@b.example>",
        "é@b.example",
        "a@-",
        "a@" + "x" * 300,
    ],
)
def test_what_is_no_address_is_left_for_the_sender_to_fill_in(address: str) -> None:
    """No mail is addressed to what mail cannot be sent to."""
    letter = make_english(recipient_email=address)
    assert read(letter)["To"] is None
    assert write_mailto(letter).address.startswith("mailto:?subject=")


def test_hostile_text_is_a_text_of_the_mail() -> None:
    """Nothing of it is markup of the HTML alternative."""
    message = read(make_hostile())
    rich = message.get_body(("html",))
    assert rich is not None
    assert "&lt;b&gt;x&lt;/b&gt;" in rich.get_content()
    assert "<w:p/>" not in rich.get_content()


def test_mailto_carries_subject_and_text() -> None:
    """RFC 6068: percent-encoded, lines end with CRLF, a plus sign or ampersand is itself."""
    letter = replace(
        make_english(recipient_email="desk+tea@example.com"), body="Tea & milk + sugar?\n\nYours,"
    )
    found = write_mailto(letter)
    assert found.has_body
    parts = urlsplit(found.address)
    assert unquote(parts.path) == "desk+tea@example.com"
    assert parse_qs(parts.query, strict_parsing=True) == {
        "subject": ["Complaint about order no. 88-120"],
        "body": ["Tea & milk + sugar?\r\n\r\nYours,\r\n\r\nAlex Morgan"],
    }
    assert "+" not in parts.query


def test_mailto_that_would_be_too_long_leaves_the_text_out() -> None:
    """Systems cut long addresses: the caller is told, and offers the file instead."""
    letter = replace(make_english(), body="é" * 400)
    found = write_mailto(letter)
    assert not found.has_body
    assert "body=" not in found.address
    assert found.address.startswith("mailto:?subject=Complaint")
    assert len(write_mailto(replace(letter, subject="é" * 2000)).address) <= MAX_MAILTO
