"""The command line: results on stdout, messages and progress on stderr; exit code 0 done, 1 failed, 2 wrong usage.

Each command lives in a module of `chatbot.commands`, imported only when it is called: a quick command stays quick.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

from chatbot.commands.terminal import say, write_json
from chatbot.errors import GuichetError, SettingsError, UsageError
from chatbot.roles import ROLES

DONE, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
EXPORT_FORMATS = ("pdf", "csv", "xlsx", "parquet", "jsonl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code.

    Args:
        arguments: what follows the program's name; by default those of this process.
    """
    parser = build_parser()
    try:
        options = parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    try:
        code = _run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough. What Python still wants to flush at exit goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    return code


def build_parser() -> argparse.ArgumentParser:
    """Describe every command and its options."""
    parser = argparse.ArgumentParser(
        prog="python -m chatbot",
        description="Guichet: ask, index, export, publish and look after the store. Settings: docs/settings.md.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_asking(commands)
    _add_log(commands)
    _add_erasure(commands)
    _add_users(commands)
    _add_codes(commands)
    _add_story_prompts(commands)
    check = _add(commands, "config", "config", "show the effective settings, secrets masked")
    check.add_argument("--check", action="store_true", help="exit 1 with one line per fault")
    _add_json(check)
    _add_json(_add(commands, "verify", "verify", "prove the invariants of store and published log"))
    _add_backup(commands)
    return parser


def _run(options: argparse.Namespace) -> int:
    is_json = bool(getattr(options, "json", False))
    try:
        return int(import_module(f"chatbot.commands.{options.module}").run(options))
    except BrokenPipeError:
        raise
    except GuichetError as error:
        lines = error.faults if isinstance(error, SettingsError) else [str(error)]
        code = error.code
        exit_code = WRONG_USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        lines = [f"{error.filename or 'A file'}: {error.strerror or error}"]
        code, exit_code = "io_error", FAILED
    for line in lines:
        say(f"error: {line}")
    if is_json:
        write_json({"error": {"code": code, "message": "\n".join(lines)}})
    return exit_code


def _add(commands: Any, name: str, module: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=f"{text.capitalize()}."
    )
    parser.set_defaults(module=module)
    return parser


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def _add_asking(commands: Any) -> None:
    ask = _add(commands, "ask", "ask", "answer one question with its citations")
    ask.add_argument("question", metavar="QUESTION")
    ask.add_argument("--assistant", metavar="NAME", help="who answers; support by default")
    _add_json(ask)
    index = _add(commands, "index", "index", "build or refresh the index of the documents")
    index.add_argument("--knowledge", metavar="DIR", type=Path, help="instead of KNOWLEDGE_DIR")
    _add_json(index)
    evaluate = _add(commands, "evaluate", "evaluate", "ask a question set and add up how well it is answered")
    evaluate.add_argument("--questions", required=True, metavar="FILE.jsonl", type=Path)
    evaluate.add_argument("--knowledge", metavar="DIR", type=Path, help="instead of KNOWLEDGE_DIR")
    evaluate.add_argument(
        "--dump", metavar="FILE.jsonl", type=Path, help="what was found and said, per question"
    )
    evaluate.add_argument(
        "--report", metavar="FILE.html", type=Path, help="a page for a browser, in one file"
    )
    evaluate.add_argument(
        "--baseline", metavar="FILE", type=Path, help="the --dump of an earlier run to compare with"
    )
    evaluate.add_argument(
        "--at-once",
        metavar="N",
        type=_read_count,
        help="questions being answered at once; by default 8, or 2 with the offline model",
    )
    _add_json(evaluate)


def _add_log(commands: Any) -> None:
    export = _add(commands, "export", "export", "write conversations to a file")
    export.add_argument(
        "--from", dest="start", metavar="DATE", type=_read_date, help="first day, in TIMEZONE"
    )
    export.add_argument("--to", dest="end", metavar="DATE", type=_read_date, help="last day, in TIMEZONE")
    export.add_argument("--thread", metavar="ID", help="this thread alone; excludes --from and --to")
    export.add_argument("--format", required=True, choices=EXPORT_FORMATS)
    export.add_argument("--out", required=True, metavar="PATH", type=Path)
    export.add_argument(
        "--shareable", action="store_true", help="without personal data: labels as stand-ins, texts masked"
    )
    publish = _add(commands, "publish", "publish", "bring the published log up to date")
    publish.add_argument("--watch", action="store_true", help="again and again, until interrupted")
    publish.add_argument(
        "--rebuild", action="store_true", help="build it from the store alone, whatever stands"
    )
    sample = _add(commands, "sample-log", "sample", "write a plausible synthetic log")
    sample.add_argument("--messages", required=True, metavar="N", type=int)
    sample.add_argument("--days", required=True, metavar="D", type=int)
    sample.add_argument("--seed", required=True, metavar="S", type=int)
    sample.add_argument(
        "--out", metavar="FILE.duckdb", type=Path, help="a published file instead of the store"
    )


def _add_erasure(commands: Any) -> None:
    prune = _add(commands, "prune", "erasure", "erase conversations that are older than some days")
    prune.add_argument("--older-than", required=True, metavar="DAYS", type=int)
    erase = _add(commands, "erase", "erasure", "erase a tester or a thread from every copy")
    target = erase.add_mutually_exclusive_group(required=True)
    target.add_argument("--tester", metavar="LABEL")
    target.add_argument("--thread", metavar="ID")


def _add_backup(commands: Any) -> None:
    backup = _add(commands, "backup", "backup", "save the store and its keys into a new folder")
    backup.add_argument("folder", metavar="DIR", type=Path)
    _add_json(backup)
    restore = _add(commands, "restore", "backup", "bring a backup back, whole or not at all")
    restore.add_argument("folder", metavar="DIR", type=Path)
    restore.add_argument("--force", action="store_true", help="also while services have the store open")


def _add_users(commands: Any) -> None:
    users = _add(commands, "users", "users", "look after the accounts of the admin")
    actions = users.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make an account")
    add.add_argument("name", metavar="NAME")
    add.add_argument("--role", choices=ROLES, default=ROLES[0])
    _add_json(actions.add_parser("list", help="list the accounts"))
    passwd = actions.add_parser("passwd", help="give an account a new password; its sessions end")
    passwd.add_argument("name", metavar="NAME")
    for parser in (add, passwd):
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from the first line of stdin"
        )
    actions.add_parser("remove", help="remove an account").add_argument("name", metavar="NAME")


def _add_codes(commands: Any) -> None:
    codes = _add(commands, "codes", "codes", "look after the beta codes")
    actions = codes.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a code; it is printed once")
    add.add_argument(
        "--label", required=True, metavar="LABEL", help="its testers are called LABEL-1, LABEL-2 …"
    )
    add.add_argument("--wave", metavar="WAVE", help="the wave of testers it belongs to")
    add.add_argument(
        "--expires",
        metavar="DATE",
        type=_read_date,
        help="last day it is good for, in TIMEZONE; default: none",
    )
    add.add_argument("--uses", metavar="N", type=int, help="how many logins it gives; default: any number")
    _add_json(add)
    _add_json(actions.add_parser("list", help="list the codes, without the codes themselves"))
    revoke = actions.add_parser("revoke", help="take a code out of force; its logins end at once")
    revoke.add_argument("label", metavar="LABEL")


def _add_story_prompts(commands: Any) -> None:
    prompts = _add(commands, "story-prompts", "story_prompts", "carry the team's story prompts in and out")
    actions = prompts.add_subparsers(dest="action", required=True, metavar="ACTION")
    take = actions.add_parser("import", help="add those whose titles are not there yet")
    take.add_argument(
        "file", nargs="?", type=Path, metavar="FILE.yaml", help="default: those that come with Guichet"
    )
    _add_json(take)
    actions.add_parser("export", help="write them as YAML")


def _read_count(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 64:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to 64")


def _read_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date such as 2025-03-31") from error
