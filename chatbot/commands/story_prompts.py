"""`story-prompts`: the team's story prompts, in and out as YAML."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.errors import UsageError
from chatbot.settings import load_settings
from chatbot.store import story_prompts
from chatbot.store.engine import Store
from chatbot.store.story_prompts import NewPrompt
from chatbot.story_collection import EXAMPLES, add_collection, read_collection, write_collection


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        if options.action == "export":
            for line in write_collection(store.read(story_prompts.list_prompts)).splitlines():
                write_line(line)
            return 0
        prompts = _read(options.file or EXAMPLES)
        added = store.write(add_collection, prompts, "command", store.clock())
    if options.json:
        write_json({"added": [prompt.title for prompt in added], "known": len(prompts) - len(added)})
        return 0
    for prompt in added:
        write_line(prompt.title)
    say(f"{len(added)} story prompts were added; {len(prompts) - len(added)} were there under their titles.")
    return 0


def _read(path: Path) -> list[NewPrompt]:
    try:
        return read_collection(path.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise UsageError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error
