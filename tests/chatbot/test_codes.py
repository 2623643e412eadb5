"""Beta codes are drawn by us, told once, kept as a fingerprint, and taken however they are typed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chatbot.codes import (
    ALPHABET,
    CODE_LENGTH,
    Codes,
    draw_code,
    find_state,
    fingerprint_code,
    is_code,
    normalize_code,
)
from chatbot.errors import CodeError
from chatbot.store.codes import CodeUse
from chatbot.store.engine import Store
from tests.conftest import Clock


@pytest.fixture
def codes(store: Store) -> Codes:
    """Give what makes and revokes codes."""
    return Codes(store, "anne")


def read_everything(store: Store) -> str:
    """Give all rows of the tables of codes and of the audit as one text."""
    queries = ("SELECT * FROM codes", "SELECT * FROM audit")
    return str([store.read(lambda c, q=query: c.exec_driver_sql(q).all()) for query in queries])


def test_code_is_told_once(codes: Codes, store: Store) -> None:
    """What is stored does not hold the code, in whatever form; its fingerprint leads back to it."""
    code, secret = codes.add("spring", wave="wave 1")
    everything = read_everything(store)
    assert secret not in everything
    assert normalize_code(secret) not in everything
    assert fingerprint_code(secret) in everything
    assert codes.list_codes() == [CodeUse(code, 0)]


def test_codes_are_drawn_from_signs_that_are_not_misread() -> None:
    """A code has 20 letters of 32, in groups of five; no two are alike."""
    drawn = {draw_code(CODE_LENGTH) for _ in range(200)}
    assert len(drawn) == 200
    for code in drawn:
        assert [len(group) for group in code.split("-")] == [5, 5, 5, 5]
        assert set(code) <= set(ALPHABET) | {"-"}
    assert [len(group) for group in draw_code(8).split("-")] == [4, 4]


@pytest.mark.parametrize(
    "typed", ["abcde-fghjk-mn0p1-23456", " ABCDE FGHJK MNOPL 23456 ", "abcdefghjkmnopi23456"]
)
def test_code_may_be_typed_as_it_is_read(typed: str) -> None:
    """Case, dashes, spaces, O for 0, I and L for 1 make no difference."""
    assert fingerprint_code(typed) == fingerprint_code("ABCDE-FGHJK-MN0P1-23456")
    assert is_code(typed, CODE_LENGTH)


@pytest.mark.parametrize("text", ["", "two lumps of sugar", "A" * 19, "A" * 21, "U" * 20, "é" * 20])
def test_other_texts_have_no_form_of_a_code(text: str) -> None:
    """What cannot be a code is known by its form."""
    assert not is_code(text, CODE_LENGTH)


def test_state_says_why_a_code_lets_nobody_in(codes: Codes, clock: Clock) -> None:
    """A code is in force until it is revoked, has expired or is used up."""
    code, _ = codes.add("spring", expires_at=clock() + timedelta(days=1), max_uses=1)
    assert find_state(code, clock()) == "in force"
    assert find_state(code, clock() + timedelta(days=1)) == "expired"
    assert find_state(replace(code, uses=1), clock()) == "used up"
    revoked = codes.revoke("spring")
    assert find_state(revoked, clock()) == "revoked"
    assert codes.list_codes() == [CodeUse(revoked, 0)]


@pytest.mark.parametrize(
    ("label", "options", "named"),
    [
        ("", {}, "1 to 40"),
        ("-a", {}, "-a"),
        ("a b", {}, "a b"),
        ("a" * 41, {}, "1 to 40"),
        ("beta", {}, "taken"),
        ("Open", {}, "taken"),
        ("spring", {"wave": "w" * 81}, "81 characters"),
        ("spring", {"max_uses": 0}, "0 uses"),
        ("spring", {"expires_at": "now"}, "past already"),
    ],
)
def test_wrong_values_are_named(
    codes: Codes, clock: Clock, label: str, options: dict[str, object], named: str
) -> None:
    """A label, wave, end or number of uses that is not allowed is named with the remedy, and nothing is stored."""
    if "expires_at" in options:
        options = {"expires_at": clock()}
    with pytest.raises(CodeError, match=named):
        codes.add(label, **options)  # type: ignore[arg-type]
    assert codes.list_codes() == []


def test_label_is_taken_for_good(codes: Codes) -> None:
    """Two codes never share a label, for their testers would; a revoked one keeps it."""
    codes.add("spring")
    codes.revoke("spring")
    with pytest.raises(CodeError, match="already"):
        codes.add("spring")


def test_revoking_needs_a_code_in_force(codes: Codes) -> None:
    """An unknown label, and one revoked before, are named."""
    with pytest.raises(CodeError, match="no code spring"):
        codes.revoke("spring")
    codes.add("spring")
    codes.revoke("spring")
    with pytest.raises(CodeError, match="already"):
        codes.revoke("spring")


def test_audit_says_who_did_it(codes: Codes, store: Store) -> None:
    """Making and revoking a code stand in the audit, by label."""
    codes.add("spring", wave="wave 1")
    codes.revoke("spring")
    query = "SELECT actor, action, target, detail FROM audit ORDER BY change"
    rows = store.read(lambda connection: connection.exec_driver_sql(query).all())
    assert [tuple(row) for row in rows] == [
        ("anne", "code.add", "spring", "wave 1"),
        ("anne", "code.revoke", "spring", ""),
    ]
