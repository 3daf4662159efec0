package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/mulligan-gateway/mulligan/record/ask"
	"github.com/mulligan-gateway/mulligan/record/export"
)

// recordsFlags are the flags that every command about records has.
type recordsFlags struct {
	config, adapter string
	asJSON          bool
}

func recordsCommand() *cobra.Command {
	var f recordsFlags
	cmd := &cobra.Command{
		Use:   "records --config FILE <list|show|stats|export|check>",
		Short: "Asks the store of records that a config names",
		Long: `
Reads the store of records that the config names, also while a gateway writes to it.

  caddy llm records list     the newest requests
  caddy llm records show     one request, its attempts and its feedback
  caddy llm records stats    numbers by variant, model, day and more
  caddy llm records export   all of them as JSON lines or CSV
  caddy llm records check    whether the store and its spill files are sound
`,
		Example: `  caddy llm records -c Caddyfile stats --deployment support-reply --by variant
  caddy llm records -c Caddyfile list --outcome upstream_error --since 24h
  caddy llm records -c Caddyfile export --format csv --since 7d > records.csv`,
	}
	flags := cmd.PersistentFlags()
	flags.StringVarP(&f.config, "config", "c", "", configUsage)
	flags.StringVarP(&f.adapter, "adapter", "a", "", "Name of the config adapter")
	flags.BoolVar(&f.asJSON, "json", false, "Print JSON, as the admin endpoint answers")
	cmd.AddCommand(listRecords(&f), showRecord(&f), statsOfRecords(&f), exportRecords(&f), checkRecords(&f))
	return cmd
}

// asked is the words of a question, gathered from flags.
type asked map[string]*[]string

// addParameters gives a command a flag for each parameter of a question.
func addParameters(cmd *cobra.Command, parameters []ask.Parameter) asked {
	words := asked{}
	for _, p := range parameters {
		words[p.Name] = cmd.Flags().StringArray(p.Flag(), nil, p.Usage)
	}
	return words
}

// values returns the words that were given, as an address has them.
func (a asked) values() url.Values {
	values := url.Values{}
	for name, words := range a {
		if len(*words) > 0 {
			values[name] = *words
		}
	}
	return values
}

// flagError names a wrong word as the flag that it was.
func flagError(err error) error {
	var wrong *ask.Error
	if !errors.As(err, &wrong) {
		return err
	}
	p := ask.Parameter{Name: wrong.Name}
	return fmt.Errorf("--%s: %s", p.Flag(), wrong.Message)
}

// withRecords opens the store of the config for reading, and asks it.
func (f *recordsFlags) withRecords(cmd *cobra.Command, question func(context.Context, records) error) error {
	store, done, err := recordsOfConfig(cmd.Context(), f.config, f.adapter)
	if err != nil {
		return err
	}
	defer done()
	return flagError(question(cmd.Context(), records{store: store, now: time.Now()}))
}

// printAnswer writes an answer as JSON, or for people.
func printAnswer[T any](f *recordsFlags, w io.Writer, answer T, forPeople func(io.Writer, T) error) error {
	if !f.asJSON {
		return forPeople(w, answer)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(answer)
}

func listRecords(f *recordsFlags) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Lists requests, newest first", Args: cobra.NoArgs}
	words := addParameters(cmd, ask.ForList())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.withRecords(cmd, func(ctx context.Context, q records) error {
			l, err := q.list(ctx, words.values())
			if err != nil {
				return err
			}
			return printAnswer(f, cmd.OutOrStdout(), l, printList)
		})
	}
	return cmd
}

func showRecord(f *recordsFlags) *cobra.Command {
	return &cobra.Command{
		Use: "show TRACE", Short: "Shows one request, its attempts and its feedback", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.withRecords(cmd, func(ctx context.Context, q records) error {
				e, err := q.store.Get(ctx, args[0])
				if err != nil {
					return err
				}
				return printAnswer(f, cmd.OutOrStdout(), e, printEntry)
			})
		},
	}
}

func statsOfRecords(f *recordsFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use: "stats", Short: "Counts requests, errors, tokens, cost, times and feedback", Args: cobra.NoArgs,
		Long: `
Counts requests, errors, fallbacks, tokens and cost, with p50 and p95 of the duration and p95 of
the first output of answers that went well, and what feedback says: the mean with its 95 %
confidence interval, or the labels that were given most. --by variant compares the variants of
a deployment.
`,
	}
	words := addParameters(cmd, ask.ForStats())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return f.withRecords(cmd, func(ctx context.Context, q records) error {
			a, err := q.stats(ctx, words.values())
			if err != nil {
				return err
			}
			return printAnswer(f, cmd.OutOrStdout(), a, printStats)
		})
	}
	return cmd
}

func exportRecords(f *recordsFlags) *cobra.Command {
	cmd := &cobra.Command{Use: "export", Short: "Writes requests as JSON lines or CSV", Args: cobra.NoArgs}
	words := addParameters(cmd, ask.ForFilter())
	name := cmd.Flags().String("format", string(export.JSONL), "jsonl, or csv that spreadsheets open without running anything")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := export.ParseFormat(*name)
		if err != nil {
			return fmt.Errorf("--format: %w", err)
		}
		return f.withRecords(cmd, func(ctx context.Context, q records) error {
			filter, err := ask.Filter(words.values(), q.now)
			if err != nil {
				return err
			}
			n, err := export.Rows(ctx, cmd.OutOrStdout(), export.Wanted{From: q.store, Filter: filter, Format: format})
			if err == nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%d records\n", n)
			}
			return err
		})
	}
	return cmd
}
