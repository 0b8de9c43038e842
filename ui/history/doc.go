// Package history shows the texts that a note had on this device, what changed
// from one to the next, and brings an old one back.
//
// Rules of the room: a comparison is computed off the loop and drawn when it is
// there. Restoring never rewrites the past: the old text becomes the note's
// newest version.
package history
