-- Runs by schedule: each time that was due is in one of these places, and changes from one to the next in one commit.

CREATE TABLE schedules (
    worker TEXT PRIMARY KEY,
    times TEXT NOT NULL,             -- what says when; with another one it begins anew
    since INTEGER NOT NULL           -- what was due up to here is in the tables below, or was left out
) WITHOUT ROWID;

-- Due, and no task yet.
CREATE TABLE due (
    worker TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (worker, at)
) WITHOUT ROWID;

CREATE TABLE runs (
    worker TEXT NOT NULL,
    at INTEGER NOT NULL,
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    PRIMARY KEY (worker, at)
) WITHOUT ROWID;
CREATE INDEX runs_by_task ON runs (task_id);
