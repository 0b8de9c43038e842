package merge

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"stet/model"
)

// lastWins merges a cosmetic field: this device's change is applied again on
// what the other side has, so the op that reaches the server last stands.
func lastWins[T comparable](base, local, remote T) T {
	if local != base {
		return local
	}
	return remote
}

// mergeTags applies the additions and removals of both sides to base.
func mergeTags(base, local, remote []string) []string {
	switch {
	case slices.Equal(local, remote), slices.Equal(remote, base):
		return slices.Clone(local)
	case slices.Equal(local, base):
		return slices.Clone(remote)
	}
	var out []string
	for _, t := range slices.Concat(local, remote) {
		if !slices.Contains(base, t) || slices.Contains(local, t) && slices.Contains(remote, t) {
			out = append(out, t)
		}
	}
	return model.NormalTags(out)
}

// mergeLog unites two logs: the other side's order, then this device's entries
// that it has not seen.
func mergeLog(local, remote []model.LogEntry) []model.LogEntry {
	seen := make(map[string]bool, len(local)+len(remote))
	var out []model.LogEntry
	for _, e := range slices.Concat(remote, local) {
		if !seen[e.ID] {
			seen[e.ID] = true
			out = append(out, e)
		}
	}
	return out
}

// mergeExtra applies this device's changes to other clients' members, each as
// a whole, on what the other side has.
func mergeExtra(base, local, remote map[string]json.RawMessage) map[string]json.RawMessage {
	out := make(map[string]json.RawMessage, len(remote))
	for k, v := range remote {
		out[k] = bytes.Clone(v)
	}
	for k, v := range local {
		if old, had := base[k]; !had || !model.SameJSON(old, v) {
			out[k] = bytes.Clone(v)
		}
	}
	for k := range base {
		if _, kept := local[k]; !kept {
			delete(out, k)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// created returns the earliest creation time that base and remote know, else
// this device's.
func created(base, local, remote model.Fields) time.Time {
	var out time.Time
	for _, t := range []time.Time{base.CreatedAt, remote.CreatedAt} {
		if !t.IsZero() && (out.IsZero() || t.Before(out)) {
			out = t
		}
	}
	if out.IsZero() {
		return local.CreatedAt
	}
	return out
}
