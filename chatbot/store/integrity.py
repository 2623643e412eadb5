"""Proves what must always hold in the store."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from chatbot.store.changes import read_highest
from chatbot.store.schema import PUBLISHED, tombstones

SHOWN = 5


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that must not be: `code` names the rule, `message` says where it is broken."""

    code: str
    message: str


# Each gives the ids of what breaks the rule.
RULES = {
    "position_gap": (
        "threads whose positions do not run from 0 without gap",
        """
        SELECT thread_id FROM messages
        GROUP BY thread_id HAVING min(position) <> 0 OR max(position) + 1 <> count(*)
        """,
    ),
    "answer_without_question": (
        "answers without the question before them",
        """
        SELECT a.message_id FROM messages AS a
        LEFT JOIN messages AS q
            ON q.thread_id = a.thread_id AND q.position = a.position - 1 AND q.origin = 'user'
        WHERE a.origin = 'bot' AND q.message_id IS NULL
        """,
    ),
    "wrong_turn": (
        "messages out of turn (questions are even, answers odd)",
        """
        SELECT message_id FROM messages
        WHERE (origin = 'user' AND position % 2 = 1) OR (origin = 'bot' AND position % 2 = 0)
        """,
    ),
    "unknown_value": (
        "messages of an unknown origin or status",
        """
        SELECT message_id FROM messages
        WHERE origin NOT IN ('user', 'bot')
            OR status NOT IN ('complete', 'refused', 'failed', 'interrupted', 'stopped')
            OR (origin = 'user' AND status <> 'complete')
        """,
    ),
    "orphan": (
        "rows whose thread or message is gone",
        """
        SELECT m.message_id FROM messages AS m
        LEFT JOIN threads AS t ON t.thread_id = m.thread_id WHERE t.thread_id IS NULL
        UNION ALL
        SELECT p.message_id FROM passages_used AS p
        LEFT JOIN messages AS m ON m.message_id = p.message_id WHERE m.message_id IS NULL
        UNION ALL
        SELECT f.message_id FROM feedback_events AS f
        LEFT JOIN messages AS m ON m.message_id = f.message_id WHERE m.message_id IS NULL
        UNION ALL
        SELECT r.message_id FROM requests AS r
        LEFT JOIN messages AS m ON m.message_id = r.message_id WHERE m.message_id IS NULL
        UNION ALL
        SELECT r.thread_id FROM ratings AS r
        LEFT JOIN threads AS t ON t.thread_id = r.thread_id WHERE t.thread_id IS NULL
        UNION ALL
        SELECT f.thread_id FROM thread_forms AS f
        LEFT JOIN threads AS t ON t.thread_id = f.thread_id WHERE t.thread_id IS NULL
        """,
    ),
    "turn_over": (
        "turns under way whose answer is there already",
        "SELECT u.message_id FROM turns AS u JOIN messages AS m ON m.message_id = u.message_id",
    ),
}


def find_faults(connection: Connection) -> list[Fault]:
    """Check every rule on one state of the store; an empty list proves them. Of a damaged file no rule is asked."""
    faults = _check_file(connection)
    if faults:
        return faults
    for code, (what, statement) in RULES.items():
        ids = [str(row[0]) for row in connection.execute(text(statement))]
        if ids:
            more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
            faults.append(Fault(code, f"{len(ids)} {what}: {', '.join(ids[:SHOWN])}{more}"))
    return faults + _check_changes(connection)


def _check_file(connection: Connection) -> list[Fault]:
    if connection.dialect.name != "sqlite":
        return []
    rows = connection.execute(text("PRAGMA integrity_check")).scalars()
    remedy = "Stop the services and bring back a backup."
    return [
        Fault("damaged_store", f"The store's file is damaged: {' '.join(row.split())}. {remedy}")
        for row in rows
        if row != "ok"
    ]


def _check_changes(connection: Connection) -> list[Fault]:
    counter = read_highest(connection)
    faults = []
    for table in (*PUBLISHED, tombstones):
        last = connection.execute(text(f"SELECT max(change) FROM {table.name}")).scalar()  # noqa: S608
        if last is not None and last > counter:
            message = f"{table.name} has change {last}, above the store's counter {counter}"
            faults.append(Fault("change_above_counter", message))
    return faults
