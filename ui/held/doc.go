// Package held shows what a sync would delete or replace here, note by note,
// and takes the user's answer: go on, or keep the notes as they are. After
// going on it offers the way back.
//
// Rules of the room: nothing is deleted by opening it; an answer is one key that
// the footer names. Titles and reasons come from notes and servers and are
// cleaned.
package held
