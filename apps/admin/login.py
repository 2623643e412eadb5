"""Who is in: streamlit-authenticator over the store's accounts, checked on every run."""

from __future__ import annotations

from typing import Any

import streamlit as st
import streamlit_authenticator as authenticator_library
from streamlit_authenticator.models import AuthenticationModel

from apps.admin.formats import write_limit
from apps.admin.services import Services, get_services
from apps.admin.session_cookie import COOKIE, SessionCookie
from apps.admin.texts import Texts, choose_texts
from chatbot.accounts import FIRST_ADMIN, SESSION_LIFE, Accounts, AdminSession
from chatbot.errors import RateLimited, WrongPassword
from chatbot.store.records import Account

LOOPBACK = "127.0.0.1"
# Names of ours in the session's state; the authenticator keeps its own beside them.
_SESSION = "admin_session"
_RENEW = "renew_session_of"
_DELETE = "delete_cookie"
_NOTICE = "login_notice"


class StoredAccounts(AuthenticationModel):  # type: ignore[misc]
    """The authenticator's model, with our rules for names, passwords and limits."""

    def __init__(self, accounts: Accounts, address: str) -> None:
        stored = {
            account.username: {
                "name": account.name,
                "password": account.password_hash,
                "roles": [account.role],
            }
            for account in accounts.list_accounts()
        }
        super().__init__({"usernames": stored}, auto_hash=False)
        self._accounts = accounts
        self._address = address

    def check_credentials(self, username: str, password: str) -> bool:
        """Tell whether name and password go together.

        Raises:
            RateLimited: too many wrong ones.
        """
        try:
            self._accounts.log_in(username, password, self._address)
        except WrongPassword:
            return False
        return True


def require_login() -> Account:
    """Give the account of who is in; else draw the login, and go no further."""
    account = find_account()
    return account or _let_in(get_services())


def find_account() -> Account | None:
    """Give the account of this browser session, if it is logged in and neither has ended."""
    session: AdminSession | None = st.session_state.get(_SESSION)
    if session is None or _RENEW in st.session_state:
        return None
    account = get_services().accounts.identify(session)
    if account is None:
        _forget()
        st.session_state[_NOTICE] = "login.ended"
    return account


def log_out() -> None:
    """End the session for good; for the button's `on_click`, before the page is drawn anew."""
    session: AdminSession | None = st.session_state.get(_SESSION)
    if session:
        get_services().accounts.end_session(session)
    _forget()
    st.session_state[_DELETE] = True
    st.session_state[_NOTICE] = "login.left"


def renew_session(username: str) -> None:
    """Give who has just changed the own password a new session, and draw the page anew."""
    st.session_state[_RENEW] = username
    st.rerun()


def find_address() -> str:
    """Give the visitor's address; a proxy's word for it counts when FORWARDED_ALLOW_IPS names the proxy."""
    trusted = {part.strip() for part in get_services().settings.forwarded_allow_ips.split(",")}
    peer = st.context.ip_address
    # Streamlit gives None for loopback, and its AppTest a stand-in.
    address = peer if isinstance(peer, str) else LOOPBACK
    hops = [hop.strip() for hop in st.context.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    while address in trusted and hops:
        address = hops.pop()
    return address


def _let_in(services: Services) -> Account:
    texts = choose_texts(services.settings.language)
    library = _open_library(services)
    cookie: SessionCookie = library.cookie_controller.cookie_model
    renewed = st.session_state.pop(_RENEW, None)
    if renewed:
        st.session_state["username"] = renewed
        cookie.set_cookie()
        return _remember(services, cookie, texts)
    if _DELETE in st.session_state:
        # On every run until the next login: a run that comes too soon takes the component away before it has loaded.
        cookie.delete_cookie()
    library.login("unrendered")
    if st.session_state["authentication_status"]:
        return _remember(services, cookie, texts)
    place = st.empty()
    with place.container():
        is_right = _draw_form(services, library, texts)
    if not is_right:
        st.stop()
    # Not inside the form's place, which goes: the cookie's component has to live until the browser has run it.
    library.cookie_controller.set_cookie()
    place.empty()
    return _remember(services, cookie, texts)


def _open_library(services: Services) -> Any:
    library = authenticator_library.Authenticate(
        {"usernames": {}},
        COOKIE,
        services.cookie_key,
        SESSION_LIFE.total_seconds() / 86400,
        auto_hash=False,
        login_sleep_time=0,
    )
    library.authentication_controller.authentication_model = StoredAccounts(services.accounts, find_address())
    library.cookie_controller.cookie_model = SessionCookie(
        library.cookie_controller.cookie_model.cookie_manager,
        services.accounts,
        services.cookie_key,
        services.store.clock(),
        is_secure=services.settings.admin_url.startswith("https://"),
    )
    return library


def _draw_form(services: Services, library: Any, texts: Texts) -> bool:
    with st.container(horizontal_alignment="center"), st.container(key="login", width=400):
        st.html(f'<div class="g-brand">Guichet</div><p class="g-muted">{texts["login.lead"]}</p>')
        with st.form("login_form", border=True):
            username = st.text_input(texts["login.username"], autocomplete="username", max_chars=80)
            password = st.text_input(
                texts["login.password"], type="password", autocomplete="current-password", max_chars=200
            )
            is_sent = st.form_submit_button(texts["login.submit"], type="primary", width="stretch")
        is_right = is_sent and _check(library, username, password, texts)
        notice = st.session_state.pop(_NOTICE, None)
        if notice and not is_sent:
            st.info(texts[notice])
        if services.accounts.first_password_path.exists():
            st.caption(
                texts["login.first"].format(name=FIRST_ADMIN, path=services.accounts.first_password_path)
            )
    return is_right


def _check(library: Any, username: str, password: str, texts: Texts) -> bool:
    if not username.strip() or not password:
        st.error(texts["login.empty"])
        return False
    try:
        is_right = library.authentication_controller.login(username, password)
    except RateLimited as error:
        st.error(write_limit(error, texts))
        return False
    if not is_right:
        st.error(texts["login.wrong"])
    return bool(is_right)


def _remember(services: Services, cookie: SessionCookie, texts: Texts) -> Account:
    account = services.accounts.identify(cookie.session) if cookie.session else None
    if account is None:
        _forget()
        st.error(texts["login.ended"])
        st.stop()
    st.session_state.pop(_DELETE, None)
    st.session_state[_SESSION] = cookie.session
    st.session_state["authentication_status"] = True
    return account


def _forget() -> None:
    """Leave nothing of who was in: neither the session nor what the pages kept for it."""
    st.session_state.clear()
    st.session_state["authentication_status"] = None
