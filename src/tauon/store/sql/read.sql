-- What the use cases and a restart read.

-- name: revision
SELECT version_num FROM alembic_version

-- name: stamp
INSERT INTO alembic_version (version_num)
VALUES (:version_num)

-- name: meta
SELECT value FROM meta WHERE name = :name

-- name: head
SELECT seq, at_us FROM event ORDER BY seq DESC LIMIT 1

-- name: jobs_submitted
SELECT coalesce(max(number), 0) FROM job

-- name: live_jobs
SELECT body FROM job WHERE state IN ('queued', 'starting', 'running', 'preempting') ORDER BY number

-- name: live_attempts
SELECT body FROM attempt WHERE state <> 'ended' ORDER BY id

-- name: live_nodes
SELECT body FROM node WHERE state IN ('requested', 'ready', 'draining') ORDER BY id

-- name: all_pools
SELECT body FROM pool ORDER BY name

-- name: all_queues
SELECT body FROM queue ORDER BY name

-- name: all_nodes
SELECT body FROM node ORDER BY id

-- name: events_after
SELECT seq, at_us, body FROM event WHERE seq > :after ORDER BY seq LIMIT :limit

-- name: events_of_subject_after
SELECT seq, at_us, body FROM event WHERE subject = :subject AND seq > :after ORDER BY seq LIMIT :limit

-- name: job
SELECT body FROM job WHERE id = :id

-- name: job_of_key
SELECT id FROM job WHERE submit_key = :submit_key

-- name: count_jobs
SELECT state, count(*) FROM job GROUP BY state

-- name: attempts_of_job
SELECT body FROM attempt WHERE job = :job ORDER BY number

-- name: usage_records_after
SELECT body, to_us, node, attempt, from_us
FROM usage_record
WHERE to_us > :from_us AND from_us < :to_us
    AND (to_us, node, attempt, from_us) > (:after_to_us, :after_node, :after_attempt, :after_from_us)
ORDER BY to_us, node, attempt, from_us
LIMIT :limit

-- name: usage_records_of_job
SELECT body FROM usage_record WHERE job = :job AND to_us > :from_us AND from_us < :to_us ORDER BY to_us, node, from_us

-- name: keys
SELECT submit_key FROM job WHERE submit_key > :after ORDER BY submit_key LIMIT :limit

-- The parts from which a listing of jobs is put together, each with its own parameters.

-- name: jobs
SELECT body FROM job WHERE number < :before

-- name: count_of_jobs
SELECT count(*) FROM job WHERE number < :before

-- name: jobs_in_states
AND state IN (:state)

-- name: jobs_in_queue
AND (queue = :queue OR queue LIKE :below ESCAPE '!')

-- name: jobs_of_user
AND user_name = :user_name

-- name: jobs_with_text
AND (lower(id) LIKE :text ESCAPE '!' OR lower(name) LIKE :text ESCAPE '!')

-- name: jobs_with_label
AND EXISTS (SELECT 1 FROM job_label WHERE job_label.name = :name AND job_label.value = :value AND job_label.job = job.id)

-- name: jobs_by_submitted
ORDER BY number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_submitted_down
ORDER BY number LIMIT :limit OFFSET :offset

-- name: jobs_by_name
ORDER BY name, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_name_down
ORDER BY name DESC, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_state
ORDER BY CASE state WHEN 'running' THEN 0 WHEN 'preempting' THEN 1 WHEN 'starting' THEN 2 WHEN 'queued' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 ELSE 6 END, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_state_down
ORDER BY CASE state WHEN 'running' THEN 0 WHEN 'preempting' THEN 1 WHEN 'starting' THEN 2 WHEN 'queued' THEN 3 WHEN 'failed' THEN 4 WHEN 'cancelled' THEN 5 ELSE 6 END DESC, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_queue
ORDER BY queue, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_queue_down
ORDER BY queue DESC, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_user
ORDER BY user_name, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_user_down
ORDER BY user_name DESC, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_priority
ORDER BY priority, number DESC LIMIT :limit OFFSET :offset

-- name: jobs_by_priority_down
ORDER BY priority DESC, number DESC LIMIT :limit OFFSET :offset
