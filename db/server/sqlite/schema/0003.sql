-- A collection that was looked at has a timestamp even if nothing was ever in
-- it. Documents live in notes and changes, as notes do, under their collection.
CREATE TABLE collections (
    account INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    stamp   INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;
DROP INDEX notes_rev;
CREATE UNIQUE INDEX notes_rev ON notes (account, collection, rev);
