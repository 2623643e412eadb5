"""A letter as the paragraphs it is made of, in their order and with their places: what every format is made from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chatbot.letters.conventions import CONVENTIONS, MARGIN_TOP, PITCH, Convention, Part, Shape
from chatbot.letters.dates import write_date
from chatbot.letters.letter import Letter
from chatbot.letters.prose import Paragraph, Span, read_prose

_SALUTATION = re.compile(r"(?:dear|hello|hi|good (?:morning|afternoon|evening)|to whom)\b", re.IGNORECASE)
_LONGEST_SALUTATION = 100
# Of an average letter in a column of 85 mm; a longer line of an address is counted as two.
_CHARACTERS_PER_LINE = 46
_FEW_ENCLOSURES = 8
_LEAST_GAP = 8.0


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, placed; `before` and `after` in points.

    `level`, `number`, `is_list_start`, `is_continued` as in `Paragraph`.
    """

    part: Part
    spans: tuple[Span, ...]
    before: float
    after: float
    keeps_next: bool
    level: int = 0
    number: int | None = None
    is_list_start: bool = False
    is_continued: bool = False

    @property
    def text(self) -> str:
        """The paragraph without its looks."""
        return "".join(span.text for span in self.spans)


def plan_letter(letter: Letter) -> list[Block]:
    """Arrange a letter by the convention of its language's country: French, or English as in the United Kingdom."""
    convention = CONVENTIONS[letter.language]
    head = _place_lines("sender", letter.sender, convention)
    date = list(_place_date(letter, convention))
    recipient = _place_lines("recipient", letter.recipient, convention)
    if convention.is_subject_after_salutation:
        head += [replace(block, after=0.0) for block in date]
        head += _push_down(recipient, head, convention)
    else:
        head += [*_push_down(recipient, head, convention), *date]
    return [*_part_from_text(head), *_place_text(letter, convention)]


def name_title(letter: Letter) -> str:
    """Give the document's title for its metadata: the subject, or the beginning of the text."""
    first = next((paragraph.text for paragraph in read_prose(letter.body, letter.language)), "")
    return " ".join((letter.subject or first).split())[:200]


def _make(part: Part, spans: tuple[Span, ...], convention: Convention) -> Block:
    shape = convention.shapes[part]
    if shape.bold:
        spans = tuple(replace(span, bold=True) for span in spans)
    return Block(part, spans, shape.before, shape.after, shape.keeps_next)


def _place_lines(part: Part, lines: Sequence[str], convention: Convention) -> list[Block]:
    return [_make(part, (Span(line),), convention) for line in lines]


def _place_date(letter: Letter, convention: Convention) -> Iterator[Block]:
    written = write_date(letter.date, letter.language) if letter.date else ""
    if written and letter.language == "fr":
        written = f"le {written}" if letter.place else f"Le {written}"
    text = ", ".join(filter(None, (letter.place, written)))
    if text:
        yield _make("date", (Span(text),), convention)


def _push_down(lines: Sequence[Block], above: Sequence[Block], convention: Convention) -> list[Block]:
    """Put the recipient where an envelope's window is, or below what reaches further down."""
    reached = sum(block.before + block.after + PITCH * _count_lines(block.text) for block in above)
    gap = convention.recipient_top - MARGIN_TOP - reached
    return [
        replace(block, before=max(gap, _LEAST_GAP)) if not number else block
        for number, block in enumerate(lines)
    ]


def _count_lines(text: str) -> int:
    return max(1, -(-len(text) // _CHARACTERS_PER_LINE))


def _part_from_text(head: Sequence[Block]) -> list[Block]:
    """Leave room between what stands above and the letter itself."""
    return [*head[:-1], replace(head[-1], after=30.0)] if head else []


def _place_text(letter: Letter, convention: Convention) -> Iterator[Block]:
    paragraphs = read_prose(letter.body, letter.language)
    subject = (convention.subject_label + letter.subject,) if letter.subject else ()
    reference = (convention.reference_label + letter.reference,) if letter.reference else ()
    subject_blocks = _place_lines("subject", subject, convention)
    reference_blocks = _place_lines("reference", reference, convention)
    if convention.is_subject_after_salutation:
        yield from reference_blocks
        # A note on the delivery may stand above the salutation.
        end = next((place + 1 for place, found in enumerate(paragraphs[:2]) if _is_salutation(found)), 0)
        for paragraph in paragraphs[:end]:
            yield replace(_make("text", paragraph.spans, convention), keeps_next=True)
        del paragraphs[:end]
        yield from subject_blocks
    else:
        # The two lines belong together.
        yield from (replace(block, after=3.0 if reference else block.after) for block in subject_blocks)
        yield from reference_blocks
    yield from _place_paragraphs(paragraphs, convention, is_signed=bool(letter.signature))
    if letter.signature:
        signature = _make("signature", (Span(letter.signature),), convention)
        yield replace(signature, keeps_next=0 < len(letter.enclosures) <= _FEW_ENCLOSURES)
    if letter.enclosures:
        yield _make("enclosures", (Span(_write_enclosures(letter.enclosures, convention)),), convention)


def _place_paragraphs(
    paragraphs: Sequence[Paragraph], convention: Convention, *, is_signed: bool
) -> Iterator[Block]:
    for number, paragraph in enumerate(paragraphs):
        is_last = number == len(paragraphs) - 1
        is_list_end = paragraph.role == "item" and (is_last or paragraphs[number + 1].role != "item")
        part: Part = "closing" if is_last and is_signed and paragraph.role == "text" else paragraph.role
        block = replace(
            _make(part, paragraph.spans, convention),
            after=convention.shapes["text" if is_list_end else part].after,
            level=paragraph.level,
            number=paragraph.number,
            is_list_start=paragraph.is_list_start,
            is_continued=paragraph.is_continued,
        )
        yield replace(block, keeps_next=True) if is_last and is_signed else block


def _is_salutation(paragraph: Paragraph) -> bool:
    text = paragraph.text.strip()
    if paragraph.role != "text" or len(text) > _LONGEST_SALUTATION or "\n" in text:
        return False
    return text.endswith((",", ":")) or bool(_SALUTATION.match(text) and len(text.split()) <= 8)


def _write_enclosures(enclosures: Sequence[str], convention: Convention) -> str:
    if len(enclosures) == 1:
        return convention.enclosure_label + enclosures[0]
    return "\n".join(
        [convention.enclosures_label.format(len(enclosures)), *(f"– {name}" for name in enclosures)]
    )


def shape_of(block: Block, letter: Letter) -> Shape:
    """Give the look of a block's part in the country of its letter."""
    return CONVENTIONS[letter.language].shapes[block.part]
