package sqlite

import (
	"stet/model"
	"stet/syncengine/server/store"
)

// judge says what becomes of an op on a note as it stands (nil if there is
// none), and what the note is afterwards. It is pure: the verdict is known
// before anything is written. Fresh keys only; replays are found before.
func judge(op model.Op, cur *model.Record) (store.Verdict, model.Fields) {
	if op.Kind == model.Create {
		switch {
		case cur != nil && !cur.Purged:
			return store.AlreadyExists, cur.Fields
		case cur != nil && op.UnlessPurged:
			return store.Purged, cur.Fields
		}
		return store.Applied, op.Patch.Apply(model.Fields{})
	}
	if cur == nil {
		return store.UnknownNote, model.Fields{}
	}
	switch op.Kind {
	case model.Append:
		return judgeAppend(op, cur)
	case model.Delete:
		return judgeDelete(op, cur)
	case model.Purge:
		return judgePurge(op, cur)
	}
	return judgeUpdate(op, cur)
}

func judgeUpdate(op model.Op, cur *model.Record) (store.Verdict, model.Fields) {
	switch {
	case cur.Purged:
		return store.Purged, cur.Fields
	case op.BaseRev != cur.Rev:
		return store.Conflict, cur.Fields
	}
	after := op.Patch.Apply(cur.Fields)
	switch {
	case after.Deleted:
		return store.Conflict, cur.Fields // a tombstone changes only by being restored
	case model.Equal(cur.Fields, after) && cur.Fields.CreatedAt.Equal(after.CreatedAt):
		return store.NoChange, cur.Fields
	}
	return store.Applied, after
}

func judgeAppend(op model.Op, cur *model.Record) (store.Verdict, model.Fields) {
	switch {
	case cur.Purged:
		return store.Purged, cur.Fields
	case cur.Fields.Deleted:
		return store.Conflict, cur.Fields
	}
	after := op.Patch.Apply(cur.Fields)
	if len(after.Log) == len(cur.Fields.Log) {
		return store.NoChange, cur.Fields
	}
	return store.Applied, after
}

func judgeDelete(op model.Op, cur *model.Record) (store.Verdict, model.Fields) {
	switch {
	case cur.Fields.Deleted:
		return store.NoChange, cur.Fields
	case op.BaseRev != cur.Rev:
		return store.Conflict, cur.Fields
	}
	return store.Applied, model.Fields{Deleted: true}
}

func judgePurge(op model.Op, cur *model.Record) (store.Verdict, model.Fields) {
	switch {
	case cur.Purged:
		return store.NoChange, cur.Fields
	case !cur.Fields.Deleted || op.BaseRev != cur.Rev:
		return store.Conflict, cur.Fields
	}
	return store.Applied, model.Fields{Deleted: true}
}

// failed reports whether a verdict bars later ops of the same note in a batch.
func failed(v store.Verdict) bool {
	switch v {
	case store.Applied, store.Replayed, store.NoChange:
		return false
	}
	return true
}
