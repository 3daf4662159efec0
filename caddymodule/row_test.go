package caddymodule

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// finished returns an exchange as it is when its row is made: two attempts, metadata and
// context, bodies off.
func finished(app *App) *exchange {
	d, _ := app.Catalog().Lookup("answers")
	x := &exchange{site: &site{app: app, log: zap.NewNop()}, r: httptest.NewRequest("POST", "/v1/chat/completions", nil), deployment: d, variant: d.Variants[0]}
	now := time.Now()
	x.account = llm.Exchange{
		TraceID: newTraceID(), Start: now, Duration: time.Second, Endpoint: llm.Chat, Deployment: "answers", Variant: "default",
		Provider: "demo", Model: "echo", Status: 200, Outcome: llm.OutcomeOK, FirstToken: time.Millisecond,
		Attempts: []llm.Attempt{
			{Provider: "demo", Model: "fail-503", Start: now, Duration: time.Millisecond, Status: 503, Verdict: llm.VerdictNext},
			{Provider: "demo", Model: "echo", Start: now.Add(time.Millisecond), Duration: time.Second, Status: 200, Verdict: llm.VerdictOK},
		},
		Usage: llm.Usage{Input: 10, Output: 20, Known: true},
	}
	x.request.Context = []byte(`{"tier":"gold"}`)
	x.request.Inputs = []byte(`{"company":"Example Ltd"}`)
	x.request.Metadata = []byte(`{"team":"a","user":"u-1"}`)
	return x
}

// sink is a store that forgets.
type sink struct{ record.Store }

func (sink) Write(context.Context, *record.Batch) error { return nil }
func (sink) Close() error                               { return nil }

// recordInto has an app's exchanges recorded by a recorder of its own.
func recordInto(tb testing.TB, app *App) {
	tb.Helper()
	r, err := record.NewRecorder(record.Options{
		QueueRows: 1 << 20, QueueBytes: 1 << 30, Open: func(context.Context) (record.Store, error) { return sink{}, nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	app.recording = &recording{Recorder: r}
	r.Start()
	tb.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil && !errors.Is(err, record.ErrClosed) {
			tb.Error(err)
		}
	})
}

func recordedApp(tb testing.TB) *App {
	tb.Helper()
	app := new(App)
	if err := caddy.StrictUnmarshalJSON([]byte(`{
		"providers": {"demo": {"kind": "demo"}}, "models": {"activate": ["demo/*"]}, "store": {"kind": "off"},
		"deployments": {"answers": {"variants": [{"name": "default", "model": "demo/fail-503", "fallbacks": [{"model": "demo/echo"}]}]}}
	}`), app); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	tb.Cleanup(cancel)
	if err := app.Provision(ctx); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = app.Cleanup() })
	return app
}

func TestRecordingAllocatesAtMostTwice(t *testing.T) {
	app := recordedApp(t)
	x := finished(app)
	if n := testing.AllocsPerRun(200, x.record); n != 0 {
		t.Errorf("%v allocations while nothing is recorded", n)
	}
	recordInto(t, app)
	if n := testing.AllocsPerRun(2000, x.record); n > 2.5 { // the queue grows now and then
		t.Errorf("%v allocations for a row", n)
	}
}

func TestStoresNeedNoCopyOfARow(t *testing.T) {
	app := recordedApp(t)
	recordInto(t, app)
	x := finished(app)
	x.account.Start = x.account.Start.In(time.FixedZone("east", 3600))
	x.account.Duration, x.account.FirstToken, x.account.UpstreamTime = 1_234_567, 12_345, 99_999
	x.account.Attempts[1].Duration, x.account.Attempts[1].Start = 7777, x.account.Start.Add(1234)
	r := x.row()
	if clean := (&record.Batch{Rows: []*record.Row{r}}).Clean().Rows[0]; clean != r {
		t.Errorf("the row is %+v, and clean it is %+v", r, clean)
	}
}

func TestARowHoldsNothingOfTheRequestsBuffer(t *testing.T) {
	app := recordedApp(t)
	recordInto(t, app)
	x := finished(app)
	r := x.row()
	for _, raw := range [][]byte{x.request.Context, x.request.Inputs, x.request.Metadata} {
		clear(raw) // the buffer is used again
	}
	if string(r.Context) != `{"tier":"gold"}` || string(r.Inputs) != `{"company":"Example Ltd"}` || string(r.Metadata) != `{"team":"a","user":"u-1"}` {
		t.Errorf("the row has %q, %q and %q", r.Context, r.Inputs, r.Metadata)
	}
	if !r.Fallback || len(r.Attempts) != 2 || time.Duration(r.Attempts[1].Start) != time.Millisecond {
		t.Errorf("the row: %+v", r)
	}
}

// BenchmarkRecord is what recording adds to an exchange: the row, and handing it over.
func BenchmarkRecord(b *testing.B) {
	app := recordedApp(b)
	x := finished(app)
	b.Run("off", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.record()
		}
	})
	b.Run("on", func(b *testing.B) {
		recordInto(b, app)
		b.ReportAllocs()
		for b.Loop() {
			x.record()
		}
	})
}
