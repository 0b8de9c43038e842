package editor

import (
	"errors"
	"strings"
	"syscall"

	"stet/model"
)

// cause tells in a user's words why the store refused; the text itself is safe
// in the editor, and the caller says so.
func cause(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), strings.Contains(err.Error(), "disk is full"):
		return "The disk is full"
	case errors.Is(err, model.ErrReadOnly), errors.Is(err, syscall.EROFS):
		return "The notes can only be read"
	case errors.Is(err, model.ErrBusy):
		return "Another program is using the notes"
	case errors.Is(err, model.ErrCorrupt):
		return "The notes file is damaged"
	case errors.Is(err, model.ErrNewerSchema):
		return "A newer stet wrote these notes"
	case errors.Is(err, model.ErrInvalid):
		return "The text cannot be stored"
	}
	return "Could not write (" + err.Error() + ")"
}
