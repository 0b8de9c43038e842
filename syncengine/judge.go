package syncengine

import "stet/model"

// verdict is what a server makes of an op.
type verdict int

const (
	accepted verdict = iota
	nothing          // it changes nothing, and is taken so
	refused          // the note moved
)

// judge foretells what a server makes of an op on a note as it stands there
// (Rev 0 if there is none), and what the note is afterwards.
func judge(op model.Op, cur model.Record) (model.Record, verdict) {
	after := op.After(&cur)
	switch op.Kind {
	case model.Create:
		if cur.Rev != 0 && (!cur.Purged || op.BaseRev == 0) {
			return cur, refused
		}
		return after, accepted
	case model.Append:
		if cur.Rev == 0 || cur.Fields.Deleted {
			return cur, refused
		}
		if len(after.Fields.Log) == len(cur.Fields.Log) {
			return cur, nothing
		}
		return after, accepted
	case model.Delete:
		if cur.Rev != 0 && cur.Fields.Deleted {
			return cur, nothing
		}
	case model.Purge:
		if cur.Rev != 0 && cur.Purged {
			return cur, nothing
		}
		if !cur.Fields.Deleted {
			return cur, refused
		}
	case model.Update:
		if cur.Purged || after.Fields.Deleted {
			return cur, refused
		}
	}
	if cur.Rev == 0 || op.BaseRev != cur.Rev {
		return cur, refused
	}
	if op.Kind == model.Update && model.Equal(cur.Fields, after.Fields) && cur.Fields.CreatedAt.Equal(after.Fields.CreatedAt) {
		return cur, nothing
	}
	return after, accepted
}

// arrived foretells whether an op that was out before is in what the server
// holds, and at which revision it was taken. Where another device wrote since,
// that its change is still to be seen is taken for a yes.
func arrived(op model.Op, cur model.Record) (rev int64, ok bool) {
	switch {
	case cur.Rev == 0 || cur.Rev <= op.BaseRev:
		return 0, false
	case cur.OpID == op.ID:
		return cur.Rev, true
	case op.Kind == model.Append:
		_, v := judge(op, cur)
		return cur.Rev, v == nothing
	case op.Kind == model.Create:
		return cur.Rev - 1, !cur.Purged // nobody else knows the id
	case op.Kind == model.Update:
		return cur.Rev - 1, !cur.Fields.Deleted && model.Equal(op.Patch.Apply(cur.Fields), cur.Fields)
	}
	return 0, false
}
