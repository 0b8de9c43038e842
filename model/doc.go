// Package model says what a note is: its fields, the patches and ops that
// change it, the states it can be in on a device, and the texts that are kept
// about it (versions, reviews, timeline).
//
// Rules of the room: standard library only, no I/O, no clock, no randomness,
// no goroutines. Everything here is a value; nothing points into a store or a
// connection. The JSON of [Patch], [LogEntry] and [Record] is the native one
// on the wire and in the stores, so there is one spelling of every field.
package model
