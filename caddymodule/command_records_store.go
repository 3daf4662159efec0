package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/mulligan-gateway/mulligan/record"
)

// recordsOfConfig opens the store that a config names, for reading.
func recordsOfConfig(ctx context.Context, file, adapter string) (record.Store, func(), error) {
	store, done, err := storeOfConfig(file, adapter)
	if err != nil {
		return nil, nil, err
	}
	opened, err := store.Open(ctx, true)
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("open the records of %s: %w", store.Location, err)
	}
	return opened, func() { _ = opened.Close(); done() }, nil
}

// storeOfConfig returns the store that a config names, without opening it. Provider keys need
// not be set.
func storeOfConfig(file, adapter string) (*Store, func(), error) {
	app, done, err := buildOfConfig(file, adapter, &App{withoutSecrets: true, withStore: true})
	if err != nil {
		return nil, nil, err
	}
	if app.store == nil {
		done()
		return nil, nil, errors.New("the config keeps no records (store off)")
	}
	return app.store, done, nil
}

// checkedRecords is what check answers.
type checkedRecords struct {
	Store *record.Report      `json:"store"`
	Spill *record.SpillReport `json:"spill,omitempty"`
}

func checkRecords(f *recordsFlags) *cobra.Command {
	var repair bool
	cmd := &cobra.Command{
		Use: "check [--repair]", Short: "Says whether the store and its spill files are sound", Args: cobra.NoArgs,
		Long: `
Examines the store, and the files in which records wait that it did not take. With --repair what
can be mended is mended without losing records, and what waits is stored, unless a gateway is
running on them: then that does it. It fails when something is wrong and not mended.
`,
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "Mend what can be mended, and store what waits")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		store, done, err := storeOfConfig(f.config, f.adapter)
		if err != nil {
			return err
		}
		defer done()
		checked, err := checkStore(cmd.Context(), store, repair)
		if err != nil {
			return err
		}
		if err := printAnswer(f, cmd.OutOrStdout(), checked, printCheck); err != nil {
			return err
		}
		if left := checked.left(repair); left > 0 {
			return fmt.Errorf("%d problems are left", left)
		}
		return nil
	}
	return cmd
}

// checkStore examines the store and the spill, and mends them when asked.
func checkStore(ctx context.Context, store *Store, repair bool) (*checkedRecords, error) {
	checked := new(checkedRecords)
	var err error
	if store.Spill != "" {
		if checked.Spill, err = record.CheckSpill(store.Spill); err != nil {
			return nil, err
		}
		if spill := checked.Spill; repair && !spill.InUse && spill.Files > 0 {
			if checked.Spill, err = repairSpill(ctx, store, spill); err != nil {
				return nil, err
			}
		}
	}
	opened, err := store.Open(ctx, !repair)
	if err != nil {
		return nil, fmt.Errorf("open the records of %s: %w", store.Location, err)
	}
	defer opened.Close()
	if checked.Store, err = opened.Check(ctx, repair); err != nil {
		return nil, fmt.Errorf("check the records of %s: %w", store.Location, err)
	}
	return checked, nil
}

// repairSpill stores what waits, and returns how the spill is afterwards.
func repairSpill(ctx context.Context, store *Store, before *record.SpillReport) (*record.SpillReport, error) {
	if err := storeWhatWaits(ctx, store); err != nil {
		return nil, err
	}
	after, err := record.CheckSpill(store.Spill)
	if err != nil {
		return nil, err
	}
	for _, p := range before.Problems {
		if !slices.Contains(after.Problems, p) {
			after.Repaired = append(after.Repaired, p)
		}
	}
	return after, nil
}

// storeWhatWaits does what a gateway does when it starts: it stores what waits in the spill
// files, and sets aside what cannot be read.
func storeWhatWaits(ctx context.Context, store *Store) error {
	rec, err := record.NewRecorder(record.Options{
		Open:      func(ctx context.Context) (record.Store, error) { return store.Open(ctx, false) },
		SpillPath: store.Spill,
	})
	if err != nil {
		return err
	}
	rec.Start()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = rec.Flush(ctx)
	return errors.Join(within(err, "store what waits"), rec.Close(ctx))
}

// left returns how many problems are not mended.
func (c *checkedRecords) left(repaired bool) int {
	n := len(c.Store.Problems) - len(c.Store.Repaired)
	if c.Spill != nil && !repaired {
		n += len(c.Spill.Problems)
	}
	return max(n, 0)
}

func printCheck(w io.Writer, c *checkedRecords) error {
	t := tableOn(w)
	fmt.Fprintf(t, "records\t%d\n", c.Store.Rows)
	fmt.Fprintf(t, "feedback\t%d, of which %d belong to no record\n", c.Store.Feedback, c.Store.Unmatched)
	if c.Store.Bytes > 0 {
		fmt.Fprintf(t, "size\t%.1f MiB\n", float64(c.Store.Bytes)/(1<<20))
	}
	if c.Store.Rows > 0 {
		fmt.Fprintf(t, "from\t%s\nto\t%s\n", c.Store.Oldest.Local().Format(time.RFC3339), c.Store.Newest.Local().Format(time.RFC3339))
	}
	if c.Spill != nil {
		fmt.Fprintf(t, "waiting\t%d in %d files\n", c.Spill.Waiting(), c.Spill.Files)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	problems, mended := c.Store.Problems, c.Store.Repaired
	if c.Spill != nil {
		problems = slices.Concat(problems, c.Spill.Problems)
		mended = slices.Concat(mended, c.Spill.Repaired)
	}
	for _, p := range problems {
		fmt.Fprintf(w, "problem: %s\n", p)
	}
	for _, p := range mended {
		fmt.Fprintf(w, "mended: %s\n", p)
	}
	if len(problems)+len(mended) == 0 {
		fmt.Fprintln(w, "All is sound.")
	}
	return nil
}
