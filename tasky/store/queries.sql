-- beat --
UPDATE pulse SET beat = (beat + 1) & 0xFFFF;

-- insert_task --
INSERT INTO tasks (id, worker, state, created, started, priority, not_before, timeout, restart_of,
                   attempt, attempt_started, labels, idempotency_key, idempotency_digest, secrets, params)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- insert_origin --
INSERT INTO origins (task_id, by) VALUES (?, ?);

-- record_action --
-- A task that is gone has none, and one that is canceled for ever has no more than so many.
INSERT INTO actions (task_id, time, by, action)
SELECT id, ?, ?, ? FROM tasks
WHERE id = ? AND (SELECT count(*) FROM actions WHERE task_id = tasks.id) < ?;

-- actions --
SELECT time, by, action FROM actions WHERE task_id = ? ORDER BY rowid;

-- order --
SELECT params, secrets, timeout FROM tasks WHERE id = ?;

-- origin --
SELECT worker, (SELECT by FROM origins WHERE task_id = tasks.id) FROM tasks WHERE id = ?;

-- next_worker --
SELECT min(worker) FROM tasks WHERE worker > ?;

-- insert_session --
INSERT INTO sessions (digest, token, expires) VALUES (?, ?, ?);

-- session --
SELECT token FROM sessions WHERE digest = ? AND expires > ?;

-- delete_session --
DELETE FROM sessions WHERE digest = ?;

-- expire_sessions --
DELETE FROM sessions WHERE expires <= ?;

-- crowd_out_sessions --
-- The oldest of a token's beyond so many.
DELETE FROM sessions WHERE digest IN (
    SELECT digest FROM sessions WHERE token = ? ORDER BY expires DESC LIMIT -1 OFFSET ?
);

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
WHERE id = ? AND state = 'Queued';

-- requeue --
UPDATE tasks
SET state = ?, attempt_started = NULL, not_before = coalesce(?, not_before), progress = coalesce(?, progress)
WHERE id = ?;

-- take_back --
UPDATE tasks
SET state = ?, attempt = attempt - 1, attempt_started = NULL, started = CASE WHEN attempt > 1 THEN started END
WHERE id = ?;

-- finish --
-- Whatever the clock did meanwhile, a task does not end before it began. From these states it can end so.
UPDATE tasks
SET state = ?, finished = max(?, coalesce(started, created)), duration = ?, output = ?, failure = ?, artifacts = ?,
    progress = coalesce(?, progress), attempt_started = NULL
WHERE id = ? AND state IN (?, ?);

-- save_attempt --
INSERT OR REPLACE INTO attempts (task_id, number, started, finished, exit_code, signal, failure)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- save_progress --
UPDATE tasks SET progress = ? WHERE id = ? AND finished IS NULL;

-- delete --
DELETE FROM tasks WHERE id = ?;

-- ends_ahead --
-- What a chain that has not ended may still ask for stays, here and in the next one.
SELECT id, finished FROM tasks INDEXED BY tasks_by_end
WHERE finished > ? AND NOT EXISTS (
    SELECT 1 FROM children JOIN tasks AS chain ON chain.id = parent WHERE child = tasks.id AND chain.finished IS NULL
) ORDER BY finished LIMIT ?;

-- ends --
SELECT worker, state, finished, duration FROM tasks INDEXED BY tasks_by_end
WHERE finished > ? AND finished <= ? ORDER BY finished DESC LIMIT ?;

-- oldest_ends --
SELECT id, finished FROM tasks INDEXED BY tasks_by_end
WHERE finished IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM children JOIN tasks AS chain ON chain.id = parent WHERE child = tasks.id AND chain.finished IS NULL
) ORDER BY finished LIMIT ?;

-- finished_total --
SELECT sum(tasks) FROM totals WHERE state IN ('Completed', 'Failed', 'Canceled');

-- set_enabled --
INSERT OR REPLACE INTO workers (name, enabled, definition_enabled) VALUES (?, ?, ?);

-- enabled --
SELECT name, enabled, definition_enabled FROM workers;

-- task --
SELECT id, worker, state, created, started, finished, duration, priority, not_before, timeout,
       restart_of, attempt, attempt_started, labels, progress, failure, artifacts, secrets, params,
       output, (SELECT by FROM origins WHERE task_id = tasks.id)
FROM tasks WHERE id = ?;

-- attempts --
SELECT number, started, finished, exit_code, signal, failure
FROM attempts WHERE task_id = ? ORDER BY number;

-- queued --
SELECT id, worker, priority, not_before, attempt, started
FROM tasks INDEXED BY tasks_by_state WHERE state = 'Queued' AND id > ? ORDER BY id LIMIT ?;

-- active --
SELECT id FROM tasks INDEXED BY tasks_by_state
WHERE state IN ('Running', 'Paused', 'Canceling') AND NOT EXISTS (SELECT 1 FROM chains WHERE task_id = tasks.id)
ORDER BY id;

-- active_chains --
SELECT id FROM tasks INDEXED BY tasks_by_state
WHERE state IN ('Running', 'Paused', 'Canceling') AND EXISTS (SELECT 1 FROM chains WHERE task_id = tasks.id)
ORDER BY id;

-- insert_chain --
INSERT INTO chains (task_id, plan, resumes) VALUES (?, ?, ?);

-- chain --
SELECT plan, resumes, halted FROM chains WHERE task_id = ?;

-- halt_chain --
UPDATE chains SET halted = coalesce(halted, ?) WHERE task_id = ?;

-- insert_child --
INSERT INTO children (parent, run, step, item, attempt, child, taken_over) VALUES (?, ?, ?, ?, ?, ?, 0);

-- take_over --
-- Of the last attempt of a chain: of each item the task that has completed.
INSERT INTO children (parent, run, step, item, attempt, child, taken_over)
SELECT ?, 1, step, item, 1, child, 1
FROM children JOIN tasks ON tasks.id = child
WHERE parent = ? AND tasks.state = 'Completed' AND run = (SELECT max(run) FROM children WHERE parent = ?);

-- children --
SELECT step, item, children.attempt, child, state, failure
FROM children JOIN tasks ON tasks.id = child
WHERE parent = ? AND run = ? ORDER BY step, item, children.attempt;

-- own_children --
SELECT child FROM children JOIN tasks ON tasks.id = child
WHERE parent = ? AND NOT taken_over AND finished IS NOT NULL;

-- part --
SELECT parent, run, step, item, attempt FROM children WHERE child = ? AND NOT taken_over;

-- used_by --
-- A chain that has not ended, and may still ask for the output of a task of it.
SELECT parent FROM children JOIN tasks ON tasks.id = parent WHERE child = ? AND finished IS NULL LIMIT 1;

-- schedules --
SELECT worker, times, since FROM schedules;

-- due --
SELECT worker, at FROM due ORDER BY worker, at;

-- note_schedule --
INSERT OR REPLACE INTO schedules (worker, times, since) VALUES (?, ?, ?);

-- note_due --
INSERT OR IGNORE INTO due (worker, at) VALUES (?, ?);

-- run_at --
SELECT 1 FROM runs WHERE worker = ? AND at = ?;

-- not_due --
DELETE FROM due WHERE worker = ? AND at = ?;

-- forget_schedule --
DELETE FROM schedules WHERE worker = ?;

-- forget_due --
DELETE FROM due WHERE worker = ?;

-- insert_run --
INSERT INTO runs (worker, at, task_id) VALUES (?, ?, ?);

-- last_run --
SELECT task_id, at, state FROM runs JOIN tasks ON id = task_id WHERE runs.worker = ? ORDER BY at DESC LIMIT 1;

-- run_of --
SELECT at FROM runs WHERE task_id = ?;

-- output --
SELECT output FROM tasks WHERE id = ?;

-- save_step --
INSERT OR REPLACE INTO steps (parent, run, step, state, total, ended, failed, failure)
SELECT id, ?, ?, ?, ?, ?, ?, ? FROM tasks WHERE id = ?;

-- steps --
SELECT step, state, total, ended, failed, failure FROM steps WHERE parent = ? AND run = ?;

-- newest --
SELECT max(id) FROM tasks;

-- insert_notification --
INSERT INTO notifications (task_id, position, url, origin, ends, secret_file, trusted)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- notify --
UPDATE notifications SET ended = ?, delivery = 'Pending', next_at = ? WHERE task_id = ? AND instr(ends, ?);

-- hooks --
SELECT url, ends, secret_file, trusted FROM notifications WHERE task_id = ? ORDER BY position;

-- notifications --
SELECT url, ended, delivery, attempts, last_status, last_error, next_at
FROM notifications WHERE task_id = ? AND delivery IS NOT NULL ORDER BY position;

-- due_notifications --
SELECT task_id, position, url, ended, secret_file, trusted, attempts
FROM notifications INDEXED BY notifications_by_time
WHERE next_at <= ? AND origin NOT IN (:busy) ORDER BY next_at LIMIT ?;

-- next_notification --
SELECT min(next_at) FROM notifications INDEXED BY notifications_by_time WHERE next_at > ?;

-- record_notification --
UPDATE notifications
SET delivery = ?, attempts = attempts + 1, last_status = ?, last_error = ?, next_at = ?
WHERE task_id = ? AND position = ?;
