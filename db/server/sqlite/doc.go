// Package sqlite keeps the sync server's accounts, notes and changes in one
// SQLite file. It implements the contract in syncengine/server/store.
//
// Rules of the room:
//
//   - One goroutine writes, on one connection. It takes all calls that wait,
//     runs them in one transaction and answers after one fsync (group commit):
//
//     callers ──► queue ──► BEGIN · judge, write · judge, write … · COMMIT ──► answers
//
//   - A write is judged wholly before it changes a row, so a refused write needs
//     no savepoint. A statement that fails rolls the group back, and its calls
//     are then tried one by one, so that nobody fails for another's sake.
//
//   - Reads have their own read-only connections and see one snapshot each.
//
//   - A note's text is stored once, as the snapshot of the change that made it.
//
//   - Other processes may use the file at the same time.
package sqlite
