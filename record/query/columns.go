package query

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// Kind is the type of a column.
type Kind int

// The kinds of columns.
const (
	Text    Kind = iota // UTF-8 without NUL, "" when there is nothing
	Integer             // 64 bits, signed
	Float               // 64 bits
	JSON                // a text that is JSON, "" when there is nothing
)

// Column is a column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Columns are those of rows: all that questions ask about, and detail for everything else. The
// SharedColumns come first.
var Columns = slices.Concat(SharedColumns, OwnColumns)

// SharedColumns are those of which few values go together, so that of the rows of a batch many
// have all of them alike: RollupDimensions and some more.
var SharedColumns = []Column{
	{"deployment", Text}, {"domain", Text}, {"variant", Text}, {"endpoint", Text}, {"provider", Text}, {"model", Text}, {"outcome", Text},
	{"config_version", Text}, {"error_code", Text},
}

// OwnColumns are the others.
var OwnColumns = []Column{
	{"time", Integer}, {"trace_id", Text}, {"client_id", Text}, {"fallback", Integer},
	{"input_tokens", Integer}, {"output_tokens", Integer}, {"cached_tokens", Integer},
	{"cache_write_tokens", Integer}, {"reasoning_tokens", Integer},
	{"cost_usd", Float}, {"priced", Integer},
	{"ttft_us", Integer}, {"ttft_bucket", Integer}, {"duration_us", Integer}, {"duration_bucket", Integer},
	{"metadata", JSON}, {"detail", JSON},
}

// FeedbackColumns are those of feedback. Key is unique, value is the value's JSON, and number
// is NULL for what is not numeric. The labels that Flavour looks for are the store's own.
var FeedbackColumns = []Column{
	{"key", Text}, {"trace_id", Text}, {"id", Text}, {"name", Text}, {"value", JSON}, {"number", Float},
	{"comment", Text}, {"metadata", JSON}, {"time", Integer}, {"client_id", Text}, {"removed", Integer},
}

// detailSize is more bytes than most details have.
const detailSize = 512

// Shared are the values of a row's SharedColumns.
type Shared [9]string

// SharedOf returns a row's.
func SharedOf(r *record.Row) Shared {
	return Shared{
		r.Deployment, r.Domain, r.Variant, string(r.Endpoint), r.Provider, r.Model, string(r.Outcome),
		r.ConfigVersion, r.ErrorCode,
	}
}

// Dimensions returns those among them.
func (s *Shared) Dimensions() Dimensions { return Dimensions(s[:]) }

// AppendValues appends a clean row's values in the order of Columns.
func AppendValues(values []any, r *record.Row) []any {
	for _, text := range SharedOf(r) {
		values = append(values, text)
	}
	return AppendOwnValues(values, r, string(r.Metadata), string(AppendDetail(make([]byte, 0, detailSize), r)))
}

// AppendOwnValues appends a clean row's values in the order of OwnColumns, given its metadata and
// what AppendDetail writes as texts, of which there may be many in one piece of memory.
func AppendOwnValues(values []any, r *record.Row, metadata, detail string) []any {
	return append(values,
		r.Time.UnixMicro(), r.TraceID, r.ClientID, Truth(r.Fallback),
		integer(r.Input), integer(r.Output), integer(r.CachedInput),
		integer(r.CacheWrite), integer(r.Reasoning),
		r.CostUSD, Truth(r.Priced),
		r.FirstToken.Micros(), integer(int64(record.Bucket(time.Duration(r.FirstToken)))),
		r.Duration.Micros(), integer(int64(record.Bucket(time.Duration(r.Duration)))),
		metadata, detail,
	)
}

// small are the numbers that buckets and most counts of tokens are. As interfaces they would take
// an allocation each.
var small = func() (small [2048]any) {
	for n := range small {
		small[n] = int64(n)
	}
	return small
}()

// integer returns an int64 as an interface.
func integer(n int64) any {
	if 0 <= n && n < int64(len(small)) {
		return small[n]
	}
	return n
}

// AppendFeedbackValues appends clean feedback's values in the order of FeedbackColumns.
func AppendFeedbackValues(values []any, f *record.Feedback) ([]any, error) {
	value, err := f.Value.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode feedback on %s: %w", f.TraceID, err)
	}
	var number any
	if f.Value.Numeric() {
		number = f.Value.Number
	}
	return append(values, CleanKey(f), f.TraceID, f.ID, f.Name, string(value), number, f.Comment,
		string(f.Metadata), f.Time.UnixMicro(), f.ClientID, Truth(f.Removed)), nil
}

// CleanKey returns the feedback's key as a text that every database can keep.
func CleanKey(f *record.Feedback) string { return strings.ReplaceAll(f.Key(), "\x00", "\x1f") }

// Truth returns a truth value as columns have it.
func Truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// selection lists columns for a SELECT, with integers as such.
func (f *Flavour) selection(columns []Column) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name
		if c.Kind == Integer {
			list[i] = f.Int(c.Name)
		}
	}
	return strings.Join(list, ", ")
}

// scanRow reads a row whose columns are those of Columns.
func scanRow(scan Scan) (*record.Row, error) {
	var (
		r                                                         record.Row
		us, fallback, priced, ttft, ttftBucket, duration, dBucket int64
		endpoint, outcome, metadata, rest                         string
	)
	err := scan(
		&r.Deployment, &r.Domain, &r.Variant, &endpoint, &r.Provider, &r.Model, &outcome, &r.ConfigVersion, &r.ErrorCode,
		&us, &r.TraceID, &r.ClientID, &fallback,
		&r.Input, &r.Output, &r.CachedInput,
		&r.CacheWrite, &r.Reasoning,
		&r.CostUSD, &priced,
		&ttft, &ttftBucket, &duration, &dBucket,
		&metadata, &rest)
	if err != nil {
		return nil, fmt.Errorf("read row: %w", err)
	}
	var d detail
	if err := json.Unmarshal([]byte(rest), &d); err != nil {
		return nil, fmt.Errorf("read the detail of row %s: %w", r.TraceID, err)
	}
	r.Time = time.UnixMicro(us).UTC()
	r.Endpoint, r.Outcome = llm.Endpoint(endpoint), llm.Outcome(outcome)
	r.Fallback, r.Priced = fallback != 0, priced != 0
	r.FirstToken, r.Duration = record.FromMicros(ttft), record.FromMicros(duration)
	r.Metadata = object(metadata)
	r.Rule, r.Requested, r.ResponseModel, r.Stream = d.Rule, d.Requested, d.ResponseModel, d.Stream
	r.Status, r.FinishReason, r.Continued = d.Status, d.FinishReason, d.Continued
	r.Attempts, r.Dropped = make([]record.Attempt, len(d.Attempts)), append([]string{}, d.Dropped...)
	for i := range d.Attempts {
		r.Attempts[i] = d.Attempts[i].whole(&r)
	}
	r.InputAudio, r.OutputAudio = d.InputAudio, d.OutputAudio
	r.Known, r.Estimated, r.Upstream, r.Overhead = d.Known, d.Estimated, d.Upstream, d.Overhead
	r.Context, r.Inputs = d.Context, d.Inputs
	return &r, nil
}

func scanFeedback(scan Scan) (*record.Feedback, error) {
	var (
		f               record.Feedback
		us              int64
		value, metadata string
	)
	if err := scan(&f.TraceID, &f.ID, &f.Name, &value, &f.Comment, &metadata, &us, &f.ClientID); err != nil {
		return nil, fmt.Errorf("read feedback: %w", err)
	}
	if err := f.Value.UnmarshalJSON([]byte(value)); err != nil {
		return nil, fmt.Errorf("read the value of feedback on %s: %w", f.TraceID, err)
	}
	f.Time, f.Metadata = time.UnixMicro(us).UTC(), object(metadata)
	return &f, nil
}

func object(text string) json.RawMessage {
	if text == "" {
		return nil
	}
	return json.RawMessage(text)
}

// Definitions lists columns for a CREATE TABLE, each with the type that a database has for it.
func Definitions(columns []Column, typeOf func(Column) string) string {
	list := make([]string, len(columns))
	for i, c := range columns {
		list[i] = c.Name + " " + typeOf(c)
	}
	return strings.Join(list, ", ")
}
