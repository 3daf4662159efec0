// Package export writes records into files for other tools: JSON lines, and CSV that
// spreadsheets can open without running what a stranger has put into a field.
package export

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// Format is how records are written. It is a closed set.
type Format string

// The formats.
const (
	JSONL Format = "jsonl" // a row's JSON on each line
	CSV   Format = "csv"   // RFC 4180, with a line of names
)

// ParseFormat returns the format of that name; JSONL for "".
func ParseFormat(name string) (Format, error) {
	switch f := Format(name); f {
	case "":
		return JSONL, nil
	case JSONL, CSV:
		return f, nil
	default:
		return "", fmt.Errorf("there is no format %q: use %s or %s", name, JSONL, CSV)
	}
}

// ContentType returns the media type of the format.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8; header=present"
	}
	return "application/jsonl"
}

// Lister is the part of a store that an export needs.
type Lister interface {
	List(ctx context.Context, f *record.Filter, p record.Page) (*record.Listing, error)
}

// Wanted says what is to be exported.
type Wanted struct {
	From   Lister
	Filter *record.Filter
	Format Format
}

// Rows writes all rows that a filter lets through, newest first and without bodies, and returns
// how many. Rows that come meanwhile are not among them.
func Rows(ctx context.Context, w io.Writer, what Wanted) (int, error) {
	out := bufio.NewWriter(w)
	write := jsonLines(out)
	if what.Format == CSV {
		var err error
		if write, err = csvLines(out); err != nil {
			return 0, err
		}
	}
	n := 0
	page := record.Page{Limit: record.MaxRows}
	for {
		listing, err := what.From.List(ctx, what.Filter, page)
		if err != nil {
			return n, errors.Join(fmt.Errorf("read records: %w", err), out.Flush())
		}
		for i := range listing.Rows {
			if err := write(&listing.Rows[i]); err != nil {
				return n, fmt.Errorf("write records: %w", err)
			}
			n++
		}
		if listing.Next == "" {
			return n, out.Flush()
		}
		page.After = listing.Next
	}
}

func jsonLines(w io.Writer) func(*record.Row) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(r *record.Row) error { return enc.Encode(r) }
}

func csvLines(w io.Writer) (func(*record.Row) error, error) {
	out := csv.NewWriter(w)
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	if err := out.Write(names); err != nil {
		return nil, err
	}
	out.Flush()
	cells := make([]string, len(columns))
	return func(r *record.Row) error {
		for i, c := range columns {
			cells[i] = c.cell(r)
		}
		if err := out.Write(cells); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}, nil
}

// column is a column of CSV.
type column struct {
	name string
	cell func(*record.Row) string
}

// columns are those of CSV, by the names that a row's JSON has. Objects are their JSON, and
// attempts are counted; a cost that is not known is empty, not 0.
var columns = []column{
	{"trace_id", text(func(r *record.Row) string { return r.TraceID })},
	{"time", func(r *record.Row) string { return r.Time.UTC().Format(time.RFC3339Nano) }},
	{"deployment", text(func(r *record.Row) string { return r.Deployment })},
	{"domain", text(func(r *record.Row) string { return r.Domain })},
	{"variant", text(func(r *record.Row) string { return r.Variant })},
	{"rule", text(func(r *record.Row) string { return r.Rule })},
	{"config_version", text(func(r *record.Row) string { return r.ConfigVersion })},
	{"client_id", text(func(r *record.Row) string { return r.ClientID })},
	{"endpoint", text(func(r *record.Row) string { return string(r.Endpoint) })},
	{"requested_model", text(func(r *record.Row) string { return r.Requested })},
	{"provider", text(func(r *record.Row) string { return r.Provider })},
	{"model", text(func(r *record.Row) string { return r.Model })},
	{"response_model", text(func(r *record.Row) string { return r.ResponseModel })},
	{"stream", func(r *record.Row) string { return strconv.FormatBool(r.Stream) }},
	{"outcome", text(func(r *record.Row) string { return string(r.Outcome) })},
	{"status", whole(func(r *record.Row) int64 { return int64(r.Status) })},
	{"error_code", text(func(r *record.Row) string { return r.ErrorCode })},
	{"finish_reason", text(func(r *record.Row) string { return r.FinishReason })},
	{"attempts", whole(func(r *record.Row) int64 { return int64(len(r.Attempts)) })},
	{"fallback", func(r *record.Row) string { return strconv.FormatBool(r.Fallback) }},
	{"continued", whole(func(r *record.Row) int64 { return int64(r.Continued) })},
	{"dropped", text(func(r *record.Row) string { return strings.Join(r.Dropped, " ") })},
	{"input_tokens", whole(func(r *record.Row) int64 { return r.Input })},
	{"output_tokens", whole(func(r *record.Row) int64 { return r.Output })},
	{"cached_tokens", whole(func(r *record.Row) int64 { return r.CachedInput })},
	{"cache_write_tokens", whole(func(r *record.Row) int64 { return r.CacheWrite })},
	{"reasoning_tokens", whole(func(r *record.Row) int64 { return r.Reasoning })},
	{"cost_usd", cost},
	{"ttft_ms", millis(func(r *record.Row) record.Millis { return r.FirstToken })},
	{"duration_ms", millis(func(r *record.Row) record.Millis { return r.Duration })},
	{"upstream_ms", millis(func(r *record.Row) record.Millis { return r.Upstream })},
	{"overhead_ms", millis(func(r *record.Row) record.Millis { return r.Overhead })},
	{"metadata", text(func(r *record.Row) string { return string(r.Metadata) })},
	{"context", text(func(r *record.Row) string { return string(r.Context) })},
	{"inputs", text(func(r *record.Row) string { return string(r.Inputs) })},
}

func text(of func(*record.Row) string) func(*record.Row) string {
	return func(r *record.Row) string { return Safe(of(r)) }
}

func whole(of func(*record.Row) int64) func(*record.Row) string {
	return func(r *record.Row) string { return strconv.FormatInt(of(r), 10) }
}

func millis(of func(*record.Row) record.Millis) func(*record.Row) string {
	return func(r *record.Row) string {
		return strconv.FormatFloat(float64(of(r).Micros())/1000, 'f', -1, 64)
	}
}

func cost(r *record.Row) string {
	if !r.Priced {
		return ""
	}
	return strconv.FormatFloat(r.CostUSD, 'f', -1, 64)
}

// Safe returns a text that no spreadsheet takes for a formula: behind an apostrophe, if it
// begins as one does (source: https://owasp.org/www-community/attacks/CSV_Injection).
func Safe(s string) string {
	trimmed := strings.TrimLeft(s, " \n\u00a0")
	if trimmed == "" {
		return s
	}
	switch r := []rune(trimmed)[0]; r {
	case '=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠':
		return "'" + s
	}
	return s
}
