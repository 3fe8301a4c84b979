-- What one group of events writes. The `VALUES` row of each is repeated for many rows at once.

-- name: insert_events
INSERT INTO event (seq, at_us, type, subject, body)
VALUES (:seq, :at_us, :type, :subject, :body)

-- name: put_jobs
INSERT INTO job (id, number, name, queue, user_name, state, priority, submitted_at_us, submit_key, body)
VALUES (:id, :number, :name, :queue, :user_name, :state, :priority, :submitted_at_us, :submit_key, :body)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, priority = excluded.priority, body = excluded.body

-- name: insert_job_labels
INSERT INTO job_label (name, value, job)
VALUES (:name, :value, :job)

-- name: put_attempts
INSERT INTO attempt (id, job, number, pool, state, body)
VALUES (:id, :job, :number, :pool, :state, :body)
ON CONFLICT (id) DO UPDATE SET state = excluded.state, body = excluded.body

-- name: put_nodes
INSERT INTO node (id, pool, state, body)
VALUES (:id, :pool, :state, :body)
ON CONFLICT (id) DO UPDATE SET pool = excluded.pool, state = excluded.state, body = excluded.body

-- name: put_pools
INSERT INTO pool (name, body)
VALUES (:name, :body)
ON CONFLICT (name) DO UPDATE SET body = excluded.body

-- name: drop_pools
DELETE FROM pool WHERE name IN (:name)

-- name: put_queues
INSERT INTO queue (name, body)
VALUES (:name, :body)
ON CONFLICT (name) DO UPDATE SET body = excluded.body

-- name: drop_queues
DELETE FROM queue WHERE name IN (:name)

-- name: insert_usage_records
INSERT INTO usage_record (node, attempt, from_us, to_us, job, queue, pool, body)
VALUES (:node, :attempt, :from_us, :to_us, :job, :queue, :pool, :body)

-- name: insert_meta
INSERT INTO meta (name, value)
VALUES (:name, :value)
