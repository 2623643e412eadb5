"""A letter is arranged as its country does it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chatbot.letters.conventions import MARGIN_TOP, MM, PITCH
from chatbot.letters.plan import Block, name_title, plan_letter
from tests.chatbot.letters.samples import make_english, make_french


def list_parts(blocks: list[Block]) -> list[str]:
    """Give the parts in their order, repeats once."""
    parts = [block.part for block in blocks]
    return [part for place, part in enumerate(parts) if place == 0 or parts[place - 1] != part]


def test_french_letter_has_its_parts_in_french_order() -> None:
    """Sender, recipient, place and date, subject, references, text, signature, enclosures."""
    blocks = plan_letter(make_french())
    assert list_parts(blocks) == [
        *("sender", "recipient", "date", "subject", "reference", "text", "item"),
        *("closing", "signature", "enclosures"),
    ]
    texts = [block.text for block in blocks]
    assert "Lyon, le 1er décembre 2026" in texts
    assert "Objet\u00a0: Résiliation du contrat n° 4711-B" in texts
    assert "Réf.\u00a0: AR-2291" in texts
    assert texts[-1] == "P.J.\u00a0(2)\u00a0:\n– Copie du contrat\n– Relevé d'identité bancaire"


def test_english_letter_has_its_subject_below_the_salutation() -> None:
    """Sender, date, recipient, reference, salutation, subject in bold, text, closing, signature, enclosures."""
    blocks = plan_letter(make_english())
    assert list_parts(blocks) == [
        *("sender", "date", "recipient", "reference", "text", "subject", "text", "item", "text"),
        *("closing", "signature", "enclosures"),
    ]
    subject = next(block for block in blocks if block.part == "subject")
    assert subject.text == "Complaint about order no. 88-120"
    assert all(span.bold for span in subject.spans)
    assert blocks[-1].text == "Enc.: Copy of the invoice"


def test_note_on_delivery_stands_above_the_english_salutation() -> None:
    """The subject is put below the salutation, whatever stands above that."""
    letter = make_english()
    blocks = plan_letter(replace(letter, body=f"**By recorded delivery**\n\n{letter.body}"))
    texts = [block.text for block in blocks]
    place = texts.index("By recorded delivery")
    assert texts[place + 1 : place + 3] == ["Dear Ms Hargreaves,", "Complaint about order no. 88-120"]


def test_english_text_without_salutation_begins_with_its_subject() -> None:
    """A long first paragraph is no salutation."""
    letter = replace(make_english(), body="The kettle that I bought does not heat. Please replace it.")
    texts = [block.text for block in plan_letter(letter)]
    assert texts.index(letter.subject) < texts.index(letter.body)


@pytest.mark.parametrize("senders", [0, 1, 6])
def test_recipient_stands_behind_the_window_whatever_is_above(senders: int) -> None:
    """A short or missing sender is made up for by the room above the recipient."""
    for letter, top in ((make_french(), 55 * MM), (make_english(), 57 * MM)):
        blocks = plan_letter(replace(letter, sender=("A line",) * senders))
        place = next(number for number, block in enumerate(blocks) if block.part == "recipient")
        above = sum(block.before + block.after + PITCH for block in blocks[:place])
        assert MARGIN_TOP + above + blocks[place].before == pytest.approx(top, abs=1)


def test_signature_is_kept_with_the_closing_formula() -> None:
    """No page begins with a name alone; without a name nothing is kept."""
    blocks = {block.part: block for block in plan_letter(make_french())}
    assert blocks["closing"].keeps_next
    assert blocks["signature"].keeps_next
    unsigned = plan_letter(replace(make_french(), signature="", enclosures=()))
    assert not unsigned[-1].keeps_next


def test_title_is_the_subject_or_the_first_words() -> None:
    """A file is never without a title where there is a text."""
    assert name_title(make_french()) == "Résiliation du contrat n° 4711-B"
    assert name_title(replace(make_french(), subject="")) == "Madame, Monsieur,"
    assert name_title(replace(make_french(), subject="", body="")) == ""
