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
//   - A caller's own transaction (Transact) runs on that goroutine too, inside the
//     group: what it read stands until the commit. Refused, it goes back to a
//     savepoint and the others of the group do not notice.
//
//   - Documents of other collections are rows like notes, on the same clock, and
//     keep their newest text alone.
//
//   - Reads have their own read-only connections and see one snapshot each.
//
//   - A note's text is stored once, as the snapshot of the change that made it.
//
//   - Other processes may use the file at the same time. Whoever has it open
//     shares a lock on a side file; a restore takes that lock alone.
//
//   - A compaction empties snapshots that no note stands on and moves the floor.
//     It deletes no row: keys and tombstones are known for ever, and what was
//     emptied is absent from answers, never wrong.
//
//   - A restore begins a new epoch and keeps the clock at what the replaced store
//     gave out. So does the start of a server that finds another store than was
//     served last: store and a file beside it name the run, see [Store.Serve].
package sqlite
