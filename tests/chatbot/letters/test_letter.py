"""A draft is read by its convention with some tolerance; the other parts come from the form by their names."""

from __future__ import annotations

from datetime import date

import pytest

from chatbot.letters.letter import build_letter, clean_line, read_draft, write_draft
from tests.chatbot.letters.samples import make_english, make_french


@pytest.mark.parametrize(
    "line",
    [
        "**Objet :** Résiliation",
        "**Objet\u00a0: Résiliation**",
        "Objet\u202f: Résiliation",
        "__Objet__ : Résiliation",
        "## Objet: Résiliation",
        "OBJET : *Résiliation*",
        "**Subject:** Résiliation",
        "Re: Résiliation",
    ],
)
def test_subject_line_is_read_however_it_is_set(line: str) -> None:
    """Bold or not, with whatever space, in either language: the line names the subject and leaves the text."""
    assert read_draft(f"{line}\n\nMadame,\n\nTexte.") == ("Résiliation", "Madame,\n\nTexte.")


def test_draft_in_a_code_fence_is_unwrapped() -> None:
    """Models like to put a text into a fence; it is none of the letter's."""
    assert read_draft("```markdown\n**Subject:** Tea\n\nDear all,\n```") == ("Tea", "Dear all,")


def test_draft_without_subject_takes_that_of_the_form() -> None:
    """Nothing of the text is taken for a subject that is not said to be one."""
    letter = build_letter("Dear all,\n\nTea is ready.", {}, {}, "en", "Tea")
    assert (letter.subject, letter.body) == ("Tea", "Dear all,\n\nTea is ready.")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_written_draft_is_read_back(language: str) -> None:
    """What `write_draft` puts together is what `read_draft` takes apart; a subject is not put on top of another."""
    draft = write_draft("Thé & *café*", "Bonjour,", language)
    assert read_draft(draft) == ("Thé & café", "Bonjour,")
    assert write_draft("Other", draft, language) == draft
    assert write_draft(" ", "Bonjour,", language) == "Bonjour,"


def test_parts_come_from_the_fields_of_the_form() -> None:
    """Addresses are lines, the date is a date, enclosures are one a line."""
    letter = make_french()
    assert letter.sender == (
        "Camille Dupré",
        "8 bis, quai Saint-Antoine",
        "69002 LYON",
        "Tél.\u00a0: 04 72 00 00 00",
        "Courriel\u00a0: camille.dupre@example.org",
    )
    assert letter.recipient[0] == "Assurances du Rhône"
    assert letter.recipient[-1] == "69002 LYON"
    assert (letter.place, letter.date, letter.reference) == ("Lyon", date(2026, 12, 1), "AR-2291")
    assert letter.enclosures == ("Copie du contrat", "Relevé d'identité bancaire")
    assert letter.signature == "Camille Dupré"
    assert make_english().sender[-2:] == ("Tel: 01904 000 000", "Email: alex.morgan@example.org")


def test_name_that_begins_the_address_is_not_said_twice() -> None:
    """A recipient who wrote his name into the address as well stands there once."""
    values = {"recipient_name": "Ann Lee", "recipient_address": "ANN LEE\n1 Road"}
    assert build_letter("", values, {}, "en").recipient == ("ANN LEE", "1 Road")


def test_empty_form_makes_a_letter_of_its_text_alone() -> None:
    """Nothing is asked for: no part is made up, and no date is taken from a clock."""
    letter = build_letter("Dear all,", {}, {}, "en")
    assert (letter.sender, letter.recipient, letter.date, letter.signature) == ((), (), None, "")


@pytest.mark.parametrize("last", ["Alex Morgan", "**alex morgan**", "[Your name]", "[Votre nom et prénom]"])
def test_signature_in_the_draft_is_not_signed_twice(last: str) -> None:
    """A model that writes the name below the closing formula, or a gap for it, is corrected."""
    letter = build_letter(
        f"Dear all,\n\nYours sincerely,\n\n{last}", {}, {"sender_name": "Alex Morgan"}, "en"
    )
    assert letter.body == "Dear all,\n\nYours sincerely,"


def test_text_that_no_file_can_hold_is_cleaned() -> None:
    """Control characters, lone surrogates, non-characters and overrides of direction go, line ends become one."""
    assert clean_line(" a\x00\ud800\x07\ufffe\u202eb\r\nc\u2028d\u00a0e ") == "ab c d\u00a0e"
