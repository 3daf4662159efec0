package record

import (
	"bytes"
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
	us := m.Micros()
	if us < 0 {
		text, us = append(text, '-'), -us // which fits: the least duration has fewer microseconds than an int64 can hold
	}
	text = strconv.AppendInt(text, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return text
	}
	text = append(text, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	return bytes.TrimRight(text, "0")
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
