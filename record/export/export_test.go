package export

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// pages lists rows one to a page.
type pages []record.Row

func (p pages) List(_ context.Context, _ *record.Filter, page record.Page) (*record.Listing, error) {
	at := len(page.After)
	l := &record.Listing{Rows: p[at : at+1]}
	if at+1 < len(p) {
		l.Next = strings.Repeat("x", at+1)
	}
	return l, nil
}

func sample() pages {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return pages{
		{TraceID: "a", Time: at, Deployment: "=cmd|' /C calc'!A0", Metadata: json.RawMessage(`{"a,b":"\"<&"}`), CostUSD: 0.25, Priced: true},
		{TraceID: "b", Time: at, Deployment: "\u00a0@SUM(1)", Variant: "plain", ErrorCode: "-1", Duration: record.FromMicros(1500)},
	}
}

func TestCSVRunsNothing(t *testing.T) {
	var b bytes.Buffer
	n, err := Rows(t.Context(), &b, Wanted{sample(), &record.Filter{}, CSV})
	if err != nil || n != 2 {
		t.Fatal(n, err)
	}
	lines, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}
	cell := func(line int, name string) string {
		for i, column := range lines[0] {
			if column == name {
				return lines[line][i]
			}
		}
		t.Fatalf("there is no column %s", name)
		return ""
	}
	for _, c := range []struct {
		line       int
		name, want string
	}{
		{1, "deployment", "'=cmd|' /C calc'!A0"}, {2, "deployment", "'\u00a0@SUM(1)"}, {2, "error_code", "'-1"}, {2, "variant", "plain"},
		{1, "metadata", `{"a,b":"\"<&"}`}, {1, "cost_usd", "0.25"}, {2, "cost_usd", ""}, {2, "duration_ms", "1.5"},
	} {
		if got := cell(c.line, c.name); got != c.want {
			t.Errorf("line %d, %s: %q, want %q", c.line, c.name, got, c.want)
		}
	}
}

func TestJSONLinesAreRows(t *testing.T) {
	var b bytes.Buffer
	if _, err := Rows(t.Context(), &b, Wanted{sample(), &record.Filter{}, JSONL}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	var r record.Row
	if err := json.Unmarshal([]byte(lines[0]), &r); err != nil || len(lines) != 2 || r.TraceID != "a" || r.CostUSD != 0.25 {
		t.Errorf("%v %s", err, b.String())
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("xml is a format")
	}
}
