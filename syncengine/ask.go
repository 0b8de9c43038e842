package syncengine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/store"
)

// Meta keys through which a process asks the one that holds the lease for a
// round, and reads what came of it.
const (
	metaAsk    = "sync_ask"    // askJSON
	metaAnswer = "sync_answer" // answerJSON
)

type askJSON struct {
	ID   string `json:"id"`
	Yes  bool   `json:"yes,omitempty"`
	Keep bool   `json:"keep,omitempty"`
	Full bool   `json:"full,omitempty"`
	At   int64  `json:"at"` // Unix ms
}

type answerJSON struct {
	ID     string `json:"id"`
	Report Report `json:"report"`
	Kind   string `json:"kind,omitempty"` // of the error
	Text   string `json:"text,omitempty"`
	After  int64  `json:"after,omitempty"` // seconds, of a wait the server asked for
}

// askPatience is how long an asked process may make no progress.
const askPatience = 10 * time.Second

// AskRound asks the process that holds the lease for a round and waits for its
// report. It returns model.ErrBusy after ten seconds in which nothing at all
// was written to the store. If the holder ends meanwhile it runs the round
// itself.
func (e *Engine) AskRound(ctx context.Context, o RoundOptions) (Report, error) {
	id := e.newID()
	text, err := json.Marshal(askJSON{id, o.Yes, o.Keep, o.Full, e.now().UnixMilli()})
	if err != nil {
		return Report{}, fmt.Errorf("ask for a round: %w", err)
	}
	defer e.withdraw(ctx, id)
	var seen int64
	progress := e.now()
	for {
		answer, ok, err := e.readAnswer(ctx, id)
		if err != nil || ok {
			return answer.Report, errors.Join(err, answer.err())
		}
		if err := e.ask(ctx, string(text)); err != nil {
			return Report{}, fmt.Errorf("ask for a round: %w", err)
		}
		now, err := e.changed(ctx)
		if err != nil {
			return Report{}, fmt.Errorf("ask for a round: %w", err)
		}
		if now != seen {
			seen, progress = now, e.now()
		}
		if e.now().Sub(progress) > askPatience {
			return Report{}, fmt.Errorf("another process syncs: %w", model.ErrBusy)
		}
		if lease, err := e.store.Lease(ctx); err == nil { // it ended meanwhile
			defer func() { _ = lease.Release() }()
			return e.Round(ctx, o)
		}
		select {
		case <-e.after(20 * time.Millisecond):
		case <-ctx.Done():
			return Report{}, ctx.Err()
		}
	}
}

// ask writes an ask down, unless it or another that nobody answered yet is.
func (e *Engine) ask(ctx context.Context, text string) error {
	free := false
	err := e.store.Read(ctx, func(tx store.Reader) error {
		now, err := tx.Meta(metaAsk)
		if err != nil || now == text {
			return err
		}
		free, err = answered(tx, now)
		return err
	})
	if err != nil || !free {
		return err
	}
	return e.store.Write(ctx, func(tx store.Tx) error {
		now, err := tx.Meta(metaAsk)
		if err != nil {
			return err
		}
		if free, err = answered(tx, now); err != nil || !free {
			return err
		}
		return tx.SetMeta(metaAsk, text)
	})
}

// answered reports whether an ask needs no round any more.
func answered(tx store.Reader, text string) (bool, error) {
	var ask askJSON
	if text == "" || json.Unmarshal([]byte(text), &ask) != nil {
		return true, nil
	}
	answer, err := tx.Meta(metaAnswer)
	var a answerJSON
	return err == nil && json.Unmarshal([]byte(answer), &a) == nil && a.ID == ask.ID, err
}

// withdraw takes an ask back whose asker leaves: its consent is to what was
// there now, not to what a later holder of the lease meets.
func (e *Engine) withdraw(ctx context.Context, id string) {
	_ = e.store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { // at worst one more round is run
		text, err := tx.Meta(metaAsk)
		var ask askJSON
		if err != nil || json.Unmarshal([]byte(text), &ask) != nil || ask.ID != id {
			return err
		}
		return tx.SetMeta(metaAsk, "")
	})
}

func (e *Engine) readAnswer(ctx context.Context, id string) (answerJSON, bool, error) {
	var a answerJSON
	text, err := e.meta(ctx, metaAnswer)
	if err != nil || text == "" {
		return a, false, err
	}
	if err := json.Unmarshal([]byte(text), &a); err != nil || a.ID != id {
		return answerJSON{}, false, nil
	}
	return a, true, nil
}

// errorKinds spell the errors of rounds for another process.
var errorKinds = []struct {
	kind string
	err  error
}{{"held", ErrHeld}, {"auth", remote.ErrAuth}, {"forbidden", remote.ErrForbidden}, {"corrupt", model.ErrCorrupt},
	{"busy", model.ErrBusy}, {"readonly", model.ErrReadOnly}, {"server", remote.ErrServer}, {"offline", remote.ErrOffline}}

// askedError is an error that another process met.
type askedError struct {
	text string
	kind error
}

func (e *askedError) Error() string { return e.text }
func (e *askedError) Unwrap() error { return e.kind }

func (a answerJSON) err() error {
	if a.Kind == "" {
		return nil
	}
	if a.Kind == "retry" {
		return &remote.RetryError{After: time.Duration(a.After) * time.Second, Err: errors.New(a.Text)}
	}
	for _, k := range errorKinds {
		if k.kind == a.Kind {
			return &askedError{a.Text, k.err}
		}
	}
	return errors.New(a.Text)
}

func answerOf(id string, report Report, err error) answerJSON {
	a := answerJSON{ID: id, Report: report}
	if err == nil {
		return a
	}
	a.Kind, a.Text = "other", err.Error()
	var retry *remote.RetryError
	if errors.As(err, &retry) {
		a.Kind, a.After = "retry", int64(retry.After/time.Second)
		return a
	}
	for _, k := range errorKinds {
		if errors.Is(err, k.err) {
			a.Kind = k.kind
			break
		}
	}
	return a
}

// asked returns the id of a round that another process waits for, "" if none.
func (w *worker) asked(ctx context.Context) (string, error) {
	ask, err := w.readAsk(ctx)
	if err != nil || ask.ID == "" {
		return "", err
	}
	if _, answered, err := w.readAnswer(ctx, ask.ID); err != nil || answered {
		return "", err
	}
	return ask.ID, nil
}

// consented tells what who asks answered to what the guard holds, yes to go on,
// keep to refuse, and whether all is to be compared. An old answer is of
// somebody who was killed, to something else.
func (w *worker) consented(ctx context.Context, asked string) (yes, keep, full bool) {
	ask, err := w.readAsk(ctx)
	age := w.now().Sub(time.UnixMilli(ask.At)).Abs()
	if err != nil || asked == "" || ask.ID != asked || age >= 2*askPatience {
		return false, false, false
	}
	return ask.Yes, ask.Keep, ask.Full
}

func (w *worker) readAsk(ctx context.Context) (askJSON, error) {
	var ask askJSON
	text, err := w.meta(ctx, metaAsk)
	if err != nil || text == "" {
		return ask, err
	}
	if json.Unmarshal([]byte(text), &ask) != nil {
		return askJSON{}, nil
	}
	return ask, nil
}

func (w *worker) answer(ctx context.Context, id string, report Report, err error) error {
	text, merr := json.Marshal(answerOf(id, report, err))
	if merr != nil {
		return fmt.Errorf("answer a round: %w", merr)
	}
	return w.setMeta(ctx, metaAnswer, string(text))
}

func (e *Engine) meta(ctx context.Context, key string) (string, error) {
	var value string
	err := e.store.Read(ctx, func(tx store.Reader) (err error) {
		value, err = tx.Meta(key)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", key, err)
	}
	return value, nil
}

func (e *Engine) setMeta(ctx context.Context, key, value string) error {
	return e.store.Write(ctx, func(tx store.Tx) error { return tx.SetMeta(key, value) })
}
