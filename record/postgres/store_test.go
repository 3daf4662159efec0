package postgres

import (
	"flag"
	"fmt"
	"sync/atomic"
	"testing"

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
