package uitest

import (
	"strings"
	"testing"
)

// TestGuide22StatusTextsAreShown opens "why" of a note in each state.
func TestGuide22StatusTextsAreShown(t *testing.T) {
	want := map[string]string{"Offline notes": "Saved on this device.", "Groceries": "Updated in two places. Choose what to keep.",
		"Router password": "Your changes are safe."}
	seen := 0
	for row := range 7 {
		d, _ := start(t, 100, 30)
		for range row {
			d.Press("j")
		}
		d.Press("w")
		for title, text := range want {
			if strings.Contains(d.Plain(), "Why: "+title) {
				d.See(text)
				seen++
			}
		}
	}
	if seen < len(want) {
		t.Errorf("%d of %d notes were met", seen, len(want))
	}
}

// TestGuide15TheErrorIsTheNotesOwn: one note's failure is on its row, with the
// way out; the others and the header stay as they are.
func TestGuide15TheErrorIsTheNotesOwn(t *testing.T) {
	d, _ := start(t, 100, 30)
	d.See("! Error", "1 error", "✓ Synced", "↑ Pending")
	d.Press("/").Type("Router").Press("enter", "w").See("The server refuses notes in this notebook", "Your changes are safe.", "r sends it again")
}

// TestGuide23ReviewCallsToAct: from the list one key leads to the choice, and
// the choice names its keys.
func TestGuide23ReviewCallsToAct(t *testing.T) {
	d, _ := start(t, 100, 30)
	d.See("◆ Needs review", "1 needs review").Press("j", "enter")
	d.See("conflict 1 of 1", "this device", "phone", "2 litres oat milk", "oat milk (barista)", "before  - oat milk",
		"1 this device", "2 phone", "3 both", "1 left")
}
