-- Tasks side by side: where each is worked on, how its attempts went, what was landed.

-- up
ALTER TABLE task ADD COLUMN not_before REAL NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN attention TEXT;  -- why a person is needed
ALTER TABLE task ADD COLUMN paths TEXT NOT NULL DEFAULT '[]';  -- what it is said to touch
ALTER TABLE task ADD COLUMN learned TEXT NOT NULL DEFAULT '[]';  -- what earlier attempts touched
ALTER TABLE task ADD COLUMN "plan" TEXT;  -- the stages of the capabilities, frozen

ALTER TABLE attempt ADD COLUMN phase TEXT;
ALTER TABLE attempt ADD COLUMN agent TEXT;
ALTER TABLE attempt ADD COLUMN model TEXT;
ALTER TABLE attempt ADD COLUMN session TEXT;
ALTER TABLE attempt ADD COLUMN failure TEXT;
ALTER TABLE attempt ADD COLUMN recovery TEXT;  -- what was decided to follow
ALTER TABLE attempt ADD COLUMN snapshot TEXT;
ALTER TABLE attempt ADD COLUMN base TEXT;
ALTER TABLE attempt ADD COLUMN branch TEXT;
ALTER TABLE attempt ADD COLUMN commit_id TEXT;
ALTER TABLE attempt ADD COLUMN evidence TEXT;
ALTER TABLE attempt ADD COLUMN tools_ran INTEGER;

CREATE TABLE workspace (
    task_id    TEXT PRIMARY KEY NOT NULL,
    path       TEXT NOT NULL,
    branch     TEXT NOT NULL,
    base       TEXT NOT NULL,
    slot       INTEGER NOT NULL,
    state      TEXT NOT NULL,
    created_at REAL NOT NULL,
    kept_until REAL
);

CREATE TABLE landing (
    task_id   TEXT NOT NULL,
    epoch     INTEGER NOT NULL,
    target    TEXT NOT NULL,
    parent    TEXT NOT NULL,
    commit_id TEXT NOT NULL,
    begun_at  REAL NOT NULL,
    landed_at REAL,
    PRIMARY KEY (task_id, epoch)
);

-- down
DROP TABLE landing;
DROP TABLE workspace;
ALTER TABLE attempt DROP COLUMN tools_ran;
ALTER TABLE attempt DROP COLUMN evidence;
ALTER TABLE attempt DROP COLUMN commit_id;
ALTER TABLE attempt DROP COLUMN branch;
ALTER TABLE attempt DROP COLUMN base;
ALTER TABLE attempt DROP COLUMN snapshot;
ALTER TABLE attempt DROP COLUMN recovery;
ALTER TABLE attempt DROP COLUMN failure;
ALTER TABLE attempt DROP COLUMN session;
ALTER TABLE attempt DROP COLUMN model;
ALTER TABLE attempt DROP COLUMN agent;
ALTER TABLE attempt DROP COLUMN phase;
ALTER TABLE task DROP COLUMN "plan";
ALTER TABLE task DROP COLUMN learned;
ALTER TABLE task DROP COLUMN paths;
ALTER TABLE task DROP COLUMN attention;
ALTER TABLE task DROP COLUMN not_before;
