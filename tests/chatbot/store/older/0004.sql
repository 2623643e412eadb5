BEGIN TRANSACTION;
CREATE TABLE accounts (
	username VARCHAR(80) NOT NULL, 
	name VARCHAR(120) NOT NULL, 
	role VARCHAR(20) NOT NULL, 
	password_hash VARCHAR(100) NOT NULL, 
	created_at BIGINT NOT NULL, 
	valid_from BIGINT NOT NULL, 
	PRIMARY KEY (username)
);
INSERT INTO "accounts" VALUES('anne','Anne','admin','$2b$04$x',1750000000000000,1750000000000000);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0004');
CREATE TABLE assistant_versions (
	assistant VARCHAR(80) NOT NULL, 
	version INTEGER NOT NULL, 
	definition TEXT NOT NULL, 
	author VARCHAR(120) NOT NULL, 
	created_at BIGINT NOT NULL, 
	published_at BIGINT, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (assistant, version)
);
INSERT INTO "assistant_versions" VALUES('support',1,'name: support','file',1750000000000000,1750000000000000,5);
CREATE TABLE audit (
	audit_id VARCHAR(36) NOT NULL, 
	created_at BIGINT NOT NULL, 
	actor VARCHAR(120) NOT NULL, 
	action VARCHAR(60) NOT NULL, 
	target TEXT NOT NULL, 
	detail TEXT NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (audit_id)
);
INSERT INTO "audit" VALUES('00000000-0000-4000-8000-000000000005',1750000006000000,'anne','thread.read','x','',6);
CREATE TABLE change_counter (
	id INTEGER NOT NULL, 
	value BIGINT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "change_counter" VALUES(1,6);
CREATE TABLE codes (
	code_id VARCHAR(36) NOT NULL, 
	label VARCHAR(80) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	wave VARCHAR(80), 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT, 
	max_uses INTEGER, 
	uses INTEGER NOT NULL, 
	revoked_at BIGINT, 
	PRIMARY KEY (code_id), 
	UNIQUE (fingerprint), 
	UNIQUE (label)
);
INSERT INTO "codes" VALUES('00000000-0000-4000-8000-000000000007','alpha','f','wave 1',1750000000000000,NULL,NULL,1,NULL);
CREATE TABLE ended_sessions (
	fingerprint VARCHAR(64) NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (fingerprint)
);
CREATE TABLE feedback_events (
	event_id VARCHAR(36) NOT NULL, 
	message_id VARCHAR(36) NOT NULL, 
	value INTEGER NOT NULL, 
	reason TEXT, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (event_id), 
	FOREIGN KEY(message_id) REFERENCES messages (message_id)
);
INSERT INTO "feedback_events" VALUES('00000000-0000-4000-8000-000000000004','00000000-0000-4000-8000-000000000003',-1,'wrong','Non.',1750000003000000,3);
CREATE TABLE idempotency_keys (
	tester VARCHAR(120) NOT NULL, 
	"key" VARCHAR(200) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	message_id VARCHAR(36) NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (tester, "key")
);
CREATE TABLE limit_counters (
	"key" VARCHAR(200) NOT NULL, 
	count INTEGER NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY ("key")
);
CREATE TABLE logins (
	login_id VARCHAR(36) NOT NULL, 
	tester VARCHAR(120) NOT NULL, 
	code_label VARCHAR(80), 
	wave VARCHAR(80), 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	ended_at BIGINT, 
	notice_version VARCHAR(16), 
	notice_accepted_at BIGINT, code_id VARCHAR(36), 
	PRIMARY KEY (login_id), 
	UNIQUE (tester)
);
INSERT INTO "logins" VALUES('00000000-0000-4000-8000-000000000006','alpha-1',NULL,NULL,1750000000000000,1850000000000000,NULL,NULL,NULL,NULL);
CREATE TABLE messages (
	message_id VARCHAR(36) NOT NULL, 
	thread_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	origin VARCHAR(4) NOT NULL, 
	content TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	status VARCHAR(12) NOT NULL, 
	error_origin VARCHAR(10), 
	error_code VARCHAR(40), 
	model VARCHAR(120), 
	assistant_version INTEGER, 
	index_version VARCHAR(40), 
	prompt_tokens INTEGER, 
	completion_tokens INTEGER, 
	cost_usd FLOAT, 
	first_token_ms INTEGER, 
	total_ms INTEGER, 
	trace_id VARCHAR(64), 
	is_cut BOOLEAN NOT NULL, 
	change BIGINT NOT NULL, parameters TEXT, searched_for TEXT, model_calls INTEGER, retries INTEGER, limits_hit VARCHAR(120), 
	PRIMARY KEY (message_id), 
	FOREIGN KEY(thread_id) REFERENCES threads (thread_id), 
	CONSTRAINT uq_messages_thread_position UNIQUE (thread_id, position)
);
INSERT INTO "messages" VALUES('00000000-0000-4000-8000-000000000002','00000000-0000-4000-8000-000000000001',0,'user','Où est l''été ?',1750000001000000,'complete',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,0,2,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "messages" VALUES('00000000-0000-4000-8000-000000000003','00000000-0000-4000-8000-000000000001',1,'bot','Ici. [1]',1750000002000000,'complete',NULL,NULL,'offline',NULL,NULL,10,4,NULL,NULL,900,NULL,0,2,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE meta (
	name VARCHAR(40) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('store_id','11111111-1111-4111-8111-111111111111');
CREATE TABLE passages_used (
	message_id VARCHAR(36) NOT NULL, 
	rank INTEGER NOT NULL, 
	score FLOAT NOT NULL, 
	source TEXT NOT NULL, 
	heading TEXT NOT NULL, 
	anchor TEXT NOT NULL, 
	snippet TEXT NOT NULL, 
	number INTEGER NOT NULL, 
	cited BOOLEAN NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (message_id, rank), 
	FOREIGN KEY(message_id) REFERENCES messages (message_id)
);
INSERT INTO "passages_used" VALUES('00000000-0000-4000-8000-000000000003',1,3.5,'fr/a.md','A > B','b','Ici.',1,1,2);
CREATE TABLE ratings (
	thread_id VARCHAR(36) NOT NULL, 
	value INTEGER NOT NULL, 
	comment TEXT, 
	created_at BIGINT NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (thread_id), 
	FOREIGN KEY(thread_id) REFERENCES threads (thread_id)
);
INSERT INTO "ratings" VALUES('00000000-0000-4000-8000-000000000001',4,'Bien',1750000005000000,5);
CREATE TABLE receipts (
	receipt_id VARCHAR(36) NOT NULL, 
	number BIGINT NOT NULL, 
	written_at BIGINT NOT NULL, 
	PRIMARY KEY (receipt_id)
);
CREATE TABLE requests (
	message_id VARCHAR(36) NOT NULL, 
	created_at BIGINT NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (message_id), 
	FOREIGN KEY(message_id) REFERENCES messages (message_id)
);
INSERT INTO "requests" VALUES('00000000-0000-4000-8000-000000000003',1750000004000000,4);
CREATE TABLE resume_codes (
	login_id VARCHAR(36) NOT NULL, 
	fingerprint VARCHAR(64) NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (login_id), 
	UNIQUE (fingerprint)
);
CREATE TABLE tester_numbers (
	label VARCHAR(80) NOT NULL, 
	last INTEGER NOT NULL, 
	PRIMARY KEY (label)
);
CREATE TABLE thread_forms (
	thread_id VARCHAR(36) NOT NULL, 
	field VARCHAR(80) NOT NULL, 
	value TEXT NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (thread_id, field), 
	FOREIGN KEY(thread_id) REFERENCES threads (thread_id)
);
INSERT INTO "thread_forms" VALUES('00000000-0000-4000-8000-000000000001','product','teapot',5);
CREATE TABLE threads (
	thread_id VARCHAR(36) NOT NULL, 
	assistant VARCHAR(80) NOT NULL, 
	channel VARCHAR(10) NOT NULL, 
	tester VARCHAR(120) NOT NULL, 
	code_label VARCHAR(80), 
	wave VARCHAR(80), 
	language VARCHAR(10), 
	created_at BIGINT NOT NULL, 
	notice_version VARCHAR(16), 
	change BIGINT NOT NULL, notice_accepted_at BIGINT, 
	PRIMARY KEY (thread_id)
);
INSERT INTO "threads" VALUES('00000000-0000-4000-8000-000000000001','support','page','alpha-1','alpha','wave 1','en',1750000000000000,'n1',1,1750000000500000);
CREATE TABLE tombstones (
	tombstone_id VARCHAR(36) NOT NULL, 
	created_at BIGINT NOT NULL, 
	reason VARCHAR(40) NOT NULL, 
	rows_deleted INTEGER NOT NULL, 
	change BIGINT NOT NULL, 
	PRIMARY KEY (tombstone_id)
);
CREATE TABLE turns (
	thread_id VARCHAR(36) NOT NULL, 
	message_id VARCHAR(36) NOT NULL, 
	user_message_id VARCHAR(36) NOT NULL, 
	position INTEGER NOT NULL, 
	owner VARCHAR(80) NOT NULL, 
	started_at BIGINT NOT NULL, 
	lease_until BIGINT NOT NULL, 
	PRIMARY KEY (thread_id), 
	FOREIGN KEY(thread_id) REFERENCES threads (thread_id), 
	UNIQUE (message_id)
);
CREATE INDEX ix_assistant_versions_change ON assistant_versions (change);
CREATE INDEX ix_audit_change ON audit (change);
CREATE INDEX ix_threads_change ON threads (change);
CREATE INDEX ix_threads_tester ON threads (tester);
CREATE INDEX ix_tombstones_change ON tombstones (change);
CREATE INDEX ix_messages_change ON messages (change);
CREATE INDEX ix_messages_created_at ON messages (created_at);
CREATE INDEX ix_ratings_change ON ratings (change);
CREATE INDEX ix_thread_forms_change ON thread_forms (change);
CREATE INDEX ix_turns_owner ON turns (owner);
CREATE INDEX ix_feedback_events_change ON feedback_events (change);
CREATE INDEX ix_feedback_events_message_id ON feedback_events (message_id);
CREATE INDEX ix_passages_used_change ON passages_used (change);
CREATE INDEX ix_requests_change ON requests (change);
COMMIT;
