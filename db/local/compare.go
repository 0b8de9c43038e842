package local

import (
	"cmp"
	"strings"
)

func compare(a, b string) int { return cmp.Compare(a, b) }

// compareFold compares without regard to case, then exactly.
func compareFold(a, b string) int {
	return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
}
