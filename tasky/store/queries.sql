-- beat --
UPDATE pulse SET beat = (beat + 1) & 0xFFFF;

-- insert_task --
INSERT INTO tasks (id, worker, state, created, started, priority, not_before, timeout, restart_of,
                   attempt, attempt_started, labels, idempotency_key, idempotency_digest, secrets, params)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insert_label --
INSERT OR IGNORE INTO labels (key, value, task_id) VALUES (?, ?, ?);

-- task_by_key --
SELECT id, idempotency_digest FROM tasks WHERE idempotency_key = ?;

-- state --
SELECT state FROM tasks WHERE id = ?;

-- set_state --
UPDATE tasks SET state = ? WHERE id = ?;

-- start --
UPDATE tasks
SET state = ?, attempt = ?, attempt_started = ?, started = coalesce(started, max(?, created)), progress = NULL
WHERE id = ?;

-- requeue --
UPDATE tasks
SET state = ?, attempt_started = NULL, not_before = coalesce(?, not_before), progress = coalesce(?, progress)
WHERE id = ?;

-- take_back --
UPDATE tasks
SET state = ?, attempt = attempt - 1, attempt_started = NULL, started = CASE WHEN attempt > 1 THEN started END
WHERE id = ?;

-- finish --
-- Whatever the clock did meanwhile, a task does not end before it began.
UPDATE tasks
SET state = ?, finished = max(?, coalesce(started, created)), duration = ?, output = ?, failure = ?, artifacts = ?,
    progress = coalesce(?, progress), attempt_started = NULL
WHERE id = ?;

-- save_attempt --
INSERT OR REPLACE INTO attempts (task_id, number, started, finished, exit_code, signal, failure)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- save_progress --
UPDATE tasks SET progress = ? WHERE id = ? AND finished IS NULL;

-- delete --
DELETE FROM tasks WHERE id = ?;

-- ends_ahead --
SELECT id, finished FROM tasks INDEXED BY tasks_by_end
WHERE finished > ? ORDER BY finished LIMIT ?;

-- oldest_ends --
SELECT id, finished FROM tasks INDEXED BY tasks_by_end
WHERE finished IS NOT NULL ORDER BY finished LIMIT ?;

-- finished_total --
SELECT sum(tasks) FROM totals WHERE state IN ('Completed', 'Failed', 'Canceled');

-- set_enabled --
INSERT OR REPLACE INTO workers (name, enabled, definition_enabled) VALUES (?, ?, ?);

-- enabled --
SELECT name, enabled, definition_enabled FROM workers;

-- task --
SELECT id, worker, state, created, started, finished, duration, priority, not_before, timeout,
       restart_of, attempt, attempt_started, labels, progress, failure, artifacts, secrets, params,
       output
FROM tasks WHERE id = ?;

-- attempts --
SELECT number, started, finished, exit_code, signal, failure
FROM attempts WHERE task_id = ? ORDER BY number;

-- queued --
SELECT id, worker, priority, not_before, attempt, started
FROM tasks INDEXED BY tasks_by_state WHERE state = 'Queued' ORDER BY priority DESC, id;

-- active --
SELECT id FROM tasks INDEXED BY tasks_by_state
WHERE state IN ('Running', 'Paused', 'Canceling') ORDER BY id;

-- newest --
SELECT max(id) FROM tasks;
