-- What `verify` compares with a replay. Columns stand in the order in which `write.sql` puts them.

-- name: verify_events
SELECT seq, at_us, type, subject, body FROM event WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: verify_jobs
SELECT id, number, name, queue, user_name, state, priority, submitted_at_us, submit_key, body
FROM job WHERE id IN (:id)

-- name: verify_job_labels
SELECT name, value, job FROM job_label WHERE job IN (:job)

-- name: verify_attempts
SELECT id, job, number, pool, state, body FROM attempt WHERE id IN (:id)

-- name: verify_nodes
SELECT id, pool, state, body FROM node WHERE id IN (:id)

-- name: verify_pools
SELECT name, body FROM pool WHERE name IN (:name)

-- name: verify_queues
SELECT name, body FROM queue WHERE name IN (:name)

-- name: verify_usage_records
SELECT node, attempt, from_us, to_us, job, queue, pool, body
FROM usage_record WHERE (node, attempt, from_us) IN (VALUES (:node, :attempt, :from_us))

-- name: count_rows
SELECT (SELECT count(*) FROM job), (SELECT count(*) FROM job_label), (SELECT count(*) FROM attempt),
    (SELECT count(*) FROM node), (SELECT count(*) FROM pool), (SELECT count(*) FROM queue),
    (SELECT count(*) FROM usage_record)
