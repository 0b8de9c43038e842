//go:build linux && cgo

package faultdisk_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"stet/db/faultdisk"
	"stet/model"
	serverstore "stet/syncengine/server/store"
	"stet/syncengine/store"
)

// perMoment is how many images are made of one power loss: what was on its way
// to the disk may get there in many ways.
const perMoment = 5

// TestPowerLoss takes the power away at random moments and opens what the disk
// could hold then. STET_POWER is the number of such images.
func TestPowerLoss(t *testing.T) {
	images := number(t, "STET_POWER", 20)
	lost, broken := losses(t, images, false, t.Errorf)
	loose, torn := losses(t, images, true, t.Logf)
	t.Logf("synchronous=NORMAL: %d images lost saves, %d cannot be used", loose, torn)
	if loose+torn == 0 {
		t.Error("a store with synchronous=NORMAL loses nothing: this test could not see a loss")
	}
	if images >= 500 && !t.Failed() {
		fmt.Printf("proof G9 | power-loss images (unsynced sectors kept, dropped, torn) | %d images: %d saved lost, %d corrupt; the NORMAL build loses in %d | 500\n",
			images, lost, broken, loose+torn)
	}
}

// losses makes images, half of them of servers, and counts those that lack what
// was saved and those that cannot be used.
func losses(t *testing.T, images int, relaxed bool, tell func(string, ...any)) (lost, broken int) {
	t.Helper()
	root := scratch(t)
	for seed := range (images + perMoment - 1) / perMoment {
		w := newWorkload(t, root, seed, relaxed)
		for i := range min(perMoment, images-seed*perMoment) {
			dir, err := os.MkdirTemp(root, "image")
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(uint64(seed), uint64(i)))
			if err := w.disk.PowerLoss(r, []int{512, 4096}[i%2], dir); err != nil {
				t.Fatal(err)
			}
			missing, err := w.look(dir)
			switch {
			case err != nil:
				broken++
				tell("seed %d image %d relaxed %v: cannot be used: %v", seed, i, relaxed, err)
			case len(missing) > 0:
				lost++
				tell("seed %d image %d relaxed %v: %d of %d saves are gone: %v", seed, i, relaxed, len(missing), len(w.saved)+len(w.acked), missing[0])
			}
			_ = os.RemoveAll(dir)
		}
		w.disk.Close()
		_ = os.RemoveAll(w.dir)
	}
	return lost, broken
}

// workload is a store that was written until the power went.
type workload struct {
	bench
	serves  bool
	disk    *faultdisk.Disk
	r       *rand.Rand
	saved   map[string]string            // note to body, as it was said to be saved
	sending map[string]string            // what was being saved at the end
	acked   map[string]serverstore.Write // by op
}

func newWorkload(t *testing.T, root string, seed int, relaxed bool) *workload {
	t.Helper()
	dir, err := os.MkdirTemp(root, "power")
	if err != nil {
		t.Fatal(err)
	}
	w := &workload{bench: bench{dir: dir}, serves: seed%2 == 1, disk: mustDisk(t, dir), r: rand.New(rand.NewPCG(uint64(seed), 99)),
		saved: map[string]string{}, sending: map[string]string{}, acked: map[string]serverstore.Write{}}
	w.reset(1)
	if seed%4 == 2 { // the journal is moved all the time
		w.after = atOnce
	}
	if relaxed {
		w.disk.Relax()
	}
	w.disk.Record()
	if err := w.open(w.serves); err != nil {
		t.Fatal(err)
	}
	if w.serves {
		if err := w.server.AddAccount(ctx, "ana"); err != nil {
			t.Fatal(err)
		}
	}
	w.disk.Die(faultdisk.Death{Change: 1 + w.r.IntN(250), Torn: w.r.IntN(2) == 0})
	for n := 0; !w.disk.Dead() && n < 200; n++ {
		if w.serves {
			w.serve()
		} else {
			w.write(n)
		}
		if n%40 == 39 && !w.disk.Dead() { // the journal is moved by a close, too
			if err := w.close(); err != nil && !w.disk.Dead() {
				t.Fatal(err)
			}
			if err := w.open(w.serves); err != nil {
				break
			}
		}
	}
	w.disk.Kill()
	_ = w.close() // the disk is dead
	return w
}

func (w *workload) write(n int) {
	body := fmt.Sprintf("text %d %s", n, long[:w.r.IntN(6000)])
	if known := len(w.saved); known > 0 && w.r.IntN(2) == 0 {
		noteID := ""
		for k := range w.saved { // any
			noteID = max(noteID, k)
		}
		w.sending = map[string]string{noteID: body}
		if edit(&w.bench, noteID, body) == nil {
			w.saved[noteID] = body
		}
		return
	}
	made, err := w.notes.Create(ctx, fields("t", body))
	w.sending = nil
	if err == nil {
		w.saved[made.ID] = body
	}
}

func (w *workload) serve() {
	var batch []serverstore.Write
	for range 1 + w.r.IntN(5) {
		w.ids++
		batch = append(batch, change(&w.bench, w.ids, model.Create, 0, long[:w.r.IntN(6000)+1]))
	}
	if apply(&w.bench, batch...) == nil {
		for _, c := range batch {
			w.acked[c.Op.ID] = c
		}
	}
}

// look opens an image as the next start does, and returns what is missing.
func (w *workload) look(dir string) (missing []string, err error) {
	b := &bench{dir: dir}
	b.reset(5)
	if w.serves {
		if _, err := os.Stat(filepath.Join(dir, "stet.db")); err != nil {
			return nil, err
		}
	}
	if err := b.open(w.serves); err != nil {
		return nil, err
	}
	defer func() {
		err = errors.Join(err, b.close())
		if err == nil {
			_, err = dump(b.path())
		}
	}()
	for _, c := range w.acked {
		done, err := b.server.Apply(ctx, 1, serverstore.Cursor{}, []serverstore.Write{c})
		if errors.Is(err, serverstore.ErrNoAccount) {
			return []string{"the account"}, nil
		}
		if err != nil {
			return nil, err
		}
		if done[0].Verdict != serverstore.Replayed {
			missing = append(missing, c.Op.ID)
		}
	}
	for noteID, body := range w.saved {
		n, err := b.device.Get(ctx, noteID)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			return nil, err
		}
		if err != nil || n.Body != body && n.Body != w.sending[noteID] {
			missing = append(missing, noteID)
			continue
		}
		if err := b.device.Read(ctx, func(r store.Reader) error {
			ops, err := r.Ops(noteID)
			if err == nil && len(ops) == 0 {
				err = errors.New("a note without its op")
			}
			return err
		}); err != nil {
			return nil, err
		}
	}
	return missing, nil
}
