-- The schema at the newest revision, for a database that is still empty; older ones get here by `migrations/`, and a
-- test holds the two equal. {int64} is the dialect's word for a 64-bit integer. Times end in _us: microseconds.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE event (
    seq {int64} NOT NULL PRIMARY KEY,
    at_us {int64} NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX event_by_subject ON event (subject, seq);

CREATE TABLE job (
    id TEXT NOT NULL PRIMARY KEY,
    number {int64} NOT NULL,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    user_name TEXT NOT NULL,
    state TEXT NOT NULL,
    priority {int64} NOT NULL,
    submitted_at_us {int64} NOT NULL,
    submit_key TEXT,
    body TEXT NOT NULL
);
CREATE INDEX job_by_number ON job (number);
CREATE INDEX job_by_state ON job (state, number);
CREATE INDEX job_by_queue ON job (queue, number);
CREATE INDEX job_by_user ON job (user_name, number);
CREATE UNIQUE INDEX job_by_key ON job (submit_key) WHERE submit_key IS NOT NULL;

CREATE TABLE job_label (
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (name, value, job)
);
CREATE INDEX job_label_by_job ON job_label (job);

CREATE TABLE attempt (
    id TEXT NOT NULL PRIMARY KEY,
    job TEXT NOT NULL,
    number {int64} NOT NULL,
    pool TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX attempt_by_job ON attempt (job, number);
CREATE INDEX attempt_live ON attempt (id) WHERE state <> 'ended';

CREATE TABLE node (
    id TEXT NOT NULL PRIMARY KEY,
    pool TEXT NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE pool (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE queue (
    name TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
);

-- A record without attempt (the empty string) is the node's whole capacity.
CREATE TABLE usage_record (
    node TEXT NOT NULL,
    attempt TEXT NOT NULL,
    from_us {int64} NOT NULL,
    to_us {int64} NOT NULL,
    job TEXT,
    queue TEXT,
    pool TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (node, attempt, from_us)
);
CREATE INDEX usage_record_by_end ON usage_record (to_us);
CREATE INDEX usage_record_by_job ON usage_record (job) WHERE job IS NOT NULL;
