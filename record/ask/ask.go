// Package ask reads questions about records as people write them: as flags of the command line
// and as parameters of an address, which have the same names and the same values. It is pure,
// so every way to ask understands the same.
package ask

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Parameter is one word of a question.
type Parameter struct {
	// Name is its name in an address; as a flag it has hyphens in place of underscores.
	Name string
	// Usage says what it means, in a sentence without a full stop.
	Usage string
	// Repeats says that it may be given several times.
	Repeats bool

	read func(*reader, string) error
}

// Flag returns the parameter's name on the command line.
func (p *Parameter) Flag() string { return strings.ReplaceAll(p.Name, "_", "-") }

// reader is a question while it is read.
type reader struct {
	now      time.Time
	question record.Question
	page     record.Page
}

// filters are the parameters that say which rows are meant.
var filters = []Parameter{
	{"deployment", "key of a deployment", true, words(func(f *record.Filter) *[]string { return &f.Deployments })},
	{"domain", "domain of deployments", true, words(func(f *record.Filter) *[]string { return &f.Domains })},
	{"variant", "name of a variant", true, words(func(f *record.Filter) *[]string { return &f.Variants })},
	{"model", "provider/model that answered", true, words(func(f *record.Filter) *[]string { return &f.Models })},
	{"provider", "name of a provider", true, words(func(f *record.Filter) *[]string { return &f.Providers })},
	{"endpoint", "endpoint that was called, such as chat or invoke", true, words(func(f *record.Filter) *[]string { return &f.Endpoints })},
	{"outcome", "ok, client_error, upstream_error, timeout, cancelled, interrupted or refused", true, (*reader).outcome},
	{"error_code", "code of the error that was answered", true, words(func(f *record.Filter) *[]string { return &f.ErrorCodes })},
	{"client", "id of a client", true, words(func(f *record.Filter) *[]string { return &f.Clients })},
	{"metadata", "NAME=VALUE that the metadata must have; several must all hold", true, (*reader).metadata},
	{"feedback", "NAME, NAME=VALUE, NAME>=NUMBER or NAME<=NUMBER that was said; several must all hold", true, (*reader).feedback},
	{"since", "how long ago the first request was (24h, 7d), or when (2006-01-02, RFC 3339)", false, moment(func(f *record.Filter) *time.Time { return &f.Since })},
	{"until", "as since: rows before it", false, moment(func(f *record.Filter) *time.Time { return &f.Until })},
	{"min_cost", "least cost in US dollars", false, dollars(func(f *record.Filter) **float64 { return &f.MinCostUSD })},
	{"max_cost", "highest cost in US dollars", false, dollars(func(f *record.Filter) **float64 { return &f.MaxCostUSD })},
	{"min_duration", "shortest duration, such as 1500ms or 2s", false, span(func(f *record.Filter) **time.Duration { return &f.MinDuration })},
	{"max_duration", "longest duration", false, span(func(f *record.Filter) **time.Duration { return &f.MaxDuration })},
	{"min_ttft", "shortest time to the first output", false, span(func(f *record.Filter) **time.Duration { return &f.MinFirstToken })},
	{"max_ttft", "longest time to the first output", false, span(func(f *record.Filter) **time.Duration { return &f.MaxFirstToken })},
}

var (
	byParameter    = Parameter{"by", "what to group by: " + dimensions() + "; repeated or with commas", true, (*reader).by}
	limitOfGroups  = Parameter{"limit", "how many groups at most", false, (*reader).groups}
	limitOfRows    = Parameter{"limit", "how many rows at most", false, (*reader).rows}
	afterParameter = Parameter{"after", "the next of the page before", false, func(r *reader, text string) error { r.page.After = text; return nil }}
)

// ForFilter returns the parameters that say which rows are meant.
func ForFilter() []Parameter { return slices.Clone(filters) }

// ForList returns the parameters of a list of rows.
func ForList() []Parameter { return append(ForFilter(), limitOfRows, afterParameter) }

// ForStats returns the parameters of a question for numbers.
func ForStats() []Parameter { return append(ForFilter(), byParameter, limitOfGroups) }

// Error says which parameter is wrong, and what to do.
type Error struct{ Name, Message string }

// Error implements error.
func (e *Error) Error() string { return e.Name + ": " + e.Message }

// Filter reads which rows are meant. now is what durations count back from. Errors are *Error.
func Filter(values map[string][]string, now time.Time) (*record.Filter, error) {
	r := reader{now: now}
	err := r.all(values, filters)
	return &r.question.Filter, err
}

// List reads which rows are wanted, and which page of them.
func List(values map[string][]string, now time.Time) (*record.Filter, record.Page, error) {
	r := reader{now: now}
	err := r.all(values, ForList())
	return &r.question.Filter, r.page, err
}

// Stats reads a question for numbers.
func Stats(values map[string][]string, now time.Time) (*record.Question, error) {
	r := reader{now: now}
	err := r.all(values, ForStats())
	return &r.question, err
}

// all reads every parameter that is there, and refuses what is none.
func (r *reader) all(values map[string][]string, known []Parameter) error {
	for name := range values {
		if !slices.ContainsFunc(known, func(p Parameter) bool { return p.Name == name }) {
			return &Error{shorten(name), "there is no such parameter; there are " + names(known)}
		}
	}
	for i := range known {
		p := &known[i]
		given := values[p.Name]
		if len(given) > 1 && !p.Repeats {
			return &Error{p.Name, "it may be given once"}
		}
		for _, text := range given {
			if err := p.read(r, text); err != nil {
				return &Error{p.Name, err.Error()}
			}
		}
	}
	f := &r.question.Filter
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return &Error{"until", "it must be after since"}
	}
	return nil
}

func names(known []Parameter) string {
	list := make([]string, len(known))
	for i, p := range known {
		list[i] = p.Name
	}
	return strings.Join(list, ", ")
}

func dimensions() string {
	var list []string
	for _, d := range record.Dimensions() {
		text := string(d)
		if strings.HasSuffix(text, ".") {
			text += "NAME"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// shorten returns what somebody wrote as an error shows it.
func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

func (r *reader) by(text string) error {
	for name := range strings.SplitSeq(text, ",") {
		d := record.Dimension(strings.TrimSpace(name))
		if !d.Valid() {
			return fmt.Errorf("%q is nothing to group by; there are %s", shorten(name), dimensions())
		}
		if slices.Contains(r.question.By, d) {
			return fmt.Errorf("%s is there twice", d)
		}
		r.question.By = append(r.question.By, d)
	}
	if len(r.question.By) > record.MaxDimensions {
		return fmt.Errorf("at most %d dimensions go together", record.MaxDimensions)
	}
	return nil
}

func (r *reader) groups(text string) (err error) {
	r.question.Limit, err = limit(text, record.MaxGroups)
	return err
}

func (r *reader) rows(text string) (err error) {
	r.page.Limit, err = limit(text, record.MaxRows)
	return err
}

func limit(text string, most int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%q is not a number from 1 to %d", shorten(text), most)
	}
	return n, nil
}
