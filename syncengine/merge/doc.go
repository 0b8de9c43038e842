// Package merge combines two texts of a note that descend from a common one,
// and says exactly where a person must choose.
//
// Rules of the room: pure functions of their arguments. No clock, no
// randomness, no I/O, no goroutines, no conflict markers. Equal inputs give
// equal bytes on every device, so cost is bounded by counts and never by time.
// When the texts leave doubt the answer is a conflict, never a guess.
//
// A body is merged by line (diff3, after Khanna, Kunal and Pierce): lines are
// matched by their content, and two changes are independent only when at least
// one line that both sides kept stands between them. Terminators ("\n" or
// "\r\n"; a lone "\r" is text) and the final newline are values of their own:
// converting a file or ending it with a newline never stands in the way of an
// edit. Words inside a line are compared for display only.
//
// The laws, for arbitrary bytes: merging x with an unchanged side is x, merging
// x with x is x, swapping the sides swaps only the labels, and the hunks'
// Base, Local and Remote texts put together are the three bodies.
package merge
