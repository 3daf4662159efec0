package record

import (
	"encoding/json"
	"time"
)

// Feedback is what somebody thinks of an answer. There is one of each Key: a later one takes
// the place of an earlier one, whichever arrives first. It may come before the row of its
// exchange, long after, or for no exchange at all; then it is kept as unmatched.
type Feedback struct {
	// ID is the caller's name for it, or "".
	ID      string `json:"id,omitempty"`
	TraceID string `json:"trace_id"`
	Name    string `json:"name"`
	Value   Value  `json:"value"`
	Comment string `json:"comment,omitempty"`
	// Metadata is a JSON object, or nil.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Time is when it was given, to the microsecond. Of two with one Key the later one holds.
	Time time.Time `json:"time"`
	// ClientID is who gave it, "" when that is not known.
	ClientID string `json:"client_id,omitempty"`
	// Removed takes it back: no answer shows it any more. The store remembers it, so that an
	// earlier one that arrives later does not come back.
	Removed bool `json:"removed,omitempty"`
}

// Key returns what identifies the feedback: its ID, or its trace and name. Both are scoped
// to the trace, so nobody can take back what was said of an exchange whose id they lack.
func (f *Feedback) Key() string {
	if f.ID != "" {
		return f.TraceID + "\x00id\x00" + f.ID
	}
	return f.TraceID + "\x00name\x00" + f.Name
}

// Completion is what the caller of a provider reports of an exchange that it had asked only
// the config for. Each adds to the exchange's row, in the order of their times, whatever the
// order in which they arrive (see Row.Complete): tokens and cost are summed, the rest takes
// the place of what was not known. Writing one ID twice adds it once. It goes with its row, and
// one that waits for a row goes by its own time.
type Completion struct {
	ID      string    `json:"id"` // UUIDv7
	TraceID string    `json:"trace_id"`
	Time    time.Time `json:"time"`

	Usage
	CostUSD float64 `json:"cost_usd"`
	Priced  bool    `json:"priced"`

	FirstToken Millis `json:"ttft_ms"`
	Duration   Millis `json:"duration_ms"`
	// Metadata is a JSON object that is merged over the row's, or nil.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// Bodies is nil unless the deployment says that bodies are kept.
	Bodies *Bodies `json:"bodies,omitempty"`
}
