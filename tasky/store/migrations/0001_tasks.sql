-- Times are nanoseconds since the epoch, durations nanoseconds. Columns that hold JSON hold it as text.
-- params and output stand last: a row that is read for a list does not touch the pages of what is big in it.

CREATE TABLE tasks (
    id TEXT NOT NULL UNIQUE,
    worker TEXT NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    duration INTEGER,
    priority INTEGER NOT NULL,
    not_before INTEGER,
    timeout INTEGER,
    restart_of TEXT,
    attempt INTEGER NOT NULL,        -- how many attempts have begun
    attempt_started INTEGER,         -- when the one that runs began; NULL where none runs
    labels TEXT,                     -- JSON: [[key, value], ...]
    idempotency_key TEXT,
    idempotency_digest TEXT,
    progress TEXT,                   -- JSON
    failure TEXT,                    -- JSON
    artifacts TEXT,                  -- JSON: [[path, name, media_type, size], ...]
    secrets TEXT,                    -- JSON: [name, ...] of the parameters that are masked
    params TEXT NOT NULL,            -- JSON
    output TEXT                      -- JSON
);

CREATE INDEX tasks_by_state ON tasks (state, id);
CREATE INDEX tasks_by_worker ON tasks (worker, state, id);
CREATE INDEX tasks_by_end ON tasks (finished) WHERE finished IS NOT NULL;
CREATE UNIQUE INDEX tasks_by_key ON tasks (idempotency_key) WHERE idempotency_key IS NOT NULL;

-- The attempts that have ended. The one that runs is in its task's row: one statement less for each task.
CREATE TABLE attempts (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    started INTEGER NOT NULL,
    finished INTEGER,
    exit_code INTEGER,
    signal TEXT,
    failure TEXT,                    -- JSON
    PRIMARY KEY (task_id, number)
) WITHOUT ROWID;

CREATE TABLE labels (
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (key, value, task_id)
) WITHOUT ROWID;
CREATE INDEX labels_by_task ON labels (task_id);

-- Workers enabled or disabled by a client. definition_enabled is what the file said then.
CREATE TABLE workers (
    name TEXT PRIMARY KEY,
    enabled INTEGER NOT NULL,
    definition_enabled INTEGER NOT NULL
) WITHOUT ROWID;

-- How many tasks are in each state, kept by the triggers: counting a million rows takes too long for retention.
CREATE TABLE totals (
    state TEXT PRIMARY KEY,
    tasks INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO totals (state, tasks)
VALUES ('Queued', 0), ('Running', 0), ('Paused', 0), ('Canceling', 0),
       ('Completed', 0), ('Failed', 0), ('Canceled', 0);

CREATE TRIGGER tasks_added AFTER INSERT ON tasks BEGIN
    UPDATE totals SET tasks = tasks + 1 WHERE state = NEW.state;
END;
CREATE TRIGGER tasks_removed AFTER DELETE ON tasks BEGIN
    UPDATE totals SET tasks = tasks - 1 WHERE state = OLD.state;
END;
CREATE TRIGGER tasks_changed AFTER UPDATE OF state ON tasks WHEN OLD.state <> NEW.state BEGIN
    UPDATE totals SET tasks = tasks - 1 WHERE state = OLD.state;
    UPDATE totals SET tasks = tasks + 1 WHERE state = NEW.state;
END;

-- One row that is written when there is nothing else to write: a commit without changes would not be synced.
CREATE TABLE pulse (
    beat INTEGER NOT NULL
);
INSERT INTO pulse (beat) VALUES (0);
