package record

import "time"

// Filter says which rows are meant. Every field that is set must hold; a list holds when the
// row has one of its values. The zero Filter lets every row through.
type Filter struct {
	Since, Until time.Time // Since ≤ time < Until; zero values are no bounds

	Deployments []string
	Domains     []string
	Variants    []string
	Models      []string // "provider/model" that answered
	Providers   []string
	Endpoints   []string
	Outcomes    []string
	ErrorCodes  []string
	Clients     []string

	// Metadata holds the values, as texts, that members of the metadata must have. Text is
	// compared as it is, other JSON as it is written: "true", "4.5"; "" is what is missing or
	// null (see Members).
	Metadata map[string]string

	Feedback []FeedbackFilter

	MinCostUSD, MaxCostUSD   *float64       // of priced rows
	MinDuration, MaxDuration *time.Duration // to the microsecond, as the rest; all bounds are inclusive
	MinFirstToken            *time.Duration // rows without output do not pass
	MaxFirstToken            *time.Duration
}

// FeedbackFilter lets rows through that have feedback of that name, for which all of it holds.
type FeedbackFilter struct {
	Name string
	// Label is one of the value's Labels; nil for any.
	Label *string
	// Min and Max bound numbers, with true as 1 and false as 0.
	Min, Max *float64
}
