"""How a country lays a letter out: places, labels, and how each of its parts looks; lengths in points.

A4, margins 2.5 cm at the sides and 2 cm above and below. Folded in three for a DL envelope (110 × 220 mm) a page shifts
by up to 11 mm; the recipient's first five lines are seen wherever it slides to:

- France: NF Z 11-001 puts the recipient on the right, below the sender, 110 mm from the left edge; La Poste's frame for
  window envelopes (45 × 100 mm, 20 mm from the right and from the bottom) begins 55 mm below the page's top.
- United Kingdom: the recipient on the left, 57 mm below the top, behind the usual window of 35 × 90 mm, 20 mm from the
  left and 18 mm from the bottom; sender and date on the right above it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chatbot.letters.letter import Language

HeadPart = Literal["sender", "recipient", "date", "reference", "subject"]
TextPart = Literal["text", "heading", "item", "quote", "code"]
Part = Literal[HeadPart, TextPart, "closing", "signature", "enclosures"]

MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * MM, 297 * MM
MARGIN, MARGIN_TOP = 25 * MM, 20 * MM
TEXT_WIDTH = PAGE_WIDTH - 2 * MARGIN
FONT_SIZE = 10.5
PITCH = 13.0
"""From line to line of an address."""
LEADING = 1.15
"""From line to line of the text, as a share of the font's own."""
LIST_INDENT = 18.0
_COLUMN = 85 * MM
_AFTER = 8.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How the paragraphs of one part look: `indent` from the left and `right` from the right margin.

    `name` is the style's in a word processor; `pitch` is exact, None the text's own.
    """

    name: str
    indent: float = 0.0
    right: float = 0.0
    before: float = 0.0
    after: float = 0.0
    pitch: float | None = None
    bold: bool = False
    keeps_next: bool = False


@dataclass(frozen=True, slots=True)
class Convention:
    """What a country's letters have in common; `recipient_top` counts from the page's edge."""

    locale: str
    recipient_top: float
    shapes: dict[Part, Shape]
    subject_label: str
    reference_label: str
    enclosure_label: str
    enclosures_label: str
    is_subject_after_salutation: bool


def _shape_parts(names: dict[Part, str], *, is_sender_right: bool) -> dict[Part, Shape]:
    sender, recipient = (_COLUMN, 0.0) if is_sender_right else (0.0, _COLUMN)
    right = {0.0: TEXT_WIDTH - _COLUMN, _COLUMN: 0.0}
    return {
        "sender": Shape(names["sender"], sender, right[sender], pitch=PITCH),
        "recipient": Shape(names["recipient"], recipient, right[recipient], pitch=PITCH),
        "date": Shape(names["date"], _COLUMN, before=6 if is_sender_right else 14, pitch=PITCH),
        "reference": Shape(names["reference"], after=10),
        "subject": Shape(names["subject"], after=10, bold=True, keeps_next=True),
        "text": Shape(names["text"], after=_AFTER),
        "heading": Shape(names["heading"], before=4, after=4, bold=True, keeps_next=True),
        "item": Shape(names["item"], after=4),
        "quote": Shape(names["quote"], LIST_INDENT, LIST_INDENT, after=_AFTER),
        "code": Shape(names["code"], LIST_INDENT, after=_AFTER),
        "closing": Shape(names["closing"], after=_AFTER, keeps_next=True),
        "signature": Shape(names["signature"], 0.0 if is_sender_right else _COLUMN, before=40),
        "enclosures": Shape(names["enclosures"], before=24),
    }


CONVENTIONS: dict[Language, Convention] = {
    "en": Convention(
        locale="en-GB",
        recipient_top=57 * MM,
        shapes=_shape_parts(
            {
                **{"sender": "Letter sender", "recipient": "Letter recipient", "date": "Letter date"},
                **{"reference": "Letter reference", "subject": "Letter subject", "text": "Letter text"},
                **{"heading": "Letter heading", "item": "Letter list", "quote": "Letter quotation"},
                **{"code": "Letter verbatim", "closing": "Letter closing", "signature": "Letter signature"},
                **{"enclosures": "Letter enclosures"},
            },
            is_sender_right=True,
        ),
        subject_label="",
        reference_label="Ref: ",
        enclosure_label="Enc.: ",
        enclosures_label="Enc. ({}):",
        is_subject_after_salutation=True,
    ),
    "fr": Convention(
        locale="fr-FR",
        recipient_top=55 * MM,
        shapes=_shape_parts(
            {
                **{"sender": "Expéditeur", "recipient": "Destinataire", "date": "Lieu et date"},
                **{"reference": "Références", "subject": "Objet", "text": "Texte de la lettre"},
                **{"heading": "Intertitre", "item": "Liste de la lettre", "quote": "Citation de la lettre"},
                **{"code": "Texte tel quel", "closing": "Formule de politesse", "signature": "Signataire"},
                **{"enclosures": "Pièces jointes"},
            },
            is_sender_right=False,
        ),
        subject_label="Objet\u00a0: ",
        reference_label="Réf.\u00a0: ",
        enclosure_label="P.J.\u00a0: ",
        enclosures_label="P.J.\u00a0({})\u00a0:",
        is_subject_after_salutation=False,
    ),
}
