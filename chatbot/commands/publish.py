"""`publish`: brings the published log up to date, once or again and again."""

from __future__ import annotations

import argparse
import signal
import threading
from contextlib import closing

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_line
from chatbot.log.publisher import Publisher
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store
from chatbot.telemetry import configure_logging

DEFAULT_INTERVAL_S = 2.0


def run(options: argparse.Namespace) -> int:
    """Publish, and say which generation stands."""
    settings = load_settings()
    configure_command_logging(settings)
    with (
        closing(Store(settings.store_place)) as store,
        closing(build_publisher(settings, store)) as publisher,
    ):
        publication = publisher.publish(options.rebuild)
        state = f"{publication.rows} rows carried over" if publication.is_new else "up to date already"
        write_line(f"{settings.log_path}: generation {publication.generation}, {state}")
        if options.watch:
            _watch(publisher, settings)
    return 0


def build_publisher(settings: Settings, store: Store) -> Publisher:
    """Build the publisher of a command."""
    return Publisher(
        store,
        settings.data_dir,
        timezone=settings.timezone,
        interval_s=settings.publish_interval or DEFAULT_INTERVAL_S,
        is_shareable=settings.shareable_log,
        clock=store.clock,
    )


def _watch(publisher: Publisher, settings: Settings) -> None:
    # From here on it is a service: its failures are told by log lines, and a signal is its orderly end.
    configure_logging(settings.log_level, settings.log_format, settings.log_file)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    say("Publishing what changes until interrupted.")
    publisher.run_forever(stop)
