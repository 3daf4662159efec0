package caddymodule

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/mulligan-gateway/mulligan/upstream/catalog"
)

func modelsCommand() *cobra.Command {
	var config, adapter string
	cmd := &cobra.Command{
		Use:   "models [--config FILE] [PATTERN]",
		Short: "Lists the model garden with prices",
		Long: `
Lists models with their prices in US dollars per million tokens and their limits in tokens.
With a config, these are the models that the config activates, by the names that clients
and variants use; without one, the whole built-in catalog. PATTERN is a part of the name,
or a glob in which * stands for anything.
`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pattern := ""
			if len(args) == 1 {
				pattern = args[0]
			}
			models := catalog.All()
			if config != "" {
				app, done, err := appOfConfig(config, adapter)
				if err != nil {
					return err
				}
				defer done()
				models = app.Garden().Models()
			}
			return printModels(cmd.OutOrStdout(), models, pattern)
		},
	}
	cmd.Flags().StringVarP(&config, "config", "c", "", "Configuration file (default: none, list the built-in catalog)")
	cmd.Flags().StringVarP(&adapter, "adapter", "a", "", "Name of the config adapter")
	return cmd
}

func printModels(w io.Writer, models []*catalog.Model, pattern string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MODEL\tINPUT\tCACHED\tOUTPUT\tCONTEXT\tMAX OUTPUT")
	shown := 0
	for _, m := range models {
		if !catalog.MatchPattern(pattern, m.Name()) {
			continue
		}
		shown++
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name(),
			price(m.Input), price(m.CachedInput), price(m.Output), tokens(m.ContextWindow), tokens(m.MaxOutput))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	info := catalog.Info()
	_, err := fmt.Fprintf(w, "\n%d models. Prices in USD per million tokens. Catalog: %s, commit %.12s, %s.\n",
		shown, info.Source, info.Commit, info.Date)
	return err
}

// price shows a price, "unpriced" where none is known.
func price(usd *float64) string {
	if usd == nil {
		return "unpriced"
	}
	s := strconv.FormatFloat(*usd, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".00"
	}
	return s
}

// tokens shows a limit, "-" where none is known.
func tokens(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}
