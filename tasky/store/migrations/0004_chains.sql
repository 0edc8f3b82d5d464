-- A chain is a task whose work is done by others. What it does next follows from these rows and nothing else.

CREATE TABLE chains (
    task_id TEXT PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    plan TEXT NOT NULL,              -- JSON: the chain as it was when it was submitted
    resumes TEXT,                    -- the chain whose finished tasks it takes over
    halted TEXT                      -- cancel or timeout: no step begins any more but those of finally
) WITHOUT ROWID;

-- The tasks of a chain, written with each of them: no two are ever made for the same place.
CREATE TABLE children (
    parent TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    run INTEGER NOT NULL,            -- the attempt of the chain
    step TEXT NOT NULL,
    item INTEGER NOT NULL,
    attempt INTEGER NOT NULL,        -- of this step, or this item of it
    child TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    taken_over INTEGER NOT NULL,     -- 1: it was made for the chain that this one resumes
    PRIMARY KEY (parent, run, step, item, attempt)
) WITHOUT ROWID;
CREATE INDEX children_by_child ON children (child);

-- Where the steps are, for whoever looks on.
CREATE TABLE steps (
    parent TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    run INTEGER NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    total INTEGER,                   -- how many tasks it is to have; NULL: not known yet
    ended INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    failure TEXT,                    -- JSON
    PRIMARY KEY (parent, run, step)
) WITHOUT ROWID;
