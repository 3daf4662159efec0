package clickhouse

import (
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
	var n atomic.Int64
	storetest.RunServer(t, func(t *testing.T) record.Store {
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

func TestAStoreThatIsReadChangesNothing(t *testing.T) {
	_, url := dbserver.ClickHouse(t)
	storetest.RunReadOnly(t, func(readOnly bool) (record.Store, error) {
		return Open(t.Context(), Options{URL: url, ReadOnly: readOnly})
	}, errNoTables)
}

func TestNoErrorShowsThePassword(t *testing.T) {
	storetest.RunSecret(t, "clickhouse", func(url string) (record.Store, error) {
		return Open(t.Context(), Options{URL: url})
	})
}

func BenchmarkWrite(b *testing.B) {
	_, url := dbserver.ClickHouse(b)
	s, err := Open(b.Context(), Options{URL: url})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	storetest.BenchmarkWrite(b, s, 20_000, 0)
}
