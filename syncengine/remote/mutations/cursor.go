package mutations

import (
	"strconv"
	"strings"

	"stet/syncengine/remote"
	"stet/syncengine/remote/link"
	"stet/syncengine/wire/mutlog"
)

// position is what a cursor says: all mutations up to a number are known here.
type position struct {
	head int64 // -1: there were none
	// guard says that the server looked at ops and revisions when it was asked
	// last.
	guard bool
	// listing is the account's number when the complete listing began that this
	// position is inside of; 0 outside of one.
	listing int64
	// epoch is the account's, where the server tells it.
	epoch string
}

// String writes a cursor: m1.HEAD, m1g.HEAD or m1….HEAD.LISTING, each with or
// without ~EPOCH at its end.
func (p position) String() string {
	s := "m1"
	if p.guard {
		s += "g"
	}
	s += "." + strconv.FormatInt(p.head, 10)
	if p.listing > 0 {
		s += "." + strconv.FormatInt(p.listing, 10)
	}
	if p.epoch != "" {
		s += "~" + p.epoch
	}
	return s
}

// parse reads a cursor that String wrote. Any other was never given out.
func parse(cursor string) (position, error) {
	place, epoch, told := strings.Cut(cursor, "~")
	parts := strings.Split(place, ".")
	p := position{guard: parts[0] == "m1g", epoch: epoch}
	ok := len(parts) >= 2 && len(parts) <= 3 && (!told || link.ValidEpoch(epoch))
	for i, dst := range []*int64{&p.head, &p.listing} {
		if ok && i+1 < len(parts) {
			n, err := strconv.ParseInt(parts[i+1], 10, 64)
			*dst, ok = n, err == nil
		}
	}
	if !ok || p.head < mutlog.NoHistory || p.head > mutlog.MaxInteger || p.String() != cursor {
		return position{}, &remote.ResyncError{Reason: remote.CursorUnknown}
	}
	return p, nil
}
