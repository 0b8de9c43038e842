package uitest

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"stet/model"
	"stet/ui/screen"
)

var keys = append(strings.Split("abcdefghijklmnopqrstuvwxyzADEGHJKLNSTZ!?:/<>0123", ""),
	"enter", "enter", "esc", "esc", "esc", "tab", "shift+tab", "space", "up", "down", "left", "right", "home", "end", "pgup", "pgdown",
	"backspace", "ctrl+d", "ctrl+u", "ctrl+p", "ctrl+l", "ctrl+s", "ctrl+f", "ctrl+w")

// TestAnyKeysInAnySize: whatever is pressed in whatever terminal, every frame
// is whole.
func TestAnyKeysInAnySize(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w, h := rapid.IntRange(1, 200).Draw(rt, "w"), rapid.IntRange(1, 60).Draw(rt, "h")
		if rapid.Bool().Draw(rt, "tiny") {
			w, h = 1+w%30, 1+h%8
		}
		d, n := start(t, w, h)
		check := func(what string) {
			if err := Check(d.App.View(), d.w, d.h); err != nil {
				rt.Fatalf("%s at %dx%d: %v", what, d.w, d.h, err)
			}
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 12).Draw(rt, "what") {
			case 0:
				d.Resize(rapid.IntRange(1, 200).Draw(rt, "w2"), rapid.IntRange(1, 60).Draw(rt, "h2"))
				check("resize")
			case 1:
				d.Clock.Move(time.Second)
				if note, ok := n.notes["lisbon"]; ok && !note.Purged {
					n.Pull("lisbon", func(f *model.Fields) { f.Body = "pulled\n" + f.Body })
				}
				d.Ring(screen.Ring{Notes: true, Done: 1, Total: rapid.IntRange(0, 3).Draw(rt, "total")})
				check("bell")
			case 2:
				d.Paste(rapid.String().Draw(rt, "paste"))
				check("paste")
			case 3:
				d.Pass(3 * time.Second)
				check("time")
			default:
				k := rapid.SampledFrom(keys).Draw(rt, "key")
				d.Press(k)
				check(k)
			}
			if d.Quit {
				return
			}
		}
	})
}

func TestNoTerminalAtAll(t *testing.T) {
	d, _ := start(t, 0, 0)
	d.Press("j", "enter", "?", ":", "esc", "/")
	d.App.View()
	d.Resize(1, 1)
	if err := Check(d.App.View(), 1, 1); err != nil {
		t.Fatal(err)
	}
}
