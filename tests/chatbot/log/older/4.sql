CREATE TABLE threads ("thread_id" UUID NOT NULL, "assistant" VARCHAR NOT NULL, "channel" VARCHAR NOT NULL, "tester" VARCHAR NOT NULL, "code_label" VARCHAR, "wave" VARCHAR, "language" VARCHAR, "created_at" TIMESTAMPTZ NOT NULL, "notice_version" VARCHAR, "notice_accepted_at" TIMESTAMPTZ);
CREATE TABLE messages ("message_id" UUID NOT NULL, "thread_id" UUID NOT NULL, "position" INTEGER NOT NULL, "origin" VARCHAR NOT NULL, "content" VARCHAR NOT NULL, "created_at" TIMESTAMPTZ NOT NULL, "status" VARCHAR NOT NULL, "error_origin" VARCHAR, "error_code" VARCHAR, "model" VARCHAR, "assistant_version" INTEGER, "index_version" VARCHAR, "prompt_tokens" INTEGER, "completion_tokens" INTEGER, "cost_usd" DOUBLE, "first_token_ms" INTEGER, "total_ms" INTEGER, "trace_id" VARCHAR, "is_cut" BOOLEAN NOT NULL, "parameters" VARCHAR, "searched_for" VARCHAR, "model_calls" INTEGER, "retries" INTEGER, "limits_hit" VARCHAR, "is_personal" BOOLEAN, "characters" INTEGER NOT NULL, "search_text" VARCHAR NOT NULL);
CREATE TABLE passages_used ("message_id" UUID NOT NULL, "rank" INTEGER NOT NULL, "score" DOUBLE NOT NULL, "source" VARCHAR NOT NULL, "heading" VARCHAR NOT NULL, "anchor" VARCHAR NOT NULL, "snippet" VARCHAR NOT NULL, "number" INTEGER NOT NULL, "cited" BOOLEAN NOT NULL);
CREATE TABLE feedback_events ("event_id" UUID NOT NULL, "message_id" UUID NOT NULL, "value" INTEGER NOT NULL, "reason" VARCHAR, "comment" VARCHAR, "created_at" TIMESTAMPTZ NOT NULL);
CREATE TABLE requests ("message_id" UUID NOT NULL, "created_at" TIMESTAMPTZ NOT NULL);
CREATE TABLE ratings ("thread_id" UUID NOT NULL, "value" INTEGER NOT NULL, "comment" VARCHAR, "created_at" TIMESTAMPTZ NOT NULL);
CREATE TABLE thread_forms ("thread_id" UUID NOT NULL, "field" VARCHAR NOT NULL, "value" VARCHAR NOT NULL, "type" VARCHAR);
CREATE TABLE generated_files ("file_id" UUID NOT NULL, "message_id" UUID NOT NULL, "created_at" TIMESTAMPTZ NOT NULL, "format" VARCHAR NOT NULL, "template" VARCHAR, "template_version" INTEGER, "bytes" INTEGER NOT NULL, "is_edited" BOOLEAN NOT NULL);
CREATE TABLE assistant_versions ("assistant" VARCHAR NOT NULL, "version" INTEGER NOT NULL, "definition" VARCHAR NOT NULL, "author" VARCHAR NOT NULL, "created_at" TIMESTAMPTZ NOT NULL, "published_at" TIMESTAMPTZ, "note" VARCHAR);
CREATE TABLE audit ("audit_id" UUID NOT NULL, "created_at" TIMESTAMPTZ NOT NULL, "actor" VARCHAR NOT NULL, "action" VARCHAR NOT NULL, "target" VARCHAR NOT NULL, "detail" VARCHAR NOT NULL);
CREATE TABLE log_info ("schema_version" INTEGER NOT NULL, "generation" INTEGER NOT NULL, "published_at" TIMESTAMPTZ NOT NULL, "timezone" VARCHAR NOT NULL, "store_id" VARCHAR NOT NULL, "mark" BIGINT NOT NULL, "edition" VARCHAR NOT NULL, "disguise" VARCHAR, "threads_rows" BIGINT NOT NULL, "messages_rows" BIGINT NOT NULL, "passages_used_rows" BIGINT NOT NULL, "feedback_events_rows" BIGINT NOT NULL, "requests_rows" BIGINT NOT NULL, "ratings_rows" BIGINT NOT NULL, "thread_forms_rows" BIGINT NOT NULL, "generated_files_rows" BIGINT NOT NULL, "assistant_versions_rows" BIGINT NOT NULL, "audit_rows" BIGINT NOT NULL);
CREATE VIEW feedback AS 
SELECT message_id, value, reason, comment, created_at
FROM feedback_events
QUALIFY row_number() OVER (PARTITION BY message_id ORDER BY created_at DESC, event_id DESC) = 1;
CREATE VIEW message_details AS 
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
JOIN threads AS t ON t.thread_id = m.thread_id;
CREATE VIEW answers AS 
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
WHERE a.origin = 'bot';
CREATE VIEW passage_usage AS 
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
GROUP BY p.source, p.heading;
CREATE VIEW usage_per_hour AS 
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
GROUP BY time_bucket(INTERVAL '1 hour', m.created_at);
CREATE VIEW thread_summary AS 
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
) AS s ON s.thread_id = t.thread_id;
CREATE VIEW unanswered_questions AS 
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
WHERE a.origin = 'bot' AND a.status = 'refused' AND NOT coalesce(a.is_personal, false);
CREATE VIEW daily_costs AS 
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
GROUP BY CAST(m.created_at AT TIME ZONE 'UTC' AS DATE), t.assistant, m.model;
INSERT INTO log_info (schema_version, generation, published_at, timezone, store_id, mark, edition, threads_rows, messages_rows, passages_used_rows, feedback_events_rows, requests_rows, ratings_rows, thread_forms_rows, generated_files_rows, assistant_versions_rows, audit_rows) VALUES (4, 7, '2025-03-01 00:00:00+00', 'UTC', '11111111-1111-4111-8111-111111111111', 6, 'complete', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
