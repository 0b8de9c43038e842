package uitest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"stet/ui/screen"
)

// guarded is a device whose sync has stopped before n deletions and one
// replacement.
func guarded(t testing.TB, n, w, h int) *Driver {
	d, _ := start(t, w, h)
	notes := []screen.HeldNote{{ID: "lisbon", Title: "Trip to Lisbon", Action: "replace",
		Why: "the server has another text that does not build on this one"}}
	for i := range n {
		notes = append(notes, screen.HeldNote{ID: fmt.Sprint("n", i), Title: fmt.Sprintf("Note number %d", i), Action: "delete",
			Why: "it was deleted, by phone"})
	}
	d.Sync.Hold(notes...)
	return d.Ring(screen.Ring{Notes: true, Online: screen.Paused})
}

func TestHeldFrames(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 10}} {
		name := fmt.Sprintf("%dx%d", size[0], size[1])
		d := guarded(t, 30, size[0], size[1])
		d.Frame("stopped-" + name)
		d.Press("S").Frame("held-" + name)
		d.Press("G").Frame("held-end-" + name)
		d.Press("y").Ring(screen.Ring{Notes: true, Online: screen.Idle}).Frame("gone-" + name)
	}
}

func TestHeldChangesAreShownBeforeTheyAreMade(t *testing.T) {
	d := guarded(t, 30, 80, 24)
	d.See("paused: 31 notes wait for you, S to review")
	d.Press("S").See("A sync would delete or replace 31 notes here.", "⇄ replace", "Trip to Lisbon", "× delete", "y go on", "m keep mine")
	if d.Sync.Asked != 0 {
		t.Error("looking at it synced")
	}
	d.Press("G").See("› × delete   Note number 29").Press("g").See("› ⇄ replace")
	d.Press("enter").See("Flights on Friday").Press("q").See("A sync would delete")
	if len(d.Sync.Waiting.Answers) != 0 {
		t.Errorf("answered by looking: %v", d.Sync.Waiting.Answers)
	}
	d.Press("esc").See("Offline notes")
}

func TestHeldGoOnAndBack(t *testing.T) {
	d := guarded(t, 30, 80, 24).Press("S", "y")
	d.See("31 notes deleted or replaced. z undoes.", "31 notes were deleted or replaced by a sync.", "u brings back").DontSee("y go on")
	d.Press("z").See("31 notes are back.", "Nothing waits for you.")
	if want := []string{"go on", "undo"}; !slices.Equal(d.Sync.Waiting.Answers, want) {
		t.Errorf("answers %v, want %v", d.Sync.Waiting.Answers, want)
	}
	d.Press("y", "m", "u")
	if len(d.Sync.Waiting.Answers) != 2 {
		t.Errorf("an answer to nothing: %v", d.Sync.Waiting.Answers)
	}
}

// The way back stays open after the toast has gone.
func TestHeldUndoLater(t *testing.T) {
	d := guarded(t, 30, 80, 24).Press("S", "y", "esc")
	d.Press(":").Type("bring back").See("bring back what a sync deleted or replaced").Press("enter", "u")
	d.See("31 notes are back.")
}

func TestHeldKeepMine(t *testing.T) {
	d := guarded(t, 30, 80, 24).Press(":").Type("would delete").Press("enter")
	d.Press("m").See("31 notes kept.", "Nothing waits for you.")
	if want := []string{"keep"}; !slices.Equal(d.Sync.Waiting.Answers, want) {
		t.Errorf("answers %v, want %v", d.Sync.Waiting.Answers, want)
	}
}

func TestHeldAnswersFail(t *testing.T) {
	d := guarded(t, 30, 80, 24)
	d.Sync.Waiting.Err = errors.New("the server cannot be reached")
	d.Press("S", "y").See("Not done: the server cannot be reached", "A sync would delete or replace 31 notes here.")
}

// A slow answer is given once, however often the key is pressed.
func TestHeldAnswersOnce(t *testing.T) {
	d := guarded(t, 30, 80, 24).Press("S").Hold().Press("y", "y", "m").See("Going on").Release()
	if want := []string{"go on"}; !slices.Equal(d.Sync.Waiting.Answers, want) {
		t.Errorf("answers %v, want %v", d.Sync.Waiting.Answers, want)
	}
}

func TestHeldAtEverySize(t *testing.T) {
	for _, size := range [][2]int{{20, 5}, {30, 6}, {61, 9}, {300, 100}} {
		d := guarded(t, 30, size[0], size[1]).Press("S")
		d.Styled()
		d.Press("G").Styled()
	}
}
