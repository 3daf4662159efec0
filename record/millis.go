package record

import (
	"fmt"
	"strconv"
	"time"
)

// Millis is a duration that is kept to the microsecond. Its JSON is a number of milliseconds
// with at most three decimals.
type Millis time.Duration

// Micros returns the duration in microseconds, which is what stores keep.
func (m Millis) Micros() int64 { return time.Duration(m).Microseconds() }

// MillisOf returns a duration to the microsecond, and 0 for a negative one, as stores keep it.
func MillisOf(d time.Duration) Millis { return cleanMillis(Millis(d)) }

// FromMicros returns the duration of that many microseconds.
func FromMicros(us int64) Millis { return Millis(time.Duration(us) * time.Microsecond) }

// MarshalJSON implements json.Marshaler.
func (m Millis) MarshalJSON() ([]byte, error) {
	return m.AppendTo(nil), nil
}

// AppendTo appends the duration's JSON.
func (m Millis) AppendTo(text []byte) []byte {
	return strconv.AppendFloat(text, float64(m.Micros())/1000, 'f', -1, 64)
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Millis) UnmarshalJSON(text []byte) error {
	ms, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(ms > -1e15 && ms < 1e15) {
		return fmt.Errorf("%q is no number of milliseconds", text)
	}
	us := ms * 1000
	*m = FromMicros(int64(us + 0.5*sign(us)))
	return nil
}

func sign(x float64) float64 {
	if x < 0 {
		return -1
	}
	return 1
}
