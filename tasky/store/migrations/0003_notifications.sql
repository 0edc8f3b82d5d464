-- Who is told of a task's end: written with the task, made due by the commit of its end, gone with it.
CREATE TABLE notifications (
    task_id TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    url TEXT NOT NULL,
    origin TEXT NOT NULL,            -- scheme, host and port of the URL
    ends TEXT NOT NULL,              -- of which it is told: completed,failed,canceled
    secret_file TEXT,                -- NULL: the server's own secret
    trusted INTEGER NOT NULL,        -- 1: the URL is of a definition, 0: of a client
    ended TEXT,                      -- how the task ended, if that is told
    delivery TEXT,                   -- Pending, Delivered or Failed; NULL as long as there is nothing to tell
    attempts INTEGER NOT NULL DEFAULT 0,
    last_status INTEGER,
    last_error TEXT,
    next_at INTEGER,                 -- while it is pending
    PRIMARY KEY (task_id, position)
) WITHOUT ROWID;
CREATE INDEX notifications_by_time ON notifications (next_at) WHERE next_at IS NOT NULL;
