"""Codes in the store: found by fingerprint, counted, revoked; a resume code is used once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from chatbot.store import codes, logins
from chatbot.store.engine import Store
from chatbot.store.records import Code, Login
from tests.conftest import Clock

MINUTES = timedelta(minutes=10)


def make_code(clock: Clock, label: str = "spring") -> Code:
    """Give a code without bounds."""
    return Code(f"id-{label}", label, "wave 1", clock(), None, None, 0, None)


def make_login(clock: Clock, name: str, code: Code) -> Login:
    """Give a login by a code."""
    end = clock() + timedelta(hours=1)
    return Login(
        name, f"spring-{name}", code.label, code.wave, clock(), end, None, None, code_id=code.code_id
    )


def test_code_is_found_by_fingerprint_and_label(store: Store, clock: Clock) -> None:
    """A code comes back as it was written, by either name; another is not found."""
    code = make_code(clock)
    store.write(codes.add_code, code, "print")
    assert store.read(codes.find_code, "print") == code
    assert store.read(codes.find_label, "spring") == code
    assert store.read(codes.find_code, "other") is None
    assert store.read(codes.find_label, "other") is None
    assert store.read(codes.count_codes) == 1


def test_list_counts_logins_in_force(store: Store, clock: Clock) -> None:
    """Of a code's logins those that ended or ran out do not count; codes come in the order they were made."""
    first, second = make_code(clock), make_code(clock, "autumn")
    store.write(codes.add_code, first, "1")
    clock.advance(minutes=1)
    store.write(codes.add_code, Code("2", "autumn", None, clock(), None, None, 0, None), "2")
    for name in ("a", "b", "c"):
        store.write(logins.add_login, make_login(clock, name, first))
    store.write(logins.end_login, "a", clock())
    assert [(use.code.label, use.logins) for use in store.read(codes.list_codes, clock())] == [
        ("spring", 2),
        (second.label, 0),
    ]
    clock.advance(hours=1)
    assert store.read(codes.list_codes, clock())[0].logins == 0


def test_revoked_code_ends_its_logins(store: Store, clock: Clock) -> None:
    """From the revocation on no login of the code is in force; those of another code are."""
    for label in ("spring", "autumn"):
        code = make_code(clock, label)
        store.write(codes.add_code, code, label)
        store.write(logins.add_login, make_login(clock, label, code))
    store.write(codes.revoke_code, "id-spring", clock())
    assert store.read(logins.find_login, "spring", clock()) is None
    assert store.read(logins.find_login, "autumn", clock()) is not None


def test_expired_code_ends_its_logins(store: Store, clock: Clock) -> None:
    """A login is in force no longer than its code."""
    code = Code("c", "spring", None, clock(), clock() + MINUTES, None, 0, None)
    store.write(codes.add_code, code, "print")
    store.write(logins.add_login, make_login(clock, "a", code))
    clock.advance(minutes=9, seconds=59)
    assert store.read(logins.find_login, "a", clock()) is not None
    clock.advance(seconds=1)
    assert store.read(logins.find_login, "a", clock()) is None


def test_uses_are_counted(store: Store, clock: Clock) -> None:
    """Each use adds one, however many come at once."""
    store.start_writer()
    store.write(codes.add_code, make_code(clock), "print")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.write(codes.count_use, "id-spring"), range(20)))
    found = store.read(codes.find_label, "spring")
    assert found is not None and found.uses == 20


def test_resume_code_is_used_once(store: Store, clock: Clock) -> None:
    """The first to bring it gets the login, nobody after; of many at once one."""
    store.start_writer()
    store.write(codes.put_resume_code, "login", "print", clock(), clock() + MINUTES)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: store.write(codes.take_resume_code, "print", clock()), range(8)))
    assert sorted(filter(None, taken)) == ["login"]


def test_resume_code_runs_out(store: Store, clock: Clock) -> None:
    """From its end on a resume code gives nothing."""
    store.write(codes.put_resume_code, "login", "print", clock(), clock() + MINUTES)
    clock.advance(minutes=10)
    assert store.write(codes.take_resume_code, "print", clock()) is None


def test_login_has_one_resume_code(store: Store, clock: Clock) -> None:
    """A new one takes the place of the one before, and those that ran out go."""
    store.write(codes.put_resume_code, "old", "0", clock() - MINUTES, clock())
    for number in ("1", "2"):
        store.write(codes.put_resume_code, "login", number, clock(), clock() + MINUTES)
    query = "SELECT fingerprint FROM resume_codes"
    assert store.read(lambda connection: connection.exec_driver_sql(query).scalars().all()) == ["2"]
