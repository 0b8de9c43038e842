package mutations

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"stet/model"
	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire"
	"stet/syncengine/wire/mutlog"
)

// one sends ops one by one to the endpoints of notes. Some servers check the
// account's number there and some do not, so that ours is never moved by an
// answer: a pull follows.
func (p *push) one(some []int) error {
	p.blind = true
	for k, i := range some {
		if p.first {
			return nil
		}
		if err := p.direct(i); err != nil {
			return p.left(some[k+1:], p.stop([]int{i}, err))
		}
	}
	return nil
}

// direct sends one op.
func (p *push) direct(i int) error {
	op := p.ops[i]
	what := call{method: http.MethodPatch, path: mutlog.PathNotes + "/" + url.PathEscape(target(op)), query: p.expect()}
	switch {
	case op.Kind == model.Delete || op.Kind == model.Purge:
		what.method = http.MethodDelete
	case fresh(op):
		what.method, what.path = http.MethodPost, mutlog.PathNotes
	}
	if what.method != http.MethodDelete {
		var err error
		if what.body, err = p.c.codec.bodyOf(op); err != nil {
			p.out[i] = remote.Outcome{OpID: op.ID, Kind: remote.Rejected, Problem: err.Error()}
			return nil
		}
	}
	a, err := p.c.send(p.ctx, what)
	if err != nil {
		return err
	}
	if a.status == http.StatusOK || a.status == http.StatusCreated {
		return p.made(i, a, what.method)
	}
	r, err := refusal(a)
	switch {
	case err != nil:
		return err
	case r.status == http.StatusConflict:
		return p.outOfSync([]int{i})
	case r.status == http.StatusNotFound && what.method == http.MethodDelete:
		p.nothing(i)
	case r.status == http.StatusNotFound && what.method == http.MethodPatch:
		p.conflict(i, model.Record{ID: op.NoteID})
	case r.status == http.StatusBadRequest, r.status == http.StatusRequestEntityTooLarge, r.status == http.StatusUnprocessableEntity:
		p.reject(i, r)
	default:
		return strange(r, nil)
	}
	return nil
}

// made reads a success of the endpoints of notes. One that does not tell the
// account's new number is looked for in the log.
func (p *push) made(i int, a answer, method string) error {
	id, err := madeID(a, method)
	if err != nil {
		return link.NotProtocol("%v", err)
	}
	rev, err := strconv.ParseInt(strings.TrimSpace(a.header.Get(mutlog.HeaderAt)), 10, 64)
	if err != nil || rev <= p.at.head || rev > mutlog.MaxInteger {
		op := p.ops[i]
		p.ops[i].Replay = true
		left, err := p.match([]int{i}, p.at.head)
		p.ops[i] = op
		if p.first = true; err == nil && len(left) > 0 {
			err = link.NotProtocol("the server does not show what it took")
		}
		return err
	}
	op := p.ops[i]
	p.at.head = rev
	after := op.Op.After(&op.Base)
	rec := model.Record{ID: op.NoteID, RemoteID: op.Base.RemoteID, Rev: rev, ServerAt: time.UnixMilli(rev).UTC(), Fields: after.Fields}
	if method == http.MethodPost {
		rec = named(model.Record{ID: id, RemoteID: id, Rev: rev, ServerAt: rec.ServerAt, Fields: after.Fields}, op.NoteID)
	}
	p.accept(i, rec)
	return nil
}

func madeID(a answer, method string) (string, error) {
	if !a.is(wire.TypeJSON) {
		return "", errors.New("content type is not JSON")
	}
	var in struct {
		Success bool `json:"success"`
		Data    struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := wire.CheckJSON(a.body); err != nil {
		return "", err
	}
	if err := json.Unmarshal(a.body, &in); err != nil {
		return "", err
	}
	if !in.Success || method == http.MethodPost && in.Data.ID == "" {
		return "", errors.New("answer is no success with a note")
	}
	return in.Data.ID, nil
}
