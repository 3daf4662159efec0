package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/ask"
	"github.com/mulligan-gateway/mulligan/record/export"
)

const adminRecords = "/llm_gateway/records"

// askTimeout bounds how long a question may take.
const askTimeout = 2 * time.Minute

// serveRecords answers GET /llm_gateway/records: a page of rows; below it stats, export, and a
// row by its trace id. The parameters are those of package ask.
func (*admin) serveRecords(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		return badMethod(r.URL.Path, http.MethodGet, r.Method)
	}
	app := running.current()
	if app == nil {
		return noApp()
	}
	lease := app.acquire()
	defer lease.release()
	store, err := app.records(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: err}
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	q := records{store: store, now: time.Now()}
	name, _ := strings.CutPrefix(strings.TrimPrefix(r.URL.Path, adminRecords), "/")
	switch name {
	case "":
		return answerQuestion(w, func() (any, error) { return q.list(ctx, r.URL.Query()) })
	case "stats":
		return answerQuestion(w, func() (any, error) { return q.stats(ctx, r.URL.Query()) })
	case "export":
		return q.export(ctx, w, r.URL.Query())
	default:
		return answerQuestion(w, func() (any, error) { return store.Get(ctx, name) })
	}
}

// records answers questions from parameters.
type records struct {
	store record.Store
	now   time.Time
}

func (q records) list(ctx context.Context, values url.Values) (*record.Listing, error) {
	f, page, err := ask.List(values, q.now)
	if err != nil {
		return nil, err
	}
	l, err := q.store.List(ctx, f, page)
	if err == nil && l.Rows == nil {
		l.Rows = []record.Row{}
	}
	return l, err
}

func (q records) stats(ctx context.Context, values url.Values) (*record.Answer, error) {
	question, err := ask.Stats(values, q.now)
	if err != nil {
		return nil, err
	}
	return q.store.Stats(ctx, question)
}

// export answers with a file. What goes wrong after its beginning cuts the connection, so that
// half a file is not taken for a whole one.
func (q records) export(ctx context.Context, w http.ResponseWriter, values url.Values) error {
	format, err := export.ParseFormat(values.Get("format"))
	if err != nil {
		return questionError(&ask.Error{Name: "format", Message: err.Error()})
	}
	values.Del("format")
	f, err := ask.Filter(values, q.now)
	if err != nil {
		return questionError(err)
	}
	w.Header().Set("Content-Type", format.ContentType())
	w.Header().Set("Content-Disposition", `attachment; filename="records.`+string(format)+`"`)
	if _, err := export.Rows(ctx, w, export.Wanted{From: q.store, Filter: f, Format: format}); err != nil {
		caddy.Log().Named("llm_gateway").Error("export of records", zap.Error(err))
		panic(http.ErrAbortHandler)
	}
	return nil
}

// answerQuestion answers with what a question gave, as JSON.
func answerQuestion[T any](w http.ResponseWriter, ask func() (T, error)) error {
	answer, err := ask()
	if err != nil {
		return questionError(err)
	}
	writeValue(w, answer)
	return nil
}

// questionError says whether a question was wrong, or the store.
func questionError(err error) error {
	var wrong *ask.Error
	switch {
	case errors.As(err, &wrong), errors.Is(err, record.ErrBadQuestion):
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: err}
	case errors.Is(err, record.ErrNotFound):
		return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return caddy.APIError{HTTPStatus: http.StatusGatewayTimeout, Err: fmt.Errorf("the question took longer than %v; ask for less time, or filter more: %w", askTimeout, err)}
	default:
		return caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
	}
}

// records returns the store of the running config, with what was just recorded in it.
func (a *App) records(ctx context.Context) (record.Store, error) {
	rec := a.Recorder()
	if rec == nil {
		return nil, errors.New("the running config keeps no records (store off)")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_ = rec.Flush(ctx) // a store that is slow is asked for what it has
	return rec.Store()
}
