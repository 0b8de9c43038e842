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
// Devices speak the native protocol, Kinto or the mutations log, and may change
// it. What servers of the latter two do that a stetd does not is in the file
// named foreign; in some schedules their answers show nothing of a stetd at all,
// and Kinto's records are kept as they were written (shelf).
//
// In most seeds some of the steps are spells of habit (the file named habits): two
// devices do the same few things to one note, which is how rare things meet.
//
// What is checked is in the files named watch and stance (every transaction of
// a device), oracle (every merge), ledger (every text that was ever saved),
// judge (every write that a server accepted), overwritten (those that replace
// what their writer had not seen), wirecheck (every answer), clocks (the same
// with wrong ones) and final (the end). The invariants:
//
//	I-1  no accepted op is lost           I-12 refused credentials keep all
//	I-2  no saved text is lost by a kill  I-13 one process syncs at a time
//	I-3  no op is applied twice           I-14 an empty server deletes nothing
//	I-4  every text can be found again    I-15 a restored server rolls nothing back
//	I-5  all agree at the end             I-16 copied homes share no op
//	I-6  deletes do not come back         I-17 review exactly when edits overlap
//	I-7  the cursor skips nothing         I-18 everything drains, waits are kept
//	I-8  revisions only grow              I-19 what is not the server's is no data
//	I-9  a note's ops arrive in order     I-20 accounts see nothing of one another
//	I-10 a crash leaves before or after   I-21 many deletions ask first
//	I-11 clocks decide nothing            I-22 a newer format is not written
//
// Opening a store costs more than most of what a run does with it, so runs hand
// theirs on through a [Pool], emptied; what dies is opened anew from its file.
//
// Rules of the room: it counts as a program: it may import db and everything of
// syncengine. Nothing outside is told that it is simulated. All chance comes
// from the step's own source, so that leaving out a step does not change what
// the others do. The same script always gives the same trace.
package sim
