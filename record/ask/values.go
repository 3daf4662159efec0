package ask

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// words reads one value of a list.
func words(list func(*record.Filter) *[]string) func(*reader, string) error {
	return func(r *reader, text string) error {
		l := list(&r.question.Filter)
		*l = append(*l, text)
		return nil
	}
}

func (r *reader) outcome(text string) error {
	all := []llm.Outcome{
		llm.OutcomeOK, llm.OutcomeClientError, llm.OutcomeUpstreamError, llm.OutcomeTimeout,
		llm.OutcomeCancelled, llm.OutcomeInterrupted, llm.OutcomeRefused,
	}
	if !slices.Contains(all, llm.Outcome(text)) {
		return fmt.Errorf("%q is no outcome; they are %v", shorten(text), all)
	}
	r.question.Filter.Outcomes = append(r.question.Filter.Outcomes, text)
	return nil
}

func (r *reader) metadata(text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not NAME=VALUE", shorten(text))
	}
	f := &r.question.Filter
	if before, twice := f.Metadata[name]; twice && before != value {
		return fmt.Errorf("%s cannot be both %q and %q", shorten(name), shorten(before), shorten(value))
	}
	if f.Metadata == nil {
		f.Metadata = make(map[string]string)
	}
	f.Metadata[name] = value
	return nil
}

// feedback reads NAME, NAME=VALUE, NAME>=NUMBER or NAME<=NUMBER.
func (r *reader) feedback(text string) error {
	var f record.FeedbackFilter
	var value string
	at := strings.IndexAny(text, "=<>")
	switch {
	case at < 0:
		f.Name = text
	case text[at] == '=':
		f.Name, value = text[:at], text[at+1:]
		f.Label = &value
	case at+1 == len(text) || text[at+1] != '=':
		return fmt.Errorf("%q is none of NAME, NAME=VALUE, NAME>=NUMBER and NAME<=NUMBER", shorten(text))
	default:
		n, err := number(text[at+2:])
		if err != nil {
			return err
		}
		f.Name = text[:at]
		if text[at] == '>' {
			f.Min = &n
		} else {
			f.Max = &n
		}
	}
	if f.Name == "" {
		return errors.New("it names no feedback")
	}
	r.question.Filter.Feedback = append(r.question.Filter.Feedback, f)
	return nil
}

func number(text string) (float64, error) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is not a number", shorten(text))
	}
	return n, nil
}

func dollars(field func(*record.Filter) **float64) func(*reader, string) error {
	return func(r *reader, text string) error {
		n, err := number(strings.TrimPrefix(text, "$"))
		if err != nil {
			return err
		}
		*field(&r.question.Filter) = &n
		return nil
	}
}

func span(field func(*record.Filter) **time.Duration) func(*reader, string) error {
	return func(r *reader, text string) error {
		d, err := Duration(text)
		if err != nil {
			return err
		}
		*field(&r.question.Filter) = &d
		return nil
	}
}

// moment reads a time, or how long ago it was.
func moment(field func(*record.Filter) *time.Time) func(*reader, string) error {
	return func(r *reader, text string) error {
		for _, layout := range [...]string{time.RFC3339Nano, time.DateOnly} {
			if t, err := time.Parse(layout, text); err == nil {
				*field(&r.question.Filter) = t
				return nil
			}
		}
		ago, err := Duration(text)
		if err != nil {
			return fmt.Errorf("%q is neither a duration such as 24h or 7d, nor a time such as 2006-01-02 or 2006-01-02T15:04:05Z", shorten(text))
		}
		*field(&r.question.Filter) = r.now.Add(-ago)
		return nil
	}
}

// Duration reads a duration of at most 100 years that is not negative. Beside Go's units it
// knows d, for 24 hours, and w, for 7 days.
func Duration(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is not a duration such as 90s, 24h or 7d", shorten(text))
	const most = 100 * 366 * 24 * time.Hour
	var sum time.Duration
	rest := text
	for _, unit := range [...]struct {
		letter string
		long   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		digits, behind, ok := strings.Cut(rest, unit.letter)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(digits, 64)
		if err != nil || !(n >= 0 && n <= float64(most/unit.long)) {
			return 0, bad
		}
		sum += time.Duration(n * float64(unit.long))
		rest = behind
	}
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || d > most {
			return 0, bad
		}
		sum += d
	}
	if text == "" || sum > most {
		return 0, bad
	}
	return sum, nil
}
