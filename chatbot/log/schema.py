"""The tables of the published log, each with the comments that explain it to data people.

`carry` fills a table from the store's table of the same name, column by column; `views` builds on these.
"""

from __future__ import annotations

from chatbot.log.table import Column as Column
from chatbot.log.table import Table as Table
from chatbot.log.table import quote as quote

# Raised whenever a table, column, view or comment changes: a generation with another number is rebuilt from the store.
SCHEMA_VERSION = 5

# DuckDB 1.4 and later read and write it; the default of 2.0 cannot be read by 1.5.
STORAGE_VERSION = "v1.4.0"

THREADS = Table(
    "threads",
    "One row per conversation.",
    (
        Column("thread_id", "UUID", "Names the thread.", is_key=True),
        Column("assistant", "VARCHAR", "Name of the assistant that answers."),
        Column("channel", "VARCHAR", "Way in: page, widget, api, openai or cli."),
        Column(
            "tester",
            "VARCHAR",
            "Who asks: a login's label, <code label>-<n>; beta-<n> with the shared password, open-<n> without "
            "one, cli on the command line.",
        ),
        Column(
            "code_label",
            "VARCHAR",
            "Label of the beta code logged in with; beta with the shared password, open without one; null on "
            "the command line.",
            True,
        ),
        Column("wave", "VARCHAR", "Wave of testers the code belongs to; null without one.", True),
        Column(
            "language",
            "VARCHAR",
            "Language of the tester's page or client when the thread was started, en or fr; an answer is in its "
            "question's. Null on the command line.",
            True,
        ),
        Column("created_at", "TIMESTAMPTZ", "When the thread was started."),
        Column(
            "notice_version",
            "VARCHAR",
            "Version of the privacy notice accepted; null where none was shown.",
            True,
        ),
        Column(
            "notice_accepted_at",
            "TIMESTAMPTZ",
            "When it was accepted by a click; null for a direct client, which accepts by sending a message.",
            True,
        ),
    ),
)

MESSAGES = Table(
    "messages",
    "One row per message; a question and its answer follow each other in position.",
    (
        Column("message_id", "UUID", "Names the message.", is_key=True),
        Column("thread_id", "UUID", "The thread it belongs to."),
        Column(
            "position", "INTEGER", "Place in the thread, from 0 without gap; questions are even, answers odd."
        ),
        Column("origin", "VARCHAR", "Who wrote it: user or bot."),
        Column("content", "VARCHAR", "The text: plain from a user, Markdown from the bot."),
        Column(
            "created_at", "TIMESTAMPTZ", "When a question was accepted, or when an answer's state was final."
        ),
        Column(
            "status",
            "VARCHAR",
            "complete, refused (the documents do not answer; of a letter or story, it was declined), failed, "
            "interrupted (the service ended or crashed meanwhile) or stopped (by the tester); complete for every "
            "question.",
        ),
        Column("error_origin", "VARCHAR", "Whose failure it was, provider or service; else null.", True),
        Column(
            "error_code",
            "VARCHAR",
            "Code of the failure, as in the HTTP interface: provider_error, provider_rejected, "
            "provider_unavailable, provider_timeout, internal_error, interrupted and the like; else null.",
            True,
        ),
        Column(
            "model",
            "VARCHAR",
            "Model that was asked, as CHAT_MODEL names it; offline for the built-in one, curated for an answer "
            "of the team's own; null for questions, where none was asked, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "assistant_version",
            "INTEGER",
            "Version of the assistant's definition; null for questions, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "index_version",
            "VARCHAR",
            "Hash of the documents that were searched; null for questions, and where a crash cut the answer "
            "off.",
            True,
        ),
        Column(
            "prompt_tokens",
            "INTEGER",
            "Tokens sent, over the turn's model calls, failed ones too: the provider's count where it gives "
            "one, else characters / 4; 0 without a call; null for questions, and where a crash cut the answer "
            "off.",
            True,
        ),
        Column(
            "completion_tokens",
            "INTEGER",
            "Tokens received, over the turn's model calls: the provider's count where it gives one, else "
            "characters / 4; 0 without a call; null for questions, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "cost_usd",
            "DOUBLE",
            "Cost of these tokens in US dollars, by the prices in force at the time; 0 without a call; null "
            "where no price is known, for questions, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "first_token_ms",
            "INTEGER",
            "Milliseconds from the question to the first word; null for questions, and where no word came or "
            "all came at once (refusals, ready-made answers).",
            True,
        ),
        Column(
            "total_ms",
            "INTEGER",
            "Milliseconds from the question to the end of the answer; null for questions, and where a crash cut "
            "the answer off.",
            True,
        ),
        Column(
            "trace_id",
            "VARCHAR",
            "The same id as in the service's log lines and X-Trace-Id; null where a crash cut the answer off, "
            "and in the shareable copy.",
            True,
        ),
        Column("is_cut", "BOOLEAN", "Whether the model stopped at its length limit."),
        Column(
            "parameters",
            "VARCHAR",
            "What the answer was made with, as JSON: passages and earlier turns allowed, deadlines in seconds, "
            "what the model was told (temperature and the like); null for questions, and where nothing was "
            "begun or a crash cut the answer off.",
            True,
        ),
        Column(
            "searched_for",
            "VARCHAR",
            "The question as it was searched for, where the thread was needed to understand it; else null.",
            True,
        ),
        Column(
            "model_calls",
            "INTEGER",
            "Calls of a model in this turn, 2 where the question was made to stand alone first; 0 without one; "
            "null for questions, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "retries",
            "INTEGER",
            "Calls that were made again after a failure; the service makes none again, so 0; null for "
            "questions, and where a crash cut the answer off.",
            True,
        ),
        Column(
            "limits_hit",
            "VARCHAR",
            "Limits that the turn met, with commas between: answer_length, prompt_budget (passages or earlier turns "
            "were cut), model_time, session_time, session_messages, session_characters (used up with it); else null.",
            True,
        ),
        Column(
            "is_personal",
            "BOOLEAN",
            "Whether the text is made of what a tester filled in (a letter, a story): its content is left out of the "
            "shareable copy; null in rows written before forms were known.",
            True,
        ),
        Column("characters", "INTEGER", "Length of content in code points."),
        Column("search_text", "VARCHAR", "content without differences of case and accents, to search in."),
    ),
)

PASSAGES_USED = Table(
    "passages_used",
    "One row per passage of the documentation that was retrieved for an answer.",
    (
        Column("message_id", "UUID", "The answer.", is_key=True),
        Column("rank", "INTEGER", "Place among the passages retrieved, from 1, best first.", is_key=True),
        Column(
            "score",
            "DOUBLE",
            "The retriever's score, without a unit, higher is nearer; comparable within one answer only.",
        ),
        Column("source", "VARCHAR", "File, relative to the knowledge folder."),
        Column("heading", "VARCHAR", "Breadcrumb: page > heading > subheading."),
        Column(
            "anchor",
            "VARCHAR",
            "Fragment of the heading in the page; empty for the page itself, and in the shareable copy where "
            "the heading is masked.",
        ),
        Column("snippet", "VARCHAR", "Text of the passage."),
        Column("number", "INTEGER", "Number by which the answer cites it, [1] and so on."),
        Column("cited", "BOOLEAN", "Whether the answer refers to it."),
    ),
)

FEEDBACK_EVENTS = Table(
    "feedback_events",
    "Every verdict given on an answer; the view feedback has the one in force.",
    (
        Column("event_id", "UUID", "Names the verdict.", is_key=True),
        Column("message_id", "UUID", "The answer."),
        Column("value", "INTEGER", "1 (helpful) or -1 (not helpful)."),
        Column(
            "reason",
            "VARCHAR",
            "Reason in a word or two, from the page's list or a client's own; null without one.",
            True,
        ),
        Column("comment", "VARCHAR", "The tester's own words; null without them.", True),
        Column("created_at", "TIMESTAMPTZ", "When it was given."),
    ),
)

REQUESTS = Table(
    "requests",
    'Answers under which a tester asked "please document this".',
    (
        Column("message_id", "UUID", "The answer.", is_key=True),
        Column("created_at", "TIMESTAMPTZ", "When it was asked for."),
    ),
)

RATINGS = Table(
    "ratings",
    "A tester's rating of a whole thread.",
    (
        Column("thread_id", "UUID", "The thread.", is_key=True),
        Column("value", "INTEGER", "From 1 (worst) to 5 (best)."),
        Column("comment", "VARCHAR", "The tester's own words; null without them.", True),
        Column("created_at", "TIMESTAMPTZ", "When it was given or last changed."),
    ),
)

THREAD_FORMS = Table(
    "thread_forms",
    "What the tester filled in before the first question, one row per field.",
    (
        Column("thread_id", "UUID", "The thread.", is_key=True),
        Column("field", "VARCHAR", "Name of the field in the assistant's form.", is_key=True),
        Column("value", "VARCHAR", "What was filled in; a date as YYYY-MM-DD, a tick as true or false."),
        Column(
            "type",
            "VARCHAR",
            "text, long_text, choice, date, number, email or checkbox; null in rows written before types were "
            "known.",
            True,
        ),
    ),
)

GENERATED_FILES = Table(
    "generated_files",
    "One row per file that was made of a draft: a letter, a mail, a filled template, a booklet.",
    (
        Column("file_id", "UUID", "Names the file; the file itself is not kept.", is_key=True),
        Column("message_id", "UUID", "The draft it was made of."),
        Column("created_at", "TIMESTAMPTZ", "When it was made."),
        Column("format", "VARCHAR", "docx, odt, pdf, eml, xlsx or epub."),
        Column("template", "VARCHAR", "Name of the template it was filled from; null without one.", True),
        Column("template_version", "INTEGER", "Version of that template; null without one.", True),
        Column("bytes", "INTEGER", "Size of the file in bytes."),
        Column("is_edited", "BOOLEAN", "Whether the tester had changed the draft by hand."),
    ),
)

ASSISTANT_VERSIONS = Table(
    "assistant_versions",
    "Every version of every assistant's definition.",
    (
        Column("assistant", "VARCHAR", "Name of the assistant.", is_key=True),
        Column("version", "INTEGER", "Number of the version, from 1.", is_key=True),
        Column("definition", "VARCHAR", "The definition, in YAML."),
        Column("author", "VARCHAR", "Who wrote it."),
        Column("created_at", "TIMESTAMPTZ", "When it was saved."),
        Column("published_at", "TIMESTAMPTZ", "When it began to answer; null for a draft.", True),
        Column(
            "note", "VARCHAR", "What the author said about the change; null where nothing was said.", True
        ),
    ),
)

AUDIT = Table(
    "audit",
    "Who did what in the office, without the content it was done to.",
    (
        Column("audit_id", "UUID", "Names the entry.", is_key=True),
        Column("created_at", "TIMESTAMPTZ", "When it was done."),
        Column("actor", "VARCHAR", "Who did it: an account, a tester, or service or command."),
        Column("action", "VARCHAR", "What was done, noun and verb, such as thread.erase."),
        Column("target", "VARCHAR", "What it was done to."),
        Column("detail", "VARCHAR", "Numbers and names that belong to it; may be empty."),
    ),
)

# In this order a row never comes before the row it refers to.
TABLES = (
    THREADS,
    MESSAGES,
    PASSAGES_USED,
    FEEDBACK_EVENTS,
    REQUESTS,
    RATINGS,
    THREAD_FORMS,
    GENERATED_FILES,
    ASSISTANT_VERSIONS,
    AUDIT,
)

LOG_INFO = Table(
    "log_info",
    "One row about this file itself: which generation it is and how much of the store it holds.",
    (
        Column("schema_version", "INTEGER", "Version of these tables and views."),
        Column("generation", "INTEGER", "Number of this publication; each new one has a higher number."),
        Column("published_at", "TIMESTAMPTZ", "The file holds all that was stored before this moment."),
        Column("timezone", "VARCHAR", "IANA time zone of the team, for reports; times here are absolute."),
        Column(
            "store_id", "VARCHAR", "Id of the store this was published from; a restored store has a new one."
        ),
        Column("mark", "BIGINT", "Number of the last change of the store that is in this file."),
        Column(
            "edition",
            "VARCHAR",
            "complete, or shareable: labels are stand-ins, personal data in texts is masked, audit is empty.",
        ),
        Column(
            "disguise", "VARCHAR", "Rules and salt by which it was masked; null in the complete log.", True
        ),
        *(Column(f"{table.name}_rows", "BIGINT", f"Rows in {table.name}.") for table in TABLES),
    ),
)


def build_statements() -> list[str]:
    """Give the statements that make every table with its comments, in order."""
    return [statement for table in (*TABLES, LOG_INFO) for statement in table.build_statements()]
