package kinto

import (
	"encoding/json"

	"stet/model"
)

// told takes from a row what a stetd tells of a note beside its fields: which
// device wrote it and when. On other servers members of these names are
// foreign ones. What stetd tells it does not hear; a foreign member of such a
// name goes there with our mark.
func (c *Client) told(r *row) {
	me := c.me.Load()
	if me == nil || !me.tells {
		return
	}
	var device, at string
	if json.Unmarshal(r.rec.Fields.Extra["device"], &device) == nil {
		r.rec.Device = device
	}
	if json.Unmarshal(r.rec.Fields.Extra["at"], &at) == nil {
		if saved, err := model.ParseTime(at); err == nil && !saved.IsZero() {
			r.rec.SavedAt = saved
		}
	}
	delete(r.rec.Fields.Extra, "device")
	delete(r.rec.Fields.Extra, "at")
	if len(r.rec.Fields.Extra) == 0 {
		r.rec.Fields.Extra = nil
	}
}
