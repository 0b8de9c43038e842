// Package editor is the screen that edits one note: title, body, tags and
// notebook.
//
// Rules of the room: the body is byte for byte what was loaded but for what was
// typed. Typing never waits for the store. A save is leaving, ctrl+s or 30
// quiet seconds; until then a journal (a draft) holds what was typed, so that a
// killed terminal loses nothing. Whatever is saved names the text it descends
// from, so a note that moved meanwhile is merged and never overwritten. text.go,
// attempt.go and errors.go know no terminal.
package editor
