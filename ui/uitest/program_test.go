package uitest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"stet/model"
	"stet/ui"
	"stet/ui/screen"
)

// program is a real Program without a terminal.
type program struct {
	*tea.Program
	t    *testing.T
	out  *screenText
	done chan error
}

// screenText is the frame that the program drew last.
type screenText struct {
	mu   sync.Mutex
	text string
}

func (s *screenText) set(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = text
}

func (s *screenText) holds(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text, text)
}

// watched is an app whose frames are looked at: what the Program writes are
// only the cells that changed.
type watched struct {
	*ui.App
	out *screenText
}

func (w watched) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	_, cmd := w.App.Update(msg)
	return w, cmd
}

func (w watched) View() tea.View {
	v := w.App.View()
	w.out.set(ansi.Strip(v.Content))
	return v
}

func runProgram(t *testing.T, notes screen.Notes, sync *Sync, edit func(path string) *exec.Cmd) *program {
	in, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	app := ui.New(ui.Config{Notes: notes, Sync: sync, Now: NewClock().Now, TempDir: filepath.Join(t.TempDir(), "texts"), EditorCommand: edit})
	p := &program{t: t, out: &screenText{}, done: make(chan error, 1)}
	opts := append(ui.Options(), tea.WithInput(in), tea.WithOutput(io.Discard), tea.WithWindowSize(80, 24), tea.WithoutSignalHandler())
	p.Program = tea.NewProgram(watched{app, p.out}, opts...)
	go func() { _, err := p.Run(); p.done <- err }()
	t.Cleanup(func() { p.Kill(); in.Close() })
	return p
}

func (p *program) until(what string, ok func() bool) {
	p.t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	p.t.Fatalf("never: %s", what)
}

func (p *program) see(text string) {
	p.t.Helper()
	p.until("see "+text, func() bool { return p.out.holds(text) })
}

func (p *program) ended() {
	p.t.Helper()
	select {
	case err := <-p.done:
		if err != nil {
			p.t.Fatal(err)
		}
	case <-time.After(5 * time.Second):
		p.t.Fatal("the program does not end")
	}
}

func TestTheBellBringsNotes(t *testing.T) {
	n := many(NewClock(), 3)
	sync := &Sync{Ringer: make(chan screen.Ring, 1)}
	p := runProgram(t, n, sync, nil)
	p.see("Note number 2")
	for _, title := range []string{"Alpha", "Bravo", "Charlie"} {
		n.Put(model.Note{Fields: model.Fields{Title: title}, UpdatedAt: Epoch.Add(time.Hour)})
		sync.Ringer <- screen.Ring{Notes: true}
		p.see(title)
	}
	p.Quit()
	p.ended()
}

// TestASignalSavesFirst: a signal arrives as a QuitMsg, before the app sees it.
func TestASignalSavesFirst(t *testing.T) {
	n := many(NewClock(), 1)
	p := runProgram(t, n, &Sync{}, nil)
	p.see("Note number 0")
	p.Send(screen.Press("e"))
	p.see("saved")
	p.Send(screen.Press("Z"))
	p.Send(screen.Press("Q"))
	p.Send(tea.QuitMsg{})
	p.ended()
	if note, _ := n.Get(t.Context(), "n0000000"); !strings.Contains(note.Title+note.Body, "ZQ") {
		t.Fatalf("quit without saving: %q %q", note.Title, note.Body)
	}
}

func TestExternalEditor(t *testing.T) {
	n := many(NewClock(), 1)
	dir := ""
	p := runProgram(t, n, &Sync{}, func(path string) *exec.Cmd {
		dir = filepath.Dir(path)
		return exec.Command("sh", "-c", `stat -c '%a' "$1" > "$1.mode"; printf 'from outside' >> "$1"; rm -f "$1.bak"`, "sh", path)
	})
	p.see("Note number 0")
	p.Send(screen.Press("E"))
	p.until("saved", func() bool {
		note, _ := n.Get(t.Context(), "n0000000")
		return strings.HasSuffix(note.Body, "words of a note\nfrom outside")
	})
	p.see("Saved")
	p.Quit()
	p.ended()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Fatal("the text was left behind", left, err)
	}
	mode, err := os.ReadFile(filepath.Join(dir, left[0].Name()))
	if err != nil || string(mode) != "600\n" {
		t.Fatalf("mode %q, %v", mode, err)
	}
}

func TestExternalEditorThatFails(t *testing.T) {
	n := many(NewClock(), 1)
	p := runProgram(t, n, &Sync{}, func(path string) *exec.Cmd {
		return exec.Command("sh", "-c", `echo rescued > "$1"; exit 3`, "sh", path)
	})
	p.see("Note number 0")
	p.Send(screen.Press("E"))
	p.see("editor ended badly")
	if note, _ := n.Get(t.Context(), "n0000000"); strings.Contains(note.Body, "rescued") {
		t.Fatal("a failed edit was saved")
	}
}

func TestEditorWords(t *testing.T) {
	for in, want := range map[string]string{
		"vi": "vi", "code --wait": "code|--wait", `"my editor" -n`: "my editor|-n", `a\ b c`: "a b|c",
		`'single "quoted"' x`: `single "quoted"|x`, `"a\"b\n"`: `a"b\n`, "": "", "  vim   -u NONE ": "vim|-u|NONE", `e ""`: "e|",
	} {
		if got := strings.Join(ui.EditorWords(in), "|"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
