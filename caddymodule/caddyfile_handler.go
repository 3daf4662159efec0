package caddymodule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/http/httpguts"
)

func init() {
	for directive, parse := range map[string]httpcaddyfile.UnmarshalHandlerFunc{
		appName:          parseHandler,
		consoleDirective: parseConsole,
	} {
		httpcaddyfile.RegisterHandlerDirective(directive, parse)
		httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "reverse_proxy")
	}
}

// consoleDirective is a directive of Mulligan's that this build does not have. It is known,
// so that an operator learns why it does not work.
const consoleDirective = "llm_console"

func parseConsole(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Reset()
	h.Next()
	return nil, located(errors.New("the directive llm_console is not available in this build; leave it out"), here(h.Dispenser))
}

func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	handler := new(Handler)
	h.Reset()
	return handler, handler.UnmarshalCaddyfile(h.Dispenser)
}

// UnmarshalCaddyfile reads the directive:
//
//	llm_gateway [MATCHER] {
//		key_header NAME
//		deployments PATTERN…
//		default KEY
//		direct on|off
//		max_body SIZE
//		explain on|off
//		response_headers on|off
//	}
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		h.Position = here(d)
		if d.NextArg() {
			return located(errors.New("llm_gateway takes a matcher or a block and nothing else"), here(d))
		}
		if err := blockOf(d, "the llm_gateway directive", handlerWords, h); err != nil {
			return err
		}
	}
	return nil
}

var handlerWords = words[*Handler]{
	"key_header": {args: "NAME", least: 1, most: 1, set: func(h *Handler, l line) error {
		h.KeyHeader = l.args[0]
		return h.checkKeyHeader()
	}},
	"deployments": {args: "PATTERN…", least: 1, most: -1, many: true, set: func(h *Handler, l line) error {
		h.Deployments = append(h.Deployments, l.args...)
		return nil
	}},
	"default": {args: "KEY", least: 1, most: 1, set: func(h *Handler, l line) error {
		h.Default = l.args[0]
		return nil
	}},
	"direct":  handlerSwitch(func(h *Handler, on bool) { h.Direct = on }),
	"explain": handlerSwitch(func(h *Handler, on bool) { h.Explain = on }),
	"max_body": {args: "SIZE", least: 1, most: 1, set: func(h *Handler, l line) error {
		size, err := parseSize(l.args[0])
		h.MaxBody = size
		return err
	}},
	"response_headers": handlerSwitch(func(h *Handler, on bool) { h.ResponseHeaders = &on }),
}

func handlerSwitch(set func(*Handler, bool)) word[*Handler] {
	return word[*Handler]{args: "on|off", least: 1, most: 1, set: func(h *Handler, l line) error {
		on, err := onOff(l.args[0])
		set(h, on)
		return err
	}}
}

// checkKeyHeader refuses names that no request header can have when it gets here.
func (h *Handler) checkKeyHeader() error {
	switch {
	case !httpguts.ValidHeaderFieldName(h.KeyHeader):
		return fmt.Errorf("%q is not the name of a header", h.KeyHeader)
	case strings.ContainsAny(h.KeyHeader, "_."):
		return fmt.Errorf("%q will never come: Caddy drops request headers whose names hold underscores or dots; use hyphens", h.KeyHeader)
	default:
		return nil
	}
}

// Validate refuses what a JSON config may hold and a Caddyfile may not.
func (h *Handler) Validate() error {
	if h.KeyHeader != "" {
		if err := h.checkKeyHeader(); err != nil {
			return located(within(err, "key_header"), h.Position)
		}
	}
	if h.MaxBody < 0 {
		return located(within(errors.New("the size cannot be negative"), "max_body"), h.Position)
	}
	return nil
}

// Interface guards.
var (
	_ caddyfile.Unmarshaler = (*Handler)(nil)
)
