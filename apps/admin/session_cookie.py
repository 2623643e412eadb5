"""The login's cookie, as streamlit-authenticator asks for it, with what its own leaves out.

Its own cookie is good after a logout and after a new password, and one that is signed in another way than it expects
ends the page with an error. This one says when it was issued, and is only taken when the account still vouches for it.
"""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from datetime import datetime
from typing import Any

import jwt
import streamlit as st

from chatbot.accounts import SESSION_LIFE, Accounts, AdminSession
from chatbot.store.schema import from_micros, to_micros

COOKIE = "guichet_admin"
ALGORITHM = "HS256"


def issue_token(username: str, key: str, now: datetime) -> tuple[AdminSession, str]:
    """Give a new session and the signed token (JWT) that stands for it."""
    claims = {
        "username": username,
        "issued_us": to_micros(now),
        "expires_us": to_micros(now + SESSION_LIFE),
        "jti": secrets.token_hex(8),
    }
    token = jwt.encode(claims, key, algorithm=ALGORITHM)
    return AdminSession(username, now, now + SESSION_LIFE, _hash(token)), token


def read_token(token: str, key: str) -> AdminSession | None:
    """Give the session of a token, or None where we did not sign it."""
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM])
        return AdminSession(
            str(claims["username"]),
            from_micros(int(claims["issued_us"])),
            from_micros(int(claims["expires_us"])),
            _hash(token),
        )
    except (jwt.InvalidTokenError, KeyError, ValueError, TypeError, OverflowError):
        return None


class SessionCookie:
    """Stands where the authenticator's `CookieModel` stood.

    Args:
        manager: the authenticator's component that writes cookies in the browser.
        is_secure: whether the browser may send the cookie over HTTPS alone.
    """

    def __init__(self, manager: Any, accounts: Accounts, key: str, now: datetime, *, is_secure: bool) -> None:
        self._manager = manager
        self._accounts = accounts
        self._key = key
        self._now = now
        self._is_secure = is_secure
        self.session: AdminSession | None = None

    def get_cookie(self) -> dict[str, Any] | None:
        """Give the name in the browser's cookie, if it is ours and its session is still good."""
        token = st.context.cookies.get(COOKIE)
        session = read_token(token, self._key) if token else None
        if session is None or self._accounts.identify(session) is None:
            return None
        self.session = session
        return {"username": session.username}

    def set_cookie(self) -> None:
        """Begin a session of the name that has just logged in, and give it to the browser."""
        self.session, token = issue_token(st.session_state["username"], self._key, self._now)
        self._manager.set(
            COOKIE,
            token,
            max_age=SESSION_LIFE.total_seconds(),
            expires_at=self._now + SESSION_LIFE,
            secure=self._is_secure,
            same_site="strict",
        )

    def delete_cookie(self) -> None:
        """Take the cookie out of the browser; what ends the session is the store."""
        with suppress(KeyError):
            self._manager.delete(COOKIE)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
