// Package search finds notes by their words. With FTS5 (build tag
// sqlite_fts5) it keeps an index in a file of its own; without, it reads the
// notes. Both give the same answers.
//
// Rules of the room:
//
//   - The index is derived: it may be deleted at any time, is rebuilt when it
//     is damaged or belongs to another store, and is brought up to date from
//     the notes' change numbers before a query, never by a save.
//   - A query that may not wait never does: far behind, the index is brought up
//     to date in the background, and until then the query tells what the newest
//     notes and the part that is made have. A query that asks for a complete
//     answer waits, or reads the notes.
//   - What is inside of words is looked up in a table of the different words,
//     which is made when a query first needs it.
//   - Order is by title, then by the time of the last change; nothing is
//     weighed, so that a frequent word costs no more than a rare one.
//   - What matches is decided by this package's own folding and words, not by
//     SQLite's, so that both builds agree: case and accents do not count, a
//     sign of Chinese, Japanese or Korean is a word.
//   - A query's terms must all match. Each is a word or a phrase of whole
//     words, the last one may be the beginning of a word. Only when nothing
//     matches so, texts inside of words count. A term after a minus excludes
//     notes that have it as a whole word.
package search
