package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

// TestMain makes the test's binary stetd itself when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("STETD_TEST_MAIN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// stetd runs a command to its end.
func stetd(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), code
}

// process is a running stetd serve.
type process struct {
	cmd  *exec.Cmd
	base string
	errs *bufio.Reader // what it says after its first line
}

func serve(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "STETD_TEST_MAIN=1")
	pipe, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	errs := bufio.NewReader(pipe)
	line, err := errs.ReadString('\n')
	base, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		t.Fatalf("first line %q, %v", line, err)
	}
	return &process{cmd, base, errs}
}

func (p *process) do(method, path, token string, body []byte, headers ...string) (*http.Response, []byte, error) {
	req, err := http.NewRequest(method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	return res, got, err
}

func op(id string) []byte {
	out, err := wire.EncodeOp(model.Op{ID: "op-" + id, NoteID: id, Kind: model.Create, Patch: model.Patch{Title: &id}})
	if err != nil {
		panic(err)
	}
	return out
}

func TestAccountsAndTokens(t *testing.T) {
	db := filepath.Join(t.TempDir(), "deep", "x y?.db")
	out, _, code := stetd(t, "account", "add", "ann", "--store", db)
	if code != 0 || !regexp.MustCompile(`^stet_[0-9A-Za-z]{43}\n$`).MatchString(out) {
		t.Fatalf("%d %q", code, out)
	}
	if info, err := os.Stat(db); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	first := strings.TrimSpace(out)
	p := serve(t, "--store", db)
	check := func(token string, want int) {
		t.Helper()
		res, body, err := p.do("GET", wire.PathMeta, token, nil)
		if err != nil || res.StatusCode != want {
			t.Fatalf("%v %v %s", res, err, body)
		}
	}
	check(first, 200)
	out, _, code = stetd(t, "token", "add", "ann", "--label", "phone", "--store", db) // while serve runs
	second := strings.TrimSpace(out)
	if code != 0 || second == first {
		t.Fatalf("%d %q", code, out)
	}
	check(second, 200)
	out, _, code = stetd(t, "token", "ls", "ann", "--store", db)
	if code != 0 || !strings.Contains(out, "phone") || strings.Contains(out, second[5:]) {
		t.Errorf("%d %q", code, out)
	}
	if _, _, code = stetd(t, "token", "revoke", "ann", "--label", "phone", "--store", db); code != 0 {
		t.Error(code)
	}
	check(second, 401)
	check(first, 200)
	if _, _, code = stetd(t, "account", "rm", "ann", "--store", db); code != 0 {
		t.Error(code)
	}
	check(first, 401)
	if out, _, code = stetd(t, "account", "ls", "--store", db); code != 0 || out != "" {
		t.Errorf("%d %q", code, out)
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestExitCodesAndSentences(t *testing.T) {
	dir := t.TempDir()
	good, bad, newer := filepath.Join(dir, "good.db"), filepath.Join(dir, "bad.db"), filepath.Join(dir, "newer.db")
	if _, _, code := stetd(t, "account", "add", "ann", "--store", good); code != 0 {
		t.Fatal(code)
	}
	noise := make([]byte, 8192)
	_, _ = rand.Read(noise)
	if err := os.WriteFile(bad, noise, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE x (y); PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	others := filepath.Join(dir, "others.db")
	if db, err = sql.Open("sqlite3", others); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE x (y); PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "which command"}, {"nonsense", 2, "nonsense"}, {"serve extra", 2, "extra"}, {"serve --nonsense", 2, "nonsense"},
		{"account add", 2, "name"}, {"account add -- -x", 2, "name"}, {"account add a/b", 2, "name"},
		{"account add ann --store " + good, 1, "already"}, {"account rm bob --store " + good, 3, "no such account"},
		{"token add bob --store " + good, 3, "no such account"}, {"token ls bob --store " + good, 3, "no such account"},
		{"token revoke ann --label x --store " + good, 3, "no such token"},
		{"account ls --store " + bad, 8, "damaged"}, {"serve --store " + bad, 8, "damaged"}, {"serve --store " + newer, 8, "newer"},
		{"account ls --store " + others, 8, "no store of stetd"}, {"serve --store postgres://x/y", 2, "PostgreSQL"}, {"serve --store " + dir, 1, "folder"},
		{"serve --tls-cert x --store " + good, 2, "together"}, {"serve --tls-cert /none --tls-key /none --store " + good, 1, "certificate"},
		{"serve --listen " + taken.Addr().String() + " --store " + good, 1, "in use"}, {"serve --listen x:y:z --store " + good, 2, "address"},
	} {
		_, errs, code := stetd(t, strings.Fields(c.args)...)
		last := strings.Split(strings.TrimSpace(errs), "\n")
		if code != c.code || !strings.Contains(last[len(last)-1], c.says) || strings.Contains(errs, "goroutine") {
			t.Errorf("stetd %s: exit %d, want %d with %q: %s", c.args, code, c.code, c.says, errs)
		}
	}
	if after, err := os.ReadFile(bad); err != nil || !bytes.Equal(after, noise) {
		t.Error("a damaged store was touched")
	}
	if out, _, code := stetd(t, "version"); code != 0 || !strings.HasPrefix(out, "stetd ") {
		t.Errorf("%d %q", code, out)
	}
	for _, args := range []string{"", "account", "token"} {
		if out, errs, code := stetd(t, strings.Fields(args)...); out != "" || !strings.Contains(errs, "Usage:") || code != exitUsage {
			t.Errorf("stetd %s: %d, on stdout %q, on stderr %q", args, code, out, errs)
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"account", "ls", "--store", good}, fullDisk{}, &errs); code != exitFailure {
		t.Errorf("a list that cannot be written: exit %d", code)
	}
	if out, _, code := stetd(t, "help"); code != 0 || !strings.Contains(out, "serve") {
		t.Errorf("%d %q", code, out)
	}
}

func TestServeEndsOnSignal(t *testing.T) {
	db := filepath.Join(t.TempDir(), "x.db")
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		p := serve(t, "--store", db)
		if sig == os.Interrupt { // a connection that never asks does not hold it for ever
			hang, err := net.Dial("tcp", strings.TrimPrefix(p.base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer hang.Close()
		}
		from := time.Now()
		_ = p.cmd.Process.Signal(sig)
		if err := p.cmd.Wait(); err != nil || time.Since(from) > 10*time.Second {
			t.Errorf("%v: %v after %s", sig, err, time.Since(from))
		}
	}
	if left, _ := filepath.Glob(db + "-*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pair := makeCertificate(t, dir)
	_, _, _ = stetd(t, "account", "add", "ann", "--store", dir+"/x.db")
	p := serve(t, "--store", dir+"/x.db", "--tls-cert", dir+"/cert.pem", "--tls-key", dir+"/key.pem")
	if !strings.HasPrefix(p.base, "https://127.0.0.1:") {
		t.Fatal(p.base)
	}
	roots := x509.NewCertPool()
	roots.AddCert(pair)
	res, err := clientWith(roots).Get(p.base + "/healthz")
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%v %v", res, err)
	}
	_ = res.Body.Close()
}

// TestKilledServerKeepsWhatItAcknowledged kills a real server 20 times during
// writes; every op it answered must be there afterwards, once.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	db := filepath.Join(t.TempDir(), "x.db")
	out, _, code := stetd(t, "account", "add", "ann", "--store", db)
	if code != 0 {
		t.Fatal(code)
	}
	token := strings.TrimSpace(out)
	acked := map[string]int64{}
	for round := range 20 {
		p := serve(t, "--store", db)
		check(t, p, token, acked)
		var mu sync.Mutex
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for w := range 6 {
			wg.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("r%d-%d-%d", round, w, i)
					res, body, err := p.do("POST", wire.PathOps, token, op(id), wire.HeaderKey, "op-"+id, "Content-Type", wire.TypeJSON)
					if err != nil {
						return
					}
					rec, err := wire.DecodeNote(body)
					if res.StatusCode != 201 || err != nil {
						t.Errorf("%d %s", res.StatusCode, body)
						return
					}
					mu.Lock()
					acked[id] = rec.Rev
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(40+7*round) * time.Millisecond)
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		cancel()
		wg.Wait()
	}
	p := serve(t, "--store", db)
	check(t, p, token, acked)
	t.Logf("%d acknowledged ops over 20 kills", len(acked))
	if len(acked) < 100 {
		t.Errorf("only %d ops were acknowledged", len(acked))
	}
}

// check compares a whole listing with what was acknowledged.
func check(t *testing.T, p *process, token string, acked map[string]int64) {
	t.Helper()
	have, at := map[string]int64{}, ""
	for more := true; more; {
		res, body, err := p.do("GET", wire.PathChanges+"?limit=1000&since="+at, token, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%v %v %s", res, err, body)
		}
		var page wire.Page
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Changes {
			have[c.ID] = c.Rev
		}
		at, more = page.Cursor, page.HasMore
	}
	for id, rev := range acked {
		if have[id] != rev {
			t.Errorf("%s was acknowledged at %d and is at %d", id, rev, have[id])
		}
	}
}
