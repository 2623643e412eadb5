"""The rules of accounts: passwords, logins, limits, sessions, the first superadmin."""

from __future__ import annotations

import multiprocessing
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from chatbot import accounts as module
from chatbot.accounts import Accounts, AdminSession, check_hashes, ensure_first_admin, generate_password
from chatbot.errors import InvalidRequest, RateLimited, SettingsError, WrongPassword
from chatbot.store import accounts as repository
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.store.schema import audit, limit_counters

PASSWORD = "correct horse battery"
HERE = "192.0.2.1"


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime(2025, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)


@pytest.fixture(autouse=True)
def _quick_bcrypt(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hash with the fewest rounds: a hash of the real strength takes a quarter of a second."""
    monkeypatch.setattr(module, "ROUNDS", 4)
    module._dummy_hash.cache_clear()
    yield
    module._dummy_hash.cache_clear()


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still."""
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """Give an empty store."""
    store = Store(tmp_path / "private" / "guichet.db", clock=clock)
    yield store
    store.close()


@pytest.fixture
def accounts(store: Store) -> Accounts:
    """Give the rules over a store with a superadmin `root` and an admin `anne`."""
    accounts = Accounts(store, store.path.parent)
    accounts.add("root", PASSWORD, role="superadmin")
    accounts.add("anne", PASSWORD, name="Anne")
    return accounts


def find(accounts: Accounts, username: str) -> Account:
    """Give an account that is there."""
    return next(account for account in accounts.list_accounts() if account.username == username)


def open_session(clock: Clock, username: str = "anne", fingerprint: str = "f") -> AdminSession:
    """Give a session that begins now."""
    return AdminSession(username, clock(), clock() + module.SESSION_LIFE, fingerprint)


def list_audit(store: Store) -> list[tuple[str, str, str]]:
    """Give who did what to what, in order."""
    statement = select(audit.c.actor, audit.c.action, audit.c.target).order_by(audit.c.change)
    return [tuple(row) for row in store.read(lambda connection: connection.execute(statement).all())]


def test_password_is_stored_as_bcrypt_and_logs_in(accounts: Accounts) -> None:
    """A password is kept hashed, and gives its account whatever the case of the name."""
    assert find(accounts, "anne").password_hash.startswith("$2b$")
    assert accounts.log_in(" Anne ", PASSWORD, HERE).username == "anne"


def test_hash_has_the_real_strength_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hash takes 2^12 rounds."""
    monkeypatch.undo()
    assert module.hash_password(PASSWORD).startswith("$2b$12$")


@pytest.mark.parametrize("username", ["anne", "nobody", "", "x" * 5000, "anne\0", "\ud800"])
def test_wrong_password_is_refused_alike_for_any_name(accounts: Accounts, username: str) -> None:
    """The refusal does not tell whether the account exists."""
    with pytest.raises(WrongPassword, match="The name or the password is not right"):
        accounts.log_in(username, "wrong password", HERE)


@pytest.mark.parametrize("password", ["", "\0", "é" * 200, "\ud800", PASSWORD + "\0", "x" * 100_000])
def test_impossible_password_is_a_wrong_one(accounts: Accounts, password: str) -> None:
    """A password that bcrypt would refuse is wrong, never an error."""
    with pytest.raises(WrongPassword):
        accounts.log_in("anne", password, HERE)


def test_password_is_not_cut_at_72_bytes(accounts: Accounts) -> None:
    """A longer password does not log in by its first 72 bytes."""
    accounts.set_password("anne", "x" * 72)
    with pytest.raises(WrongPassword):
        accounts.log_in("anne", "x" * 73, HERE)
    assert accounts.log_in("anne", "x" * 72, HERE)


def test_accents_are_the_same_however_composed(accounts: Accounts) -> None:
    """A keyboard that sends letter and accent apart logs in as well."""
    accounts.set_password("anne", "caf\u00e9 au lait")
    assert accounts.log_in("anne", "cafe\u0301 au lait", HERE)


def test_unknown_name_takes_as_long_as_a_known_one(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name without account costs a bcrypt check as well."""
    monkeypatch.setattr(module, "ROUNDS", 9)
    module._dummy_hash.cache_clear()
    module._dummy_hash()
    accounts.set_password("anne", PASSWORD)

    def measure(username: str) -> float:
        start = time.perf_counter()
        with pytest.raises(WrongPassword):
            accounts.log_in(username, "wrong password", username)
        return time.perf_counter() - start

    known, unknown = (min(measure(name) for _ in range(4)) for name in ("anne", "nobody"))
    assert unknown > known / 3


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("short", "has 5 characters: use 10 or more"),
        ("é" * 40, "has 80 bytes: bcrypt takes at most 72"),
        (" " + PASSWORD, "begins or ends with a space"),
        ("pass\0word1234", "NUL"),
        ("pass\ud800word1234", "NUL"),
    ],
)
def test_bad_password_is_refused_with_its_reason(accounts: Accounts, password: str, said: str) -> None:
    """A new password that is too short, too long or would be cut is refused, and why is said."""
    with pytest.raises(InvalidRequest, match=said):
        accounts.add("ben", password)
    with pytest.raises(InvalidRequest, match=said):
        accounts.set_password("anne", password)
    assert accounts.log_in("anne", PASSWORD, HERE)


@pytest.mark.parametrize("username", ["", "a b", "<b>", "-a", "a/../b", "é", "x" * 81])
def test_bad_name_is_refused(accounts: Accounts, username: str) -> None:
    """A name is short and plain."""
    with pytest.raises(InvalidRequest, match="is not allowed"):
        accounts.add(username, PASSWORD)


def test_name_of_the_service_itself_is_refused(accounts: Accounts) -> None:
    """Whoever is called `file` or `service` could not be told from what is no person."""
    for username in ("file", "Service", "command"):
        with pytest.raises(InvalidRequest, match="stands for the service itself"):
            accounts.add(username, PASSWORD)


def test_taken_name_and_unknown_role_are_refused(accounts: Accounts) -> None:
    """A name is one account's, whatever its case; a role is one of two."""
    with pytest.raises(InvalidRequest, match="already"):
        accounts.add("ANNE", PASSWORD)
    with pytest.raises(InvalidRequest, match="does not exist"):
        accounts.add("ben", PASSWORD, role="owner")


def test_last_superadmin_stays(accounts: Accounts) -> None:
    """There is always somebody who can manage accounts."""
    with pytest.raises(InvalidRequest, match="last superadmin"):
        accounts.remove("root")
    accounts.add("second", PASSWORD, role="superadmin")
    accounts.remove("root")
    assert [account.username for account in accounts.list_accounts()] == ["anne", "second"]


def test_what_is_not_there_is_named(accounts: Accounts) -> None:
    """Removing or changing an account that does not exist says so."""
    with pytest.raises(InvalidRequest, match="no account 'nobody'"):
        accounts.remove("nobody")
    with pytest.raises(InvalidRequest, match="no account 'nobody'"):
        accounts.set_password("nobody", PASSWORD)


def test_only_a_superadmin_manages_others(accounts: Accounts) -> None:
    """An admin changes no account but by its own password."""
    anne = find(accounts, "anne")
    with pytest.raises(InvalidRequest, match="superadmin"):
        accounts.add("ben", PASSWORD, by=anne)
    with pytest.raises(InvalidRequest, match="superadmin"):
        accounts.remove("root", by=anne)
    with pytest.raises(InvalidRequest, match="superadmin"):
        accounts.set_password("root", PASSWORD, by=anne)


def test_deeds_are_in_the_audit_with_their_doer(accounts: Accounts, store: Store) -> None:
    """Who made, changed, removed an account or logged in is on record; a password is not."""
    root = find(accounts, "root")
    accounts.add("ben", PASSWORD, by=root)
    accounts.set_password("ben", PASSWORD + "2", by=root)
    accounts.log_in("ben", PASSWORD + "2", HERE)
    accounts.remove("ben", by=root)
    assert list_audit(store) == [
        ("command", "account.add", "root"),
        ("command", "account.add", "anne"),
        ("root", "account.add", "ben"),
        ("root", "account.password", "ben"),
        ("ben", "account.login", "ben"),
        ("root", "account.remove", "ben"),
    ]


def test_eleventh_wrong_password_for_an_account_is_refused(accounts: Accounts, clock: Clock) -> None:
    """After 10 wrong ones in 5 minutes even the right password waits, from any address."""
    for number in range(10):
        with pytest.raises(WrongPassword):
            accounts.log_in("anne", "wrong password", f"192.0.2.{number}")
    with pytest.raises(RateLimited) as refusal:
        accounts.log_in("anne", PASSWORD, "198.51.100.1")
    assert 0 < refusal.value.retry_after_s <= 300
    clock.advance(minutes=5, seconds=1)
    assert accounts.log_in("anne", PASSWORD, "198.51.100.1")


def test_eleventh_wrong_password_from_an_address_is_refused(accounts: Accounts) -> None:
    """An address that tries many names is shut out, and others are not."""
    for number in range(10):
        with pytest.raises(WrongPassword):
            accounts.log_in(f"name{number}", "wrong password", HERE)
    with pytest.raises(RateLimited):
        accounts.log_in("anne", PASSWORD, HERE)
    assert accounts.log_in("anne", PASSWORD, "198.51.100.1")


def test_shut_out_address_does_not_shut_out_the_account(accounts: Accounts) -> None:
    """What a refused address tries on does not count against the account's owner."""
    for number in range(10):
        with pytest.raises(WrongPassword):
            accounts.log_in(f"name{number}", "wrong password", HERE)
    for _ in range(20):
        with pytest.raises(RateLimited):
            accounts.log_in("anne", "wrong password", HERE)
    assert accounts.log_in("anne", PASSWORD, "198.51.100.1")


def test_limit_holds_for_tries_at_once(accounts: Accounts) -> None:
    """Of 30 tries at the same moment no more than 10 reach the password."""

    def attempt(_: int) -> type[Exception]:
        try:
            accounts.log_in("anne", "wrong password", HERE)
        except (WrongPassword, RateLimited) as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(attempt, range(30)))
    assert outcomes.count(WrongPassword) == 10
    assert outcomes.count(RateLimited) == 20


def test_limit_outlives_the_process(accounts: Accounts, store: Store) -> None:
    """The count lies in the store, without the name or address that was typed."""
    for _ in range(10):
        with pytest.raises(WrongPassword):
            accounts.log_in("anne", "wrong password", HERE)
    with pytest.raises(RateLimited):
        Accounts(store, store.path.parent).log_in("anne", PASSWORD, HERE)
    keys = store.read(lambda connection: connection.execute(select(limit_counters.c.key)).scalars().all())
    assert keys
    assert not any("anne" in key or HERE in key for key in keys)


def test_right_password_clears_the_count(accounts: Accounts) -> None:
    """Wrong ones before a right one are forgotten."""
    for _ in range(3):
        for _ in range(9):
            with pytest.raises(WrongPassword):
                accounts.log_in("anne", "wrong password", HERE)
        assert accounts.log_in("anne", PASSWORD, HERE)


def test_session_lasts_until_it_runs_out(accounts: Accounts, clock: Clock) -> None:
    """A session gives its account for a day and no longer."""
    session = open_session(clock)
    clock.advance(hours=23)
    assert accounts.identify(session) == find(accounts, "anne")
    clock.advance(hours=2)
    assert accounts.identify(session) is None


def test_ended_session_stays_ended(accounts: Accounts, clock: Clock) -> None:
    """Logging out ends the session itself, not only this browser's copy."""
    session = open_session(clock)
    accounts.end_session(session)
    assert accounts.identify(session) is None
    assert accounts.identify(open_session(clock, fingerprint="other")) is not None


def test_changed_password_ends_sessions(accounts: Accounts, clock: Clock) -> None:
    """Changing one's own password ends every session from before, and the new password logs in."""
    session = open_session(clock)
    clock.advance(seconds=1)
    accounts.change_password(find(accounts, "anne"), PASSWORD, "another password", HERE)
    assert accounts.identify(session) is None
    assert accounts.identify(open_session(clock)) is not None
    assert accounts.log_in("anne", "another password", HERE)


def test_changing_a_password_takes_the_current_one(accounts: Accounts) -> None:
    """A wrong current password changes nothing and is counted as a wrong login."""
    anne = find(accounts, "anne")
    for _ in range(10):
        with pytest.raises(WrongPassword):
            accounts.change_password(anne, "wrong password", "another password", HERE)
    with pytest.raises(RateLimited):
        accounts.change_password(anne, PASSWORD, "another password", HERE)
    assert find(accounts, "anne") == anne


def test_new_password_is_not_the_old_one(accounts: Accounts) -> None:
    """Changing a password to itself is refused."""
    with pytest.raises(InvalidRequest, match="choose another"):
        accounts.change_password(find(accounts, "anne"), PASSWORD, PASSWORD, HERE)


def test_first_password_goes_to_a_private_file_off_a_terminal(store: Store) -> None:
    """Without a terminal the password is in a file of ours alone and in no line that is announced."""
    said: list[str] = []
    assert ensure_first_admin(store, store.path.parent, is_terminal=False, announce=said.append)
    path = store.path.parent / "first-admin-password"
    password = path.read_text().strip()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(said) == 1
    assert str(path) in said[0]
    assert password not in said[0]
    accounts = Accounts(store, store.path.parent)
    assert accounts.log_in("admin", password, HERE).role == "superadmin"
    assert not path.exists()


def test_first_password_is_only_said_on_a_terminal(store: Store) -> None:
    """On a terminal the password is printed and written nowhere."""
    said: list[str] = []
    assert ensure_first_admin(store, store.path.parent, is_terminal=True, announce=said.append)
    password = said[0].rsplit(" ", 1)[-1]
    assert Accounts(store, store.path.parent).log_in("admin", password, HERE)
    assert not any(
        password.encode() in path.read_bytes() for path in store.path.parent.rglob("*") if path.is_file()
    )


def test_first_password_file_goes_when_the_password_changes(store: Store) -> None:
    """A password that is no longer true does not lie about."""
    ensure_first_admin(store, store.path.parent, is_terminal=False, announce=lambda _: None)
    Accounts(store, store.path.parent).set_password("admin", "another password")
    assert not (store.path.parent / "first-admin-password").exists()


def test_first_password_file_survives_a_wrong_login(store: Store) -> None:
    """Only the first login that succeeds removes the file."""
    ensure_first_admin(store, store.path.parent, is_terminal=False, announce=lambda _: None)
    with pytest.raises(WrongPassword):
        Accounts(store, store.path.parent).log_in("admin", "wrong password", HERE)
    assert (store.path.parent / "first-admin-password").exists()


def test_second_start_makes_no_account(accounts: Accounts, store: Store) -> None:
    """Where there is an account none is made and nothing is said."""
    said: list[str] = []
    assert not ensure_first_admin(store, store.path.parent, is_terminal=False, announce=said.append)
    assert said == []
    assert len(accounts.list_accounts()) == 2


def _start(path: str, barrier: object, queue: object) -> None:
    store = Store(Path(path))
    barrier.wait()  # type: ignore[attr-defined]
    made = ensure_first_admin(store, Path(path).parent, is_terminal=False, announce=lambda _: None)
    queue.put(made)  # type: ignore[attr-defined]
    store.close()


def test_two_starts_at_once_make_one_account(tmp_path: Path) -> None:
    """Of processes that start together exactly one makes the account, and its file has the right password."""
    path = tmp_path / "private" / "guichet.db"
    Store(path).close()
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(3), context.Queue()
    starts = [context.Process(target=_start, args=(str(path), barrier, queue)) for _ in range(3)]
    for start in starts:
        start.start()
    made = [queue.get(timeout=60) for _ in starts]
    for start in starts:
        start.join()
    assert sorted(made) == [False, False, True]
    store = Store(path)
    password = (path.parent / "first-admin-password").read_text().strip()
    assert Accounts(store, path.parent).log_in("admin", password, HERE).username == "admin"
    assert [account.username for account in store.read(repository.list_accounts)] == ["admin"]
    store.close()


def test_password_that_is_not_hashed_stops_the_start(accounts: Accounts, store: Store) -> None:
    """A stored password that somebody wrote by hand is refused at the start, by its account's name."""
    store.write(repository.set_password, "anne", "plain text", store.clock())
    with pytest.raises(SettingsError, match="anne is not a bcrypt hash"):
        check_hashes(store)
    with pytest.raises(WrongPassword):
        accounts.log_in("anne", "plain text", HERE)


def test_generated_passwords_are_long_and_differ() -> None:
    """A generated password passes our own rule."""
    first, second = generate_password(), generate_password()
    module.check_password(first)
    assert first != second
    assert len(first) == 24
