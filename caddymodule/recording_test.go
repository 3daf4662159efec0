package caddymodule

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

func storeConfig(path string, retain time.Duration) string {
	return fmt.Sprintf(`{"store": {"kind": "sqlite", "path": %q, "retain": %d}, "positions": {"store": "Caddyfile:7"}}`, path, retain)
}

func stopped(t *testing.T, app *App) {
	t.Helper()
	if err := app.Stop(); err != nil {
		t.Error(err)
	}
	cleanUp(t, app)
}

func TestCheckingAConfigOpensNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "none")
	cleanUp(t, provisioned(t, storeConfig(filepath.Join(folder, "records.db"), 0)))
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder of the store: %v", err)
	}
}

func TestRecordsAreBelowCaddysDataDirectoryUnlessTheConfigSaysOtherwise(t *testing.T) {
	app := provisioned(t, `{}`)
	defer cleanUp(t, app)
	if want := filepath.Join(os.Getenv("XDG_DATA_HOME"), "caddy", "records.db"); app.store.Location != "sqlite "+want {
		t.Errorf("they are at %s, want %s", app.store.Location, want)
	}
	off := provisioned(t, `{"store": {"kind": "off"}}`)
	defer cleanUp(t, off)
	if off.Recorder() != nil {
		t.Error("store off records")
	}
}

func TestAStoreThatCannotBeOpenedRefusesTheConfig(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	app := provisioned(t, storeConfig(filepath.Join(file, "records.db"), 0))
	defer cleanUp(t, app)
	err := app.Start()
	if err == nil || !strings.HasPrefix(err.Error(), "Caddyfile:7: store sqlite: ") || !strings.Contains(err.Error(), "write store off") {
		t.Errorf("the error is %v", err)
	}
}

func TestAReloadKeepsTheRecorderAndTunesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	first := provisioned(t, storeConfig(path, time.Hour))
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	first.Recorder().Add(&record.Row{TraceID: "one", Time: time.Now().UTC()})
	second := provisioned(t, storeConfig(path, 2*time.Hour))
	if err := second.Start(); err != nil {
		t.Fatal(err)
	}
	if first.Recorder() != second.Recorder() {
		t.Error("a reload makes another recorder for the same store")
	}
	stopped(t, first)
	second.Recorder().Add(&record.Row{TraceID: "two", Time: time.Now().UTC()})
	if err := second.Recorder().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	store, err := second.Recorder().Store()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"one", "two"} {
		if _, err := store.Get(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	stopped(t, second)
	if n := references(recordingKey("sqlite " + path)); n != 0 {
		t.Errorf("%d users are left", n)
	}
}

func TestTheLastExchangeOfAnOldConfigIsStillRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	app := provisioned(t, storeConfig(path, 0))
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	running := app.acquire()
	stopped(t, app)
	app.Recorder().Add(&record.Row{TraceID: "late", Time: time.Now().UTC()})
	running.release() // which closes the recorder
	again := provisioned(t, storeConfig(path, 0))
	if err := again.Start(); err != nil {
		t.Fatal(err)
	}
	if err := again.Recorder().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	store, err := again.Recorder().Store()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "late"); err != nil {
		t.Error(err)
	}
	stopped(t, again)
}

func TestTheConfigVersionTellsConfigsApartAndNotWhereTheyWereWritten(t *testing.T) {
	version := func(config string) string {
		app := provisioned(t, config)
		defer cleanUp(t, app)
		return app.configVersion
	}
	a := version(`{"providers": {"demo": {"kind": "demo"}}}`)
	moved := version(`{"providers": {"demo": {"kind": "demo"}}, "positions": {"provider demo": "Caddyfile:3"}}`)
	other := version(`{"providers": {"other": {"kind": "demo"}}}`)
	if a != moved || a == other || len(a) != 16 {
		t.Errorf("the versions are %s, %s and %s", a, moved, other)
	}
}
