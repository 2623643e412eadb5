"""Everyone changes the own password; a superadmin says who comes in."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from .conftest import NAME, PASSWORD, House, fill_login, go, is_login, press, read_text

NEW = "another password"


def change(app: AppTest, current: str, new: str, again: str) -> AppTest:
    """Fill in the form for one's own password."""
    for field, value in zip(app.text_input[:3], (current, new, again), strict=True):
        field.set_value(value)
    return next(button for button in app.button if button.label == "Change").click().run()


def list_names(house: House) -> list[str]:
    """Give the accounts' names."""
    return [account.username for account in house.accounts.list_accounts()]


def test_own_password_is_changed_and_the_session_stays(house: House) -> None:
    """Who changes the password stays in with it; the old password no longer logs in."""
    app = change(house.log_in("account"), PASSWORD, NEW, NEW)
    assert "Your password is changed." in read_text(app)
    assert not is_login(app.run())
    assert is_login(fill_login(house.open(), NAME, PASSWORD))
    assert not is_login(fill_login(house.open(), NAME, NEW))


def test_other_sessions_end_with_the_password(house: House) -> None:
    """A session in another browser is over after the change."""
    other = house.log_in()
    change(house.log_in("account"), PASSWORD, NEW, NEW)
    assert is_login(other.run())


def test_wrong_current_password_changes_nothing(house: House) -> None:
    """Without the current password there is no new one."""
    app = change(house.log_in("account"), "wrong password", NEW, NEW)
    assert "The current password is not right." in read_text(app)
    assert not is_login(fill_login(house.open(), NAME, PASSWORD))


def test_bad_new_passwords_are_told_apart(house: House) -> None:
    """A typing error and a password that is too short each have their sentence."""
    app = change(house.log_in("account"), PASSWORD, NEW, NEW + "x")
    assert "The two new passwords differ." in read_text(app)
    assert "10 or more" in read_text(change(app, PASSWORD, "short", "short"))
    assert "72" in read_text(change(app, PASSWORD, "é" * 40, "é" * 40))


def test_admin_sees_no_accounts(house: House) -> None:
    """Who is not a superadmin sees the own password's form alone."""
    app = house.log_in("account", name="ben")
    assert not app.dataframe
    assert [button.label for button in app.button if button.label != "Log out"] == ["Change"]


def test_superadmin_adds_an_account_that_logs_in(house: House) -> None:
    """A new account is in the list, and may come in; the form is empty again."""
    app = house.log_in("account")
    app.text_input(key="add_username").set_value("Clara")
    app.text_input(key="add_name").set_value("Clara *Oh*")
    app.text_input(key="add_password").set_value(NEW)
    app = press(app, "Add an account")
    assert "clara" in list(app.dataframe[0].value["Name"])
    assert app.success
    assert [app.text_input(key=key).value for key in ("add_username", "add_name", "add_password")] == [""] * 3
    assert not is_login(fill_login(house.open(), "clara", NEW))


def test_refused_account_says_why(house: House) -> None:
    """A name that is taken is refused in one sentence; what was typed stays."""
    app = house.log_in("account")
    app.text_input(key="add_username").set_value("ben")
    app.text_input(key="add_password").set_value(NEW)
    app = press(app, "Add an account")
    assert "There is an account ben already" in read_text(app)
    assert app.text_input(key="add_username").value == "ben"
    assert list_names(house) == ["anne", "ben"]


def test_superadmin_resets_a_password(house: House) -> None:
    """The new password logs in, and the sessions of before are over."""
    other = house.log_in(name="ben")
    app = house.log_in("account")
    app.text_input(key="manage_password").set_value(NEW)
    app = press(app, "Set the password")
    assert "ben has a new password" in read_text(app)
    assert is_login(other.run())
    assert not is_login(fill_login(house.open(), "ben", NEW))


def test_account_is_removed_after_a_second_thought(house: House) -> None:
    """Removing takes a tick first, and ends the account's sessions."""
    other = house.log_in(name="ben")
    app = house.log_in("account")
    assert app.button(key="remove").disabled
    app = app.checkbox(key="sure_ben").check().run()
    app = app.button(key="remove").click().run()
    assert list_names(house) == ["anne"]
    assert "ben is removed" in read_text(app)
    assert is_login(other.run())


def test_page_reached_from_another_keeps_the_login(house: House) -> None:
    """Going from page to page asks for no second login."""
    app = house.log_in()
    for page in ("account", "threads", "overview", "account"):
        app = go(app, page)
        assert not is_login(app)
