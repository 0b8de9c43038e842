// Package activity tells what happened: the sync log of all notes, and for one
// note why its badge says what it says.
//
// Rules of the room: events are told in words made here from their names; what
// a server or another device wrote is only the detail behind them, cleaned.
// The log holds no note text; titles are read for the rows that are shown.
package activity
