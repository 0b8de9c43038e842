package link

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

// RetryAfter reads a header's Retry-After.
func RetryAfter(h http.Header) time.Duration { return Wait(h.Get("Retry-After"), h.Get("Date")) }

// Wait reads what a server asks to wait: seconds, or a date measured against
// the answer's own, within 1 s and 1 h. 0 says that it asks for nothing that
// can be read.
func Wait(v, date string) time.Duration {
	if v = strings.TrimSpace(v); v == "" {
		return 0
	}
	if s, err := strconv.ParseFloat(v, 64); !math.IsNaN(s) && (err == nil || math.IsInf(s, 0)) {
		return clampWait(s)
	}
	until, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
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
