"""Logins and their tokens, the session of a thread, and who may be let in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from itsdangerous import URLSafeSerializer

from chatbot.access import (
    LOGIN_LIFE,
    Access,
    Session,
    SessionRules,
    check_exposure,
    version_notice,
)
from chatbot.errors import (
    NotLoggedIn,
    RateLimited,
    SessionExpired,
    SessionFull,
    SettingsError,
    WrongPassword,
)
from chatbot.settings import Settings
from chatbot.store.engine import Store
from chatbot.store.threads import ThreadUse
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
