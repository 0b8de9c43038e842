package uitest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stet/ui/uitest/picture"
)

// TestPictures holds the README's pictures against the real screens; -update
// draws them anew.
func TestPictures(t *testing.T) {
	const w, h = 108, 26
	for name, keys := range map[string][]string{
		"browse": nil,
		"search": {"/", "m", "i", "l", "k"},
		"merge":  {"j", "enter"},
		"why":    {"w"},
	} {
		d, _ := start(t, w, h)
		d.Press(keys...)
		got := picture.SVG(strings.Split(d.Styled(), "\n"), w, picture.Dark)
		path := filepath.Join("pictures", name+".svg")
		if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
			if err := os.MkdirAll("pictures", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != got {
			t.Errorf("%s is not what the screen shows now (make pictures draws it anew): %v", path, err)
		}
	}
}
