// Package ui is the terminal user interface: the one tea.Model, which keeps the
// stack of screens and everything that is around them.
//
// Rules of the room: [App] is the only tea.Model; screens are told through
// [screen.Screen] and ask through the messages of package screen. A message is
// handled in one fixed order:
//
//  1. facts for the whole app: size, focus, background colour, bell, ticks
//  2. what screens ask for: open, back, toast, confirm, quit
//  3. the overlay on top, which swallows keys and pastes
//  4. global keys, unless keys are text just now or the screen has the key
//  5. the active screen; what is neither key nor paste goes to every screen of
//     the stack, because it may be the answer to a question of a hidden one
//
// View is called once per message, so the frame is kept until something that it
// shows has changed. No I/O outside of commands, no clock but Config.Now.
package ui
