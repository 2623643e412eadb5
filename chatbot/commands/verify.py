"""`verify`: proves the invariants of store and published log."""

from __future__ import annotations

import argparse
from contextlib import closing
from dataclasses import asdict

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.log.verify import verify
from chatbot.settings import load_settings
from chatbot.store.engine import Store


def run(options: argparse.Namespace) -> int:
    """Print one line per fault; exit 1 where there is any."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        faults = verify(store, settings.data_dir, is_shareable=settings.shareable_log)
    if options.json:
        write_json({"faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            write_line(f"{fault.code}: {fault.message}")
    if not faults:
        say("Store and published log hold what they must.")
    return 1 if faults else 0
