-- One row an account; clock and tag are the newest position of its changes.
CREATE TABLE accounts (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    name      TEXT    NOT NULL UNIQUE,
    epoch     TEXT    NOT NULL,
    clock     INTEGER NOT NULL DEFAULT 0,
    tag       TEXT    NOT NULL,
    floor     INTEGER NOT NULL DEFAULT 0,
    floor_tag TEXT    NOT NULL,
    created   INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    account   INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    label     TEXT    NOT NULL,
    hash      BLOB    NOT NULL UNIQUE,
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL DEFAULT 0,
    revoked   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX tokens_account ON tokens (account);

-- Where each note stands. Its text is the snapshot of the change at rev, which
-- is never emptied while a note points to it.
CREATE TABLE notes (
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    collection TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    rev        INTEGER NOT NULL,
    deleted    INTEGER NOT NULL DEFAULT 0,
    purged     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, collection, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX notes_rev ON notes (account, rev);

-- Every accepted write: idempotency key, history and proof of cursors in one.
-- prev is the note's rev before it, 0 for none: a note's history is that chain.
-- An empty snapshot was erased or outlived what is kept.
CREATE TABLE changes (
    seq        INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    rev        INTEGER NOT NULL,
    prev       INTEGER NOT NULL,
    collection TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    op_id      TEXT    NOT NULL,
    device     TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    body_hash  BLOB    NOT NULL,
    tag        TEXT    NOT NULL,
    snapshot   BLOB
) STRICT;
CREATE UNIQUE INDEX changes_rev ON changes (account, rev);
CREATE UNIQUE INDEX changes_op ON changes (account, op_id);
