package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// feature is something that a client of chat may ask for. Members are those of a request that
// does, beside a model and, where it has none, a message.
type feature struct {
	what    string
	members string
}

const (
	hello    = `{"role":"user","content":"hi"}`
	function = `{"type":"function","function":{"name":"look_up","description":"d","parameters":{"type":"object","properties":{"q":{"type":"string"}},"required":["q"],"additionalProperties":false}}}`
	tools    = `"tools":[` + function + `]`
	pixel    = `data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==`
)

// features are the rows of the tables in docs/providers, in their order. What a row says of a
// provider is what the request that stands here is turned into, or why it is not.
var features = []feature{
	{"text", ``},
	{"streams", `"stream":true`},
	{"`system` and `developer` messages, anywhere", `"messages":[{"role":"system","content":"s"},` + hello + `,{"role":"developer","content":"d"},` + hello + `]`},
	{"images as `data:` addresses", `"messages":[{"role":"user","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"` + pixel + `"}}]}]`},
	{"images by `https:` address", `"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]`},
	{"PDF files in the request", `"messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBERi0="}}]}]`},
	{"audio in the request", `"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"UklGRg==","format":"wav"}}]}]`},
	{"`tools`: functions", tools},
	{"`strict` functions", `"tools":[` + strings.Replace(function, `"name"`, `"strict":true,"name"`, 1) + `]`},
	{"functions without parameters", `"tools":[{"type":"function","function":{"name":"now"}}]`},
	{"parallel calls and their results", tools + `,"messages":[` + hello + `,{"role":"assistant","content":null,"tool_calls":[` +
		`{"id":"call_1","type":"function","function":{"name":"look_up","arguments":"{\"q\":\"a\"}"}},{"id":"call_2","type":"function","function":{"name":"look_up","arguments":"{\"q\":\"b\"}"}}]},` +
		`{"role":"tool","tool_call_id":"call_1","content":"A"},{"role":"tool","tool_call_id":"call_2","content":"B"}]`},
	{"`tool_choice`: `none`", tools + `,"tool_choice":"none"`},
	{"`tool_choice`: `required`", tools + `,"tool_choice":"required"`},
	{"`tool_choice`: a function", tools + `,"tool_choice":{"type":"function","function":{"name":"look_up"}}`},
	{"`parallel_tool_calls`: `false`", tools + `,"parallel_tool_calls":false`},
	{"`response_format`: `json_object`", `"response_format":{"type":"json_object"}`},
	{"`response_format`: `json_schema`", `"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`},
	{"`reasoning_effort`", `"reasoning_effort":"high"`},
	{"`max_completion_tokens`", `"max_completion_tokens":100`},
	{"`stop`", `"stop":["END"]`},
	{"`temperature`", `"temperature":0.5`},
	{"`top_p`", `"top_p":0.5`},
	{"`presence_penalty`", `"presence_penalty":0.5`},
	{"`frequency_penalty`", `"frequency_penalty":0.5`},
	{"`seed`", `"seed":7`},
	{"`n` above 1", `"n":2`},
	{"`logprobs`", `"logprobs":true`},
	{"`logit_bias`", `"logit_bias":{"50256":-100}`},
	{"`modalities` with audio", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`},
	{"`prediction`", `"prediction":{"type":"content","content":"c"}`},
	{"`web_search_options`", `"web_search_options":{}`},
	{"`cache_control` in content", `"messages":[{"role":"user","content":[{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}]}]`},
	{"`prompt_cache_key`", `"prompt_cache_key":"k"`},
	{"`service_tier`", `"service_tier":"auto"`},
	{"`user`", `"user":"u"`},
	{"`metadata`", `"metadata":{"a":"b"}`},
	{"`store`", `"store":false`},
}

// support returns how a target is asked for a feature: as it is, in another dialect, not at all,
// or without it.
func support(t *upstream.Target, f feature) (string, error) {
	body := `{"model":"m"`
	if !strings.Contains(f.members, `"messages"`) {
		body += `,"messages":[` + hello + `]`
	}
	if f.members != "" {
		body += "," + f.members
	}
	doc, err := llm.ParseJSON([]byte(body + "}"))
	if err != nil {
		return "", fmt.Errorf("the request for %s: %w", f.what, err)
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(f.members, `"`), `"`)
	if slices.Contains(t.Provider.Drops(), name) {
		return "left out", nil
	}
	q := &llm.Request{Endpoint: llm.Chat, Doc: doc, Stream: f.members == `"stream":true`}
	_, dropped, err := t.Translate(q, llm.Payload{ContentType: "application/json", Parts: [][]byte{doc.Raw}})
	var unable *dialect.UnsupportedError
	switch {
	case errors.As(err, &unable):
		return "no: `" + unable.Field + "`", nil
	case err != nil:
		return "", fmt.Errorf("the request for %s: %w", f.what, err)
	case len(dropped) > 0:
		return "left out", nil
	case t.Provider.Dialect(llm.Chat, t.Model) == "":
		return "as it is", nil
	default:
		return "yes", nil
	}
}

// endpointSupport returns how a target is asked what comes in at an endpoint, "" when it cannot be.
func endpointSupport(t *upstream.Target, e llm.Endpoint) string {
	switch {
	case t.Provider.Serves(e, t.Model):
		if d := t.Provider.Dialect(e, t.Model); d != "" {
			return "translated (" + d + ")"
		}
		return "as it is"
	case !t.Serves(e):
		return ""
	case e == llm.CountTokens:
		return "estimated"
	default:
		return "by way of chat"
	}
}

// entry is what the garden knows of a model in the tables: enough for what a dialect requires.
var entry = &catalog.Model{MaxOutput: 8192, ContextWindow: 200_000}

// rows is a table: what each target says of each thing. A row in which all of them say the
// same that goes without saying, or nothing, is left out.
func rows(targets []*upstream.Target, of func(*upstream.Target) (map[string]string, []string, error), plain string) (string, error) {
	var order []string
	cells := map[string][]string{}
	for _, t := range targets {
		said, names, err := of(t)
		if err != nil {
			return "", err
		}
		order = names
		for _, name := range names {
			cells[name] = append(cells[name], said[name])
		}
	}
	var b strings.Builder
	for _, name := range order {
		list := cells[name]
		if !slices.ContainsFunc(list, func(s string) bool { return s != "" && s != plain }) {
			continue
		}
		for i := range list {
			if list[i] == "" {
				list[i] = "no"
			}
		}
		fmt.Fprintf(&b, "| %s | %s |\n", name, strings.Join(list, " | "))
	}
	return b.String(), nil
}
