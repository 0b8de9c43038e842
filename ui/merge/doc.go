// Package merge is the screen on which the user ends a review: both sides of a
// conflict against what they were before, and the result that will be saved.
//
// Rules of the room: sheet.go, walk.go, replay.go and draft.go know no terminal
// and do no I/O; they hold every choice, its undo and its replay, and are tested
// as laws. The merge is computed once per pair of sides and never per frame. The
// result is assembled from pieces of text, never from text with markers. Nothing
// is saved while a choice is open, and leaving keeps what was chosen as a draft.
package merge
