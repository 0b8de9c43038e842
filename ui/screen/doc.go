// Package screen is the contract between the app and its screens: what a
// screen is, what it may ask of the app, and what the user interface needs of
// the notes.
//
// Rules of the room: a leaf that screens and app both import; no screen imports
// another. A screen is a pointer struct with verbs; its Update does no I/O and
// returns a command for whatever touches the notes; its View is pure and cheap,
// because it runs once per message. Answers carry the number of the request
// they answer, and stale ones are dropped. Every text that came from a note or
// a server passes kit/cells.Clean before it reaches a frame.
package screen
