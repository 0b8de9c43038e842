package local

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"stet/model"
	"stet/syncengine/store"
)

// child is what this test binary does when a test starts it again.
func child(role, path string) int {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path, Now: testNow, Device: "child", ReadOnlyOK: true})
	if err != nil {
		fmt.Println("open:", err)
		return 1
	}
	kind, who, _ := strings.Cut(role, ":")
	switch kind {
	case "write": // many notes, an acknowledgement each, until done or killed
		for i := range 400 {
			id := who + "-" + strconv.Itoa(i)
			err := s.Write(ctx, func(t store.Tx) error {
				n, err := t.PutNote(note(id, "by "+who, "body of "+id))
				if err != nil {
					return err
				}
				return t.SetOps(id, []model.Op{createOp(n, "op-"+id)})
			})
			if err != nil {
				fmt.Println("write:", err)
				return 1
			}
			fmt.Println("ack", id)
		}
	case "lease":
		if _, err := s.Lease(ctx); err != nil {
			fmt.Println("lease:", err)
			return 1
		}
		fmt.Println("held")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		return 0 // without Release: the death of the process frees it
	case "readonly":
		return readOnlyChild(ctx, s)
	}
	if err := s.Close(); err != nil {
		fmt.Println("close:", err)
		return 1
	}
	return 0
}

func start(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "STET_TEST_ROLE="+role, "STET_TEST_PATH="+path)
	return cmd
}

func TestTwoProcessesWriteAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "stet.db")
	var wg sync.WaitGroup
	for _, who := range []string{"a", "b"} {
		wg.Go(func() {
			if out, err := start(t, "write:"+who, path).CombinedOutput(); err != nil {
				t.Errorf("%s: %v: %s", who, err, out[max(0, len(out)-300):])
			}
		})
	}
	wg.Wait()
	s := openAt(t, path)
	c, err := s.Counts(context.Background())
	if err != nil || c.Notes != 800 || c.Pending != 800 {
		t.Fatalf("counts %+v, %v", c, err)
	}
	seen := map[int64]bool{}
	if err := s.Each(context.Background(), model.Query{}, func(n model.Note) error {
		if seen[n.Seq] {
			t.Errorf("change number %d was given twice", n.Seq)
		}
		seen[n.Seq] = true
		return nil
	}); err != nil || len(seen) != 800 {
		t.Fatal(len(seen), err)
	}
}

func TestKilledWriterLosesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "home", "stet.db")
	for round := range 20 {
		cmd := start(t, fmt.Sprintf("write:r%d", round), path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var acked []string
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			id, ok := strings.CutPrefix(lines.Text(), "ack ")
			if !ok {
				t.Fatal(lines.Text())
			}
			if acked = append(acked, id); len(acked) == 5+7*round {
				if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		s, err := Open(context.Background(), Options{Path: path, Now: testNow})
		if err != nil {
			t.Fatal(err)
		}
		err = s.Read(context.Background(), func(r store.Reader) error {
			for _, id := range acked {
				if _, err := r.Note(id); err != nil {
					t.Errorf("round %d: %s was acknowledged: %v", round, id, err)
				}
				if ops, err := r.Ops(id); err != nil || len(ops) != 1 {
					t.Errorf("round %d: %s has ops %v, %v", round, id, ops, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeaseIsExclusiveAndDiesWithItsHolder(t *testing.T) {
	s := openTemp(t)
	ctx := context.Background()
	first, err := s.Lease(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lease(ctx); !isErr(err, model.ErrBusy) {
		t.Fatalf("second lease in one process: %v", err)
	}
	if err := first.Release(); err != nil || first.Release() != nil {
		t.Fatal(err)
	}
	cmd := start(t, "lease", s.o.Path)
	in, _ := cmd.StdinPipe()
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "held\n" {
		t.Fatal(line, err)
	}
	if _, err := s.Lease(ctx); !isErr(err, model.ErrBusy) || !s.someoneSyncs() {
		t.Fatalf("lease held by another process: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	_ = in.Close()
	again, err := s.Lease(ctx)
	if err != nil {
		t.Fatalf("lease after its holder died: %v", err)
	}
	if again.Fence() <= first.Fence()+1 {
		t.Fatalf("fence %d does not follow %d and the child's", again.Fence(), first.Fence())
	}
}
