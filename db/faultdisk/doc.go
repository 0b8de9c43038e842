// Package faultdisk is a disk for tests: it fails, dies and loses power as
// asked, under the real SQLite and the real stores.
//
//	store ──► driver ──► SQLite ──► this VFS ──► SQLite's own VFS ──► files
//
// Rules of the room:
//
//   - Tests import it, programs never: importing it puts the VFS in front of
//     SQLite's own for the whole process. Files outside the folders given to
//     [New] pass untouched.
//   - The stores know nothing of it: there is no switch in them that could be
//     left on.
//   - A call that fails has changed nothing, or (KindShort) its first half. What
//     SQLite is told is what its own VFS tells of a real disk.
//   - Statements are counted by SQLite's own trace, calls by the VFS: a crash
//     point that nobody thought of is counted too.
package faultdisk

// Op is a kind of call that SQLite makes of a disk.
type Op int

// The kinds of calls. Shm is mapping and locking of the WAL's shared memory.
const (
	Open Op = iota
	Read
	Write
	Sync
	Truncate
	Shm
	Delete
)

// Ops are all kinds of calls.
var Ops = []Op{Open, Read, Write, Sync, Truncate, Shm, Delete}

func (o Op) String() string {
	return [...]string{"open", "read", "write", "sync", "truncate", "shm", "delete"}[o]
}

// Kind is how a call fails.
type Kind int

// The kinds of failure. KindShort does the first half of a read or write, then
// fails: SQLite's own layer never tells a disk's short read as the end of a
// file, so neither does this one.
const (
	KindIO Kind = iota
	KindFull
	KindReadOnly
	KindShort
)

// Kinds are all kinds of failure.
var Kinds = []Kind{KindIO, KindFull, KindReadOnly, KindShort}

func (k Kind) String() string { return [...]string{"EIO", "FULL", "READONLY", "short"}[k] }

// Fault lets the N-th call of an Op fail, counted from 1, and with Sticky all
// later ones too.
type Fault struct {
	Op     Op
	Kind   Kind
	N      int
	Sticky bool
}

// Death is when a process dies: before the n-th statement that SQLite begins,
// or before the n-th call that changes a file or syncs it (with Torn, in the
// middle of that write). 0 is never.
type Death struct {
	Statement, Change int
	Torn              bool
}
