package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "llm",
		Usage: "<explain|models|records> [flags]",
		Short: "Explains and lists what the LLM gateway would do, and what it did",
		Long: `
Asks Mulligan, the LLM gateway, about a config file. Nothing is started and no
provider is called; their keys need not be set.

  caddy llm explain   which variant would answer a request, each rule's verdict, and the
                      body that each target would be sent
  caddy llm models    the model garden with its prices
  caddy llm records   what was recorded: requests, numbers, feedback
`,
		CobraFunc: func(cmd *cobra.Command) {
			cmd.AddCommand(explainCommand(), modelsCommand(), recordsCommand())
		},
	})
}

const configUsage = "Configuration file (default: the Caddyfile in this folder)"

// appOfConfig builds the app of a config file without starting anything: no listener, no
// request. Provider keys that are not set are left out, since nobody is called.
func appOfConfig(file, adapter string) (*App, func(), error) {
	return buildOfConfig(file, adapter, &App{withoutSecrets: true})
}

// buildOfConfig reads a config file into an app, and builds it.
func buildOfConfig(file, adapter string, app *App) (*App, func(), error) {
	raw, _, _, err := caddycmd.LoadConfig(file, adapter)
	if err != nil {
		return nil, nil, err
	}
	if len(raw) == 0 {
		return nil, nil, errors.New("there is no Caddyfile in this folder: name the config with --config FILE")
	}
	var config struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, nil, fmt.Errorf("read config: %w", err)
	}
	appJSON, ok := config.Apps["llm_gateway"]
	if !ok {
		return nil, nil, errors.New("the config has no llm_gateway app")
	}
	if err := caddy.StrictUnmarshalJSON(appJSON, app); err != nil {
		return nil, nil, fmt.Errorf("read config: llm_gateway: %w", err)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	done := func() { cancel(); _ = app.Cleanup() }
	if err := app.Provision(ctx); err != nil {
		done()
		return nil, nil, err
	}
	return app, done, nil
}

// readFileOrStdin reads a file, or standard input for "-".
func readFileOrStdin(cmd *cobra.Command, name string) ([]byte, error) {
	if name == "-" {
		var raw json.RawMessage
		if err := json.NewDecoder(cmd.InOrStdin()).Decode(&raw); err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return raw, nil
	}
	return os.ReadFile(name)
}
