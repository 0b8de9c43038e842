package screen

import (
	"strings"
	"testing"

	"stet/model"
)

// TestGuide22StatusTexts: the words that every screen takes from here.
func TestGuide22StatusTexts(t *testing.T) {
	for s, want := range map[model.Status][2]string{
		model.Pending:     {"Saved on this device", "Pending"},
		model.Failed:      {"Your changes are safe.", "Error"},
		model.NeedsReview: {"Updated in two places. Choose what to keep.", "Needs review"},
	} {
		if got := Sentence(s); !strings.Contains(got, want[0]) {
			t.Errorf("%s: %q, want %q", s, got, want[0])
		}
		if _, word := Badge(s, false); word != want[1] {
			t.Errorf("%s: badge %q", s, word)
		}
	}
	seen := map[string]bool{}
	for _, s := range model.Statuses {
		symbol, word := Badge(s, false)
		if seen[symbol] || seen[word] || seen[Sentence(s)] {
			t.Errorf("%s looks like another state", s)
		}
		seen[symbol], seen[word], seen[Sentence(s)] = true, true, true
	}
	if _, word := Badge(model.Pending, true); word != "Syncing" {
		t.Errorf("while it is sent: %q", word)
	}
}
