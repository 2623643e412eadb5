"""The views of the published log: the usual questions, answered the same under any session time zone."""

from __future__ import annotations

from dataclasses import dataclass

from chatbot.log.schema import FEEDBACK_EVENTS, MESSAGES, PASSAGES_USED, THREADS
from chatbot.log.table import quote


@dataclass(frozen=True, slots=True)
class View:
    """A view, with a comment for itself and one per column, in order."""

    name: str
    comment: str
    sql: str
    columns: dict[str, str]


FEEDBACK_SQL = """
SELECT message_id, value, reason, comment, created_at
FROM feedback_events
QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY created_at DESC, event_id DESC) = 1
"""

MESSAGE_DETAILS_SQL = """
SELECT
    m.message_id,
    m.thread_id,
    m.position,
    m.created_at,
    m.origin,
    m.status,
    m.error_origin,
    m.error_code,
    m.model,
    m.first_token_ms,
    m.total_ms,
    coalesce(m.is_personal, false) AS is_personal,
    t.assistant,
    t.channel,
    t.tester,
    t.code_label,
    t.wave,
    t.language
FROM messages AS m
JOIN threads AS t ON t.thread_id = m.thread_id
"""

ANSWERS_SQL = """
SELECT
    a.message_id,
    a.thread_id,
    q.created_at AS asked_at,
    a.created_at AS answered_at,
    q.content AS question,
    a.searched_for,
    a.content AS answer,
    a.status,
    a.error_origin,
    a.error_code,
    t.assistant,
    a.assistant_version,
    a.index_version,
    a.model,
    a.parameters,
    a.model_calls,
    a.retries,
    a.prompt_tokens,
    a.completion_tokens,
    a.cost_usd,
    a.first_token_ms,
    a.total_ms,
    a.limits_hit,
    t.channel,
    t.tester,
    t.wave,
    t.language,
    coalesce(p.found, 0) AS passages_found,
    coalesce(p.cited, 0) AS passages_cited,
    p.passages,
    f.value AS verdict,
    r.created_at AS requested_at,
    a.trace_id
FROM messages AS a
JOIN messages AS q ON q.thread_id = a.thread_id AND q.position = a.position - 1
JOIN threads AS t ON t.thread_id = a.thread_id
LEFT JOIN (
    SELECT
        message_id,
        count(*) AS found,
        count(*) FILTER (WHERE cited) AS cited,
        list(
            struct_pack(rank := rank, score := score, cited := cited, source := source, heading := heading)
            ORDER BY rank
        ) AS passages
    FROM passages_used
    GROUP BY message_id
) AS p ON p.message_id = a.message_id
LEFT JOIN feedback AS f ON f.message_id = a.message_id
LEFT JOIN requests AS r ON r.message_id = a.message_id
WHERE a.origin = 'bot'
"""

PASSAGE_USAGE_SQL = """
SELECT
    p.source,
    p.heading,
    count(*) AS found,
    count(*) FILTER (WHERE p.cited) AS cited,
    count(*) FILTER (WHERE p.rank = 1 AND m.status = 'refused') AS nearest_of_refused,
    count(*) FILTER (WHERE p.cited AND f.value = 1) AS helpful,
    count(*) FILTER (WHERE p.cited AND f.value = -1) AS not_helpful,
    max(m.created_at) FILTER (WHERE p.cited) AS last_cited_at
FROM passages_used AS p
JOIN messages AS m ON m.message_id = p.message_id
LEFT JOIN feedback AS f ON f.message_id = p.message_id
GROUP BY p.source, p.heading
"""

# time_bucket counts hours in UTC; date_trunc would merge two of them on the night when clocks go back.
USAGE_PER_HOUR_SQL = """
SELECT
    time_bucket(INTERVAL '1 hour', m.created_at) AS hour,
    count(DISTINCT m.thread_id) AS threads,
    count(*) FILTER (WHERE m.origin = 'user') AS user_messages,
    count(*) FILTER (WHERE m.origin = 'bot') AS bot_messages,
    count(*) FILTER (WHERE m.status = 'refused') AS refused,
    count(*) FILTER (WHERE m.status = 'failed') AS failed,
    count(DISTINCT t.tester) FILTER (WHERE m.origin = 'user') AS testers
FROM messages AS m
JOIN threads AS t ON t.thread_id = m.thread_id
GROUP BY time_bucket(INTERVAL '1 hour', m.created_at)
"""

THREAD_SUMMARY_SQL = """
SELECT
    t.thread_id,
    coalesce(s.title, '') AS title,
    t.assistant,
    t.channel,
    t.tester,
    t.created_at,
    coalesce(s.last_at, t.created_at) AS last_at,
    coalesce(s.user_messages, 0) AS user_messages,
    coalesce(s.bot_messages, 0) AS bot_messages,
    coalesce(s.refused, 0) AS refused,
    coalesce(s.failed, 0) AS failed,
    CASE coalesce(s.severity, 0)
        WHEN 5 THEN 'failed' WHEN 4 THEN 'interrupted' WHEN 3 THEN 'refused'
        WHEN 2 THEN 'stopped' WHEN 1 THEN 'complete' ELSE 'open'
    END AS status
FROM threads AS t
LEFT JOIN (
    SELECT
        thread_id,
        any_value(content) FILTER (WHERE position = 0) AS title,
        max(created_at) AS last_at,
        count(*) FILTER (WHERE origin = 'user') AS user_messages,
        count(*) FILTER (WHERE origin = 'bot') AS bot_messages,
        count(*) FILTER (WHERE status = 'refused') AS refused,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        max(
            CASE status
                WHEN 'failed' THEN 5 WHEN 'interrupted' THEN 4 WHEN 'refused' THEN 3
                WHEN 'stopped' THEN 2 ELSE 1
            END
        ) FILTER (WHERE origin = 'bot') AS severity
    FROM messages
    GROUP BY thread_id
) AS s ON s.thread_id = t.thread_id
"""

UNANSWERED_QUESTIONS_SQL = """
SELECT
    a.message_id,
    a.thread_id,
    q.created_at AS asked_at,
    q.content AS question,
    a.content AS answer,
    t.assistant,
    t.tester,
    t.language,
    p.source AS nearest_source,
    p.heading AS nearest_heading,
    r.created_at AS requested_at
FROM messages AS a
JOIN messages AS q ON q.thread_id = a.thread_id AND q.position = a.position - 1
JOIN threads AS t ON t.thread_id = a.thread_id
LEFT JOIN passages_used AS p ON p.message_id = a.message_id AND p.rank = 1
LEFT JOIN requests AS r ON r.message_id = a.message_id
WHERE a.origin = 'bot' AND a.status = 'refused' AND NOT coalesce(a.is_personal, false)
"""

DAILY_COSTS_SQL = """
SELECT
    CAST(m.created_at AT TIME ZONE 'UTC' AS DATE) AS day,
    t.assistant,
    m.model,
    count(*) AS answers,
    coalesce(sum(m.prompt_tokens), 0)::BIGINT AS prompt_tokens,
    coalesce(sum(m.completion_tokens), 0)::BIGINT AS completion_tokens,
    sum(m.cost_usd) AS cost_usd,
    count(*) FILTER (WHERE m.cost_usd IS NULL) AS answers_without_price
FROM messages AS m
JOIN threads AS t ON t.thread_id = m.thread_id
WHERE m.origin = 'bot'
GROUP BY CAST(m.created_at AT TIME ZONE 'UTC' AS DATE), t.assistant, m.model
"""

VIEWS = (
    View(
        "feedback",
        "The verdict in force on each answer: the last one given.",
        FEEDBACK_SQL,
        FEEDBACK_EVENTS.take_comments("message_id", "value", "reason", "comment", "created_at"),
    ),
    View(
        "message_details",
        "Every message with what is known of its thread, without the text: what figures are counted from.",
        MESSAGE_DETAILS_SQL,
        {
            **MESSAGES.take_comments("message_id", "thread_id", "position", "created_at", "origin", "status"),
            **MESSAGES.take_comments("error_origin", "error_code", "model", "first_token_ms", "total_ms"),
            "is_personal": "Whether it belongs to a letter or a story, and not to the documentation.",
            **THREADS.take_comments("assistant", "channel", "tester", "code_label", "wave", "language"),
        },
    ),
    View(
        "answers",
        "Explains an answer: one row per turn that is over, with its question, what it was made from and what it cost.",
        ANSWERS_SQL,
        {
            "message_id": "The answer.",
            "thread_id": "Its thread.",
            "asked_at": "When the question was accepted.",
            "answered_at": "When the answer's state was final.",
            "question": "The question, plain text.",
            "answer": "The answer, as far as it came, Markdown; empty where nothing came.",
            **MESSAGES.take_comments("searched_for", "status", "error_origin", "error_code"),
            **MESSAGES.take_comments("assistant_version", "index_version", "model", "parameters"),
            **MESSAGES.take_comments(
                "model_calls", "retries", "prompt_tokens", "completion_tokens", "cost_usd"
            ),
            **MESSAGES.take_comments("first_token_ms", "total_ms", "limits_hit", "trace_id"),
            **THREADS.take_comments("assistant", "channel", "tester", "wave", "language"),
            "passages_found": "How many passages were retrieved; 0 for a letter, a story or a greeting, and where a "
            "crash cut the answer off.",
            "passages_cited": "How many of them the answer refers to.",
            "passages": "The passages, best first: rank (from 1), score (no unit, comparable within one answer only), "
            "cited, source (file) and heading of each; null without any.",
            "verdict": "The tester's verdict in force, 1 (helpful) or -1 (not helpful); null without one.",
            "requested_at": 'When the tester asked "please document this"; null where he did not.',
        },
    ),
    View(
        "passage_usage",
        "How often each section of the documentation was found and cited, and how that was received.",
        PASSAGE_USAGE_SQL,
        {
            **PASSAGES_USED.take_comments("source", "heading"),
            "found": "Times it was retrieved for an answer.",
            "cited": "Times an answer refers to it.",
            "nearest_of_refused": "Times it was the best there was, and did not answer.",
            "helpful": "Answers citing it whose verdict is 1.",
            "not_helpful": "Answers citing it whose verdict is -1.",
            "last_cited_at": "When an answer last referred to it; null where none did.",
        },
    ),
    View(
        "usage_per_hour",
        "How much the service was used; hours without a message have no row.",
        USAGE_PER_HOUR_SQL,
        {
            "hour": "Start of the hour, by UTC's hours.",
            "threads": "Different threads in which something was written.",
            "user_messages": "Questions.",
            "bot_messages": "Answers, whatever became of them.",
            "refused": "Answers that say the documents do not answer, or that decline a letter or a story.",
            "failed": "Answers that failed.",
            "testers": "Different testers who asked something.",
        },
    ),
    View(
        "thread_summary",
        "One row per thread with what happened in it.",
        THREAD_SUMMARY_SQL,
        {
            **THREADS.take_comments("assistant", "channel", "tester"),
            "thread_id": "Names the thread.",
            "title": "The first question; empty where nothing was asked yet.",
            "created_at": "When it was started.",
            "last_at": "When something was last written; created_at where nothing was.",
            "user_messages": "Questions.",
            "bot_messages": "Answers, whatever became of them.",
            "refused": "Answers that say the documents do not answer, or that decline a letter or a story.",
            "failed": "Answers that failed.",
            "status": "The worst that befell one of its answers: failed, then interrupted, refused, stopped, "
            "complete; open while it has no answer.",
        },
    ),
    View(
        "unanswered_questions",
        "Questions that the documents did not answer, one row per refused answer; what was declined of a letter or a "
        "story is no gap in the documents, and not here.",
        UNANSWERED_QUESTIONS_SQL,
        {
            **THREADS.take_comments("assistant", "tester", "language"),
            "message_id": "The refused answer.",
            "thread_id": "Its thread.",
            "asked_at": "When the question was asked.",
            "question": "The question.",
            "answer": "What the bot said instead.",
            "nearest_source": "File of the best passage found; null without one.",
            "nearest_heading": "Breadcrumb of the best passage found; null without one.",
            "requested_at": 'When the tester asked "please document this"; null where he did not.',
        },
    ),
    View(
        "daily_costs",
        "Answers, tokens and cost per day, assistant and model; an answer counts on the day on which it ended.",
        DAILY_COSTS_SQL,
        {
            "day": "The day, by UTC.",
            **THREADS.take_comments("assistant"),
            "model": "Model that was asked; null where none was, and where a crash cut the answer off.",
            "answers": "Answers, whatever became of them.",
            "prompt_tokens": "Tokens sent; what is not known counts as 0.",
            "completion_tokens": "Tokens received; what is not known counts as 0.",
            "cost_usd": "US dollars, over answers with a known price; null where none has one.",
            "answers_without_price": "Answers that cost_usd leaves out: no price is known, or a crash cut them off.",
        },
    ),
)


def build_statements() -> list[str]:
    """Give the statements that make every view with its comments, in order; the tables stand already."""
    return [statement for view in VIEWS for statement in _build_view(view)]


def _build_view(view: View) -> list[str]:
    comments = [
        f'COMMENT ON COLUMN {view.name}."{name}" IS {quote(text)}' for name, text in view.columns.items()
    ]
    return [
        f"CREATE VIEW {view.name} AS {view.sql}",
        f"COMMENT ON VIEW {view.name} IS {quote(view.comment)}",
        *comments,
    ]
