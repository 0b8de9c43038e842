// Package live tells open streams and waiting polls that their account changed.
//
// Rules of the room: it says "look again" and the newest cursor, never what
// changed. Writes of this process are told by the store that handlers are
// given ([Hub.Store]), whatever dialect they come by, after their commit. Writes
// of other processes, revoked tokens and removed accounts are found by a sweep,
// which runs only while somebody listens. A listener hears of its own account
// and of no other. Nobody who tells ever waits for one who listens.
package live
