package clickhouse

import (
	"flag"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/dbserver"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	_, url := dbserver.ClickHouse(t)
	// A round takes a hundred times what it takes in a file; SQLite runs the others.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	storetest.Run(t, func(t *testing.T) record.Store {
		t.Helper()
		database := fmt.Sprint("records_", n.Add(1))
		admin, err := Open(t.Context(), Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer admin.Close()
		if err := admin.conn.Exec(t.Context(), "CREATE DATABASE "+database); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Options{URL: strings.Replace(url, "/default", "/"+database, 1)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	})
}
