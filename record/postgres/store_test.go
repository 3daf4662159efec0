package postgres

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/dbserver"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	_, url := dbserver.Postgres(t)
	// A round takes a hundred times what it takes in a file; SQLite runs the others.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	storetest.Run(t, func(t *testing.T) record.Store {
		t.Helper()
		s, err := Open(t.Context(), Options{URL: url, Schema: fmt.Sprint("records ", n.Add(1))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestAStoreThatIsReadChangesNothing(t *testing.T) {
	_, url := dbserver.Postgres(t)
	if _, err := Open(t.Context(), Options{URL: url, ReadOnly: true}); !errors.Is(err, errNoTables) {
		t.Errorf("a store that is not there: %v", err)
	}
	w, err := Open(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	row := benchRow(1, time.Now())
	if err := w.Write(t.Context(), &record.Batch{Rows: []*record.Row{row}}); err != nil {
		t.Fatal(err)
	}
	r, err := Open(t.Context(), Options{URL: url, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if entry, err := r.Get(t.Context(), row.TraceID); err != nil || entry.Variant != row.Variant {
		t.Errorf("it reads %v, %v", entry, err)
	}
	if err := r.Write(t.Context(), &record.Batch{Rows: []*record.Row{benchRow(2, time.Now())}}); err == nil {
		t.Error("it writes")
	}
	if _, err := r.Prune(t.Context(), record.Retention{Age: time.Nanosecond, Now: time.Now().Add(time.Hour)}); err == nil {
		t.Error("it prunes")
	}
}

func TestNoErrorShowsThePassword(t *testing.T) {
	for _, url := range []string{
		"postgres://user:hunter2@127.0.0.1:1/records", "postgres://user:hunter2@[::1/%zz", "hunter2",
	} {
		s, err := Open(t.Context(), Options{URL: url})
		if err == nil {
			s.Close()
			t.Errorf("%s opens", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error of %s is %q", url, err)
		}
	}
}
