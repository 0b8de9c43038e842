package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/merge"
)

// merging measures the three-way merge of texts of 100 KB with 30 changes on
// each side, beside git's where there is one.
func (b *bench) merging() error {
	base, local, remote := sides()
	files := make([]string, 3)
	for i, text := range []string{local, base, remote} {
		files[i] = filepath.Join(b.dir, fmt.Sprintf("merge%d", i))
		if err := os.WriteFile(files[i], []byte(text), 0o600); err != nil {
			return fmt.Errorf("write text: %w", err)
		}
	}
	git, gitErr := exec.LookPath("git")
	var subjects, floors times
	for range b.pick(101, 11) {
		began := time.Now()
		r := merge.Notes(&model.Fields{Body: base}, model.Fields{Body: local}, model.Fields{Body: remote})
		subjects = append(subjects, time.Since(began))
		if !r.Clean() {
			return fmt.Errorf("merge: %d conflicts in changes that do not meet", len(r.Conflicts))
		}
		if gitErr == nil {
			took, err := timed(b.command(git, append([]string{"merge-file", "-p"}, files...)...))
			if err != nil {
				return err
			}
			floors = append(floors, took)
		}
	}
	f := figure{Group: "merge", What: "merge of 100 KB, 30 + 30 edits", Got: subjects.ms(50), Bars: []bar{atMost(1)}}
	if len(floors) > 0 {
		f.Floor, f.FloorIs = ref(floors.ms(50)), "git merge-file"
	}
	b.add(f)
	return nil
}

// sides makes a text of 100 KB and two changed ones whose changes never meet.
func sides() (base, local, remote string) {
	c := newCorpus(10)
	lines := strings.SplitAfter(c.body(100_000), "\n")
	mine, theirs := append([]string(nil), lines...), append([]string(nil), lines...)
	for i := range 60 {
		side := mine
		if i%2 == 1 {
			side = theirs
		}
		side[i*len(lines)/60+len(lines)/120] = c.sentence(8) + "\n"
	}
	return strings.Join(lines, ""), strings.Join(mine, ""), strings.Join(theirs, "")
}
