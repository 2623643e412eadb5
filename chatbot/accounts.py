"""Accounts of the admin: passwords, logins and their limits, sessions, the first superadmin."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import unicodedata
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import bcrypt
from sqlalchemy import Connection

from chatbot.errors import InvalidRequest, NotPermitted, SettingsError, StoreUnavailable, WrongPassword
from chatbot.limiter import Limiter
from chatbot.roles import ROLES, require
from chatbot.store import accounts as repository
from chatbot.store.audit import add_entry
from chatbot.store.engine import Store
from chatbot.store.records import Account
from chatbot.text import clean_text

SESSION_LIFE = timedelta(days=1)
MIN_CHARACTERS = 10
MAX_BYTES = 72
"""bcrypt reads no more of a password than this."""
ROUNDS = 12
WRONG_PASSWORDS = "10 per 5 minutes"
FIRST_ADMIN = "admin"
FIRST_PASSWORD_FILE = "first-admin-password"  # noqa: S105 - a file's name
COMMAND = "command"
"""Who acts when no account does: the operator, at the command line."""

_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}")
_FORBIDDEN = re.compile("^\\s|\\s$|[\0\ud800-\udfff]")
# Authors in log and versions that are no person.
RESERVED = frozenset({"service", "command", "file"})
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,79}")


@dataclass(frozen=True, slots=True)
class AdminSession:
    """What a login's cookie says, and its fingerprint (SHA-256 of the cookie, hex)."""

    username: str
    issued_at: datetime
    expires_at: datetime
    fingerprint: str


class Accounts:
    """Logs admins in and out, and keeps their accounts.

    What is done is done `by` an account; None is the operator at the command line.

    Args:
        private_dir: where the first superadmin's password may lie.
    """

    def __init__(self, store: Store, private_dir: Path) -> None:
        self._store = store
        self._private_dir = private_dir
        self._wrong = Limiter(store, WRONG_PASSWORDS, "wrong-admin-password")

    @property
    def first_password_path(self) -> Path:
        """The file with the first superadmin's password; gone after the first login."""
        return self._private_dir / FIRST_PASSWORD_FILE

    def log_in(self, username: str, password: str, address: str) -> Account:
        """Give the account of a name and its password.

        Takes as long for a name that does not exist.

        Raises:
            WrongPassword: there is no such account, or the password is another.
            RateLimited: 10 wrong ones came for this name, or from this address, in 5 minutes.
        """
        username = normalize_username(username)
        keys = self._count(username, address)
        account = self._store.read(repository.get_account, username)
        if not _is_right(password, account.password_hash if account else None) or account is None:
            raise WrongPassword("The name or the password is not right. Check both.")
        for key in keys:
            self._wrong.clear(key)
        if username == FIRST_ADMIN:
            self.first_password_path.unlink(missing_ok=True)
        self._store.write(add_entry, self._store.clock(), username, "account.login", username)
        return account

    def identify(self, session: AdminSession) -> Account | None:
        """Give the account of a session that is still good, else None."""
        if session.expires_at <= self._store.clock():
            return None
        return self._store.read(
            repository.find_session_account, session.username, session.issued_at, session.fingerprint
        )

    def end_session(self, session: AdminSession) -> None:
        """End a session for good, whoever still has its cookie."""
        self._store.write(
            repository.end_session, session.fingerprint, session.expires_at, self._store.clock()
        )

    def list_accounts(self) -> list[Account]:
        """Give all accounts, by name."""
        return self._store.read(repository.list_accounts)

    def add(
        self,
        username: str,
        password: str,
        *,
        name: str = "",
        role: str = "admin",
        by: Account | None = None,
    ) -> Account:
        """Make an account.

        Raises:
            InvalidRequest: name, role or password are not allowed, the name is taken, or `by` may not.
        """
        _check_may_manage(by)
        username = normalize_username(username)
        if username in RESERVED:
            raise InvalidRequest(
                f"{username!r} stands for the service itself in log and versions. Choose another name."
            )
        if not _USERNAME.fullmatch(username):
            raise InvalidRequest(
                f"The name {username!r} is not allowed: 1 to 80 of a-z, 0-9, dot, hyphen, underscore and @, "
                "beginning with a letter or digit."
            )
        if role not in ROLES:
            raise InvalidRequest(f"The role {role!r} does not exist: choose {' or '.join(ROLES)}.")
        check_password(password)
        account = Account(
            username=username,
            name=name.strip()[:120] or username,
            role="superadmin" if role == "superadmin" else "admin",
            password_hash=hash_password(password),
            created_at=self._store.clock(),
        )
        self._store.write(_add, account, by)
        return account

    def remove(self, username: str, *, by: Account | None = None) -> None:
        """Remove an account; its sessions end.

        Raises:
            InvalidRequest: there is none of this name, it is the last superadmin, or `by` may not.
        """
        _check_may_manage(by)
        self._store.write(_remove, normalize_username(username), by, self._store.clock())
        self._forget_first_password(normalize_username(username))

    def set_password(self, username: str, password: str, *, by: Account | None = None) -> None:
        """Give an account a new password; its sessions end.

        Raises:
            InvalidRequest: there is no such account, the password is not allowed, or `by` may not.
        """
        _check_may_manage(by)
        self._replace_password(normalize_username(username), password, by)

    def change_password(self, account: Account, current: str, new: str, address: str) -> None:
        """Let an account change its own password; its sessions end.

        Raises:
            WrongPassword: `current` is not its password.
            RateLimited: too many wrong ones.
            InvalidRequest: the new one is not allowed.
        """
        check_password(new)
        if new == current:
            raise InvalidRequest("The new password is the old one: choose another.")
        keys = self._count(account.username, address)
        stored = self._store.read(repository.get_account, account.username)
        if not _is_right(current, stored.password_hash if stored else None):
            raise WrongPassword("The current password is not right.")
        for key in keys:
            self._wrong.clear(key)
        self._replace_password(account.username, new, account)

    def _replace_password(self, username: str, password: str, by: Account | None) -> None:
        check_password(password)
        self._store.write(_set_password, username, hash_password(password), by, self._store.clock())
        self._forget_first_password(username)

    def _forget_first_password(self, username: str) -> None:
        if username == FIRST_ADMIN:
            self.first_password_path.unlink(missing_ok=True)

    def _count(self, username: str, address: str) -> list[str]:
        """Count a try before the slow check, so that of many at once only as many as are allowed get that far."""
        # The address first: one that is shut out cannot shut the account's owner out as well.
        keys = [_hash_key("address", address), _hash_key("account", username)]
        for key in keys:
            self._wrong.count(key)
        return keys


def ensure_first_admin(
    store: Store, private_dir: Path, *, is_terminal: bool, announce: Callable[[str], None]
) -> bool:
    """Make the superadmin `admin` with a random password where there is no account yet.

    Args:
        is_terminal: whether a person reads what is announced; else the password goes into
            `first-admin-password` (0600) in `private_dir`, and only the file's name is announced.
        announce: takes one line without its end.

    Returns:
        Whether this call made it; of processes that start at once one does.

    Raises:
        SettingsError: an account's stored password is not a bcrypt hash.
        StoreUnavailable: the file cannot be written.
    """
    check_hashes(store)
    if store.read(repository.count_accounts):
        return False
    password = generate_password()
    account = Account(FIRST_ADMIN, "Administrator", "superadmin", hash_password(password), store.clock())
    path = None if is_terminal else private_dir / FIRST_PASSWORD_FILE
    if not store.write(_add_first, account, password, path):
        return False
    if path:
        announce(f"First start: the password of the account {FIRST_ADMIN} is in {path}")
    else:
        announce(f"First start: log in to the admin as {FIRST_ADMIN} with the password {password}")
    return True


def check_hashes(store: Store) -> None:
    """Refuse a store in which somebody wrote a password that is not hashed.

    Raises:
        SettingsError: one sentence per account.
    """
    wrong = [
        account.username
        for account in store.read(repository.list_accounts)
        if not _BCRYPT.fullmatch(account.password_hash)
    ]
    if wrong:
        raise SettingsError(
            [
                f"The stored password of the account {name} is not a bcrypt hash. "
                f"Set it anew: python -m chatbot users passwd {name}"
                for name in wrong
            ]
        )


def normalize_username(username: str) -> str:
    """Give a name as it is stored: lower case, without space around it."""
    return clean_text(username).strip().lower()


def generate_password() -> str:
    """Give a random password of 24 characters (144 bits)."""
    return secrets.token_urlsafe(18)


def check_password(password: str) -> None:
    """Accept a new password, or say what is wrong with it.

    Raises:
        InvalidRequest: shorter than 10 characters, longer than 72 bytes, or with space around it.
    """
    if len(password) < MIN_CHARACTERS:
        raise InvalidRequest(f"The password has {len(password)} characters: use {MIN_CHARACTERS} or more.")
    if (size := len(_encode(password))) > MAX_BYTES:
        raise InvalidRequest(
            f"The password has {size} bytes: bcrypt takes at most {MAX_BYTES}, "
            "and cutting it would make a part of it worth nothing. Use a shorter one."
        )
    if _FORBIDDEN.search(password):
        raise InvalidRequest("The password begins or ends with a space, or has a NUL: leave that out.")


def hash_password(password: str) -> str:
    """Give the bcrypt hash of a password."""
    return bcrypt.hashpw(_encode(password), bcrypt.gensalt(ROUNDS)).decode()


def _is_right(password: str, password_hash: str | None) -> bool:
    given = _encode(password)
    if (
        password_hash is None
        or not _BCRYPT.fullmatch(password_hash)
        or len(given) > MAX_BYTES
        or b"\0" in given
    ):
        bcrypt.checkpw(b"-", _dummy_hash().encode())
        return False
    return bcrypt.checkpw(given, password_hash.encode())


def _encode(password: str) -> bytes:
    """Give a password's bytes, the same however a keyboard composes its accents."""
    return unicodedata.normalize("NFC", password).encode(errors="replace")


@lru_cache(maxsize=1)
def _dummy_hash() -> str:
    """Give the hash that a name without an account is checked against, so that it takes as long."""
    return hash_password(secrets.token_hex(16))


def _check_may_manage(by: Account | None) -> None:
    if by is not None:
        require(by, "account.manage")


def _name(by: Account | None) -> str:
    return by.username if by else COMMAND


def _hash_key(kind: str, value: str) -> str:
    """Shorten a name or an address: what a visitor typed is not kept as it is."""
    return f"{kind}-{hashlib.sha256(value.encode(errors='replace')).hexdigest()[:32]}"


def _add(connection: Connection, account: Account, by: Account | None) -> None:
    _check_still_manages(connection, by)
    if repository.get_account(connection, account.username):
        raise InvalidRequest(f"There is an account {account.username} already: choose another name.")
    repository.add_account(connection, account)
    add_entry(connection, account.created_at, _name(by), "account.add", account.username, account.role)


def _remove(connection: Connection, username: str, by: Account | None, now: datetime) -> None:
    superadmins = _check_still_manages(connection, by)
    _get(connection, username)
    if superadmins == [username]:
        raise InvalidRequest(f"{username} is the last superadmin: make another one first.")
    repository.remove_account(connection, username)
    add_entry(connection, now, _name(by), "account.remove", username)


def _set_password(
    connection: Connection, username: str, password_hash: str, by: Account | None, now: datetime
) -> None:
    if by is None or by.username != username:
        _check_still_manages(connection, by)
    _get(connection, username)
    repository.set_password(connection, username, password_hash, now)
    add_entry(connection, now, _name(by), "account.password", username)


def _check_still_manages(connection: Connection, by: Account | None) -> list[str]:
    """Give the superadmins, held until the transaction ends; who was removed meanwhile changes nothing any more."""
    superadmins = repository.lock_superadmins(connection)
    if by is not None and by.username not in superadmins:
        raise NotPermitted(f"{by.username} is no superadmin any more. Ask one to do it.")
    return superadmins


def _get(connection: Connection, username: str) -> Account:
    account = repository.get_account(connection, username)
    if account is None:
        raise InvalidRequest(f"There is no account {username!r}.")
    return account


def _add_first(connection: Connection, account: Account, password: str, path: Path | None) -> bool:
    if repository.count_accounts(connection):
        return False
    repository.add_account(connection, account)
    add_entry(connection, account.created_at, "service", "account.add", account.username, account.role)
    if path:
        # Before the commit: an account whose password nobody could read would lock everyone out.
        _write_password(path, password)
    return True


def _write_password(path: Path, password: str) -> None:
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{password}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} cannot be written: {error.strerror}. Check the folder's rights."
        ) from error
