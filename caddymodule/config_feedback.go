package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mulligan-gateway/mulligan/record"
)

// FeedbackConfig says which feedback is taken. What is not declared is taken as it comes, unless
// it is strict.
type FeedbackConfig struct {
	// Strict refuses feedback whose name is not declared. Default: false.
	Strict bool `json:"strict,omitempty"`

	// Names declares feedback by name. Default: none.
	Names map[string]*FeedbackName `json:"names,omitempty"`
}

// FeedbackName says what a value of feedback must be.
type FeedbackName struct {
	// Type is boolean, number, string or list. It is required.
	Type record.ValueKind `json:"type,omitempty"`

	// Min and Max bound a number, themselves included. Default: no bounds.
	Min *float64 `json:"min,omitempty"`
	Max *float64 `json:"max,omitempty"`

	// Values are the texts that a string may be, and that a list may hold. Default: any.
	Values []string `json:"values,omitempty"`
}

// usualFeedback are the names that SDKs of the Deployment API know of themselves, and the one
// that the metrics path gives a score. They are label values like declared ones.
var usualFeedback = []string{"rating", "defects", "interactions", "correction", "score"}

func feedbackPosition(name string) string { return "feedback " + name }

// parseFeedback parses feedback { [NAME TYPE …] [strict] }.
func parseFeedback(a *App, _ line, d *caddyfile.Dispenser) error {
	if a.Feedback == nil {
		a.Feedback = &FeedbackConfig{}
	}
	f := a.Feedback
	if f.Names == nil {
		f.Names = make(map[string]*FeedbackName)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name, at := d.Val(), here(d)
		args := d.RemainingArgs()
		if name == "strict" && len(args) == 0 {
			f.Strict = true
			continue
		}
		if before, twice := a.Positions[feedbackPosition(name)]; twice {
			return located(fmt.Errorf("feedback: %s is already declared at %s", name, before), at)
		}
		a.mark(feedbackPosition(name), at)
		declared, err := parseFeedbackName(args)
		if err != nil {
			return located(within(within(err, "%s", name), "feedback"), at)
		}
		f.Names[name] = declared
	}
	return nil
}

// parseFeedbackName reads TYPE and what it may be.
func parseFeedbackName(args []string) (*FeedbackName, error) {
	if len(args) == 0 {
		return nil, errors.New("write its type: boolean, number [MIN MAX], string [VALUE…] or list [VALUE…]")
	}
	n := &FeedbackName{Type: record.ValueKind(args[0])}
	rest := args[1:]
	switch {
	case n.Type == record.ValueText, n.Type == record.ValueList:
		n.Values = rest
	case n.Type == record.ValueNumber && len(rest) == 2:
		for i, bound := range []**float64{&n.Min, &n.Max} {
			v, err := strconv.ParseFloat(rest[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q is not a number; write number MIN MAX", rest[i])
			}
			*bound = &v
		}
	case n.Type == record.ValueNumber && len(rest) > 0:
		return nil, errors.New("write number, or number MIN MAX")
	case n.Type == record.ValueBool && len(rest) > 0:
		return nil, errors.New("boolean takes nothing behind it")
	}
	return n, nil
}

// check says what is wrong with the declarations, by name.
func (f *FeedbackConfig) check() (name string, _ error) {
	for _, name := range slices.Sorted(maps.Keys(f.Names)) {
		if err := checkName(name); err != nil {
			return name, err
		}
		if len(name) > maxFeedbackName {
			return name, fmt.Errorf("a name has at most %d characters", maxFeedbackName)
		}
		if err := f.Names[name].check(); err != nil {
			return name, err
		}
	}
	return "", nil
}

func (n *FeedbackName) check() error {
	if n == nil {
		return errors.New("it has no type: boolean, number, string or list")
	}
	types := []string{string(record.ValueBool), string(record.ValueNumber), string(record.ValueText), string(record.ValueList)}
	switch {
	case !slices.Contains(types, string(n.Type)):
		hint := didYouMean(string(n.Type), types)
		if hint == "" {
			hint = "; the types are " + list(types)
		}
		return fmt.Errorf("there is no type %q%s", string(n.Type), hint)
	case n.Type != record.ValueNumber && (n.Min != nil || n.Max != nil):
		return errors.New("only a number has bounds")
	case n.Type != record.ValueText && n.Type != record.ValueList && len(n.Values) > 0:
		return errors.New("only a string and a list have values")
	}
	for _, bound := range []*float64{n.Min, n.Max} {
		if bound != nil && (math.IsNaN(*bound) || math.IsInf(*bound, 0)) {
			return errors.New("a bound is a finite number")
		}
	}
	if n.Min != nil && n.Max != nil && *n.Min > *n.Max {
		return errors.New("its least is above its most")
	}
	for _, v := range n.Values {
		if v == "" || utf8.RuneCountInString(v) > maxFeedbackLabel {
			return fmt.Errorf("a value has 1 to %d characters", maxFeedbackLabel)
		}
	}
	return nil
}

// accept says why a value is not what was declared.
func (f *FeedbackConfig) accept(name string, v record.Value) error {
	if f == nil {
		return nil
	}
	n, declared := f.Names[name]
	switch {
	case !declared && f.Strict:
		return fmt.Errorf("feedback named %q is not taken here%s; the names are %s", truncate(name),
			didYouMean(name, slices.Sorted(maps.Keys(f.Names))), list(slices.Sorted(maps.Keys(f.Names))))
	case !declared:
		return nil
	case v.Kind != n.Type:
		return fmt.Errorf("the value of %s must be a %s", name, n.Type)
	case n.Min != nil && v.Number < *n.Min, n.Max != nil && v.Number > *n.Max:
		return fmt.Errorf("the value of %s must be %s", name, n.bounds())
	}
	for _, text := range v.Texts {
		if len(n.Values) > 0 && !slices.Contains(n.Values, text) {
			return fmt.Errorf("%q is no value of %s; they are %s", truncate(text), name, list(n.Values))
		}
	}
	return nil
}

func (n *FeedbackName) bounds() string {
	say := func(f *float64) string { return strconv.FormatFloat(*f, 'g', -1, 64) }
	switch {
	case n.Min == nil:
		return "at most " + say(n.Max)
	case n.Max == nil:
		return "at least " + say(n.Min)
	default:
		return "from " + say(n.Min) + " to " + say(n.Max)
	}
}

// buildFeedback checks what the config says of feedback.
func (a *App) buildFeedback(caddy.Context) error {
	if a.Feedback == nil {
		return nil
	}
	if name, err := a.Feedback.check(); err != nil {
		return located(within(within(err, "%s", name), "feedback"), a.at(feedbackPosition(name)))
	}
	return nil
}

// feedbackNames returns the names that may be label values.
func (a *App) feedbackNames() []string {
	names := slices.Clone(usualFeedback)
	if a.Feedback != nil {
		names = append(names, slices.Sorted(maps.Keys(a.Feedback.Names))...)
	}
	return names
}
