// Package reader shows one note to be read, with the keys of less.
//
// Rules of the room: the text is rendered off the loop and drawn as plain text
// until it is ready. The place is a byte of the text, not a line, so it stays
// when the width, the form or the note itself changes. The reader writes only
// ticked tasks and what comes back from the external editor, both as edits from
// the text that was shown.
package reader
