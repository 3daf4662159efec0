package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/mulligan-gateway/mulligan/llm"
)

type explainFlags struct {
	config, adapter, deployment, context, body string
	asJSON                                     bool
}

func explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain --config FILE --deployment KEY [--context JSON] [--body FILE] [--json]",
		Short: "Says which variant of a deployment would answer a request, and why",
		Example: `  caddy llm explain --config Caddyfile --deployment support-reply --context '{"tier":"enterprise"}'
  caddy llm explain --config Caddyfile --deployment support-reply --body request.json --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runExplain(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.config, "config", "c", "", configUsage)
	flags.StringVarP(&f.adapter, "adapter", "a", "", "Name of the config adapter")
	flags.StringVarP(&f.deployment, "deployment", "d", "", "Key of the deployment")
	flags.StringVar(&f.context, "context", "", "The caller's context, a JSON object; wins over the body's")
	flags.StringVar(&f.body, "body", "", `File with a request body, "-" for standard input; beside a body's own members it may hold
endpoint, headers, client {id, ip, claims}, now and resting, as in an expect line`)
	flags.BoolVar(&f.asJSON, "json", false, "Print JSON, as the explain endpoint answers")
	_ = cmd.MarkFlagRequired("deployment") // fails only for a flag that does not exist
	return cmd
}

func runExplain(cmd *cobra.Command, f explainFlags) error {
	app, done, err := appOfConfig(f.config, f.adapter)
	if err != nil {
		return err
	}
	defer done()
	d, ok := app.Catalog().Lookup(f.deployment)
	if !ok {
		return fmt.Errorf("there is no deployment %q%s", f.deployment, didYouMean(f.deployment, app.Catalog().Keys()))
	}
	raw := []byte("{}")
	if f.body != "" {
		if raw, err = readFileOrStdin(cmd, f.body); err != nil {
			return err
		}
	}
	if f.context != "" {
		if raw, err = withContext(raw, f.context); err != nil {
			return err
		}
	}
	req, healthy, err := sampleRequest(raw)
	if err != nil {
		return err
	}
	e := explainDeployment(cmd.Context(), d, req, healthy)
	if f.asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	}
	printExplanation(cmd.OutOrStdout(), &e)
	return nil
}

// withContext merges a context over the one of a body.
func withContext(body []byte, context string) ([]byte, error) {
	over, err := llm.ParseJSON([]byte(context))
	if err != nil {
		return nil, fmt.Errorf("--context: %w", err)
	}
	doc, err := llm.ParseJSON(body)
	if err != nil {
		return nil, fmt.Errorf("--body: %w", err)
	}
	merged := json.RawMessage(over.Raw)
	if under, ok := doc.Get("context"); ok {
		if merged, err = llm.MergeObjects(over.Raw, under); err != nil {
			return nil, fmt.Errorf("--body: context: %w", err)
		}
	}
	wrapped := append([]byte(`{"context":`), merged...)
	return llm.MergeObjects(append(wrapped, '}'), body)
}

// printExplanation writes an explanation for people to read.
func printExplanation(w io.Writer, e *Explanation) {
	fmt.Fprintf(w, "deployment  %s\n", e.Deployment)
	if e.Variant != nil {
		fmt.Fprintf(w, "variant     %s\n", *e.Variant)
	} else {
		fmt.Fprintf(w, "variant     none\n")
	}
	if e.Error != nil {
		fmt.Fprintf(w, "error       %d %s: %s\n", e.Error.Status, e.Error.Code, e.Error.Message)
	}
	fmt.Fprintf(w, "\nrules\n")
	for _, r := range e.Rules {
		fmt.Fprintf(w, "  %-12s %s\n", r.Verdict, r.Variant)
		if r.When != "" {
			fmt.Fprintf(w, "  %-12s when %s\n", "", r.When)
		}
		fmt.Fprintf(w, "  %-12s %s\n", "", r.Why)
	}
	for i, t := range e.Targets {
		fmt.Fprintf(w, "\ntarget %d    %s\n", i+1, t.Target)
		for _, name := range t.Dropped {
			fmt.Fprintf(w, "  dropped   %s\n", name)
		}
		switch {
		case t.Error != nil:
			fmt.Fprintf(w, "  error     %d %s: %s\n", t.Error.Status, t.Error.Code, t.Error.Message)
		case t.Body != nil:
			var b bytes.Buffer
			if json.Indent(&b, t.Body, "  ", "  ") == nil {
				fmt.Fprintf(w, "  %s\n", b.Bytes())
			}
		}
	}
}
