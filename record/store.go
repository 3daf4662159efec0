package record

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound says that a store has no row of that trace id.
var ErrNotFound = errors.New("no record has this trace id")

// Batch is what is written at once.
type Batch struct {
	Rows        []*Row
	Completions []*Completion
	Feedback    []*Feedback
}

// Len returns how many things the batch holds.
func (b *Batch) Len() int { return len(b.Rows) + len(b.Completions) + len(b.Feedback) }

// Store keeps rows and feedback and answers questions about them. It is safe for concurrent
// use. Every implementation passes storetest.Run.
type Store interface {
	// Write keeps a batch durably: all of it, or none when it returns an error. What is there
	// already, by trace id of a row, by id of a completion, by key of feedback that is not
	// later, is left as it is; so a batch may be written again when it is not known whether
	// it arrived. Rows with one trace id have one time. A completion waits for a row that is not there yet. What is written is what
	// Batch.Clean returns.
	Write(ctx context.Context, b *Batch) error

	// Get returns the row of a trace id with its bodies, and its feedback by time. It returns
	// ErrNotFound when there is no row, also where there is feedback.
	Get(ctx context.Context, traceID string) (*Entry, error)

	// List returns rows, newest first, of one time those with the larger trace id first,
	// without bodies. A row that is written while somebody pages through is shown when its
	// place is still to come, and no row is shown twice. What is no page is an ErrBadQuestion.
	List(ctx context.Context, f *Filter, p Page) (*Listing, error)

	// Stats answers a question, or says with ErrBadQuestion what is wrong with it.
	Stats(ctx context.Context, q *Question) (*Answer, error)

	// Prune removes what the retention does not allow any more, in steps that are short
	// enough not to hold up Write.
	Prune(ctx context.Context, r Retention) (Pruned, error)

	// Check examines the store and says what is wrong with it. With repair it mends what can
	// be mended without losing rows.
	Check(ctx context.Context, repair bool) (*Report, error)

	// Close lets go of it. What Write has kept stays.
	Close() error
}

// Entry is a row and what was said of it.
type Entry struct {
	Row
	Feedback []Feedback `json:"feedback"`
}

// Page says which part of a listing is wanted.
type Page struct {
	// Limit is how many rows at most: 1 to 1000. Default: 50.
	Limit int
	// After is the Next of the listing before, "" for the first one.
	After string
}

// Listing is a part of the rows that a filter lets through.
type Listing struct {
	Rows []Row `json:"rows"`
	// Next is the Page.After of the rows after these, "" when there are none.
	Next string `json:"next,omitempty"`
}

// Retention bounds what is kept. Zero values are no bounds.
type Retention struct {
	// Age is how long rows and their feedback are kept after their exchange began. Feedback
	// and completions without a row are kept as long after their own time.
	Age time.Duration
	// Bytes is how large the store may be; the oldest rows go first.
	Bytes int64
	// Now is the time that Age is counted back from.
	Now time.Time
}

// Pruned says what a Prune removed. What had been taken back before is not counted.
type Pruned struct {
	Rows, Feedback int64
}

// Report is what a Check found.
type Report struct {
	// Rows and Feedback are how many the store holds, without what was taken back; Unmatched is how much of the feedback
	// belongs to no row.
	Rows      int64 `json:"rows"`
	Feedback  int64 `json:"feedback"`
	Unmatched int64 `json:"unmatched_feedback"`
	// Bytes is the size of the store, 0 when that is not known.
	Bytes int64 `json:"bytes"`
	// Oldest and Newest are the times of the first and the last row, zero without rows.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	// Problems are what is wrong, in sentences that say what to do. Repaired are those that
	// were mended.
	Problems []string `json:"problems"`
	Repaired []string `json:"repaired"`
}
