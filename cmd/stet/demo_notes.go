package main

import "stet/model"

// Titles that the demo's play refers to.
const (
	demoWelcome  = "Welcome to stet"
	demoShopping = "Shopping list"
	demoTrip     = "Trip to the coast"
	demoDiary    = "Phone diary"
	demoWaiting  = "A note that waits"
	demoRefused  = "A note that is refused"
)

// demoNotes are the notes of the demo, oldest first.
var demoNotes = []model.Fields{
	{Title: "Ideas for the garden", Tags: []string{"home"}, Notebook: "private", Body: "- [x] tomatoes\n- [ ] beans along the fence\n- [ ] a bench under the pear tree\n"},
	{Title: "Reading list", Tags: []string{"books"}, Notebook: "private", Body: "- [ ] The Periodic Table\n- [x] Invisible Cities\n- [ ] A Pattern Language\n"},
	{Title: "Meeting, Thursday", Tags: []string{"work"}, Notebook: "work/meetings", Body: "# Meeting, Thursday\n\n1. where we are\n2. what is late\n3. who does what\n"},
	{Title: demoRefused, Tags: []string{"demo"}, Body: `The server refused this note for good, so it has the badge  ! Error.

Nothing is lost: the text is here and stays here. A change of the note sends it
again; this demo server refuses it every time. The note's timeline tells why.
`},
	{Title: demoWaiting, Tags: []string{"demo"}, Body: `This note is saved on this device and waits for the server: ↑ Pending.

The demo server takes it after about three quarters of a minute. Watch the badge
turn to ✓ Synced. You can go on writing meanwhile; nothing ever waits for sync.
`},
	{Title: demoDiary, Tags: []string{"demo"}, Body: `The other device, "phone", writes a line here every few seconds.
Write one too, above the lines: both stay.

`},
	{Title: demoTrip, Tags: []string{"travel"}, Body: tripBase},
	{Title: demoShopping, Tags: []string{"home"}, Body: shoppingBase},
	{Title: demoWelcome, Tags: []string{"demo"}, Pinned: true, Body: `# Welcome to stet

You are on the device "laptop". A server and a second device, "phone", run in the
same process and change notes while you read. Nothing of this is kept.

## The badges

- ✓ Synced: the same here and on the server
- ↑ Pending: saved on this device, sent when online
- ⟳ Syncing: being sent just now (change any note and watch)
- ◆ Needs review: updated in two places; choose what to keep
- ! Error: refused by the server; your text is safe here

## Try this

1. Open "Shopping list". Laptop and phone changed the same line while both were
   offline. Choose yours, theirs, or both; undo as often as you like.
2. Open "Trip to the coast". Both devices changed it too, but in different lines:
   it was merged for you. Its history has every text.
3. Open "Phone diary" and write while the phone writes.
`},
}

// The two notes that both devices change before the curtain.
const (
	shoppingBase = "- [ ] bread\n- [ ] milk, 1 litre\n- [ ] apples\n- [ ] coffee\n"
	tripBase     = "# Trip to the coast\n\nTrain: 8:05\n\nTo pack:\n- [ ] rain coat\n- [ ] swimming things\n\nBack on Sunday.\n"
)

// demoEdits are what both devices wrote while they were offline.
var demoEdits = []struct{ title, phone, laptop string }{
	{demoTrip,
		"# Trip to the coast\n\nTrain: 9:20, platform 4\n\nTo pack:\n- [ ] rain coat\n- [ ] swimming things\n\nBack on Sunday.\n",
		"# Trip to the coast\n\nTrain: 8:05\n\nTo pack:\n- [ ] rain coat\n- [ ] swimming things\n\nBack on Monday, late.\n"},
	{demoShopping,
		"- [ ] bread\n- [ ] milk, 2 litres, the organic one\n- [ ] apples\n- [ ] coffee\n",
		"- [ ] bread\n- [ ] oat milk, 1 litre\n- [ ] apples\n- [ ] coffee\n- [ ] candles\n"},
}

// demoLines are what the phone writes, one every few seconds.
var demoLines = []string{
	"at the station", "the train is late, of course", "found a seat by the window", "fields, a river, more fields",
	"a tunnel: offline, and still writing", "out again: all of it was sent", "first sight of the sea", "ice cream",
	"the tide is out", "shells in both pockets", "sandwiches with sand", "sun", "a cloud", "sun again", "going back",
	"asleep almost at once",
}
