package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"stet/model"
	"stet/syncengine/wire"
)

// daemon is a running stetd.
type daemon struct {
	b     *bench
	store string
	url   string
	cmd   *exec.Cmd
}

// serve starts a stetd on a new store and a free port.
func (b *bench) serve(name string) (*daemon, error) {
	d := &daemon{b: b, store: filepath.Join(b.dir, name+".db")}
	d.cmd = b.command(b.stetd, "serve", "--listen", "127.0.0.1:0", "--store", d.store)
	pipe, err := d.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("start stetd: %w", err)
	}
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start stetd: %w", err)
	}
	b.onClose(d.stop)
	lines := bufio.NewScanner(pipe)
	for lines.Scan() {
		if _, addr, ok := strings.Cut(lines.Text(), "http://"); ok {
			d.url = "http://" + strings.Fields(addr)[0]
			go func() { _, _ = io.Copy(io.Discard, pipe) }() // a full pipe would stop it
			return d, nil
		}
	}
	return nil, errors.New("start stetd: it told no address")
}

func (d *daemon) stop() {
	if d.cmd.ProcessState != nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	force := time.AfterFunc(5*time.Second, func() { _ = d.cmd.Process.Kill() })
	_ = d.cmd.Wait()
	force.Stop()
}

// account makes an account and returns its token.
func (d *daemon) account(name string) (string, error) {
	return output(d.b.command(d.b.stetd, "account", "add", name, "--store", d.store))
}

// serverRates measures durable ops a second, client and server on this machine.
func (b *bench) serverRates() error {
	long := time.Duration(b.pick(5000, 1000)) * time.Millisecond
	single, err := b.rawRate(1, long/2)
	if err != nil {
		return err
	}
	batched, err := b.rawRate(100, long/2)
	if err != nil {
		return err
	}
	d, err := b.serve("rates")
	if err != nil {
		return err
	}
	defer d.stop()
	token, err := d.account("rates")
	if err != nil {
		return err
	}
	l := &loader{url: d.url, token: token, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	defer l.client.CloseIdleConnections()
	alone, _, err := l.run(b.ctx, 64, long/2, l.health)
	if err != nil {
		return err
	}
	b.add(figure{Group: "server", What: "HTTP alone, 64 clients", Got: quantity{alone, "requests/s"}})
	rate, waits, err := l.run(b.ctx, 64, long, l.one)
	if err != nil {
		return err
	}
	b.add(figure{Group: "server", What: "single ops, 64 clients", Got: quantity{rate, "ops/s"}, Floor: ref(quantity{single, "ops/s"}),
		FloorIs: "bare inserts one by one", Bars: []bar{atLeast(9000)}})
	b.add(figure{Group: "server", What: "single ops, 64 clients, p99", Got: waits.ms(99), Bars: []bar{atMost(20)}})
	rate, waits, err = l.run(b.ctx, 8, long, l.hundred)
	if err != nil {
		return err
	}
	b.add(figure{Group: "server", What: "batches of 100, 8 clients", Got: quantity{rate * 100, "ops/s"}, Floor: ref(quantity{batched, "ops/s"}),
		FloorIs: "bare inserts 100 a transaction", Bars: []bar{atLeast(13000)}})
	b.add(figure{Group: "server", What: "batches of 100, 8 clients, p99 of a batch", Got: waits.ms(99)})
	return nil
}

// loader sends requests as fast as answers come.
type loader struct {
	url, token string
	client     *http.Client
}

// run has clients send for a time; it returns requests a second and the time
// each took.
func (l *loader) run(ctx context.Context, clients int, long time.Duration, send func(context.Context, *corpus) error) (float64, times, error) {
	var mu sync.Mutex
	var all times
	var failed error
	var working sync.WaitGroup
	texts := make([]*corpus, clients)
	for i := range texts {
		texts[i] = newCorpus(uint64(100 + i))
	}
	began := time.Now()
	for _, c := range texts {
		working.Go(func() {
			var mine times
			var err error
			for err == nil && time.Since(began) < long {
				at := time.Now()
				err = send(ctx, c)
				mine = append(mine, time.Since(at))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, mine...), errors.Join(failed, err)
		})
	}
	working.Wait()
	return float64(len(all)) / time.Since(began).Seconds(), all, failed
}

func (l *loader) health(ctx context.Context, _ *corpus) error {
	return l.send(ctx, http.MethodGet, "/healthz", "", nil)
}

// one sends one new note by itself.
func (l *loader) one(ctx context.Context, c *corpus) error {
	op := create(c)
	body, err := wire.EncodeOp(op)
	if err != nil {
		return err
	}
	return l.send(ctx, http.MethodPost, wire.PathOps, op.ID, body)
}

// hundred sends a batch of new notes.
func (l *loader) hundred(ctx context.Context, c *corpus) error {
	ops := make([]model.Op, 100)
	for i := range ops {
		ops[i] = create(c)
	}
	body, err := wire.EncodeBatch(wire.Batch{Want: wire.WantChanged, Ops: ops})
	if err != nil {
		return err
	}
	return l.send(ctx, http.MethodPost, wire.PathBatch, "", body)
}

// create is an op that makes a note of about 500 bytes.
func create(c *corpus) model.Op {
	title, body, at := c.sentence(3), c.body(430), time.Now()
	return model.Op{ID: newID(), NoteID: newID(), Kind: model.Create, CreatedAt: at, Device: "load",
		Patch: model.Patch{Title: &title, Body: &body, CreatedAt: &at}}
}

func (l *loader) send(ctx context.Context, method, path, key string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+l.token)
	if body != nil {
		req.Header.Set("Content-Type", wire.TypeJSON)
	}
	if key != "" {
		req.Header.Set(wire.HeaderKey, key)
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if resp.StatusCode >= 300 || bytes.Contains(answer, []byte(`"problem"`)) {
		return fmt.Errorf("%s %s: %s: %.200s", method, path, resp.Status, answer)
	}
	return nil
}
