"""The forms of the account page; what may be done is decided in `chatbot.accounts`."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import streamlit as st

from apps.admin.formats import escape_markdown, write_limit
from apps.admin.frame import Visit
from apps.admin.login import find_address, renew_session
from apps.admin.notices import show_error
from chatbot.errors import GuichetError, RateLimited, WrongPassword
from chatbot.roles import ROLES

_DONE = "account_done"
_ADDED = "account_added"
_ADD_KEYS = ("add_username", "add_name", "add_role", "add_password")


def change_own_password(visit: Visit) -> None:
    """Let the reader choose a new password, and stay in with it."""
    texts = visit.texts
    with st.container(key="own", border=True):
        st.subheader(texts["account.password"], anchor=False)
        st.caption(texts["account.rule"])
        with st.form("own_password", border=False):
            current = st.text_input(
                texts["account.current"], type="password", autocomplete="current-password", max_chars=200
            )
            new = st.text_input(
                texts["account.new"], type="password", autocomplete="new-password", max_chars=200
            )
            again = st.text_input(
                texts["account.repeat"], type="password", autocomplete="new-password", max_chars=200
            )
            is_sent = st.form_submit_button(texts["account.change"], type="primary")
        _show_done("own")
        if is_sent and new != again:
            st.error(texts["account.differ"])
        elif is_sent and _try(visit, lambda: _change(visit, current, new)):
            st.session_state[_DONE] = ("own", texts["account.changed"])
            renew_session(visit.account.username)


def show_accounts(visit: Visit) -> None:
    """List the accounts."""
    texts = visit.texts
    accounts = visit.services.accounts.list_accounts()
    with st.container(key="accounts", border=True):
        st.subheader(texts["account.accounts"], anchor=False)
        st.caption(texts["account.accounts.lead"])
        st.dataframe(
            pd.DataFrame(
                {
                    texts["login.username"]: [account.username for account in accounts],
                    texts["account.name"]: [account.name for account in accounts],
                    texts["account.role"]: [texts[f"account.role.{account.role}"] for account in accounts],
                    texts["account.created"]: [account.created_at for account in accounts],
                }
            ),
            column_config={
                texts["account.created"]: st.column_config.DatetimeColumn(
                    format="YYYY-MM-DD HH:mm", timezone=visit.zone.key, help=visit.zone.key
                )
            },
            hide_index=True,
            key="accounts_table",
            alt=texts["account.accounts"],
        )
        _show_done("accounts")


def add_account(visit: Visit) -> None:
    """Let a superadmin make an account."""
    texts = visit.texts
    if st.session_state.pop(_ADDED, False):
        # What was typed stays after a refusal alone; a password least of all.
        for key in _ADD_KEYS:
            st.session_state.pop(key, None)
    with (
        st.expander(texts["account.add"], icon=":material/person_add:", key="add_expander"),
        st.form("add_account", border=False),
    ):
        username = st.text_input(
            texts["login.username"], max_chars=80, autocomplete="off", key="add_username"
        )
        name = st.text_input(texts["account.name"], max_chars=120, autocomplete="off", key="add_name")
        role = st.selectbox(
            texts["account.role"],
            ROLES,
            format_func=lambda role: texts[f"account.role.{role}"],
            key="add_role",
        )
        password = st.text_input(
            texts["login.password"],
            type="password",
            autocomplete="new-password",
            max_chars=200,
            key="add_password",
        )
        if st.form_submit_button(texts["account.add"], type="primary"):
            accounts = visit.services.accounts
            _do(
                visit,
                lambda: accounts.add(username, password, name=name, role=role, by=visit.account),
                texts["account.added"].format(name=escape_markdown(username)),
                mark=_ADDED,
            )


def manage_account(visit: Visit) -> None:
    """Let a superadmin set another's password, or remove the account."""
    texts, accounts = visit.texts, visit.services.accounts
    others = [
        account.username for account in accounts.list_accounts() if account.username != visit.account.username
    ]
    if not others:
        return
    with st.expander(texts["account.manage"], icon=":material/manage_accounts:", key="manage_expander"):
        username = st.selectbox(texts["account.which"], others, key="manage_username")
        with st.form("reset_password", border=False, clear_on_submit=True):
            password = st.text_input(
                texts["account.new"],
                type="password",
                autocomplete="new-password",
                max_chars=200,
                key="manage_password",
            )
            if st.form_submit_button(texts["account.reset"]):
                _do(
                    visit,
                    lambda: accounts.set_password(username, password, by=visit.account),
                    texts["account.was_reset"].format(name=escape_markdown(username)),
                )
        is_sure = st.checkbox(
            texts["account.sure"].format(name=escape_markdown(username)), key=f"sure_{username}"
        )
        if st.button(texts["account.remove"], disabled=not is_sure, icon=":material/delete:", key="remove"):
            _do(
                visit,
                lambda: accounts.remove(username, by=visit.account),
                texts["account.removed"].format(name=escape_markdown(username)),
            )


def _change(visit: Visit, current: str, new: str) -> None:
    visit.services.accounts.change_password(visit.account, current, new, find_address())


def _do(visit: Visit, job: Callable[[], object], said: str, mark: str = "") -> None:
    if _try(visit, job):
        if mark:
            st.session_state[mark] = True
        st.session_state[_DONE] = ("accounts", said)
        st.rerun()


def _try(visit: Visit, job: Callable[[], object]) -> bool:
    texts = visit.texts
    try:
        job()
    except WrongPassword:
        st.error(texts["account.wrong"])
    except RateLimited as error:
        st.error(write_limit(error, texts))
    except GuichetError as error:
        show_error(visit, error)
    else:
        return True
    return False


def _show_done(place: str) -> None:
    """Say once, after the page was drawn anew, what was done."""
    where, said = st.session_state.get(_DONE, ("", ""))
    if where == place:
        del st.session_state[_DONE]
        st.success(said, icon=":material/check_circle:")
