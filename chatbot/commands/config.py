"""`config`: the effective settings, and what is wrong with them."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing

from chatbot.access import check_exposure
from chatbot.assistants.catalogue import Assistants
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.errors import SettingsError, StoreUnavailable
from chatbot.knowledge.documents import scan_folder
from chatbot.prices import read_prices
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store


def run(options: argparse.Namespace) -> int:
    """Print the settings, or with `--check` the faults, one a line."""
    if options.check:
        return _check(is_json=options.json)
    settings = load_settings().masked()
    if options.json:
        write_json(settings)
        return 0
    for name, value in settings.items():
        write_line(f"{name}={value}")
    return 0


def list_faults(settings: Settings) -> list[str]:
    """Give what would keep the services from their work although each setting is right by itself."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: _check_exposure(settings),
        lambda: Assistants(settings.assistants_dir),
        lambda: scan_folder(settings.knowledge_dir),
        lambda: read_prices(settings.prices_file),
        lambda: _check_ports(settings),
    )
    faults: list[str] = []
    for check in checks:
        try:
            check()
        except SettingsError as error:
            faults += error.faults
        except StoreUnavailable as error:
            faults.append(str(error))
    return faults


def _check(*, is_json: bool) -> int:
    try:
        faults = list_faults(load_settings())
    except SettingsError as error:
        faults = error.faults
    if is_json:
        write_json({"faults": faults})
    else:
        for fault in faults:
            write_line(" ".join(fault.split()))
    if not faults:
        say("All settings are right.")
    return 1 if faults else 0


def _check_exposure(settings: Settings) -> None:
    """Look for codes where there is a store; a check makes none in a folder."""
    if not settings.store_url and not settings.store_path.exists():
        check_exposure(settings)
        return
    with closing(Store(settings.store_place)) as store:
        check_exposure(settings, store)


def _check_ports(settings: Settings) -> None:
    if settings.chat_port == settings.admin_port and settings.chat_host == settings.admin_host:
        raise SettingsError(
            [f"ADMIN_PORT={settings.admin_port}: this is the chat's port too (CHAT_PORT). Choose another."]
        )
