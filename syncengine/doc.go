// Package syncengine keeps a device's notes in step with a server, and is the
// one place that decides what a change means.
//
// A note's row is always its shadow (what the server is known to hold) plus
// its outbox (what was not acknowledged yet). From that one sentence follow
// squashing, rebasing and status:
//
//	user's action ─┐                      ┌─ sent op answered   (settle.go)
//	               ├─▶ row ─▶ replan ─▶ ops                      (outbox.go)
//	pulled record ─┘   ▲                  └─ push: freeze, send  (push.go)
//	(absorb.go)        └─ reconcile: three-way merge, or review  (reconcile.go)
//
// [Notes] holds the user's actions; they need no network and no [Engine].
// [Engine] is the worker: a round pushes, pulls and repeats until nothing can
// be sent. Of a server that may lose a change it also compares the list, once a
// day (stock.go).
//
// Rules of the room: no SQL, no HTTP, no user interface; the clock, ids,
// randomness and timers are passed in. Every write is one store.Tx, so that a
// crash leaves the state before or after it. A sent op is frozen: its id and
// patch never change until its outcome is known. Text is never dropped without
// a version of it being kept in the same transaction.
package syncengine
