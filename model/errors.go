package model

import "errors"

// The errors that any room may meet. Wrap them with what was attempted; test
// with errors.Is.
var (
	ErrNotFound    = errors.New("not found")
	ErrAmbiguous   = errors.New("more than one note matches")
	ErrBusy        = errors.New("store is busy")
	ErrCorrupt     = errors.New("store is damaged")
	ErrReadOnly    = errors.New("store can only be read")
	ErrNewerSchema = errors.New("store was written by a newer stet")
	ErrNotInReview = errors.New("note does not need review")
	ErrReviewMoved = errors.New("the other side changed since it was shown")
	ErrRefused     = errors.New("refused")
	ErrInvalid     = errors.New("invalid")
)
