"""`codes`: beta codes."""

from __future__ import annotations

import argparse
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from chatbot.codes import Codes, find_state
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.settings import Settings, load_settings
from chatbot.store.codes import CodeUse
from chatbot.store.engine import Store
from chatbot.store.records import Code


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        codes = Codes(store, "command")
        if options.action == "add":
            _add(codes, options, settings)
        elif options.action == "list":
            _list(codes.list_codes(), store.clock(), settings.zone, is_json=options.json)
        else:
            codes.revoke(options.label)
            say(f"The code {options.label} is revoked; its logins have ended.")
    return 0


def _add(codes: Codes, options: argparse.Namespace, settings: Settings) -> None:
    expires_at = _end_day(options.expires, settings.zone) if options.expires else None
    code, secret = codes.add(options.label, wave=options.wave, expires_at=expires_at, max_uses=options.uses)
    if options.json:
        write_json({"code": secret, **_describe(CodeUse(code, 0), code.created_at)})
        return
    write_line(secret)
    say(f"This is the code of {code.label}. It is shown this once: only a fingerprint of it is kept.")
    if settings.beta_password is None and len(codes.list_codes()) == 1:
        say("From now on the chat asks everyone who comes in for a code.")


def _end_day(day: date, zone: ZoneInfo) -> datetime:
    """Give the end of a day in a time zone, in UTC: the code is good through that day."""
    return datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)


def _list(found: list[CodeUse], now: datetime, zone: ZoneInfo, *, is_json: bool) -> None:
    if is_json:
        write_json([_describe(use, now) for use in found])
        return
    rows = [("label", "wave", "state", "uses", "logins", "expires")]
    rows += [
        (
            use.code.label,
            use.code.wave or "–",
            find_state(use.code, now),
            f"{use.code.uses}/{use.code.max_uses}" if use.code.max_uses else str(use.code.uses),
            str(_count_logins(use, now)),
            f"{use.code.expires_at.astimezone(zone):%Y-%m-%d %H:%M}" if use.code.expires_at else "–",
        )
        for use in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        write_line("  ".join(cells).rstrip())


def _describe(use: CodeUse, now: datetime) -> dict[str, Any]:
    code: Code = use.code
    return {
        "label": code.label,
        "wave": code.wave,
        "state": find_state(code, now),
        "created_at": code.created_at.isoformat(),
        "expires_at": code.expires_at.isoformat() if code.expires_at else None,
        "max_uses": code.max_uses,
        "uses": code.uses,
        "logins": _count_logins(use, now),
        "revoked_at": code.revoked_at.isoformat() if code.revoked_at else None,
    }


def _count_logins(use: CodeUse, now: datetime) -> int:
    """Count the logins in force: none where the code was revoked or has expired."""
    return 0 if find_state(use.code, now) in ("revoked", "expired") else use.logins
