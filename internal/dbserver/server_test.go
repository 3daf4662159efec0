package dbserver

import (
	"context"
	"database/sql"
	"testing"

	_ "github.com/ClickHouse/clickhouse-go/v2" // the driver
	_ "github.com/jackc/pgx/v5/stdlib"         // the driver
)

func TestServersKeepTheirDataOverAStop(t *testing.T) {
	for _, c := range []struct {
		name, driver, create string
		start                func(testing.TB) (*Server, string)
	}{
		{"PostgreSQL", "pgx", "create table t (n int)", Postgres},
		{"ClickHouse", "clickhouse", "create table t (n Int32) engine = Log", ClickHouse},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, url := c.start(t)
			if err := do(t, c.driver, url, c.create); err != nil {
				t.Fatal(err)
			}
			s.Stop()
			if err := accepts(t.Context(), s.Address); err == nil {
				t.Error("it is stopped and still listens")
			}
			s.Start()
			if err := do(t, c.driver, url, "select n from t"); err != nil {
				t.Errorf("after another start: %v", err)
			}
		})
	}
}

func do(t *testing.T, driver, url, query string) error {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.ExecContext(context.Background(), query)
	return err
}
