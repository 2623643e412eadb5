"""`prune` and `erase`: retention and erasure, through every copy."""

from __future__ import annotations

import argparse
from contextlib import closing

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.publish import build_publisher
from chatbot.commands.terminal import say, write_line
from chatbot.log.erase import erase_tester, erase_thread, prune
from chatbot.settings import load_settings
from chatbot.store.engine import Store
from chatbot.store.erasure import Erasure


def run(options: argparse.Namespace) -> int:
    """Erase, wait until no published file holds it any more, and say how much it was."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        erased = _erase(store, options)
        if erased == Erasure():
            say("Nothing of this was in the store. What was published before is looked through all the same.")
        say("Erased from the store. Waiting for the published log …")
        with closing(build_publisher(settings, store)) as publisher:
            publisher.finish_erasure()
    write_line(f"Erased: {erased.threads} threads, {erased.messages} messages")
    return 0


def _erase(store: Store, options: argparse.Namespace) -> Erasure:
    now = store.clock()
    if options.command == "prune":
        return prune(store, options.older_than, now)
    if options.thread is not None:
        return erase_thread(store, options.thread, now)
    return erase_tester(store, options.tester, now)
