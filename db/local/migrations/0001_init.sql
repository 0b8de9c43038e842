-- Text is kept in BLOB columns: any byte is allowed, NUL too. Times are
-- milliseconds since 1970. The long column is the last of each table, so that
-- what only needs the others never reads its pages.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('store_id', CAST(lower(hex(randomblob(16))) AS BLOB));

-- One row: the local change number and the counters that status lines show.
CREATE TABLE totals (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  seq     INTEGER NOT NULL,
  notes   INTEGER NOT NULL,
  trash   INTEGER NOT NULL,
  pending INTEGER NOT NULL,
  review  INTEGER NOT NULL,
  error   INTEGER NOT NULL
) STRICT;

INSERT INTO totals VALUES (1, 0, 0, 0, 0, 0, 0);

-- shelf: 0 live, 1 archived, 2 trash, 3 purged. pin: pinned and not deleted.
-- text_rev: the server revision that this very text is, 0 if none.
CREATE TABLE notes (
  pk         INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  seq        INTEGER NOT NULL,
  shelf      INTEGER NOT NULL,
  pin        INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  status     TEXT NOT NULL,
  rev        INTEGER NOT NULL,
  text_rev   INTEGER NOT NULL,
  version    INTEGER NOT NULL,
  server_at  INTEGER NOT NULL,
  remote_id  TEXT NOT NULL,
  device     TEXT NOT NULL,
  cause      TEXT NOT NULL,
  purged     INTEGER NOT NULL,
  tasks      INTEGER NOT NULL,
  snippet    BLOB NOT NULL,
  deleted    INTEGER NOT NULL,
  pinned     INTEGER NOT NULL,
  archived   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  color      BLOB NOT NULL,
  ord        BLOB NOT NULL,
  notebook   BLOB NOT NULL,
  title      BLOB NOT NULL,
  tags       BLOB,
  log        BLOB,
  extra      BLOB,
  body       BLOB NOT NULL
) STRICT;

CREATE INDEX notes_list ON notes (shelf, pin, updated_at, id);
CREATE INDEX notes_seq ON notes (seq);
CREATE INDEX notes_unsynced ON notes (status) WHERE status <> 'synced';
CREATE INDEX notes_book ON notes (notebook, shelf) WHERE notebook > x'';

CREATE TABLE note_tags (
  tag  BLOB NOT NULL,
  note INTEGER NOT NULL,
  PRIMARY KEY (tag, note)
) STRICT, WITHOUT ROWID;

CREATE INDEX note_tags_note ON note_tags (note);

-- Notes that were dropped, for what is derived from this store.
CREATE TABLE gone (
  seq INTEGER PRIMARY KEY,
  pk  INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox (
  pos        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT NOT NULL UNIQUE,
  note       TEXT NOT NULL,
  kind       TEXT NOT NULL,
  base_rev   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  device     TEXT NOT NULL,
  state      TEXT NOT NULL,
  attempt    INTEGER NOT NULL,
  sent_at    TEXT NOT NULL,
  not_sent   INTEGER NOT NULL,
  problem    TEXT NOT NULL,
  next_try   INTEGER NOT NULL,
  note_seq   INTEGER NOT NULL,
  made_at    INTEGER,
  patch      BLOB,
  title      BLOB,
  body       BLOB
) STRICT;

CREATE INDEX outbox_note ON outbox (note, pos);
CREATE INDEX outbox_sent ON outbox (pos) WHERE state = 'sent';

CREATE TABLE shadows (
  server     TEXT NOT NULL,
  note       TEXT NOT NULL,
  rev        INTEGER NOT NULL,
  remote_id  TEXT NOT NULL,
  purged     INTEGER NOT NULL,
  device     TEXT NOT NULL,
  op_id      TEXT NOT NULL,
  saved_at   INTEGER NOT NULL,
  server_at  INTEGER NOT NULL,
  deleted    INTEGER NOT NULL,
  pinned     INTEGER NOT NULL,
  archived   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  color      BLOB NOT NULL,
  ord        BLOB NOT NULL,
  notebook   BLOB NOT NULL,
  title      BLOB NOT NULL,
  tags       BLOB,
  log        BLOB,
  extra      BLOB,
  body       BLOB NOT NULL,
  UNIQUE (note, server)
) STRICT;

CREATE TABLE reviews (
  note        TEXT PRIMARY KEY,
  detected_at INTEGER NOT NULL,
  draft       BLOB,
  base        BLOB,
  remote      BLOB NOT NULL
) STRICT;

-- codec: 0 plain, 1 zstd, 2 zstd with the body of version base as dictionary.
CREATE TABLE versions (
  note       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  rev        INTEGER NOT NULL,
  at         INTEGER NOT NULL,
  device     TEXT NOT NULL,
  cause      TEXT NOT NULL,
  codec      INTEGER NOT NULL,
  base       INTEGER NOT NULL,
  size       INTEGER NOT NULL,
  deleted    INTEGER NOT NULL,
  pinned     INTEGER NOT NULL,
  archived   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  color      BLOB NOT NULL,
  ord        BLOB NOT NULL,
  notebook   BLOB NOT NULL,
  title      BLOB NOT NULL,
  tags       BLOB,
  log        BLOB,
  extra      BLOB,
  body       BLOB NOT NULL,
  UNIQUE (note, version)
) STRICT;

CREATE TABLE timeline (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  note   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  name   TEXT NOT NULL,
  op     TEXT NOT NULL,
  rev    INTEGER NOT NULL,
  detail TEXT NOT NULL
) STRICT;

CREATE INDEX timeline_note ON timeline (note, id);

CREATE TABLE held (
  pos    INTEGER PRIMARY KEY AUTOINCREMENT,
  note   TEXT NOT NULL UNIQUE,
  reason TEXT NOT NULL,
  record BLOB NOT NULL
) STRICT;

-- base: the text as it was opened, in a table of its own because it does not
-- change while the draft does.
CREATE TABLE drafts (
  key    TEXT PRIMARY KEY,
  note   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  cursor INTEGER NOT NULL,
  rest   BLOB NOT NULL,
  body   BLOB NOT NULL
) STRICT;

CREATE TABLE draft_bases (
  key  TEXT PRIMARY KEY,
  rest BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
