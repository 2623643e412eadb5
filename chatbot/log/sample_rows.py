"""Draws the rows of a synthetic log: the same seed gives the same rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chatbot.log import sample_texts as texts
from chatbot.log.sample_texts import Topic
from chatbot.store.schema import to_micros

THREADS_AT_ONCE = 2_000
MODEL = "openai:gpt-4o-mini"
USD_PER_PROMPT_TOKEN = 0.15e-6
USD_PER_COMPLETION_TOKEN = 0.6e-6
SECOND = 1_000_000

# Testers work in office hours, with a dip at noon and a few in the evening (relative, by UTC's hours).
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 5, 14, 30, 42, 45, 38, 22, 36, 44, 40, 32, 20, 11, 9, 8, 6, 3, 2)
WEEKDAY_WEIGHTS = (30, 34, 33, 31, 24, 5, 4)
TURNS_PER_THREAD = (1, 1, 2, 2, 2, 3, 3, 4, 5, 7)
LONGEST_THREAD = timedelta(minutes=40)

CHANNELS = ("page",) * 7 + ("widget",) * 4 + ("api", "openai")
CLICKING_CHANNELS = ("page", "widget")
LABELS = (("alpha", "wave 1"), ("bravo", "wave 1"), ("partners", "wave 2"), ("press", "wave 2"), (None, None))
TESTERS_PER_LABEL = 25
# Beyond these shares an answer is complete.
STATUS_SHARES = (("refused", 0.08), ("failed", 0.02), ("stopped", 0.015), ("interrupted", 0.005))
FAILURES = (
    ("provider", "provider_timeout"),
    ("provider", "provider_error"),
    ("provider", "provider_unavailable"),
    ("service", "internal_error"),
)
FEEDBACK_SHARE = 0.12
REQUEST_SHARE = 0.2
RATING_SHARE = 0.08

Row = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """Rows by the name of their table, in an order in which none comes before the row it refers to."""

    threads: list[Row] = field(default_factory=list)
    messages: list[Row] = field(default_factory=list)
    passages_used: list[Row] = field(default_factory=list)
    feedback_events: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    ratings: list[Row] = field(default_factory=list)


def generate_batches(messages: int, days: int, seed: int, now: datetime) -> Iterator[Batch]:
    """Draw threads in the order of their start until there are exactly so many messages.

    Args:
        now: no row is later.
    """
    generator = _Generator(random.Random(seed))  # noqa: S311 - no secret is drawn
    sizes = generator.draw_sizes(messages)
    starts = generator.draw_starts(len(sizes), days, now)
    for first in range(0, len(sizes), THREADS_AT_ONCE):
        batch = Batch()
        for size, start in zip(
            sizes[first : first + THREADS_AT_ONCE], starts[first : first + THREADS_AT_ONCE], strict=True
        ):
            generator.add_thread(batch, size, start)
        yield batch


class _Generator:
    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def draw_sizes(self, messages: int) -> list[int]:
        """Give the number of messages of each thread."""
        sizes = []
        left = messages
        while left > 0:
            size = min(left, 2 * self._rng.choice(TURNS_PER_THREAD))
            sizes.append(size)
            left -= size
        return sizes

    def draw_starts(self, count: int, days: int, now: datetime) -> list[int]:
        """Give moments (microseconds since 1970) in order, by the rhythm of hours and weekdays."""
        rng = self._rng
        midnights = [
            now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=day)
            for day in range(days)
        ]
        weights = [WEEKDAY_WEIGHTS[midnight.weekday()] for midnight in midnights]
        earliest, latest = to_micros(now - timedelta(days=days)), to_micros(now - LONGEST_THREAD)
        hours = rng.choices(range(24), HOUR_WEIGHTS, k=count)
        starts = []
        for midnight, hour in zip(rng.choices(midnights, weights, k=count), hours, strict=True):
            start = to_micros(midnight) + (hour * 3600 + rng.randrange(3600)) * SECOND + rng.randrange(SECOND)
            starts.append(start if earliest <= start <= latest else rng.randint(earliest, latest))
        return sorted(starts)

    def add_thread(self, batch: Batch, size: int, start: int) -> None:
        rng = self._rng
        language = "en" if rng.random() < 0.6 else "fr"
        label, wave = rng.choice(LABELS)
        thread_id = self._draw_id()
        channel = rng.choice(CHANNELS)
        batch.threads.append(
            {
                "thread_id": thread_id,
                "assistant": "support",
                "channel": channel,
                "tester": f"{label or 'beta'}-{rng.randint(1, TESTERS_PER_LABEL)}",
                "code_label": label,
                "wave": wave,
                "language": language,
                "created_at": start,
                "notice_version": "1",
                "notice_accepted_at": start if channel in CLICKING_CHANNELS else None,
            }
        )
        moment = start + rng.randint(2, 30) * SECOND
        topic = rng.choice(texts.TOPICS[language])
        for position in range(0, size, 2):
            moment = self._add_turn(batch, thread_id, position, moment, language, topic, position + 1 < size)
        if rng.random() < RATING_SHARE:
            comment = rng.choice(texts.COMMENTS[language]) if rng.random() < 0.4 else None
            value = rng.choice((1, 2, 3, 4, 4, 5, 5))
            batch.ratings.append(
                {"thread_id": thread_id, "value": value, "comment": comment, "created_at": moment}
            )

    def _add_turn(
        self,
        batch: Batch,
        thread_id: str,
        position: int,
        moment: int,
        language: str,
        topic: Topic,
        has_answer: bool,
    ) -> int:
        """Add a question, and its answer where it has one; gives the moment of the next question."""
        rng = self._rng
        status = self._draw_status()
        trace_id = f"{rng.getrandbits(64):016x}"
        question = _row(
            thread_id, position, "user", self._draw_question(position, language, topic, status), moment
        )
        batch.messages.append(question | {"message_id": self._draw_id(), "trace_id": trace_id})
        if not has_answer:
            return moment
        answer = self._draw_answer(language, topic, status)
        answer = _row(thread_id, position + 1, "bot", answer.pop("content"), moment) | answer
        message_id = self._draw_id()
        answer |= {"message_id": message_id, "trace_id": trace_id, "status": status}
        ended = moment + (answer["total_ms"] or 1000) * 1000
        answer["created_at"] = ended
        batch.messages.append(answer)
        if status not in ("failed", "interrupted"):
            self._add_passages(batch, message_id, answer["content"], language, topic)
        self._add_reaction(batch, message_id, status, language, ended + rng.randint(2, 20) * SECOND)
        return ended + rng.randint(20, 240) * SECOND

    def _draw_status(self) -> str:
        drawn = self._rng.random()
        for status, share in STATUS_SHARES:
            drawn -= share
            if drawn < 0:
                return status
        return "complete"

    def _draw_question(self, position: int, language: str, topic: Topic, status: str) -> str:
        rng = self._rng
        forms = texts.UNKNOWN if status == "refused" else texts.QUESTIONS
        if position and status != "refused" and rng.random() < 0.3:
            forms = texts.FOLLOW_UPS
        name = topic.name
        return rng.choice(forms[language]).format(
            name=name, Name=name[0].upper() + name[1:], number=rng.randint(2, 9999)
        )

    def _draw_answer(self, language: str, topic: Topic, status: str) -> Row:
        """Give the columns of an answer that depend on what became of it."""
        rng = self._rng
        if status == "interrupted":
            return {"content": "", "error_origin": "service", "error_code": "interrupted"}
        if status == "failed":
            origin, code = rng.choice(FAILURES)
            waited = 30_000 if code == "provider_timeout" else rng.randint(200, 8_000)
            limits = "model_time" if code == "provider_timeout" else None
            failed = {"content": "", "error_origin": origin, "error_code": code, "total_ms": waited}
            return failed | {"limits_hit": limits} | _MADE_BY
        form = texts.REFUSALS[language] if status == "refused" else rng.choice(texts.ANSWERS[language])
        content = form.format(
            sentence=topic.sentence,
            code=topic.code,
            line=topic.code.partition("\n")[0],
            heading=topic.heading,
            number=rng.randint(2, 9999),
        )
        if status == "stopped":
            content = content[: rng.randint(10, 80)]
        prompt_tokens, completion_tokens = rng.randint(700, 2600), len(content) // 4 + 1
        first_token_ms = 40 + int(rng.lognormvariate(6.3, 0.5))
        return _MADE_BY | {
            "content": content,
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "cost_usd": prompt_tokens * USD_PER_PROMPT_TOKEN + completion_tokens * USD_PER_COMPLETION_TOKEN,
            "first_token_ms": first_token_ms,
            "total_ms": first_token_ms + completion_tokens * rng.randint(12, 40),
        }

    def _add_passages(self, batch: Batch, message_id: str, content: str, language: str, topic: Topic) -> None:
        rng = self._rng
        others = rng.sample(texts.TOPICS[language], 4)
        found = [topic, *(other for other in others if other is not topic)][:4]
        score = rng.uniform(6, 18)
        for rank, passage in enumerate(found, 1):
            batch.passages_used.append(
                {
                    "message_id": message_id,
                    "rank": rank,
                    "score": score / rank,
                    "source": passage.source,
                    "heading": passage.heading,
                    "anchor": passage.heading.rpartition(" > ")[2].lower().replace(" ", "-"),
                    "snippet": f"{passage.sentence}\n\n```\n{passage.code}\n```",
                    "number": rank,
                    "cited": f"[{rank}]" in content,
                }
            )

    def _add_reaction(self, batch: Batch, message_id: str, status: str, language: str, moment: int) -> None:
        rng = self._rng
        if status == "refused" and rng.random() < REQUEST_SHARE:
            batch.requests.append({"message_id": message_id, "created_at": moment})
        if status in ("complete", "refused") and rng.random() < FEEDBACK_SHARE:
            is_good = rng.random() < (0.25 if status == "refused" else 0.8)
            batch.feedback_events.append(
                {
                    "event_id": self._draw_id(),
                    "message_id": message_id,
                    "value": 1 if is_good else -1,
                    "reason": None if is_good else rng.choice(texts.REASONS),
                    "comment": rng.choice(texts.COMMENTS[language]) if rng.random() < 0.3 else None,
                    "created_at": moment,
                }
            )

    def _draw_id(self) -> str:
        digits = f"{self._rng.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


_MADE_BY: Row = {
    "model": MODEL,
    "assistant_version": 1,
    "index_version": "sample",
    "parameters": '{"passages": 6, "history": 3, "timeout_s": 30.0, "deadline_s": 120.0}',
    "model_calls": 1,
    "retries": 0,
}

_NOTHING_MEASURED: Row = dict.fromkeys(
    (
        "error_origin",
        "error_code",
        "model",
        "assistant_version",
        "index_version",
        "prompt_tokens",
        "completion_tokens",
        "cost_usd",
        "first_token_ms",
        "total_ms",
        "trace_id",
        "parameters",
        "searched_for",
        "model_calls",
        "retries",
        "limits_hit",
    )
)


def _row(thread_id: str, position: int, origin: str, content: str, moment: int) -> Row:
    """Give a message's row with every column, so that all rows of a batch have the same."""
    return _NOTHING_MEASURED | {
        "message_id": "",
        "thread_id": thread_id,
        "position": position,
        "origin": origin,
        "content": content,
        "created_at": moment,
        "status": "complete",
        "is_cut": False,
    }
