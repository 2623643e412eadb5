"""Finds bank accounts (IBAN) and payment cards in text by their length and their check digits.

Groups may stand apart by one or two spaces, dots, hyphens, strokes or a line's end, as people write them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

# By country: signs of an IBAN. Source: the SWIFT IBAN registry, and the countries that use IBANs without being in it.
IBAN_LENGTHS = {
    **dict.fromkeys(("NO",), 15),
    **dict.fromkeys(("BE",), 16),
    **dict.fromkeys(("DK", "FI", "FK", "FO", "GL", "NL", "SD"), 18),
    **dict.fromkeys(("MK", "SI"), 19),
    **dict.fromkeys(("AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"), 20),
    **dict.fromkeys(("CH", "HR", "LI", "LV"), 21),
    **dict.fromkeys(("BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"), 22),
    **dict.fromkeys(("AE", "GI", "IL", "IQ", "OM", "SO", "TL"), 23),
    **dict.fromkeys(("AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"), 24),
    **dict.fromkeys(("AO", "CV", "GW", "LY", "MZ", "PT", "ST"), 25),
    **dict.fromkeys(("DZ", "IR", "IS", "TR"), 26),
    **dict.fromkeys(
        ("BI", "CF", "CG", "CM", "DJ", "FR", "GA", "GQ", "GR", "IT", "KM", "MC", "MG", "MR", "SM"), 27
    ),
    **dict.fromkeys(
        ("AL", "AZ", "BF", "BJ", "BY", "CI", "CY", "DO", "GT", "HN", "HU", "LB", "MA", "ML", "NE", "NI"), 28
    ),
    **dict.fromkeys(("PL", "SN", "SV", "TD", "TG"), 28),
    **dict.fromkeys(("BR", "EG", "PS", "QA", "UA"), 29),
    **dict.fromkeys(("JO", "KW", "MU", "YE"), 30),
    **dict.fromkeys(("MT", "SC"), 31),
    **dict.fromkeys(("LC",), 32),
    **dict.fromkeys(("RU",), 33),
}
GAP = r"[\s._/\u2010-\u2015-]{0,2}"
IBAN_START = re.compile(rf"(?i)(?:(?<![A-Z0-9])|(?<=IBAN))[A-Z]{{2}}{GAP}\d{{2}}(?={GAP}[A-Z0-9])")
NEXT_SIGN = re.compile(rf"{GAP}([A-Za-z0-9])")

DIGITS = re.compile(rf"\d(?:{GAP}\d){{12,}}")
GROUP = re.compile(r"\d+")
# By the first digits, the lengths that issuers give (ISO/IEC 7812): Visa, Mastercard, American Express, Diners Club,
# JCB, then Maestro, Discover and UnionPay. A French SIRET has Luhn's digit too, and 14 digits.
CARD_LENGTHS = (
    (re.compile("4"), (13, 16, 19)),
    (re.compile("5[1-5]|2[2-7]"), (16,)),
    (re.compile("3[47]"), (15,)),
    (re.compile("3[0689]"), (14, 16)),
    (re.compile("35"), (16, 19)),
    (re.compile("5[06-8]|6"), (16, 17, 18, 19)),
)
MOST_DIGITS = 19
CARD_GROUPS = ((4, 4, 4, 4), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4))


def find_ibans(text: str) -> Iterator[Span]:
    """Give where IBANs (ISO 13616) begin and end: as long as their country's, with the check digits of mod 97."""
    end = 0
    for match in IBAN_START.finditer(text):
        country = match[0][:2].upper()
        if match.start() < end or country not in IBAN_LENGTHS:
            continue
        signs, place = [*country, *match[0][-2:]], match.end()
        while len(signs) < IBAN_LENGTHS[country] and (sign := NEXT_SIGN.match(text, place)):
            signs.append(sign[1])
            place = sign.end()
        is_whole = len(signs) == IBAN_LENGTHS[country] and not text[place : place + 1].isalnum()
        if is_whole and _divides_by_97("".join(signs)):
            end = place
            yield match.start(), end


def find_cards(text: str) -> Iterator[Span]:
    """Give where payment cards begin and end: an issuer's first digits and length, and Luhn's check digit.

    Other numbers may stand beside one; it is then known by its groups.
    """
    for run in DIGITS.finditer(text):
        groups = [(group.start(), group.end()) for group in GROUP.finditer(text, run.start(), run.end())]
        first = 0
        while first < len(groups):
            # The longest first: one group, three (4-6-5), four or five, or all there are.
            left = len(groups) - first
            sizes = {1, 3, 4, 5} | ({left} if first == 0 and left <= MOST_DIGITS else set())
            for size in sorted((size for size in sizes if size <= left), reverse=True):
                if _is_card(text, groups[first : first + size], is_all=size == len(groups)):
                    yield groups[first][0], groups[first + size - 1][1]
                    first += size - 1
                    break
            first += 1


def _is_card(text: str, groups: list[Span], *, is_all: bool) -> bool:
    start, end = groups[0][0], groups[-1][1]
    sizes = tuple(stop - begin for begin, stop in groups)
    if not 13 <= sum(sizes) <= MOST_DIGITS:
        return False
    if len(groups) == 1:
        # The digits behind a decimal point are none of a card's.
        is_shaped = not re.search(r"\d[.,]\Z", text[max(0, start - 2) : start])
    else:
        is_shaped = sizes in CARD_GROUPS or (is_all and not re.search(r"[._/]", text[start:end]))
    digits = "".join(text[begin:stop] for begin, stop in groups)
    if not is_shaped or not digits.isascii() or len(set(digits)) == 1:
        return False
    return any(first.match(digits) and len(digits) in sizes for first, sizes in CARD_LENGTHS) and _is_luhn(
        digits
    )


def _divides_by_97(iban: str) -> bool:
    moved = iban[4:] + iban[:4]
    return moved.isascii() and int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def _is_luhn(digits: str) -> bool:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
