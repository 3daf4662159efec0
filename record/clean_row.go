package record

import (
	"encoding/json"
	"slices"

	"github.com/mulligan-gateway/mulligan/llm"
)

// clean returns a clean row: r itself when it is one, as nearly all are that a gateway makes.
// Otherwise a copy, since r may be read elsewhere meanwhile.
func (r *Row) clean() *Row {
	c, changed := *r, false
	replace(&changed, &c.Time, cleanTime(r.Time))
	for _, s := range [...]*string{
		&c.TraceID, &c.Deployment, &c.Domain, &c.Variant, &c.ConfigVersion, &c.ClientID, &c.Provider, &c.Model, &c.ErrorCode,
	} {
		replace(&changed, s, CleanName(*s))
	}
	for _, s := range [...]*string{&c.Rule, &c.Requested, &c.ResponseModel, &c.FinishReason} {
		replace(&changed, s, CleanText(*s))
	}
	replace(&changed, &c.Endpoint, llm.Endpoint(CleanName(string(r.Endpoint))))
	replace(&changed, &c.Outcome, llm.Outcome(CleanName(string(r.Outcome))))
	usage := r.Usage
	usage.clean()
	replace(&changed, &c.Usage, usage)
	usd, priced := cleanCost(r.CostUSD, r.Priced)
	replace(&changed, &c.CostUSD, usd)
	replace(&changed, &c.Priced, priced)
	for _, d := range [...]*Millis{&c.FirstToken, &c.Duration, &c.Upstream, &c.Overhead} {
		replace(&changed, d, cleanMillis(*d))
	}
	cleanEach(&changed, &c.Attempts, Attempt.clean)
	cleanEach(&changed, &c.Dropped, CleanText)
	for _, object := range [...]*json.RawMessage{&c.Metadata, &c.Context, &c.Inputs} {
		if clean := cleanObject(*object); !sameBytes(clean, *object) {
			*object, changed = clean, true
		}
	}
	replace(&changed, &c.Bodies, r.Bodies.clean())
	if !changed {
		return r
	}
	kept := c // only now on the heap
	return &kept
}

// replace sets what is not equal to its clean form, and notes that.
func replace[T comparable](changed *bool, at *T, clean T) {
	if *at != clean {
		*at, *changed = clean, true
	}
}

// cleanEach gives a list clean elements, in a list of its own when one of them changes, and
// makes an empty list of nil.
func cleanEach[T comparable](changed *bool, list *[]T, clean func(T) T) {
	if *list == nil {
		*list, *changed = []T{}, true
		return
	}
	own := false
	for i, element := range *list {
		now := clean(element)
		if now == element {
			continue
		}
		if !own {
			*list, own, *changed = slices.Clone(*list), true, true
		}
		(*list)[i] = now
	}
}

// sameBytes says whether two texts are one piece of memory, or both nil.
func sameBytes(a, b json.RawMessage) bool {
	return len(a) == len(b) && (a == nil) == (b == nil) && (len(a) == 0 || &a[0] == &b[0])
}

func (a Attempt) clean() Attempt {
	for _, s := range [...]*string{&a.Provider, &a.Model, &a.ErrorCode, &a.Error} {
		*s = CleanText(*s)
	}
	a.Verdict = llm.Verdict(CleanText(string(a.Verdict)))
	a.Start, a.Duration = cleanMillis(a.Start), cleanMillis(a.Duration)
	return a
}

// clean returns clean bodies: b itself when they are.
func (b *Bodies) clean() *Bodies {
	if b == nil {
		return nil
	}
	request, response := CleanText(b.Request), CleanText(b.Response)
	if request == b.Request && response == b.Response {
		return b
	}
	return &Bodies{Request: request, Response: response, Truncated: b.Truncated, Redacted: b.Redacted}
}
