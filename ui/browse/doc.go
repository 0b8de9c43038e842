// Package browse is the list of notes with a preview of the selected one: the
// screen that the app begins with.
//
// Rules of the room: the list holds the rows around its window and never asks
// for all of them; it asks one question at a time. The selection is a note, not
// a line, and stays on its line when rows change: nothing moves that the user
// did not move. Searching, the trash and the notes that need review are places
// laid over the list; leaving one shows the list exactly as it was. Actions run
// one after the other in the order of the keys, and each can be undone.
package browse
