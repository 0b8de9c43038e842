package native

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The bounds of a wait that a server can ask for.
const (
	minWait = time.Second
	maxWait = time.Hour
)

// retryAfter reads Retry-After: seconds, or a date measured against the
// answer's own Date, within 1 s and 1 h. 0 says that the header is absent or
// says nothing that can be read.
func retryAfter(h http.Header) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); !math.IsNaN(s) && (err == nil || math.IsInf(s, 0)) {
		return clampWait(s)
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return clampWait(until.Sub(now).Seconds())
}

func clampWait(seconds float64) time.Duration {
	switch {
	case seconds <= minWait.Seconds():
		return minWait
	case seconds >= maxWait.Seconds():
		return maxWait
	}
	return time.Duration(seconds * float64(time.Second))
}
