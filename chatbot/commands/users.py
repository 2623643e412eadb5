"""`users`: accounts of the admin."""

from __future__ import annotations

import argparse
import getpass
import sys
from contextlib import closing

from chatbot.accounts import Accounts, check_password
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.errors import InvalidRequest, UsageError
from chatbot.settings import load_settings
from chatbot.store.engine import Store


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        accounts = Accounts(store, settings.private_dir)
        if options.action == "list":
            _list(accounts, is_json=options.json)
        elif options.action == "add":
            account = accounts.add(options.name, _read_password(options), role=options.role)
            say(f"The account {account.username} ({account.role}) is made.")
        elif options.action == "passwd":
            accounts.set_password(options.name, _read_password(options))
            say(f"The account {options.name} has a new password; its sessions have ended.")
        else:
            accounts.remove(options.name)
            say(f"The account {options.name} is removed.")
    return 0


def _list(accounts: Accounts, *, is_json: bool) -> None:
    found = accounts.list_accounts()
    if is_json:
        write_json(
            [
                {
                    "username": account.username,
                    "name": account.name,
                    "role": account.role,
                    "created_at": account.created_at.isoformat(),
                }
                for account in found
            ]
        )
        return
    width = max((len(account.username) for account in found), default=0)
    for account in found:
        write_line(
            f"{account.username:<{width}}  {account.role:<10}  {account.created_at:%Y-%m-%d}  {account.name}"
        )


def _read_password(options: argparse.Namespace) -> str:
    """Give a new password: from stdin where that was asked for, else typed twice at the terminal.

    Raises:
        UsageError: there is no terminal to type at.
        InvalidRequest: the two differ, or the password is not allowed.
    """
    if options.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to type a password at: use --password-stdin.")
    password = getpass.getpass(f"New password of {options.name}: ")
    # Before the second time: nobody wants to type twice what is refused.
    check_password(password)
    if getpass.getpass("Once more: ") != password:
        raise InvalidRequest("The two passwords differ: nothing was changed.")
    return password
