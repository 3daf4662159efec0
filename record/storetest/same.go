package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/mulligan-gateway/mulligan/record"
)

// T is what tests and rapid's checks have in common.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ T = (testing.TB)(nil)

// pair is a store and what it must agree with.
type pair struct {
	t     T
	store record.Store
	want  *Memory
}

func (p *pair) write(b *record.Batch) {
	p.t.Helper()
	if err := p.want.Write(context.Background(), b); err != nil {
		p.t.Fatalf("memory: %v", err)
	}
	if err := p.store.Write(context.Background(), b); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// sameRow asks both for a row.
func (p *pair) sameRow(traceID string) {
	p.t.Helper()
	want, wantErr := p.want.Get(context.Background(), traceID)
	got, err := p.store.Get(context.Background(), traceID)
	if !errors.Is(err, wantErr) {
		p.t.Errorf("row %q: got error %v, want %v", traceID, err, wantErr)
		return
	}
	p.same("row "+traceID, got, want)
}

// sameList pages through a listing with both.
func (p *pair) sameList(f *record.Filter, size int) {
	p.t.Helper()
	page := record.Page{Limit: size}
	for pages := 0; ; pages++ {
		want, err := p.want.List(context.Background(), f, page)
		if err != nil {
			p.t.Fatalf("memory: %v", err)
		}
		got, err := p.store.List(context.Background(), f, page)
		if err != nil {
			p.t.Fatalf("list %s: %v", text(f), err)
		}
		p.same("list of "+text(f), got, want)
		if got.Next == "" || want.Next == "" || pages > 100 {
			return
		}
		page.After = got.Next
	}
}

// sameAnswer asks both a question.
func (p *pair) sameAnswer(q *record.Question) {
	p.t.Helper()
	want, err := p.want.Stats(context.Background(), q)
	if err != nil {
		p.t.Fatalf("memory: %v", err)
	}
	got, err := p.store.Stats(context.Background(), q)
	if err != nil {
		p.t.Fatalf("ask %s: %v", text(q), err)
	}
	p.same("answer to "+text(q), got, want)
}

// sound says that a check must find nothing wrong, and the numbers that it must find.
func (p *pair) sound() {
	p.t.Helper()
	want, err := p.want.Check(context.Background(), false)
	if err != nil {
		p.t.Fatalf("memory: %v", err)
	}
	got, err := p.store.Check(context.Background(), false)
	if err != nil {
		p.t.Fatalf("check: %v", err)
	}
	got.Bytes = 0
	p.same("check", got, want)
}

// same compares what two values are as JSON, numbers within what adding in another order does.
func (p *pair) same(what string, got, want any) {
	p.t.Helper()
	var g, w any
	gotText, wantText := text(got), text(want)
	if json.Unmarshal([]byte(gotText), &g) != nil || json.Unmarshal([]byte(wantText), &w) != nil {
		p.t.Fatalf("%s is no JSON: %s", what, gotText)
	}
	if !alike(g, w) {
		p.t.Errorf("%s:\n got %s\nwant %s", what, gotText, wantText)
	}
}

func alike(got, want any) bool {
	switch w := want.(type) {
	case float64:
		g, ok := got.(float64)
		return ok && math.Abs(g-w) <= 1e-9*math.Max(1, math.Max(math.Abs(g), math.Abs(w)))
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !alike(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for name := range w {
			if !alike(g[name], w[name]) {
				return false
			}
		}
		return true
	default:
		return got == want
	}
}

func text(v any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err.Error()
	}
	return b.String()
}
