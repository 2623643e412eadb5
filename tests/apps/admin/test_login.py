"""Nobody reads what testers wrote without a login that is still good."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from apps.admin.session_cookie import COOKIE, issue_token, read_token
from chatbot.accounts import SESSION_LIFE
from chatbot.store.engine import utc_now

from .conftest import MAIN, NAME, PASSWORD, House, fill_login, go, is_login, read_text

KEY = "k" * 64
PAGES = (
    *("overview", "threads", "thread", "assistants", "assistant", "story_prompts", "templates"),
    "account",
)


def give_cookie(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Let the browser send a cookie."""
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _: {COOKIE: token}))


def read_key() -> str:
    """Give the key that the running app signs with."""
    from apps.admin.services import get_services

    return get_services().cookie_key


def test_first_page_is_the_login_alone(house: House) -> None:
    """Who is not logged in sees the login: no figure, no list, no way on."""
    house.add_thread("a secret question")
    house.publish()
    app = house.open()
    assert is_login(app)
    assert "secret" not in read_text(app)
    assert not app.metric
    assert not app.dataframe


@pytest.mark.parametrize("page", PAGES)
def test_each_page_file_asks_for_the_login(house: House, page: str) -> None:
    """A page reached by its own address shows the login before anything of its own."""
    house.add_thread("a secret question")
    house.publish()
    app = go(house.open(), page)
    assert is_login(app)
    assert "secret" not in read_text(app)


@pytest.mark.parametrize("page", PAGES)
def test_page_file_run_by_itself_asks_for_the_login(house: House, page: str) -> None:
    """A page file that is run without `main.py` shows the login as well."""
    house.publish()
    app = AppTest.from_file(str(MAIN.parent / "pages" / f"{page}.py"), default_timeout=60).run()
    assert not app.dataframe
    assert not app.metric
    assert not app.sidebar.button


def test_right_password_lets_in(house: House) -> None:
    """Name and password of an account open the overview, with who is in at the side."""
    app = house.log_in()
    assert not app.text_input
    assert app.title[0].value == "Overview"
    assert "Anne Martin" in read_text(app)
    assert not app.exception


@pytest.mark.parametrize(("name", "password"), [(NAME, "wrong password"), ("nobody", PASSWORD), ("ben", "x")])
def test_wrong_login_says_so_in_one_sentence(house: House, name: str, password: str) -> None:
    """A wrong name and a wrong password are refused alike."""
    app = fill_login(house.open(), name, password)
    assert is_login(app)
    assert [error.value for error in app.error] == ["The name or the password is not right. Check both."]


@pytest.mark.parametrize(("name", "password"), [("", ""), (NAME, ""), ("  ", PASSWORD)])
def test_empty_login_is_not_counted(house: House, name: str, password: str) -> None:
    """A form that was not filled in is no wrong password."""
    app = house.open()
    for _ in range(12):
        app = fill_login(app, name, password)
        assert app.error[0].value == "Enter a name and a password."
    assert not is_login(fill_login(app, NAME, PASSWORD))


def test_eleventh_wrong_login_has_to_wait(house: House) -> None:
    """After 10 wrong passwords the right one waits too, and the page says how long."""
    app = house.open()
    for _ in range(10):
        app = fill_login(app, NAME, "wrong password")
    app = fill_login(app, NAME, PASSWORD)
    assert is_login(app)
    assert app.error[0].value.startswith("The limit of 10 wrong passwords in 5 minutes is reached. Wait ")


def test_limit_holds_in_a_new_browser(house: House) -> None:
    """The count is the store's, not the browser session's."""
    for _ in range(10):
        fill_login(house.open(), NAME, "wrong password")
    assert is_login(fill_login(house.open(), NAME, PASSWORD))


def test_login_speaks_the_readers_language(house: House) -> None:
    """With LANGUAGE=auto the browser's language is used."""
    app = house.open(locale="fr-FR")
    assert [field.label for field in app.text_input] == ["Nom", "Mot de passe"]


def test_language_setting_wins_over_the_browser(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """LANGUAGE=fr is French for everyone."""
    monkeypatch.setenv("LANGUAGE", "fr")
    app = house.open(locale="en-GB")
    assert app.button[0].label == "Se connecter"


def test_logout_ends_the_session(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """After logging out the login is back, and the cookie of before opens nothing, in no browser."""
    app = house.log_in()
    session = app.session_state["admin_session"]
    app = app.sidebar.button(key="log_out").click().run()
    assert is_login(app)
    assert "You are logged out." in read_text(app)
    assert house.accounts.identify(session) is None
    assert is_login(go(app, "threads"))


def test_cookie_lets_in_without_the_form(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reload with a good cookie stays logged in."""
    house.open()
    _, token = issue_token(NAME, read_key(), utc_now())
    give_cookie(monkeypatch, token)
    assert house.open().title[0].value == "Overview"


def test_cookie_of_an_ended_session_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie kept from before the logout is worth nothing."""
    house.open()
    session, token = issue_token(NAME, read_key(), utc_now())
    give_cookie(monkeypatch, token)
    app = house.open()
    app.sidebar.button(key="log_out").click().run()
    assert house.accounts.identify(session) is None
    assert is_login(house.open())


def test_cookie_from_before_a_new_password_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new password ends the sessions of before."""
    house.open()
    _, token = issue_token(NAME, read_key(), utc_now())
    house.accounts.set_password(NAME, "another password")
    give_cookie(monkeypatch, token)
    assert is_login(house.open())


def test_old_cookie_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cookie older than a session lasts is refused, whatever the browser kept."""
    house.open()
    _, token = issue_token(NAME, read_key(), utc_now() - SESSION_LIFE - timedelta(minutes=1))
    give_cookie(monkeypatch, token)
    assert is_login(house.open())


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        jwt.encode({"username": NAME}, None, algorithm="none"),
        jwt.encode({"username": NAME, "exp_date": 9e9}, KEY),
        jwt.encode({"username": NAME, "issued_us": 1, "expires_us": 10**18}, KEY),
        issue_token(NAME, KEY, utc_now())[1],
    ],
)
def test_forged_cookie_is_refused_without_an_error(
    house: House, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A cookie that we did not sign shows the login, as no cookie does."""
    give_cookie(monkeypatch, token)
    app = house.open()
    assert is_login(app)
    assert not app.error
    assert not app.exception


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"username": NAME},
        {"username": NAME, "issued_us": "x", "expires_us": 1},
        {"username": NAME, "issued_us": 1, "expires_us": 10**40},
        {"username": NAME, "issued_us": None, "expires_us": 1},
        {"username": NAME, "issued_us": 1, "expires_us": 1, "exp": 1},
    ],
)
def test_signed_token_of_another_shape_is_none(claims: dict[str, object]) -> None:
    """A token signed with our key that says something else is no session."""
    assert read_token(jwt.encode(claims, KEY), KEY) is None


def test_token_gives_its_session_back() -> None:
    """What was issued is read to the microsecond, and two are never alike."""
    now = utc_now()
    session, token = issue_token(NAME, KEY, now)
    assert read_token(token, KEY) == session
    assert issue_token(NAME, KEY, now)[1] != token


def test_session_that_ends_meanwhile_shows_the_login(house: House) -> None:
    """The account is checked on every run: a removed one is out at the next click."""
    app = house.log_in(name="ben")
    house.accounts.remove("ben")
    app = app.run()
    assert is_login(app)
    assert "This session has ended" in read_text(app)


def test_nothing_of_a_session_is_left_to_the_next(house: House) -> None:
    """What one admin typed or chose is gone when another logs in on the same page."""
    house.add_thread()
    house.publish()
    app = house.log_in("threads")
    app.text_input(key="threads_search").set_value("private words").run()
    app = app.sidebar.button(key="log_out").click().run()
    app = go(fill_login(app, "ben", PASSWORD), "threads")
    assert app.text_input(key="threads_search").value == ""


def test_first_password_file_is_named_until_the_first_login(house: House) -> None:
    """Before the first login the page says where the password is, and not the password."""
    path = house.accounts.first_password_path
    path.write_text("the first password\n")
    house.accounts.add("admin", "the first password", role="superadmin")
    app = house.open()
    assert str(path) in read_text(app)
    assert "the first password" not in read_text(app)
    fill_login(app, "admin", "the first password")
    assert not path.exists()
    assert str(path) not in read_text(house.open())


def test_first_start_makes_the_first_superadmin(house: House) -> None:
    """In an empty house opening the admin makes `admin`, whose password is in its file."""
    for name in ("ben", NAME):
        if name == NAME:
            house.store.write(_remove, name)
        else:
            house.accounts.remove(name)
    app = house.open()
    password = house.accounts.first_password_path.read_text().strip()
    assert fill_login(app, "admin", password).title[0].value == "Overview"
    assert not house.accounts.first_password_path.exists()


def test_wrong_setting_is_a_sentence(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that is wrong is named on the page, without a traceback."""
    monkeypatch.setenv("ADMIN_PORT", "many")
    app = house.open()
    assert "ADMIN\\_PORT" in app.error[0].value
    assert not app.exception


def _remove(connection: object, username: str) -> None:
    from chatbot.store import accounts

    accounts.remove_account(connection, username)  # type: ignore[arg-type]
