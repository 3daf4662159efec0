package storetest

import (
	"context"
	"errors"
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

// RunServer is Run for a store on a server, where a round of random batches takes a hundred
// times what it takes in a file: it runs few of them.
func RunServer(t *testing.T, open Open) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		t.Fatal(err)
	}
	Run(t, open)
}

// RunReadOnly tests that a store which is opened for reading only reads beside a writer and
// without one, and changes nothing. open opens one and the same place, which is empty at first;
// missing is the error of reading there before anybody has written.
func RunReadOnly(t *testing.T, open func(readOnly bool) (record.Store, error), missing error) {
	if _, err := open(true); !errors.Is(err, missing) {
		t.Errorf("a store that is not there: %v", err)
	}
	must := func(readOnly bool) record.Store {
		t.Helper()
		s, err := open(readOnly)
		if err != nil {
			t.Fatalf("open, read only %v: %v", readOnly, err)
		}
		return s
	}
	ctx := context.Background()
	traffic := NewTraffic(noon, time.Second)
	all := []*record.Row{traffic.Row(), traffic.Row()}
	reads := func(s record.Store, want int) {
		t.Helper()
		for _, r := range all[:want] {
			if entry, err := s.Get(ctx, r.TraceID); err != nil || entry.Variant != r.Variant {
				t.Errorf("it reads %v, %v", entry, err)
			}
		}
		if listing, err := s.List(ctx, &record.Filter{}, record.Page{}); err != nil || len(listing.Rows) != want {
			t.Errorf("it lists %v, %v; want %d rows", listing, err, want)
		}
	}

	writer := must(false)
	reader := must(true)
	for i, r := range all {
		if err := writer.Write(ctx, rows(r)); err != nil {
			t.Fatal(err)
		}
		reads(reader, i+1)
	}
	if err := reader.Write(ctx, rows(traffic.Row())); err == nil {
		t.Error("it writes")
	}
	if _, err := reader.Prune(ctx, record.Retention{Age: time.Nanosecond, Now: noon.Add(time.Hour)}); err == nil {
		t.Error("it prunes")
	}
	reads(writer, len(all))
	for _, s := range []record.Store{reader, writer} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	alone := must(true)
	reads(alone, len(all))
	if err := alone.Close(); err != nil {
		t.Error(err)
	}
}

// RunSecret tests that no error of opening a store shows the password in its URL, be the store
// away or the URL broken. scheme is how its URLs begin.
func RunSecret(t *testing.T, scheme string, open func(url string) (record.Store, error)) {
	const password = "hunter2"
	for _, url := range []string{
		scheme + "://user:" + password + "@127.0.0.1:1/records", scheme + "://user:" + password + "@[::1/%zz", password,
	} {
		s, err := open(url)
		if err == nil {
			s.Close()
			t.Errorf("%s opens", url)
		} else if strings.Contains(err.Error(), password) {
			t.Errorf("the error of %s is %q", url, err)
		}
	}
}
