"""`evaluate`: asks a question set and adds up how well it was answered; leaves nothing in the store or the log."""

from __future__ import annotations

import argparse
import asyncio
import math
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chatbot.assistants.catalogue import Assistants
from chatbot.commands.build import build_turns, wait_for_embeddings
from chatbot.commands.files import check_target, replace_text
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import ProgressBar, say, write_json, write_line
from chatbot.comparison import DIRECTIONS, Comparison, QuestionChange, compare
from chatbot.errors import UsageError
from chatbot.evaluation import ASKED_AT_ONCE, ASKED_AT_ONCE_OFFLINE, GIVE_UP_AFTER, Evaluation
from chatbot.knowledge.index import IndexStats
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.outcomes import Outcome, measure, measure_intervals, read_dump, write_dump
from chatbot.question_set import GoldQuestion, read_questions
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store
from chatbot.turns import Turns

DONE, FAILED, INTERRUPTED = 0, 1, 130
CHANGES_PRINTED = 10
# The limits of testers are none of a question set's.
UNLIMITED = {
    "max_session_duration": 0,
    "max_characters": 0,
    "max_messages": 0,
    "max_message_characters": 100_000,
    "rate_limit": "1000000000/day",
}


@dataclass(frozen=True, slots=True)
class _Run:
    """What was asked and what came of it; `stopped` says why the rest was not asked."""

    outcomes: list[Outcome]
    stats: IndexStats
    stopped: str | None
    code: int


def run(options: argparse.Namespace) -> int:
    """Ask, write what was asked for, print the figures, and give the exit code.

    A question on which the model failed is 1, an interruption 130; what was asked until then is written and printed.
    """
    overrides = UNLIMITED | ({"knowledge_dir": options.knowledge} if options.knowledge else {})
    settings = load_settings(**overrides)
    configure_command_logging(settings)
    questions = read_questions(options.questions)
    baseline = read_dump(options.baseline, questions) if options.baseline else None
    _check_targets(options)
    at_once = options.at_once or (ASKED_AT_ONCE if settings.chat_model else ASKED_AT_ONCE_OFFLINE)
    done = _ask(settings, questions, at_once)
    if not done.outcomes:
        say("Interrupted before an answer was complete: nothing is written.")
        return done.code
    comparison = compare(done.outcomes, baseline, options.baseline.name) if baseline else None
    summary = _summarize(done, len(questions), comparison)
    _write_files(options, settings, done, summary, comparison)
    if options.json:
        write_json(summary)
    else:
        _print(summary, comparison)
    if comparison and not comparison.shared:
        say(f"warning: --baseline {options.baseline}: no question is in both runs.")
    elif comparison and (comparison.only_here or comparison.only_before or comparison.reworded):
        say(f"warning: --baseline {options.baseline}: {_describe_mismatch(comparison)}")
    return done.code


def _check_targets(options: argparse.Namespace) -> None:
    targets = [("--dump", options.dump), ("--report", options.report)]
    read = {path.resolve() for path in (options.questions, options.baseline) if path}
    for option, path in targets:
        if path is None:
            continue
        if path.resolve() in read:
            raise UsageError(f"{option} {path}: this file is read by the same command. Name another.")
        check_target(option, path)
    if options.dump and options.report and options.dump.resolve() == options.report.resolve():
        raise UsageError(f"--dump and --report both name {options.dump}. Name two files.")


def _ask(settings: Settings, questions: Sequence[GoldQuestion], at_once: int) -> _Run:
    with tempfile.TemporaryDirectory(prefix="guichet-evaluation-") as name:
        folder = Path(name)
        # Indexed anew, so that the seconds are those of building and not of reading what was kept.
        # One state of the documents for the whole run: it does not follow the folder.
        # Embeddings are kept where the service keeps them: they cost minutes or money.
        meaning = build_meaning(settings)
        knowledge = Knowledge(
            settings.knowledge_dir, folder / "index", meaning=meaning, poll_interval_s=math.inf
        )
        with closing(Store(folder / "private" / "store.db", is_lasting=False)) as store:
            assistants = Assistants(settings.assistants_dir, store)
            turns = build_turns(settings, store, assistants, knowledge, at_once=at_once)
            for warning in wait_for_embeddings(knowledge):
                say(f"warning: {warning}")
            store.start_writer()
            evaluation = Evaluation(turns, knowledge, assistants.default.name, at_once=at_once)
            code, stopped = DONE, None
            try:
                asyncio.run(_ask_all(evaluation, turns, questions))
            except KeyboardInterrupt:
                code, stopped = INTERRUPTED, "interrupted"
            outcomes, stats = evaluation.outcomes, knowledge.stats
    if given_up := evaluation.given_up:
        stopped = given_up.error_code
        say(
            f"error: the model failed {GIVE_UP_AFTER} times in a row, at last with {stopped}: {given_up.error} "
            "The rest was not asked."
        )
    if stopped:
        say(f"Stopped after {len(outcomes)} of {len(questions)} questions; the figures are of those.")
    if code == DONE and any(outcome.error_code for outcome in outcomes):
        code = FAILED
    return _Run(outcomes, stats, stopped, code)


async def _ask_all(evaluation: Evaluation, turns: Turns, questions: Sequence[GoldQuestion]) -> None:
    searching, answering = ProgressBar("Searching"), ProgressBar("Asking")
    try:
        await evaluation.run(questions, searching, answering)
    finally:
        searching.close()
        answering.close()
        await turns.close()


def _summarize(done: _Run, total: int, comparison: Comparison | None) -> dict[str, Any]:
    """Give the JSON document; the figures of one run, then, with a baseline, what changed."""
    summary = measure(done.outcomes) | {
        "knowledge_tokens": done.stats.tokens,
        "index_seconds": round(done.stats.seconds, 3),
        "passages": done.stats.passages,
        "intervals_95": measure_intervals(done.outcomes),
        "not_asked": total - len(done.outcomes),
        "stopped": done.stopped,
    }
    return summary | ({"baseline": comparison.as_dict()} if comparison else {})


def _write_files(
    options: argparse.Namespace,
    settings: Settings,
    done: _Run,
    summary: dict[str, Any],
    comparison: Comparison | None,
) -> None:
    if options.dump:
        with replace_text(options.dump) as out:
            write_dump(done.outcomes, out)
        say(f"{options.dump}: {len(done.outcomes)} rows")
    if options.report:
        # Imported here: a run without a report does without its charts and its template.
        from chatbot.reports.evaluation_report import Heading, render_report

        heading = Heading(
            questions=options.questions.name,
            knowledge=settings.knowledge_dir.name,
            model=settings.chat_model,
            language="fr" if settings.language == "fr" else "en",
            created_at=datetime.now(settings.zone),
        )
        with replace_text(options.report) as out:
            out.write(render_report(done.outcomes, summary, heading, comparison))
        say(f"{options.report}: the report, for a browser")


def _print(summary: dict[str, Any], comparison: Comparison | None) -> None:
    intervals = summary["intervals_95"]
    for key, value in summary.items():
        if key in {"intervals_95", "baseline", "not_asked", "stopped"}:
            continue
        interval = "  95 %: {:.3f} to {:.3f}".format(*intervals[key]) if key in intervals else ""
        write_line(f"{key:22} {_show(value):>9}{interval}")
    if comparison:
        _print_comparison(comparison)


def _print_comparison(comparison: Comparison) -> None:
    write_line()
    write_line(f"Against {comparison.baseline}, over the {comparison.shared} questions of both")
    write_line(f"{'':22} {'before':>9} {'after':>9} {'change':>9}")
    for name, figure in comparison.figures.items():
        sign = "-" if figure.difference is None else f"{figure.difference:+g}"
        hint = f"  p = {figure.p:.3f} ({figure.test}; +{figure.gained} −{figure.lost})" if figure.test else ""
        write_line(f"{name:22} {_show(figure.before):>9} {_show(figure.after):>9} {sign:>9}{hint}")
    for direction in DIRECTIONS:
        changes = comparison.list_changes(direction)
        write_line()
        write_line(f"{direction.capitalize()}: {len(changes)}")
        for change in changes[:CHANGES_PRINTED]:
            write_line(f"  {_describe_change(change)}")
        if len(changes) > CHANGES_PRINTED:
            write_line(f"  and {len(changes) - CHANGES_PRINTED} more: see --json or --report")


def _describe_change(change: QuestionChange) -> str:
    parts = []
    if change.rank[0] != change.rank[1]:
        parts.append("rank {} → {}".format(*(rank or "-" for rank in change.rank)))
    if change.verdict[0] != change.verdict[1]:
        parts.append("{} → {}".format(*change.verdict))
    if change.holds_answer[0] != change.holds_answer[1]:
        parts.append(f"answer {'held' if change.holds_answer[1] else 'no longer held'}")
    return f"{change.id}: {', '.join(parts)}: {' '.join(change.question.split())}"


def _describe_mismatch(comparison: Comparison) -> str:
    return (
        f"{comparison.only_here} questions are in this run alone, {comparison.only_before} in the earlier one alone, "
        f"{comparison.reworded} have another text now. The comparison is over the {comparison.shared} of both."
    )


def _show(value: float | None) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
