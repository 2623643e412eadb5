"""Beta codes: named invitations with a wave, an end and a number of uses, which can be revoked at once.

A code is 20 letters and digits drawn by us: 100 random bits, which nobody guesses and no list holds. So a plain SHA-256
of it is kept, by which it is looked up: a slow hash protects secrets that people choose, and there are none here. It
takes no key, so that a new `SECRET_KEY` ends logins and not the codes.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from chatbot.errors import CodeError
from chatbot.store import audit, codes
from chatbot.store.codes import CodeUse
from chatbot.store.engine import Store
from chatbot.store.records import Code

# Crockford's base 32: no I, L, O and U, which are misread or make words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 20
GROUP = 5
LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
# What logins without a code, and commands, are labelled by.
RESERVED_LABELS = frozenset({"beta", "open", "cli", "evaluation"})
MAX_WAVE_CHARACTERS = 80

_MISREAD = str.maketrans("OIL", "011")
State = Literal["in force", "expired", "used up", "revoked"]


class Codes:
    """Makes, lists and revokes codes.

    Args:
        actor: who does it, as the audit will say.
    """

    def __init__(self, store: Store, actor: str) -> None:
        self._store = store
        self._actor = actor

    def add(
        self,
        label: str,
        *,
        wave: str | None = None,
        expires_at: datetime | None = None,
        max_uses: int | None = None,
    ) -> tuple[Code, str]:
        """Make a code; it is told here and never again.

        Args:
            label: its testers are called `<label>-<n>`.
            expires_at: from when on it lets nobody in, and its logins end; None = never.
            max_uses: how many logins it gives; None = any number.

        Raises:
            CodeError: a value is not allowed, or the label is taken.
        """
        now = self._store.clock()
        _check(label, wave, expires_at, max_uses, now)
        secret = draw_code(CODE_LENGTH)
        code = Code(str(uuid.uuid4()), label, wave or None, now, expires_at, max_uses, 0, None)
        self._store.write(_add, code, fingerprint_code(secret), self._actor)
        return code, secret

    def list_codes(self) -> list[CodeUse]:
        """Give all codes, the oldest first, with the number of their logins in force."""
        return self._store.read(codes.list_codes, self._store.clock())

    def revoke(self, label: str) -> Code:
        """Take a code out of force at once: nobody comes in by it, and its logins end.

        Raises:
            CodeError: there is none of this label, or it is revoked already.
        """
        return self._store.write(_revoke, label, self._actor, self._store.clock())


def draw_code(length: int) -> str:
    """Draw a code, in groups of at most five to be read out and typed."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(length))
    size = GROUP if length % GROUP == 0 else GROUP - 1
    return "-".join(letters[start : start + size] for start in range(0, length, size))


def normalize_code(text: str) -> str:
    """Give a code as it was drawn, without dashes, however it was typed: case, spaces, O for 0, I and L for 1."""
    return re.sub(r"[\s-]", "", text).upper().translate(_MISREAD)


def is_code(text: str, length: int) -> bool:
    """Tell whether a text has the form of a code of so many letters."""
    letters = normalize_code(text)
    return len(letters) == length and all(letter in ALPHABET for letter in letters)


def fingerprint_code(text: str) -> str:
    """Give what is stored of a code."""
    return hashlib.sha256(f"guichet.code.{normalize_code(text)}".encode()).hexdigest()


def find_state(code: Code, now: datetime) -> State:
    """Say whether a code lets in, and why not."""
    if code.revoked_at:
        return "revoked"
    if code.expires_at and code.expires_at <= now:
        return "expired"
    if code.max_uses is not None and code.uses >= code.max_uses:
        return "used up"
    return "in force"


def _check(
    label: str, wave: str | None, expires_at: datetime | None, max_uses: int | None, now: datetime
) -> None:
    if not LABEL.fullmatch(label):
        raise CodeError(f"The label {label!r} is not allowed: 1 to 40 letters, digits, dots, dashes and _.")
    if label.lower() in RESERVED_LABELS:
        raise CodeError(f"The label {label!r} is taken by logins without a code. Choose another.")
    if wave and len(wave) > MAX_WAVE_CHARACTERS:
        raise CodeError(
            f"The wave has {len(wave)} characters; at most {MAX_WAVE_CHARACTERS} are allowed. Shorten it."
        )
    if expires_at and expires_at <= now:
        raise CodeError(f"The end {expires_at:%Y-%m-%d %H:%M} UTC is past already. Choose a later one.")
    if max_uses is not None and max_uses < 1:
        raise CodeError(f"{max_uses} uses are none. Give 1 or more, or leave it out for any number.")


def _add(connection: Connection, code: Code, fingerprint: str, actor: str) -> None:
    if codes.find_label(connection, code.label):
        raise CodeError(
            f"There is a code {code.label} already. Choose another label; revoked ones stay taken."
        )
    codes.add_code(connection, code, fingerprint)
    audit.add_entry(connection, code.created_at, actor, "code.add", code.label, code.wave or "")


def _revoke(connection: Connection, label: str, actor: str, now: datetime) -> Code:
    code = codes.find_label(connection, label)
    if code is None:
        raise CodeError(f"There is no code {label}. `python -m chatbot codes list` names them.")
    if code.revoked_at:
        raise CodeError(f"The code {label} is revoked already, since {code.revoked_at:%Y-%m-%d %H:%M} UTC.")
    codes.revoke_code(connection, code.code_id, now)
    audit.add_entry(connection, now, actor, "code.revoke", label)
    return replace(code, revoked_at=now)
