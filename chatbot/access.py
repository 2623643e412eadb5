"""Who may speak, and how much: testers' logins, the privacy notice, the session of a thread."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import math
import os
import secrets
import uuid
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import Connection

from chatbot.errors import (
    NotLoggedIn,
    SessionExpired,
    SessionFull,
    SettingsError,
    StoreUnavailable,
    WrongPassword,
)
from chatbot.limiter import Limiter
from chatbot.settings import Settings
from chatbot.store import logins
from chatbot.store.engine import Store
from chatbot.store.records import Login
from chatbot.store.threads import ThreadUse

LOGIN_LIFE = timedelta(days=7)
SHARED_LABEL = "beta"
OPEN_LABEL = "open"
KEY_BYTES = 32
WRONG_PASSWORDS = "10 per 5 minutes"
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

    @property
    def is_open(self) -> bool:
        """Whether everyone may come in without a password."""
        return not self._settings.needs_login

    async def log_in(self, password: str, address: str) -> tuple[Login, str]:
        """Give a new login and its token for the shared password.

        Raises:
            WrongPassword: it is not the password.
            RateLimited: 10 wrong ones came from this address in 5 minutes.
        """
        source = hmac.new(self._key, address.encode(), hashlib.sha256).hexdigest()[:32]
        await asyncio.to_thread(self._wrong.check, source)
        expected = self._settings.beta_password
        if expected is None or not _is_same(password, expected.get_secret_value()):
            await asyncio.to_thread(self._wrong.count, source)
            raise WrongPassword("The password is not right. Check it, or ask the team that invited you.")
        return await self._issue(SHARED_LABEL)

    async def open_login(self) -> tuple[Login, str]:
        """Give a new login and its token in open mode.

        Raises:
            NotLoggedIn: a password is needed.
        """
        if not self.is_open:
            raise NotLoggedIn("Log in first.")
        return await self._issue(OPEN_LABEL)

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
        await self._store.write_async(logins.accept_notice, login.login_id, version, self._store.clock())

    async def _issue(self, label: str) -> tuple[Login, str]:
        login = await self._store.write_async(_add_login, label, self._store.clock())
        return login, str(self._signer.dumps(login.login_id))

    def _read(self, token: str) -> str | None:
        try:
            return str(self._signer.loads(token))
        except BadSignature:
            return None


def version_notice(markdown: str) -> str:
    """Give the version of a privacy notice: a short hash of its text."""
    return hashlib.sha256(markdown.encode()).hexdigest()[:12]


def check_exposure(settings: Settings) -> None:
    """Refuse to open the counter to others without a password.

    Raises:
        SettingsError: another host than loopback, no password, and OPEN_ACCESS is not true.
    """
    if settings.chat_host not in LOOPBACK and not settings.needs_login and not settings.open_access:
        raise SettingsError(
            [
                f"CHAT_HOST={settings.chat_host}: others could come in without a password. Set BETA_PASSWORD, "
                "or OPEN_ACCESS=true if everyone may."
            ]
        )


def load_secret_key(settings: Settings) -> bytes:
    """Give the key that signs cookies and tokens: `SECRET_KEY`, or one made once and kept in `private/secret-key`.

    Raises:
        StoreUnavailable: the file cannot be read or written.
    """
    if settings.secret_key:
        return settings.secret_key.get_secret_value().encode()
    path = settings.private_dir / "secret-key"
    try:
        if not path.exists():
            _write_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be read or written: {error.strerror}. Check its rights."
        ) from error
    if len(key) < KEY_BYTES:
        raise StoreUnavailable(
            f"{path} holds fewer than {KEY_BYTES} bytes. Remove it to have a new one made."
        )
    return key


def _write_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_hex(KEY_BYTES).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        # A link does not replace: of two processes that start at once both read the first one's key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _say_duration(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} seconds"


def _add_login(connection: Connection, label: str, now: datetime) -> Login:
    login = Login(
        login_id=secrets.token_hex(16),
        tester=f"{label}-{logins.take_tester_number(connection, label)}",
        code_label=label,
        wave=None,
        created_at=now,
        expires_at=now + LOGIN_LIFE,
        ended_at=None,
        notice_version=None,
    )
    logins.add_login(connection, login)
    return login


def _is_same(given: str, expected: str) -> bool:
    return hmac.compare_digest(
        hashlib.sha256(given.encode(errors="replace")).digest(), hashlib.sha256(expected.encode()).digest()
    )
