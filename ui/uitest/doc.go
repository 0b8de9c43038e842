// Package uitest drives the user interface without a terminal and without a
// Program: keys go in, frames come out, commands run at once.
//
// Rules of the room: one driver is one user at one device. The clock stands
// still unless the test moves it, ticks wait for [Driver.Pass]. Every frame that
// is looked at is checked: exact number of rows, none wider than the terminal
// under either ruler. [Notes] is a store in memory, good enough for screens and
// no more: what it says about merging is not the product's rule.
package uitest
