"""Who may speak, and how much: testers' logins, the privacy notice, the session of a thread."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import math
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Concatenate, ParamSpec

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Connection

from chatbot.codes import CODE_LENGTH, draw_code, find_state, fingerprint_code, is_code, normalize_code
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
from chatbot.store import codes, logins
from chatbot.store.engine import Store
from chatbot.store.records import Code, Login
from chatbot.store.threads import ThreadUse
from chatbot.telemetry import log_security

P = ParamSpec("P")

logger = logging.getLogger(__name__)

LOGIN_LIFE = timedelta(days=7)
SHARED_LABEL = "beta"
OPEN_LABEL = "open"
WRONG_PASSWORDS = "10 per 5 minutes"
# Of one address: a whole school behind it logs in at once, a script that fills the store does not.
NEW_LOGINS = "600 per minute"
# Letters of a resume code, 40 random bits for 10 minutes; guesses count as wrong passwords do.
RESUME_LENGTH = 8
RESUME_LIFE = timedelta(minutes=10)
RESUME_CODES = "10 per 10 minutes"
WRONG_PASSWORD = "The password or code is not right. Check it, or ask the team that invited you."  # noqa: S105
WRONG_RESUME_CODE = "The resume code is not right, was used, or is older than 10 minutes. Ask for a new one."
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Session:
    """What is left of a thread's allowance; null where there is no limit."""

    active: bool
    seconds_left: int | None
    messages_left: int | None
    characters_left: int | None
    expires_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """Give the wire form."""
        return asdict(self) | {"expires_at": self.expires_at.isoformat() if self.expires_at else None}


@dataclass(frozen=True, slots=True)
class SessionRules:
    """The limits of one thread; 0 = none."""

    duration_s: int
    characters: int
    messages: int

    @classmethod
    def of(cls, settings: Settings) -> SessionRules:
        """Take the limits from the settings."""
        return cls(settings.max_session_duration, settings.max_characters, settings.max_messages)

    def measure(self, use: ThreadUse, now: datetime) -> Session:
        """Say what is left at a moment."""
        first = use.first_message_at
        expires_at = first + timedelta(seconds=self.duration_s) if first and self.duration_s else None
        seconds = None
        if self.duration_s:
            seconds = max(0, math.ceil((expires_at - now).total_seconds())) if expires_at else self.duration_s
        messages = max(0, self.messages - use.user_messages) if self.messages else None
        characters = max(0, self.characters - use.characters) if self.characters else None
        return Session(
            active=0 not in (seconds, messages, characters),
            seconds_left=seconds,
            messages_left=messages,
            characters_left=characters,
            expires_at=expires_at,
        )

    def check(self, use: ThreadUse, length: int, now: datetime) -> None:
        """Accept a message of `length` characters, or refuse it.

        Raises:
            SessionExpired: the time is over.
            SessionFull: the message passes the number of messages or characters.
        """
        left = self.measure(use, now)
        if left.seconds_left == 0:
            raise SessionExpired(
                f"The session of {_say_duration(self.duration_s)} is over. Start a new conversation."
            )
        if left.messages_left == 0:
            raise SessionFull(
                f"The session's {self.messages} messages are used up. Start a new conversation.",
                "MAX_MESSAGES",
            )
        if left.characters_left is not None and length > left.characters_left:
            raise SessionFull(
                f"The message has {length} characters and {left.characters_left} of the session's {self.characters} "
                "are left. Shorten it, or start a new conversation.",
                "MAX_CHARACTERS",
            )


class Access:
    """Logs testers in and out and knows them by their token.

    Args:
        key: signs tokens; 32 bytes or more.
    """

    def __init__(self, store: Store, settings: Settings, key: bytes) -> None:
        self._store = store
        self._settings = settings
        self._signer = URLSafeSerializer(key, salt="guichet.login")
        self._key = key
        self._wrong = Limiter(store, WRONG_PASSWORDS, "wrong-password")
        self._new_logins = Limiter(store, NEW_LOGINS, "login")
        self._resume_codes = Limiter(store, RESUME_CODES, "resume-code")

    def is_open(self) -> bool:
        """Tell whether everyone may come in without a password or code."""
        return not self._settings.needs_login and self._store.read(
            is_without_codes, self._settings, self._store.clock()
        )

    async def check_open(self) -> bool:
        """Tell the same without holding up the event loop."""
        return not self._settings.needs_login and await self._store.read_async(
            is_without_codes, self._settings, self._store.clock()
        )

    async def log_in(self, password: str, address: str) -> tuple[Login, str]:
        """Give a new login and its token for the shared password or a beta code.

        Raises:
            WrongPassword: it is neither, or the code is not in force.
            RateLimited: 10 wrong ones came from this address in 5 minutes, or too many logins.
        """
        source = self.name_source(address)
        await self._check_attempts(source, address)
        expected = self._settings.beta_password
        if expected is not None and _is_same(password, expected.get_secret_value()):
            return await self._issue(source, _add_login, SHARED_LABEL, self._store.clock())
        if not is_code(password, CODE_LENGTH):
            raise await self._refuse(source, address, WRONG_PASSWORD)
        code = await self._store.read_async(codes.find_code, fingerprint_code(password))
        if code is None:
            raise await self._refuse(source, address, WRONG_PASSWORD)
        return await self._issue(source, _use_code, fingerprint_code(password), self._store.clock())

    async def open_login(self, address: str) -> tuple[Login, str]:
        """Give a new login and its token in open mode.

        Raises:
            NotLoggedIn: a password is needed.
            RateLimited: too many logins came from this address.
        """
        if not await self.check_open():
            raise NotLoggedIn("Log in first.")
        return await self._issue(self.name_source(address), _add_login, OPEN_LABEL, self._store.clock())

    async def make_resume_code(self, login: Login) -> tuple[str, datetime]:
        """Give a one-time code that carries a login to another device, and when it runs out.

        The one made before is good no longer.

        Raises:
            RateLimited: the tester asked for too many.
        """
        await asyncio.to_thread(self._resume_codes.count, login.tester)
        code, now = draw_code(RESUME_LENGTH), self._store.clock()
        expires_at = now + RESUME_LIFE
        await self._store.write_async(
            codes.put_resume_code, login.login_id, self._sign("resume", normalize_code(code)), now, expires_at
        )
        return code, expires_at

    async def resume(self, code: str, address: str) -> tuple[Login, str]:
        """Give the login that a resume code stands for, and its token; the code is used up.

        Raises:
            WrongPassword: there is no such code in force.
            RateLimited: as `log_in`.
        """
        source = self.name_source(address)
        await self._check_attempts(source, address)
        login = None
        if is_code(code, RESUME_LENGTH):
            signed = self._sign("resume", normalize_code(code))
            login = await self._store.write_async(_take_resume_code, signed, self._store.clock())
        if login is None:
            raise await self._refuse(source, address, WRONG_RESUME_CODE)
        return login, self._give_token(login)

    async def come_in(self, secret: str, address: str) -> tuple[Login, str]:
        """Take what was typed at the door: a resume code where it has the form of one, else as `log_in`.

        Raises:
            WrongPassword, RateLimited: as `log_in`.
        """
        expected = self._settings.beta_password
        is_shared = expected is not None and _is_same(secret, expected.get_secret_value())
        if is_code(secret, RESUME_LENGTH) and not is_shared:
            return await self.resume(secret, address)
        return await self.log_in(secret, address)

    async def identify(self, token: str | None) -> Login:
        """Give the login of a token.

        Raises:
            NotLoggedIn: there is no token, it is not ours, or its login has ended.
        """
        login_id = self._read(token) if token else None
        if login_id:
            login = await self._store.read_async(logins.find_login, login_id, self._store.clock())
            if login:
                return login
        raise NotLoggedIn("Log in first: the login is missing, has ended or has run out.")

    async def log_out(self, login: Login) -> None:
        """End a login: its token no longer works anywhere."""
        await self._store.write_async(logins.end_login, login.login_id, self._store.clock())

    async def accept_notice(self, login: Login, version: str) -> None:
        """Record that the tester accepted a version of the privacy notice."""
        await self._store.write_async(logins.accept_notice, login.tester, version, self._store.clock())

    def name_source(self, address: str) -> str:
        """Name an address so that limits can count it and nobody can read it."""
        return self._sign("address", address)[:32]

    async def _check_attempts(self, source: str, address: str) -> None:
        try:
            await asyncio.to_thread(self._wrong.check, source)
        except RateLimited:
            log_security(
                logger, "Logins from an address are held back", "login-held-back", source__ip=address
            )
            raise

    async def _refuse(self, source: str, address: str, message: str) -> WrongPassword:
        """Count a wrong attempt, and give the refusal to raise."""
        await asyncio.to_thread(self._wrong.count, source)
        log_security(logger, "A wrong password or code was refused", "login-refused", source__ip=address)
        return WrongPassword(message)

    async def _issue(
        self, source: str, job: Callable[Concatenate[Connection, P], Login], *args: P.args, **kwargs: P.kwargs
    ) -> tuple[Login, str]:
        await asyncio.to_thread(self._new_logins.count, source)
        login = await self._store.write_async(job, *args, **kwargs)
        return login, self._give_token(login)

    def _give_token(self, login: Login) -> str:
        return str(self._signer.dumps(login.login_id))

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose} {text}".encode(), hashlib.sha256).hexdigest()

    def _read(self, token: str) -> str | None:
        try:
            return str(self._signer.loads(token))
        except BadSignature:
            return None


def is_without_codes(connection: Connection, settings: Settings, now: datetime) -> bool:
    """Tell whether no code keeps the door: where one was ever made, only `OPEN_ACCESS=true` opens it again.

    Else the last code's end, or the revocation of all, would let everyone in.
    """
    if not codes.count_codes(connection):
        return True
    found = codes.list_codes(connection, now) if settings.open_access else []
    return settings.open_access and not any(
        find_state(use.code, now) in ("in force", "used up") for use in found
    )


def version_notice(markdown: str) -> str:
    """Give the version of a privacy notice: a short hash of its text."""
    return hashlib.sha256(markdown.encode()).hexdigest()[:12]


def check_exposure(settings: Settings, store: Store | None = None) -> None:
    """Refuse to open the counter to others without a password or code.

    Args:
        store: where codes are looked for; None = there is none yet.

    Raises:
        SettingsError: another host than loopback, no password or code, and OPEN_ACCESS is not true.
    """
    is_kept = settings.needs_login or (store and store.read(codes.count_codes))
    if settings.chat_host not in LOOPBACK and not is_kept and not settings.open_access:
        raise SettingsError(
            [
                f"CHAT_HOST={settings.chat_host}: others could come in without a password. Set BETA_PASSWORD, make "
                "a code (`python -m chatbot codes add`), or set OPEN_ACCESS=true if everyone may."
            ]
        )


def check_sharing(settings: Settings, store: Store) -> None:
    """Refuse a public link to a counter that lets everyone in, whatever OPEN_ACCESS says.

    Raises:
        SettingsError: there is neither a password nor a code in force.
    """
    now = store.clock()
    found = [] if settings.needs_login else store.read(codes.list_codes, now)
    if not settings.needs_login and not any(find_state(use.code, now) == "in force" for use in found):
        raise SettingsError(
            [
                "--share: a public link without a password would let everyone in. Set BETA_PASSWORD, or make a code "
                "(`python -m chatbot codes add --label LABEL`)."
            ]
        )


def _say_duration(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"


def _add_login(connection: Connection, label: str, now: datetime, code: Code | None = None) -> Login:
    expires_at = now + LOGIN_LIFE
    login = Login(
        login_id=secrets.token_hex(16),
        tester=f"{label}-{logins.take_tester_number(connection, label)}",
        code_label=label,
        wave=code.wave if code else None,
        created_at=now,
        expires_at=min(expires_at, code.expires_at) if code and code.expires_at else expires_at,
        ended_at=None,
        notice_version=None,
        code_id=code.code_id if code else None,
    )
    logins.add_login(connection, login)
    return login


def _use_code(connection: Connection, fingerprint: str, now: datetime) -> Login:
    """Log in by a code; looked at and counted in one transaction, for its uses are bounded."""
    code = codes.find_code(connection, fingerprint, is_locked=True)
    state = find_state(code, now) if code else "unknown"
    if code is None or state != "in force":
        label = code.label if code else ""
        log_security(
            logger,
            "A code that is not in force was refused",
            "code-refused",
            labels__code=label,
            event__reason=state,
        )
        raise WrongPassword(f"This code is {state}. Ask the team that invited you for another.")
    codes.count_use(connection, code.code_id)
    return _add_login(connection, code.label, now, code)


def _take_resume_code(connection: Connection, fingerprint: str, now: datetime) -> Login | None:
    login_id = codes.take_resume_code(connection, fingerprint, now)
    return logins.find_login(connection, login_id, now) if login_id else None


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        hashlib.sha256(given.encode(errors="replace")).digest(), hashlib.sha256(expected.encode()).digest()
    )
