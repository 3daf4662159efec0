package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// The clients of this file and its neighbours are those that people use. Each goes through
// the same cases with the code of its vendor's own examples; only the base URL, a dummy
// key and the header X-Deployment-Key differ. What a case must get is the same for all.

const clientsCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house {$Kind} {
			{$Settings}
			base_url {$House}
			api_key house-key
		}
		provider gone openai_compatible {
			base_url {$Gone}
			api_key gone-key
		}
		models {
			activate house/assistant house/rejects house/breaks gone/assistant
		}
		deployment assistant {
			retries 0
			variant default {
				model house/assistant
			}
		}
		deployment rejecting {
			retries 0
			variant default {
				model house/rejects
				fallback house/assistant
			}
		}
		deployment breaking {
			retries 0
			variant default {
				model house/breaks
				fallback house/assistant
			}
		}
		deployment down {
			retries 0
			variant default {
				model gone/assistant
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// estimateOfQuestion is how many tokens the question about the weather, with its tool, is
// estimated to have.
const estimateOfQuestion = 39.0

const (
	greeting = "Hello from the house."
	forecast = "Both are cold."
)

// house is the provider of the client cases.
func house(r *fakellm.Request) fakellm.Step {
	switch r.Model() {
	case "rejects":
		return fakellm.Error(http.StatusBadRequest, "unsupported_value", "The house does not serve this.")
	case "breaks":
		return fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello "), fakellm.Cut())
	case "assistant":
	default:
		return fakellm.Error(http.StatusNotFound, "model_not_found", "The house has no model "+r.Model()+".")
	}
	switch results := r.ToolResults(); {
	case len(results) > 0:
		if lost := lostResult(r, results); lost != "" {
			return fakellm.Error(http.StatusBadRequest, "tool_result_lost", lost)
		}
		return fakellm.Answer(forecast)
	case schemaOf(r) != "":
		return fakellm.CallTools(callOfOslo, callOfBergen)
	default:
		return fakellm.Answer(greeting)
	}
}

// The calls of the tool cases.
var (
	callOfOslo   = fakellm.ToolCall{ID: "call_oslo", Name: "weather", Arguments: `{"city":"Oslo"}`, Signature: "c2lnbmVk"}
	callOfBergen = fakellm.ToolCall{ID: "call_bergen", Name: "weather", Arguments: `{"city":"Bergen"}`}
)

// lostResult says what is wrong with the results of the two calls, "" for nothing: each must be
// there, once, in the order of the calls, under the call's id or where the vendor has none under
// the tool's name; and the calls before them with their own ids, arguments and signature.
func lostResult(r *fakellm.Request, results []fakellm.ToolResult) string {
	want := []fakellm.ToolResult{{ID: callOfOslo.ID, Text: "Oslo: -3 degrees"}, {ID: callOfBergen.ID, Text: "Bergen: -3 degrees"}}
	if r.Dialect == fakellm.Gemini {
		for i := range want {
			want[i].ID, want[i].Name = "", "weather"
		}
		signature := r.Get("contents.@reverse.1.parts.#(functionCall).thoughtSignature").String()
		if signature != "" && signature != callOfOslo.Signature { // some clients keep none
			return "The call has the signature " + signature + ", which is not its own."
		}
	}
	if !slices.Equal(results, want) {
		return fmt.Sprintf("The results are %+v, want %+v.", results, want)
	}
	calls := strings.ReplaceAll(string(r.Body), `\"`, `"`)
	for _, c := range []fakellm.ToolCall{callOfOslo, callOfBergen} {
		if !strings.Contains(strings.ReplaceAll(calls, " ", ""), c.Arguments) {
			return "The call with " + c.Arguments + " is not in the conversation."
		}
	}
	return ""
}

// schemaOf returns the type of the tool's parameter, "" when no tool is offered: each vendor has
// it elsewhere.
func schemaOf(r *fakellm.Request) string {
	for _, path := range []string{
		"tools.0.function.parameters", "tools.0.parameters", "tools.0.input_schema",
		"tools.0.functionDeclarations.0.parametersJsonSchema", "tools.0.functionDeclarations.0.parameters",
		"toolConfig.tools.0.toolSpec.inputSchema.json",
	} {
		if kind := r.Get(path + ".properties.city.type").String(); kind != "" {
			return kind
		}
	}
	return ""
}

// object is a JSON object as encoding/json decodes it.
type object = map[string]any

// clientCase is what a case must get, and how many requests the provider sees for it.
type clientCase struct {
	want     object
	requests int
}

// clientCases holds the cases by name, for a house that is such a vendor. See report for how
// they are compared.
func clientCases(v vendor) map[string]clientCase {
	usage := object{
		"input": float64(fakellm.DefaultUsage.Input), "output": float64(fakellm.DefaultUsage.Output),
		"cached": float64(fakellm.DefaultUsage.Cached), "reasoning": v.reasoning,
	}
	pieces := float64(len(strings.Fields(greeting)))
	chat := object{"text": greeting, "finish": "stop", "model": "assistant"}
	response := object{"text": greeting, "finish": "stop", "status": "completed", "model": "assistant", "usage": usage}
	calls := []any{
		object{"name": "weather", "arguments": object{"city": "Oslo"}},
		object{"name": "weather", "arguments": object{"city": "Bergen"}},
	}
	tools := object{"finish": "tool_calls", "calls": calls, "text": forecast}
	count := clientCase{object{"tokens": usage["input"], "estimated": false}, 1}
	if !v.counts {
		count = clientCase{object{"tokens": estimateOfQuestion, "estimated": true}, 0}
	}
	return map[string]clientCase{
		"chat":              {with(chat, object{"usage": usage}), 1},
		"headers":           {object{"trace": 36.0, "variant": "default", "model": "house/assistant", "attempts": "1"}, 1},
		"chat_stream":       {with(chat, object{"pieces": pieces, "usage": nil}), 1},
		"chat_stream_usage": {with(chat, object{"pieces": pieces, "usage": usage}), 1},
		"tools":             {tools, 2},
		"tools_stream":      {tools, 2},
		"rejected": {object{"status": 400.0, "message": "The house does not serve this.",
			"code": v.code, "type": v.errorType}, 1},
		"unknown_deployment": {object{"status": 404.0, "code": "deployment_not_found", "type": "invalid_request_error"}, 0},
		"down":               {object{"status": 502.0, "code": "upstream_unavailable", "type": "server_error"}, 0},
		"interrupted":        {object{"text": "Hello ", "code": "stream_interrupted"}, 1},
		"embeddings": {object{"vectors": []any{
			[]any{0.5, 0.25, 0.125, -1.0}, []any{1.5, 1.25, 1.125, -1.0},
		}, "input": usage["input"]}, 1},
		"responses":              {response, 1},
		"responses_stream":       {with(response, object{"pieces": pieces}), 1},
		"responses_interrupted":  {object{"text": "Hello ", "code": "stream_interrupted"}, 1},
		"responses_tools":        {tools, 2},
		"responses_tools_stream": {tools, 2},
		"count":                  count,
		"models": {object{"ids": []any{
			"deployment/assistant", "deployment/breaking", "deployment/down", "deployment/rejecting",
			"gone/assistant", "house/assistant", "house/breaks", "house/rejects",
		}}, 0},
	}
}

func with[V any](base, more map[string]V) map[string]V {
	merged := maps.Clone(base)
	maps.Copy(merged, more)
	return merged
}

// client says what one client goes through.
type client struct {
	// house is what the provider is; the zero value is any that speaks OpenAI's dialect.
	house vendor
	cases []string
	// signs says that the client sends Google's signatures back.
	signs bool
	// spelling holds, by "case.member", what this client makes of a member in its own words,
	// and nil for what it does not show.
	spelling map[string]any
}

// stage starts a gateway with the house behind it, a provider of that kind, and returns both.
func stage(t *testing.T, v vendor) (*gateway, *fakellm.Server) {
	t.Helper()
	provider := fakellm.Start(t)
	provider.Otherwise(house)
	g := startGateway(t, clientsCaddyfile, map[string]string{
		"Kind":     v.kind,
		"Settings": v.settings,
		"House":    provider.URL + v.base,
		"Gone":     fakellm.Refused(t),
	})
	return g, provider
}

// check compares what a client got with what it must get, member by member, and looks at
// what the provider saw of it.
func (c client) check(t *testing.T, got map[string]object, provider *fakellm.Server) {
	t.Helper()
	cases, requests := clientCases(c.house), 0
	for _, name := range c.cases {
		members, ran := got[name]
		if !ran {
			t.Errorf("%s: the client did not report it", name)
			continue
		}
		requests += cases[name].requests
		if ids, ok := members["ids"].([]any); ok {
			slices.SortFunc(ids, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		}
		want := decoded(t, c.respelled(name, cases[name].want))
		if !reflect.DeepEqual(members, want) {
			t.Errorf("%s:\n got %s\nwant %s", name, text(members), text(want))
		}
	}
	for name := range got {
		if !slices.Contains(c.cases, name) {
			t.Errorf("%s: the client reported a case that it should not have", name)
		}
	}
	if provider.Count() != requests {
		t.Errorf("the provider saw %d requests, want %d", provider.Count(), requests)
	}
	signed := false
	for _, r := range provider.Requests() {
		checkSeen(t, r)
		signed = signed || strings.Contains(string(r.Body), callOfOslo.Signature)
	}
	if c.house == ofGoogle && signed != c.signs {
		t.Errorf("Google's signature has come back: %v", signed)
	}
}

func (c client) respelled(name string, want object) object {
	want = maps.Clone(want)
	for member := range want {
		if own, ok := c.spelling[name+"."+member]; ok {
			want[member] = own
			if own == nil {
				delete(want, member)
			}
		}
	}
	return want
}

// checkSeen makes sure that nothing of the client's that is not the provider's business has
// reached it.
func checkSeen(t *testing.T, r *fakellm.Request) {
	t.Helper()
	if r.Key() != "house-key" {
		t.Errorf("request %d came with the key %q", r.Number, r.Key())
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Deployment-") || strings.HasPrefix(name, "X-Stainless-") {
			t.Errorf("request %d came with the header %s", r.Number, name)
		}
	}
	if (r.Get("tools.#").Int() > 0 || r.Get("toolConfig.tools.#").Int() > 0) && !strings.EqualFold(schemaOf(r), "string") {
		t.Errorf("request %d came with tools without parameters: %s", r.Number, r.Body)
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
