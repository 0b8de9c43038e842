// Package cells is the render boundary of the terminal UI and its one width ruler.
//
// Rules of the room:
//
//   - Text that came from outside (notes, titles, tags, names, server messages) reaches
//     a frame only through this package: Clean, CleanLine, Fit, Highlight, or a Row that
//     was drawn by one of them. What is dangerous or invisible is shown, never dropped
//     in silence and never passed on; stored bytes are never altered.
//   - Styling is added after cleaning, by us. FitStyled is the only function here that
//     takes text with escape sequences, and it takes only our own.
//   - A terminal measures text by one of two rulers: by grapheme cluster, or by code
//     point (wcwidth). Bubble Tea starts with the second and may switch to the first. They
//     disagree on emoji sequences (👍🏽 2 or 4 cells), Indic clusters and a few marks. A
//     frame laid out by one ruler falls apart under the other, so every cluster on which they
//     disagree is drawn in a steady form that both measure alike: a joined emoji as its
//     parts (👩‍👧 as 👩👧), without skin tone and emoji selectors, an Indic cluster as
//     its code points held apart by Joint. Width, Fit, Wrap and NextRow all measure this
//     steady form, so a row of Fit is exactly as wide as asked under both rulers.
//   - Nothing here knows a theme or keeps state.
package cells
