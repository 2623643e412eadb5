"""`backup` and `restore`: save the store, and bring it back."""

from __future__ import annotations

import argparse
from contextlib import closing

from chatbot.backup import Restored, restore_backup, restore_into, write_backup
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.publish import build_publisher
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.errors import UsageError
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store, utc_now


def run(options: argparse.Namespace) -> int:
    """Save or bring back, and say what it holds."""
    settings = load_settings()
    configure_command_logging(settings)
    if settings.store_url and options.command == "backup":
        raise UsageError("backup: the store is a PostgreSQL database (STORE_URL). Use pg_dump.")
    return _save(options, settings) if options.command == "backup" else _bring_back(options, settings)


def _save(options: argparse.Namespace, settings: Settings) -> int:
    manifest = write_backup(settings.private_dir, options.folder, utc_now())
    rows = f"{manifest.rows['threads']} threads, {manifest.rows['messages']} messages"
    if options.json:
        write_json({"folder": str(options.folder), "created_at": manifest.created_at, "rows": manifest.rows})
    else:
        write_line(f"{options.folder}: {rows}")
    return 0


def _bring_back(options: argparse.Namespace, settings: Settings) -> int:
    restored = _restore(options, settings)
    if restored.erasures:
        say(f"{restored.erasures} erasures that came after the backup were carried out again.")
    say("The store is back. Publishing it …")
    with (
        closing(Store(settings.store_place)) as store,
        closing(build_publisher(settings, store)) as publisher,
    ):
        publication = publisher.finish_erasure()
    saved = restored.manifest
    write_line(
        f"Restored: the state of {saved.created_at}, {saved.rows['threads']} threads, "
        f"{saved.rows['messages']} messages; generation {publication.generation}"
    )
    return 0


def _restore(options: argparse.Namespace, settings: Settings) -> Restored:
    if not settings.store_url:
        return restore_backup(options.folder, settings.private_dir, utc_now(), force=options.force)
    with closing(Store(settings.store_place)) as store:
        return restore_into(options.folder, settings.private_dir, store, utc_now())
