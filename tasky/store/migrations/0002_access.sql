-- Who is logged in, who submitted a task, and who did what to it. Without authentication nothing of this is written.
-- Tokens are in a file of their own (store/tokens.py): another process may change it while the server runs.

CREATE TABLE sessions (
    digest BLOB PRIMARY KEY,         -- SHA-256 of what the browser has
    token BLOB NOT NULL,             -- SHA-256 of the token that it was made with
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sessions_by_token ON sessions (token, expires);
CREATE INDEX sessions_by_end ON sessions (expires);

CREATE TABLE origins (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    by TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX origins_by_name ON origins (by, task_id);

CREATE TABLE actions (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    time INTEGER NOT NULL,
    by TEXT NOT NULL,
    action TEXT NOT NULL
);
CREATE INDEX actions_by_task ON actions (task_id);
