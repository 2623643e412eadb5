"""`sample-log`: a plausible synthetic log, into an empty store or as a published file."""

from __future__ import annotations

import argparse
from contextlib import closing

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.publish import build_publisher
from chatbot.commands.terminal import say, write_line
from chatbot.log.sample import write_sample, write_sample_file
from chatbot.settings import load_settings
from chatbot.store.engine import Store, utc_now


def run(options: argparse.Namespace) -> int:
    """Write the sample, publish it, and say how much it is."""
    settings = load_settings()
    configure_command_logging(settings)
    numbers = {"messages": options.messages, "days": options.days, "seed": options.seed, "now": utc_now()}
    if options.out:
        target = options.out
        counts = write_sample_file(options.out, **numbers, timezone=settings.timezone)
    else:
        target = settings.log_path
        with closing(Store(settings.store_place)) as store:
            counts = write_sample(store, **numbers)
            say("Publishing …")
            with closing(build_publisher(settings, store)) as publisher:
                publisher.publish()
    write_line(f"{target}: {counts.threads} threads, {counts.messages} messages")
    return 0
