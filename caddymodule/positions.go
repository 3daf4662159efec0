package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// configError is an error in a config: where it was written, within what, and what is
// wrong. It reads
//
//	Caddyfile:31: deployment "support-reply": variant "enterprise": when: …
type configError struct {
	at     string   // file:line, "" when the config was not a Caddyfile
	within []string // from the outside in
	err    error
}

func (e *configError) Error() string {
	var b strings.Builder
	if e.at != "" {
		b.WriteString(e.at)
		b.WriteString(": ")
	}
	for _, w := range e.within {
		b.WriteString(w)
		b.WriteString(": ")
	}
	b.WriteString(e.err.Error())
	return b.String()
}

func (e *configError) Unwrap() error { return e.err }

// within says what an error happened within, such as `variant "gold"`.
func within(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	var e *configError
	if errors.As(err, &e) {
		return &configError{at: e.at, within: append([]string{what}, e.within...), err: e.err}
	}
	return &configError{within: []string{what}, err: err}
}

// located says where an error was written, unless it already knows.
func located(err error, at string) error {
	if err == nil {
		return nil
	}
	var e *configError
	if !errors.As(err, &e) {
		return &configError{at: at, err: err}
	}
	if e.at == "" {
		return &configError{at: at, within: e.within, err: e.err}
	}
	return err
}

// here returns the position of d's token, file:line.
func here(d *caddyfile.Dispenser) string {
	return fmt.Sprintf("%s:%d", d.File(), d.Line())
}

// Names of positions. The name of a word is that of the block it stands in and the word.
func providerPosition(name string) string     { return "provider " + name }
func modelPosition(name string) string        { return "model " + name }
func activatePosition(pattern string) string  { return "activate " + pattern }
func deploymentPosition(key string) string    { return "deployment " + key }
func variantPosition(key, name string) string { return deploymentPosition(key) + " variant " + name }
func expectPosition(key string, i int) string {
	return fmt.Sprintf("%s expect %d", deploymentPosition(key), i+1)
}

// at returns where the first of the names given was written of which that is known, or "".
func (a *App) at(names ...string) string {
	for _, name := range names {
		if at, ok := a.Positions[name]; ok {
			return at
		}
	}
	return ""
}

// mark keeps where something was written first.
func (a *App) mark(name, at string) {
	if a.Positions == nil {
		a.Positions = make(map[string]string)
	}
	if _, ok := a.Positions[name]; !ok {
		a.Positions[name] = at
	}
}
