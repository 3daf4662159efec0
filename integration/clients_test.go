package integration

import (
	"encoding/json"
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
	switch {
	case r.HasToolResults():
		for _, must := range []string{"call_oslo", "call_bergen", "Oslo: -3 degrees", "Bergen: -3 degrees"} {
			if !strings.Contains(string(r.Body), must) {
				return fakellm.Error(http.StatusBadRequest, "tool_result_lost", "There is no "+must+" in the conversation.")
			}
		}
		return fakellm.Answer(forecast)
	case r.Get("tools.#").Int() > 0:
		return fakellm.CallTools(
			fakellm.ToolCall{ID: "call_oslo", Name: "weather", Arguments: `{"city":"Oslo"}`},
			fakellm.ToolCall{ID: "call_bergen", Name: "weather", Arguments: `{"city":"Bergen"}`},
		)
	default:
		return fakellm.Answer(greeting)
	}
}

// object is a JSON object as encoding/json decodes it.
type object = map[string]any

// clientCase is what a case must get, and how many requests the provider sees for it.
type clientCase struct {
	want     object
	requests int
}

// clientCases holds the cases by name. See report for how they are compared.
func clientCases() map[string]clientCase {
	usage := object{
		"input": float64(fakellm.DefaultUsage.Input), "output": float64(fakellm.DefaultUsage.Output),
		"cached": float64(fakellm.DefaultUsage.Cached), "reasoning": float64(fakellm.DefaultUsage.Reasoning),
	}
	pieces := float64(len(strings.Fields(greeting)))
	chat := object{"text": greeting, "finish": "stop", "model": "assistant"}
	response := object{"text": greeting, "finish": "stop", "status": "completed", "model": "assistant", "usage": usage}
	calls := []any{
		object{"name": "weather", "arguments": object{"city": "Oslo"}},
		object{"name": "weather", "arguments": object{"city": "Bergen"}},
	}
	tools := object{"finish": "tool_calls", "calls": calls, "text": forecast}
	return map[string]clientCase{
		"chat":              {with(chat, object{"usage": usage}), 1},
		"headers":           {object{"trace": 36.0, "variant": "default", "model": "house/assistant", "attempts": "1"}, 1},
		"chat_stream":       {with(chat, object{"pieces": pieces, "usage": nil}), 1},
		"chat_stream_usage": {with(chat, object{"pieces": pieces, "usage": usage}), 1},
		"tools":             {tools, 2},
		"tools_stream":      {tools, 2},
		"rejected": {object{"status": 400.0, "message": "The house does not serve this.",
			"code": "unsupported_value", "type": "invalid_request_error"}, 1},
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
	// kind is that of the provider, "" for openai_compatible.
	kind  string
	cases []string
	// spelling holds, by "case.member", what this client makes of a member in its own words,
	// and nil for what it does not show.
	spelling map[string]any
}

// chatOnly is a kind of provider that serves neither the Responses API nor Anthropic's: clients
// of those are answered by way of its chat.
const chatOnly = "nvidia"

// stage starts a gateway with the house behind it, a provider of that kind, and returns both.
func stage(t *testing.T, kind string) (*gateway, *fakellm.Server) {
	t.Helper()
	provider := fakellm.Start(t)
	provider.Otherwise(house)
	g := startGateway(t, clientsCaddyfile, map[string]string{
		"Kind":  kind,
		"House": provider.BaseURL(),
		"Gone":  fakellm.Refused(t),
	})
	return g, provider
}

// check compares what a client got with what it must get, member by member, and looks at
// what the provider saw of it.
func (c client) check(t *testing.T, got map[string]object, provider *fakellm.Server) {
	t.Helper()
	cases, requests := clientCases(), 0
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
		want := c.respelled(name, cases[name].want)
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
	for _, r := range provider.Requests() {
		checkSeen(t, r)
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
	if r.Get("tools.#").Int() > 0 && r.Get("tools.0.function.parameters.properties.city").Raw == "" &&
		r.Get("tools.0.parameters.properties.city").Raw == "" {
		t.Errorf("request %d came with tools without parameters: %s", r.Number, r.Get("tools").Raw)
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
