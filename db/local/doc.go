// Package local is a device's store: one SQLite file that holds the notes,
// what is waiting to be sent, what the server is known to have, and every
// earlier text.
//
// Rules of the room:
//
//   - It implements [stet/syncengine/store] and the reads of the command line
//     and the screens. It decides nothing about sync; the one thing it does on
//     its own account is to keep the text that a write replaces.
//   - One connection writes, a few read; nothing waits for a network. All
//     writes go through [Store.Write], one durable transaction each.
//   - Every error of SQLite passes errors.go once. A damaged file is reported
//     and left byte for byte as it is.
//   - One file a table, SQL beside the function that scans it. Text is stored
//     as bytes and given back exactly.
//   - A bound limit is spelled LIMIT 0+?: SQLite plans by the value of a plain
//     LIMIT ? and so compiles the statement anew at each use.
package local
