-- Times are seconds since the epoch, lists are JSON arrays.

-- up
PRAGMA application_id = 1128351572;  -- "CAGT": whose file this is

CREATE TABLE task (
    id                 TEXT PRIMARY KEY NOT NULL,
    text               TEXT NOT NULL UNIQUE,
    source             TEXT NOT NULL,
    task_type          TEXT,
    priority           INTEGER NOT NULL,
    position           INTEGER NOT NULL,
    after              TEXT NOT NULL,
    state              TEXT NOT NULL
                       CHECK (state IN ('pending', 'running', 'done', 'failed', 'skipped')),
    attempts           INTEGER NOT NULL CHECK (attempts >= 0),
    epoch              INTEGER NOT NULL CHECK (epoch >= 0),
    created_at         REAL NOT NULL,
    started_at         REAL,
    ended_at           REAL,
    error              TEXT,
    completed          TEXT NOT NULL,
    last_completed     INTEGER NOT NULL,
    total_instructions INTEGER NOT NULL,
    marked             TEXT  -- the state that its line in the TODO list shows
);

CREATE INDEX task_by_state ON task (state, position);

CREATE TABLE attempt (
    task_id      TEXT NOT NULL REFERENCES task (id),
    epoch        INTEGER NOT NULL,
    path         TEXT NOT NULL,
    instructions INTEGER NOT NULL,
    started_at   REAL NOT NULL,
    ended_at     REAL,
    outcome      TEXT,
    error        TEXT,
    PRIMARY KEY (task_id, epoch)
);

CREATE TABLE step (
    task_id         TEXT NOT NULL,
    epoch           INTEGER NOT NULL,
    position        INTEGER NOT NULL,
    instruction_id  INTEGER NOT NULL,
    name            TEXT NOT NULL,
    state           TEXT NOT NULL
                    CHECK (state IN ('running', 'done', 'failed', 'interrupted')),
    started_at      REAL NOT NULL,
    ended_at        REAL,
    pid             INTEGER,  -- set while the process is not known to have ended
    process_started TEXT,
    error           TEXT,
    report          TEXT,
    digest          TEXT,
    PRIMARY KEY (task_id, epoch, position),
    FOREIGN KEY (task_id, epoch) REFERENCES attempt (task_id, epoch)
);

CREATE INDEX step_open ON step (state) WHERE state = 'running';
CREATE INDEX step_process ON step (pid) WHERE pid IS NOT NULL;

CREATE TABLE event (
    number  INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    name    TEXT NOT NULL,
    task_id TEXT,
    attempt INTEGER,
    data    TEXT NOT NULL
);

CREATE TABLE server (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    session_id TEXT,
    last_start REAL,
    last_stop  REAL,
    iterations INTEGER NOT NULL,
    clean      INTEGER NOT NULL,
    changed_at REAL NOT NULL
);

INSERT INTO server (id, iterations, clean, changed_at) VALUES (1, 0, 1, 0);

-- down
DROP TABLE server;
DROP TABLE event;
DROP TABLE step;
DROP TABLE attempt;
DROP TABLE task;
PRAGMA application_id = 0;
