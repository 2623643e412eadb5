"""Logins and their tokens, the session of a thread, and who may be let in."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer

from chatbot.access import (
    LOGIN_LIFE,
    Access,
    Session,
    SessionRules,
    check_exposure,
    check_sharing,
    version_notice,
)
from chatbot.codes import CODE_LENGTH, Codes, draw_code, normalize_code
from chatbot.errors import (
    NotLoggedIn,
    RateLimited,
    SessionExpired,
    SessionFull,
    SettingsError,
    WrongPassword,
)
from chatbot.limiter import Limiter
from chatbot.settings import Settings
from chatbot.store import threads
from chatbot.store.changes import read_counter
from chatbot.store.engine import Store
from chatbot.store.records import Thread
from chatbot.store.schema import to_micros
from chatbot.store.threads import ThreadUse
from chatbot.telemetry import JsonFormatter
from tests.conftest import Clock, MakeSettings

PASSWORD = "two lumps of sugar"
KEY = b"k" * 32
HERE = "192.0.2.1"


@pytest.fixture
def access(store: Store, make_settings: MakeSettings) -> Access:
    """Give a counter with a password."""
    return Access(store, make_settings(beta_password=PASSWORD), KEY)


@pytest.fixture
def open_access(store: Store, settings: Settings) -> Access:
    """Give a counter without one."""
    return Access(store, settings, KEY)


# Logins


async def test_password_gives_a_tester_and_a_token(access: Access, clock: Clock) -> None:
    """Each login is a tester of its own, good for seven days, known by its token."""
    first, token = await access.log_in(PASSWORD, HERE)
    second, _ = await access.log_in(PASSWORD, HERE)
    assert (first.tester, second.tester) == ("beta-1", "beta-2")
    assert first.expires_at == clock() + LOGIN_LIFE
    assert await access.identify(token) == first


@pytest.mark.parametrize("password", ["", "two lumps", f"{PASSWORD} ", PASSWORD.upper(), "é" * 999, "\ud800"])
async def test_other_passwords_are_wrong(access: Access, password: str) -> None:
    """Nothing but the password itself lets in."""
    with pytest.raises(WrongPassword):
        await access.log_in(password, HERE)


@pytest.mark.parametrize("password", ["тайна ключ 🍵", " spaces around "])
async def test_any_password_can_be_used(store: Store, make_settings: MakeSettings, password: str) -> None:
    """A password may have any characters."""
    access = Access(store, make_settings(beta_password=password), KEY)
    await access.log_in(password, HERE)


async def test_address_waits_after_ten_wrong_ones(access: Access, clock: Clock) -> None:
    """After 10 wrong in 5 minutes an address is refused, the right password too; another one is not; then it may."""
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await access.log_in("wrong", HERE)
    with pytest.raises(RateLimited) as refused:
        await access.log_in(PASSWORD, HERE)
    assert refused.value.retry_after_s == 300
    await access.log_in(PASSWORD, "192.0.2.2")
    clock.advance(minutes=5)
    await access.log_in(PASSWORD, HERE)


async def test_right_passwords_are_not_counted(access: Access) -> None:
    """A whole team behind one address logs in."""
    for _ in range(15):
        await access.log_in(PASSWORD, HERE)


async def test_addresses_are_not_stored(access: Access, store: Store) -> None:
    """The counter of wrong passwords does not hold the address itself."""
    with pytest.raises(WrongPassword):
        await access.log_in("wrong", HERE)
    query = "SELECT key FROM limit_counters"
    [key] = store.read(lambda connection: connection.exec_driver_sql(query).scalars().all())
    assert HERE not in key


async def test_no_login_without_password_in_closed_mode(access: Access) -> None:
    """Where a password is needed nobody comes in without."""
    assert not access.is_open()
    with pytest.raises(NotLoggedIn):
        await access.open_login(HERE)


async def test_open_mode_lets_everyone_in(open_access: Access) -> None:
    """Without a password each comer is a tester of his own; a password that is not there cannot be guessed."""
    assert open_access.is_open()
    login, token = await open_access.open_login(HERE)
    assert login.tester == "open-1"
    assert await open_access.identify(token) == login
    with pytest.raises(WrongPassword):
        await open_access.log_in("", HERE)


async def test_forged_tokens_are_nobodys(access: Access, store: Store, make_settings: MakeSettings) -> None:
    """A token that is missing, changed, of another key or of another purpose is nobody's."""
    login, token = await access.log_in(PASSWORD, HERE)
    other_key = Access(store, make_settings(beta_password=PASSWORD), b"x" * 32)
    _, foreign = await other_key.log_in(PASSWORD, HERE)
    other_purpose = str(URLSafeSerializer(KEY, salt="other").dumps(login.login_id))
    tail = "A" if token[-2] != "A" else "B"
    forged = [
        None,
        "",
        "x",
        login.login_id,
        token[:-2] + tail + token[-1],
        foreign,
        other_purpose,
        "é",
        "a.b.c",
    ]
    for wrong in forged:
        with pytest.raises(NotLoggedIn):
            await access.identify(wrong)


async def test_logout_ends_one_login(access: Access) -> None:
    """A login that was ended is nobody's; the tester's neighbour stays."""
    login, token = await access.log_in(PASSWORD, HERE)
    _, other = await access.log_in(PASSWORD, HERE)
    await access.log_out(login)
    with pytest.raises(NotLoggedIn):
        await access.identify(token)
    await access.identify(other)


async def test_login_runs_out(access: Access, clock: Clock) -> None:
    """After seven days a token is nobody's."""
    _, token = await access.log_in(PASSWORD, HERE)
    clock.now += LOGIN_LIFE - timedelta(microseconds=1)
    await access.identify(token)
    clock.now += timedelta(microseconds=1)
    with pytest.raises(NotLoggedIn):
        await access.identify(token)


async def test_accepted_notice_stands_with_the_login(access: Access) -> None:
    """The version a tester agreed to is known when he comes again."""
    login, token = await access.log_in(PASSWORD, HERE)
    await access.accept_notice(login, "v1")
    assert (await access.identify(token)).notice_version == "v1"


async def test_click_counts_for_threads_that_are_there(access: Access, store: Store, clock: Clock) -> None:
    """A notice agreed to after a thread was started stands with it, under a new change; another tester's does not."""
    login, _ = await access.log_in(PASSWORD, HERE)
    other, _ = await access.log_in(PASSWORD, HERE)
    for who in (login, other):
        thread = Thread(str(uuid.uuid4()), "support", "widget", who.tester, "beta", None, "en", clock())
        store.write(threads.add_thread, thread)
    before = store.read(read_counter)
    clock.advance(minutes=1)
    await access.accept_notice(login, "v1")
    query = "SELECT tester, notice_version, notice_accepted_at, change > ? FROM threads ORDER BY tester"
    rows = store.read(lambda connection: connection.exec_driver_sql(query, (before,)).all())
    assert [tuple(row) for row in rows] == [
        (login.tester, "v1", to_micros(clock()), 1),
        (other.tester, None, None, 0),
    ]


# Beta codes


async def test_code_gives_a_tester_of_its_own_label(access: Access, store: Store, clock: Clock) -> None:
    """A code lets in beside the shared password; its testers carry its label and wave."""
    code, secret = Codes(store, "anne").add("spring", wave="wave 1")
    first, token = await access.log_in(secret.lower(), HERE)
    second, _ = await access.log_in(secret.replace("-", " "), HERE)
    assert (first.tester, second.tester) == ("spring-1", "spring-2")
    assert (first.code_label, first.wave, first.code_id) == ("spring", "wave 1", code.code_id)
    assert await access.identify(token) == first
    shared, _ = await access.log_in(PASSWORD, HERE)
    assert (shared.tester, shared.wave) == ("beta-1", None)


async def test_code_gives_so_many_logins(access: Access, store: Store) -> None:
    """A code with two uses lets in twice, however many try at once; those who are in stay."""
    store.start_writer()
    _, secret = Codes(store, "anne").add("spring", max_uses=2)
    results = await asyncio.gather(*(access.log_in(secret, HERE) for _ in range(6)), return_exceptions=True)
    logins = [result for result in results if isinstance(result, tuple)]
    refusals = [result for result in results if isinstance(result, WrongPassword)]
    assert (len(logins), len(refusals)) == (2, 4)
    assert "used up" in str(refusals[0])
    await access.identify(logins[0][1])


async def test_revoked_code_ends_its_logins_at_once(access: Access, store: Store) -> None:
    """A revoked code lets nobody in, and who came in by it is out."""
    codes = Codes(store, "anne")
    _, secret = codes.add("spring")
    _, token = await access.log_in(secret, HERE)
    codes.revoke("spring")
    with pytest.raises(NotLoggedIn):
        await access.identify(token)
    with pytest.raises(WrongPassword, match="revoked"):
        await access.log_in(secret, HERE)


async def test_login_ends_with_its_code(access: Access, store: Store, clock: Clock) -> None:
    """A login by a code that expires tomorrow says so, and is over then."""
    end = clock() + timedelta(days=1)
    _, secret = Codes(store, "anne").add("spring", expires_at=end)
    login, token = await access.log_in(secret, HERE)
    assert login.expires_at == end
    clock.now = end
    with pytest.raises(NotLoggedIn):
        await access.identify(token)
    with pytest.raises(WrongPassword, match="expired"):
        await access.log_in(secret, HERE)


async def test_known_codes_do_not_lock_an_address_out(access: Access, store: Store) -> None:
    """A class that types an expired code guesses nothing; one that types unknown ones does."""
    codes = Codes(store, "anne")
    _, secret = codes.add("spring")
    codes.revoke("spring")
    for _ in range(11):
        with pytest.raises(WrongPassword):
            await access.log_in(secret, HERE)
    await access.log_in(PASSWORD, HERE)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await access.log_in(draw_code(CODE_LENGTH), HERE)
    with pytest.raises(RateLimited):
        await access.log_in(PASSWORD, HERE)


async def test_codes_close_an_open_house(store: Store, make_settings: MakeSettings) -> None:
    """From the first code on nobody comes in without; the end of all codes opens to nobody but by OPEN_ACCESS."""
    closed = Access(store, make_settings(), KEY)
    willing = Access(store, make_settings(open_access=True), KEY)
    assert closed.is_open() and await willing.check_open()
    codes = Codes(store, "anne")
    codes.add("spring")
    assert not closed.is_open() and not await willing.check_open()
    with pytest.raises(NotLoggedIn):
        await willing.open_login(HERE)
    codes.revoke("spring")
    assert not closed.is_open()
    assert willing.is_open()


async def test_key_of_the_service_does_not_end_codes(
    access: Access, store: Store, settings: Settings
) -> None:
    """A new SECRET_KEY ends logins; the codes that were sent out stay good."""
    _, secret = Codes(store, "anne").add("spring")
    _, token = await access.log_in(secret, HERE)
    renewed = Access(store, settings, b"n" * 32)
    with pytest.raises(NotLoggedIn):
        await renewed.identify(token)
    await renewed.log_in(secret, HERE)


async def test_one_address_makes_so_many_logins(open_access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script behind one address does not fill the store with testers; another address still comes in."""
    monkeypatch.setattr(open_access, "_new_logins", Limiter(open_access._store, "3/minute", "login"))
    for _ in range(3):
        await open_access.open_login(HERE)
    with pytest.raises(RateLimited):
        await open_access.open_login(HERE)
    await open_access.open_login("192.0.2.2")


# Another device


async def test_resume_code_carries_the_login(access: Access, store: Store) -> None:
    """The code gives the very login and token, once; it is stored in a form that leads nowhere."""
    login, token = await access.log_in(PASSWORD, HERE)
    code, expires_at = await access.make_resume_code(login)
    assert expires_at == store.clock() + timedelta(minutes=10)
    assert re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}", code)
    query = "SELECT fingerprint FROM resume_codes"
    [stored] = store.read(lambda connection: connection.exec_driver_sql(query).scalars().all())
    assert stored != hashlib.sha256(code.encode()).hexdigest() and code not in stored
    assert await access.resume(code.lower().replace("-", " "), "192.0.2.2") == (login, token)
    with pytest.raises(WrongPassword, match="resume code"):
        await access.resume(code, "192.0.2.2")


async def test_resume_code_lasts_ten_minutes(access: Access, clock: Clock) -> None:
    """After ten minutes the code is good no longer."""
    login, _ = await access.log_in(PASSWORD, HERE)
    code, _ = await access.make_resume_code(login)
    clock.advance(minutes=10)
    with pytest.raises(WrongPassword):
        await access.resume(code, HERE)


async def test_resume_code_of_an_ended_login_is_good_no_longer(access: Access) -> None:
    """Who logged out is not brought back by a code made before."""
    login, _ = await access.log_in(PASSWORD, HERE)
    code, _ = await access.make_resume_code(login)
    await access.log_out(login)
    with pytest.raises(WrongPassword):
        await access.resume(code, HERE)


async def test_resume_codes_are_not_guessed(access: Access) -> None:
    """Wrong resume codes count as wrong passwords: after ten the address waits."""
    login, _ = await access.log_in(PASSWORD, HERE)
    code, _ = await access.make_resume_code(login)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await access.resume("0000-0000", HERE)
    with pytest.raises(RateLimited):
        await access.resume(code, HERE)


async def test_resume_codes_are_asked_for_within_reason(access: Access) -> None:
    """A tester gets ten codes in ten minutes, and the last alone is good."""
    login, _ = await access.log_in(PASSWORD, HERE)
    made = [(await access.make_resume_code(login))[0] for _ in range(10)]
    with pytest.raises(RateLimited):
        await access.make_resume_code(login)
    with pytest.raises(WrongPassword):
        await access.resume(made[0], HERE)
    await access.resume(made[-1], HERE)


async def test_door_takes_whatever_lets_in(access: Access, store: Store, make_settings: MakeSettings) -> None:
    """At the login page password, beta code and resume code go into one field; a password of a code's form is one."""
    login, _ = await access.come_in(PASSWORD, HERE)
    _, secret = Codes(store, "anne").add("spring")
    assert (await access.come_in(secret, HERE))[0].tester == "spring-1"
    code, _ = await access.make_resume_code(login)
    assert (await access.come_in(code, HERE))[0] == login
    short = Access(store, make_settings(beta_password="abcdefgh"), KEY)
    assert (await short.come_in("abcdefgh", HERE))[0].code_label == "beta"


# What the log lines tell


async def test_refusals_are_logged_without_what_was_typed(
    access: Access, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """Wrong passwords, revoked codes and held-back addresses leave lines with the address, and never with a secret."""
    codes = Codes(store, "anne")
    _, secret = codes.add("spring")
    codes.revoke("spring")
    with pytest.raises(WrongPassword):
        await access.log_in(secret, HERE)
    for _ in range(10):
        with pytest.raises(WrongPassword):
            await access.log_in("a guess of mine", HERE)
    with pytest.raises(RateLimited):
        await access.log_in("a guess of mine", HERE)
    lines = [json.loads(JsonFormatter().format(record)) for record in caplog.records]
    actions = [line["event.action"] for line in lines if "event.action" in line]
    assert Counter(actions) == {
        "code-refused": 1,
        "login-refused": 10,
        "login-held-back": 1,
        "rate-limited": 1,
    }
    assert {line["source.ip"] for line in lines if line.get("event.action", "").startswith("login")} == {HERE}
    assert secret not in caplog.text and normalize_code(secret) not in str(lines)
    assert "a guess of mine" not in str(lines)


# Sessions


def use(clock: Clock, *, seconds: float | None = 0, messages: int = 0, characters: int = 0) -> ThreadUse:
    """Give a use that began some seconds ago."""
    first = None if seconds is None else clock() - timedelta(seconds=seconds)
    return ThreadUse(first, messages, characters)


RULES = SessionRules(duration_s=600, characters=100, messages=3)


def test_new_session_is_whole(clock: Clock) -> None:
    """Before the first message all is left, and no end is set."""
    assert RULES.measure(use(clock, seconds=None), clock()) == Session(True, 600, 3, 100, None)


def test_session_counts_down(clock: Clock) -> None:
    """What is left is told to the second, rounded up; the end is that of the first message's time."""
    left = RULES.measure(use(clock, seconds=100.5, messages=1, characters=40), clock())
    assert left == Session(True, 500, 2, 60, clock() + timedelta(seconds=499.5))


@pytest.mark.parametrize(
    "values", [{"seconds": 600}, {"seconds": 9999}, {"messages": 3}, {"characters": 100}, {"characters": 500}]
)
def test_session_with_nothing_left_is_not_active(clock: Clock, values: dict[str, int]) -> None:
    """Where one allowance is used up the session is over, and nothing counts below 0."""
    left = RULES.measure(use(clock, **values), clock())
    assert not left.active
    assert (
        min(filter(lambda n: n is not None, (left.seconds_left, left.messages_left, left.characters_left)))
        == 0
    )


def test_no_limits_are_none(clock: Clock) -> None:
    """0 is no limit: nothing is counted, nothing refused."""
    rules = SessionRules(0, 0, 0)
    much = use(clock, seconds=10**8, messages=10**6, characters=10**9)
    assert rules.measure(much, clock()) == Session(True, None, None, None, None)
    rules.check(much, 10**6, clock())


def test_message_that_just_fits_is_accepted(clock: Clock) -> None:
    """What is there plus the message may reach a limit and not pass it."""
    RULES.check(use(clock, seconds=599.9, messages=2, characters=60), 40, clock())
    with pytest.raises(SessionFull) as full:
        RULES.check(use(clock, messages=2, characters=60), 41, clock())
    assert full.value.limit == "MAX_CHARACTERS"


def test_full_session_names_the_limit(clock: Clock) -> None:
    """Used-up messages name their limit; time that is over comes first."""
    with pytest.raises(SessionFull) as full:
        RULES.check(use(clock, messages=3, characters=100), 1, clock())
    assert full.value.limit == "MAX_MESSAGES"
    with pytest.raises(SessionExpired, match="10 minutes"):
        RULES.check(use(clock, seconds=600, messages=3, characters=100), 1, clock())


def test_short_session_is_named_in_seconds(clock: Clock) -> None:
    """A session of less than a minute is not called one of 0 minutes."""
    with pytest.raises(SessionExpired, match="45 seconds"):
        SessionRules(45, 0, 0).check(use(clock, seconds=45), 1, clock())


def test_rules_come_from_the_settings(make_settings: MakeSettings) -> None:
    """Each limit is the setting's."""
    settings = make_settings(max_session_duration=1, max_characters=2, max_messages=3)
    assert SessionRules.of(settings) == SessionRules(duration_s=1, characters=2, messages=3)


# Notice, exposure


def test_notice_has_a_version_of_its_text() -> None:
    """The same text has the same version, another one another."""
    assert version_notice("a") == version_notice("a") != version_notice("b")
    assert len(version_notice("a")) <= 16


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_password(make_settings: MakeSettings, host: str) -> None:
    """On loopback nobody else can come in."""
    check_exposure(make_settings(chat_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "docs.example.org"])  # noqa: S104
def test_other_hosts_need_a_password_or_a_word(make_settings: MakeSettings, host: str) -> None:
    """Another host without a password is refused, unless the operator says that everyone may."""
    with pytest.raises(SettingsError, match="OPEN_ACCESS"):
        check_exposure(make_settings(chat_host=host))
    check_exposure(make_settings(chat_host=host, beta_password=PASSWORD))
    check_exposure(make_settings(chat_host=host, open_access=True))


def test_code_is_enough_for_another_host(store: Store, make_settings: MakeSettings) -> None:
    """Where a code was made the service may be opened to others."""
    settings = make_settings(chat_host="0.0.0.0")  # noqa: S104
    with pytest.raises(SettingsError, match="codes add"):
        check_exposure(settings, store)
    Codes(store, "anne").add("spring")
    check_exposure(settings, store)


def test_public_link_needs_a_login(store: Store, make_settings: MakeSettings) -> None:
    """`--share` is refused without password or code in force, whatever OPEN_ACCESS says."""
    codes = Codes(store, "anne")
    with pytest.raises(SettingsError, match="--share"):
        check_sharing(make_settings(open_access=True), store)
    check_sharing(make_settings(beta_password=PASSWORD), store)
    codes.add("spring")
    check_sharing(make_settings(), store)
    codes.revoke("spring")
    with pytest.raises(SettingsError, match="--share"):
        check_sharing(make_settings(), store)
