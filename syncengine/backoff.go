package syncengine

import "time"

// Bounds of waiting between tries.
const (
	backoffBase = 2 * time.Second
	backoffCap  = 5 * time.Minute
)

// backoff returns how long to wait after the n-th failed try: exponential with
// full jitter above half, so that two devices do not retry in step.
func (e *Engine) backoff(n int) time.Duration {
	d := backoffCap
	if n < 8 {
		d = min(backoffCap, backoffBase<<max(0, n-1))
	}
	return d/2 + time.Duration(e.rand()*float64(d/2))
}
