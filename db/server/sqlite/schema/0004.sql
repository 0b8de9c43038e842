-- Which run of a server has this store, as a file beside it says too. was is
-- what that file said when now was written here, and until it says now.
CREATE TABLE run (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    was TEXT NOT NULL,
    now TEXT NOT NULL
) STRICT;
