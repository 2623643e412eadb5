"""One table says who may do what; whatever the office does is in it."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from typing import get_args

import pytest

from chatbot.errors import InvalidRequest, NotPermitted
from chatbot.roles import ROLES, TABLE, Action, may, require
from chatbot.store.records import Account
from tests.conftest import ROOT

CHECKS = ("may", "require")


def make_account(role: str) -> Account:
    """Give an account of a role."""
    return Account("ben", "Ben", role, "", datetime(2025, 3, 1, tzinfo=UTC))  # type: ignore[arg-type]


def list_checked() -> dict[str, list[str]]:
    """Give the actions that the office asks about, with the modules that ask."""
    found: dict[str, list[str]] = {}
    rooms = [
        *ROOT.glob("apps/admin/**/*.py"),
        *ROOT.glob("chatbot/workshop/*.py"),
        ROOT / "chatbot/accounts.py",
    ]
    for path in rooms:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CHECKS:
                found.setdefault(ast.literal_eval(node.args[1]), []).append(path.name)
    return found


def test_every_action_that_is_asked_about_is_in_the_table() -> None:
    """No page and no job asks about an action that the table does not know, and none of the table is idle."""
    assert set(list_checked()) == set(TABLE) == set(get_args(Action))


def test_superadmin_may_all_and_an_admin_not() -> None:
    """What an admin may a superadmin may too; withdrawing, removing and accounts are a superadmin's."""
    assert all(may("superadmin", action) for action in TABLE)
    refused = {action for action in TABLE if not may("admin", action)}
    assert refused == {"assistant.withdraw", "template.remove", "account.manage"}
    assert all(allowed <= set(ROLES) for allowed in TABLE.values())


def test_refusal_names_who_what_and_the_remedy() -> None:
    """Who may not is told which role may."""
    require(make_account("superadmin"), "template.remove")
    with pytest.raises(NotPermitted, match=r"ben is admin; template\.remove is for a superadmin\.") as raised:
        require(make_account("admin"), "template.remove")
    assert isinstance(raised.value, InvalidRequest)


def test_table_is_documented() -> None:
    """The page of the docs lists every action under the roles that may do it."""
    text = (ROOT / "docs" / "assistants.md").read_text(encoding="utf-8")
    rows = dict.fromkeys(TABLE, "")
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3 and cells[0].strip("`") in rows:
            rows[cells[0].strip("`")] = cells[1]  # type: ignore[index]
    told = {
        action: tuple(role for role in ROLES if role in names.split(", ")) for action, names in rows.items()
    }
    assert told == {action: tuple(role for role in ROLES if may(role, action)) for action in TABLE}
