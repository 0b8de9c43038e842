// Package textbuf is the text buffer of an editor, and its one-line sister for prompts.
//
// Rules of the room:
//
//   - Byte-exact: what was loaded comes out byte for byte unless it was edited; CRLF, lone
//     CR, tabs, NUL and a missing final newline survive. Undoing everything returns the
//     loaded bytes.
//   - The buffer is a slice of lines. A key touches one line: its text is rebuilt (a copy,
//     no scan) and its soft wrap is redone from a row before the change until the rows
//     fall into step again. Only lines that are looked at are wrapped.
//   - Positions are a line and a byte column; the cursor stands on grapheme boundaries.
//     Offsets (Cursor, Len) are bytes of the whole text.
//   - Every verb is one splice and one entry of history; typed runs grow the last entry.
//   - The wrap is one cell narrower than the window, so the cursor always has a cell.
//
// A Buffer is not safe for concurrent use.
package textbuf
