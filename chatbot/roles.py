"""Who may do what in the office: one table, asked by every page and every job that changes something."""

from __future__ import annotations

from typing import Literal

from chatbot.errors import NotPermitted
from chatbot.store.records import Account

Role = Literal["admin", "superadmin"]
Action = Literal[
    "thread.read",
    "thread.export",
    "assistant.read",
    "assistant.edit",
    "assistant.try",
    "assistant.publish",
    "assistant.withdraw",
    "story_prompt.edit",
    "template.upload",
    "template.try",
    "template.publish",
    "template.remove",
    "account.manage",
]
ROLES: tuple[Role, ...] = ("admin", "superadmin")
_BOTH = frozenset(ROLES)
_SUPERADMIN: frozenset[Role] = frozenset({"superadmin"})
# What can be taken back by a roll back is for both; what takes something away from everyone is not.
TABLE: dict[Action, frozenset[Role]] = {
    "thread.read": _BOTH,
    "thread.export": _BOTH,
    "assistant.read": _BOTH,
    "assistant.edit": _BOTH,
    "assistant.try": _BOTH,
    "assistant.publish": _BOTH,
    "assistant.withdraw": _SUPERADMIN,
    "story_prompt.edit": _BOTH,
    "template.upload": _BOTH,
    "template.try": _BOTH,
    "template.publish": _BOTH,
    "template.remove": _SUPERADMIN,
    "account.manage": _SUPERADMIN,
}


def may(role: Role, action: Action) -> bool:
    """Tell whether a role may do something."""
    return role in TABLE[action]


def require(account: Account, action: Action) -> None:
    """Go on only where the account's role may do something.

    Raises:
        NotPermitted: it may not.
    """
    if not may(account.role, action):
        allowed = " or ".join(role for role in ROLES if may(role, action))
        raise NotPermitted(
            f"{account.username} is {account.role}; {action} is for a {allowed}. Ask one to do it."
        )
