package rules

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// inRollout says whether a subject is in the given share of a rollout. It is a contract:
// the answer for a name, a percentage and a subject is the same in every process, on every
// machine and in every version, so that whoever is in a rollout today is in it tomorrow.
//
// The first eight bytes of SHA-256(name, a zero byte, subject), read as a big-endian number,
// are compared with percent/100 of 2^64 (that fraction as an IEEE 754 double, scaled and
// truncated); the subject is in when its number is less. So nobody is in at 0 or below,
// everybody at 100 or above, and whoever is in at one percentage is in at every greater one.
func inRollout(name string, percent float64, subject string) bool {
	if percent >= 100 {
		return true
	}
	if !(percent > 0) { // NaN too
		return false
	}
	threshold := uint64(math.Ldexp(percent/100, 64))
	// Names and subjects are short: the buffer stays on the stack.
	var buffer [128]byte
	b := append(buffer[:0], name...)
	b = append(b, 0)
	b = append(b, subject...)
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8]) < threshold
}
