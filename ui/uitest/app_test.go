package uitest

import (
	"image/color"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"stet/model"
	"stet/ui/screen"
)

func TestQuit(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Press("esc").See("q quits.")
	if d.Quit {
		t.Fatal("esc quit")
	}
	d.Press("enter", "q").See("› Offline notes").Press("q")
	if !d.Quit {
		t.Fatal("q did not quit")
	}
}

func TestCtrlCLeavesFromAnywhere(t *testing.T) {
	for _, keys := range [][]string{{}, {"/"}, {"enter"}, {":"}, {"?"}, {"t"}, {"e"}, {"T", "D"}, {"L"}} {
		d, _ := start(t, 80, 24)
		if d.Press(keys...).Press("ctrl+c"); !d.Quit {
			t.Fatalf("ctrl+c after %v did not quit", keys)
		}
	}
}

func TestQuitSavesTheEditor(t *testing.T) {
	d, n := start(t, 80, 24)
	d.Press("j", "j", "e").Type("zzz").Press("ctrl+c")
	if !d.Quit || !strings.Contains(n.notes["lisbon"].Title+n.notes["lisbon"].Body, "zzz") {
		t.Fatalf("quit without saving: %q", n.notes["lisbon"].Body)
	}
}

func TestPaletteRunsByTyping(t *testing.T) {
	d, n := start(t, 80, 24)
	d.Press(":").Type("trash").See("› d", "show the trash").Press("enter").See("Moved to trash")
	if !n.notes["offline"].Deleted {
		t.Fatal("not run")
	}
	d.Press("ctrl+p").See("› d ") // run last, listed first
	d.Type("redo").See("nothing to redo").Press("enter").See("Not now: nothing to redo.")
	d.Press("esc").See("› Groceries")
}

func TestPaletteRunsGlobals(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Press("?").Type("sync now").Press("enter").See("Syncing.")
	if d.Sync.Asked != 1 {
		t.Fatal("not asked")
	}
	d.Press(":").Type("quit").Press("enter")
	if !d.Quit {
		t.Fatal("did not quit")
	}
}

func TestHeaderTellsTheAccount(t *testing.T) {
	d, _ := start(t, 120, 24)
	d.See("synced 2 min ago").Pass(3 * time.Minute).See("synced 5 min ago")
	d.Ring(screen.Ring{Online: screen.Offline}).See("offline, changes are saved")
	d.Ring(screen.Ring{Online: screen.SignIn}).See("sign in again")
	d.Ring(screen.Ring{Online: screen.Running, Done: 4210, Total: 10_000}).See("syncing 4,210 of 10,000 ▓▓░░░")
	d.Ring(screen.Ring{Online: screen.Idle, Problem: "The server is full."}).See("The server is full.")
	d.Sync.State.LastSynced = time.Time{}
	d.Ring(screen.Ring{Online: screen.Idle}).See("never synced")
	d.Ring(screen.Ring{Online: screen.Running, Done: 4210, Total: 10_000}).See("first sync 4,210 of 10,000")
	d.Sync.State.Paused = "server was reset, S to review"
	d.Ring(screen.Ring{Online: screen.Paused}).See("paused: server was reset, S to review")
	d.Sync.State = model.Account{}
	d.Ring(screen.Ring{Notes: true}).See("on this device only").Press("S").See("no server is connected")
}

// What a server says may be longer than the line: then its beginning is shown.
func TestHeaderShowsTheBeginningOfALongSentence(t *testing.T) {
	d, _ := start(t, 80, 24)
	said := "The server says: This service ends on 1 March. Move your notes. http://server.example/over"
	d.Ring(screen.Ring{Online: screen.Idle, Problem: said}).See("The server says: This service ends on 1 March.", "…")
	d.Resize(40, 10).See("The server says", "…")
	d.Resize(120, 24).See(said)
}

func TestAPasteOutsideOfTextGoesNowhere(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Paste("tag:x").Press("m").DontSee("tag:x")
	d.Press("esc", "/").DontSee("tag:x")
	d.Press("esc", "enter").Paste("outbox").DontSee("match")
	d.Press("esc")
	d.Press("esc", ":").Paste("activity\nq").See(": activity q")
}

func TestToastsGo(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Press("d").See("Moved to trash").Pass(2 * time.Second).See("Moved to trash").Pass(4 * time.Second).DontSee("Moved to trash").See("n new")
	d.Press("d").Pass(3 * time.Second).Press("d").Pass(3 * time.Second).See("Moved to trash")
}

func TestThemeFollowsTheBackground(t *testing.T) {
	d, _ := start(t, 80, 24)
	dark := d.Styled()
	light := d.Send(tea.BackgroundColorMsg{Color: color.White}).Styled()
	if dark == light {
		t.Fatal("the same on light")
	}
	if d.Send(tea.BackgroundColorMsg{Color: color.Black}); d.Styled() != dark {
		t.Fatal("not the same again")
	}
}

func TestANewNoteIsSelectedAfterwards(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.Clock.Move(time.Minute)
	d.Press("n").Type("Brand new").Press("esc").See("› Brand new")
}

func TestUnfinishedNotesAreKept(t *testing.T) {
	clock := NewClock()
	n, sync := world(clock)
	draft := model.Draft{Key: "k", Text: model.Fields{Title: "Half a thought", Body: "of a killed terminal"}, At: clock.Now().Add(-time.Hour)}
	if err := n.PutDraft(t.Context(), draft); err != nil {
		t.Fatal(err)
	}
	d := New(t, n, sync, clock, 100, 24)
	d.See("An unfinished note of an earlier session was kept: Half a thought", "9 notes", "Half a thought    ")
}

func TestFrameIsKept(t *testing.T) {
	d, _ := start(t, 80, 24)
	d.App.View()
	if n := testing.AllocsPerRun(10, func() { d.App.View() }); n > 0 {
		t.Fatalf("%v allocations for a frame that did not change", n)
	}
}
