// Package sim runs whole schedules of stet in one goroutine: real engines with
// real SQLite stores, the real server handlers with the real server store, and
// between them a network, clocks and crashes that are drawn from one seed.
//
//	seed ─▶ [Draw] ─▶ [Script] ─▶ [Run] ─▶ [Result]: violation or none, trace hash
//	                     ▲                    │
//	                     └──── [Minimise] ◀───┘ (a script that still fails, shorter)
//
// A schedule has two phases. In the first, users of three to six devices write,
// delete, resolve, restore, copy homes and change servers while the network
// fails in the ways and at the rates that this seed drew (each kind of fault is
// left out altogether in three seeds of ten, so that rare ones meet). In the
// second the faults stop: everything must drain and agree.
//
// What is checked is in the files named watch (every transaction of a device),
// ledger (every text that was ever saved), judge (every write that a server
// accepted), wirecheck (every answer) and final (the end). The invariants are
// named I-1 to I-22; README and `make sim` speak of them by these names.
//
// Rules of the room: it counts as a program: it may import db and everything of
// syncengine. Nothing outside is told that it is simulated. All chance comes
// from the step's own source, so that leaving out a step does not change what
// the others do. The same script always gives the same trace.
package sim
