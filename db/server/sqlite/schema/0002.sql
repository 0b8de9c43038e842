-- The file says what it is ("stds"), so that no other database is taken for it.
PRAGMA application_id = 0x73746473;
