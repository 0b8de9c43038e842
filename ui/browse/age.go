package browse

import (
	"time"

	"stet/model"
	"stet/ui/screen"
)

// age fits the column: other years are told by month.
func age(h model.Head, now time.Time) string {
	s := screen.Ago(h.UpdatedAt, now)
	if len(s) == len("2006-01-02") {
		return s[:len("2006-01")]
	}
	return s
}
