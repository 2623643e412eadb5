"""Accounts and cards are found by their length and their check digits, whatever stands beside them."""

from __future__ import annotations

import pytest

from chatbot.check_digits import find_cards, find_ibans

# Of the SWIFT registry's own examples.
IBANS = [
    "BE68 5390 0754 7034",
    "NO93 8601 1117 947",
    "CH93 0076 2011 6238 5295 7",
    "GB29 NWBK 6016 1331 9268 19",
    "DE89 3704 0044 0532 0130 00",
    "ES91 2100 0418 4502 0005 1332",
    "FR14 2004 1010 0505 0001 3M02 606",
    "IT60 X054 2811 1010 0000 0123 456",
    "PT50 0002 0123 1234 5678 9015 4",
    "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    "LC55 HEMM 0001 0001 0012 0012 0002 3015",
]
# Of the issuers' own test pages.
CARDS = [
    "4111 1111 1111 1111",
    "5555 5555 5555 4444",
    "2223 0031 2200 3222",
    "3782 822463 10005",
    "3056 930902 5904",
    "3530 1113 3330 0000",
    "6200 0000 0000 0005",
]


@pytest.mark.parametrize("iban", IBANS)
@pytest.mark.parametrize("gap", ["", " ", "-", ".", "  "])
def test_iban_is_found_between_words(iban: str, gap: str) -> None:
    """The country says how long it is: what follows does not belong to it, and one digit wrong is no IBAN."""
    written = iban.replace(" ", gap)
    text = f"to {written} please"
    assert [text[start:end] for start, end in find_ibans(text)] == [written]
    assert list(find_ibans(text.lower()))
    assert not list(find_ibans(text.replace(written[-1], str((int(written[-1], 36) + 1) % 10))))


@pytest.mark.parametrize("card", CARDS)
@pytest.mark.parametrize("gap", ["", " ", "-", "  "])
def test_card_is_found_between_numbers(card: str, gap: str) -> None:
    """Its groups tell it from the date and the code beside it; one digit wrong is no card."""
    written = card.replace(" ", gap)
    text = f"card {written}"
    assert [text[start:end] for start, end in find_cards(text)] == [written]
    assert not list(find_cards(f"card {written[:-1]}{(int(written[-1]) + 1) % 10}"))
    if gap == " " and len(card) == 19:
        beside = f"7 {written} 12/26 123"
        assert [beside[start:end] for start, end in find_cards(beside)] == [written]


@pytest.mark.parametrize(
    "text", ["732 829 320 00074", "1763807208123456", "3.4111111111111111", "0000000000000000"]
)
def test_other_numbers_with_luhns_digit_are_none(text: str) -> None:
    """Firms' numbers, moments and decimals pass Luhn's formula too; no issuer gives such a card."""
    assert not list(find_cards(text))
