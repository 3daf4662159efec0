package upstream

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

// asking is a request of an endpoint, and members that a client may add to it, each with a
// value that asks for something.
type asking struct {
	endpoint llm.Endpoint
	body     string // without its closing brace
	members  map[string]string
}

const (
	aTool   = `[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}]`
	aSchema = `{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`
)

var askings = []asking{
	{llm.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}]`, map[string]string{
		"tools": aTool, "response_format": `{"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":` + aSchema + `}}`,
		"max_tokens": "5", "max_completion_tokens": "5", "temperature": "0.5", "top_p": "0.5", "stop": `["a"]`, "n": "2", "seed": "7",
		"presence_penalty": "0.5", "frequency_penalty": "0.5", "logprobs": "true", "logit_bias": `{"1":5}`, "reasoning_effort": `"low"`,
		"user": `"u"`, "metadata": `{"a":"b"}`, "store": "true", "service_tier": `"flex"`, "verbosity": `"low"`, "prompt_cache_key": `"k"`,
		"safety_identifier": `"s"`, "modalities": `["text","audio"]`, "audio": `{"voice":"a","format":"wav"}`,
		"prediction": `{"type":"content","content":"x"}`, "web_search_options": `{"search_context_size":"low"}`, "functions": `[{"name":"f"}]`, "top_k": "3",
	}},
	{llm.Chat, `{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":` + aTool, map[string]string{
		"tool_choice": `"required"`, "parallel_tool_calls": "false", "response_format": `{"type":"json_object"}`,
	}},
	{llm.Completions, `{"model":"m","prompt":"hi"`, map[string]string{
		"max_tokens": "5", "temperature": "0.5", "stop": `["a"]`, "n": "2", "echo": "true", "suffix": `"x"`, "best_of": "2", "logprobs": "2",
		"logit_bias": `{"1":5}`, "user": `"u"`, "seed": "7", "presence_penalty": "0.5",
	}},
	{llm.Messages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]`, map[string]string{
		"system": `"Be brief."`, "temperature": "0.5", "top_p": "0.5", "top_k": "3", "stop_sequences": `["a"]`,
		"tools": `[{"name":"f","input_schema":{"type":"object"}}]`, "metadata": `{"user_id":"u"}`, "service_tier": `"auto"`,
		"thinking": `{"type":"enabled","budget_tokens":1024}`, "container": `"c"`, "mcp_servers": `[{"type":"url","url":"https://example.com","name":"x"}]`,
		"context_management": `{"edits":[]}`, "output_config": `{"effort":"low"}`,
	}},
	{llm.Responses, `{"model":"m","input":"hi"`, map[string]string{
		"instructions": `"Be brief."`, "max_output_tokens": "5", "temperature": "0.5", "top_p": "0.5", "previous_response_id": `"r"`, "background": "true",
		"tools": `[{"type":"function","name":"f","parameters":{"type":"object","properties":{}}}]`, "reasoning": `{"effort":"low"}`,
		"text": `{"format":{"type":"json_object"}}`, "truncation": `"auto"`, "user": `"u"`, "top_logprobs": "2", "max_tool_calls": "1",
		"conversation": `"c"`, "prompt": `{"id":"p"}`, "service_tier": `"flex"`,
	}},
	{llm.Embeddings, `{"model":"m","input":"hi"`, map[string]string{"dimensions": "256", "user": `"u"`, "encoding_format": `"int8"`, "input_type": `"search_query"`, "other": "1"}},
	{llm.Rerank, `{"model":"m","query":"q","documents":["a"]`, map[string]string{"top_n": "1", "max_chunks_per_doc": "2", "rank_fields": `["a"]`, "other": "1"}},
	{llm.CountTokens, `{"model":"m","messages":[{"role":"user","content":"hi"}]`, map[string]string{
		"system": `"Be brief."`, "tools": `[{"name":"f","input_schema":{"type":"object"}}]`, "max_tokens": "9", "temperature": "0.5",
	}},
}

// modelsOf are a model that can do much, of each vendor that does not speak OpenAI's dialect, and
// of one that does, for clients that speak another.
var modelsOf = map[string]string{
	"anthropic": "claude-sonnet-4-5", "google": "gemini-3-pro-preview", "cohere": "command-a-reasoning-08-2025",
	provider.KindBedrock: "amazon.nova-lite-v1:0", "groq": "openai/gpt-oss-120b",
}

// inTheHub are members that chat calls otherwise, under whose name they are dropped.
var inTheHub = map[string]string{"metadata": "user", "thinking": "reasoning_effort"}

// What a client asks for is said to the vendor, or refused by its name, or listed as dropped:
// a member never just goes away. It is said when the vendor's request is another one with it.
func TestNothingIsDroppedSilently(t *testing.T) {
	for kind, model := range modelsOf {
		c := provider.Config{Name: "p", Kind: kind, Keys: []string{"key-of-the-provider"}}
		if kind == provider.KindBedrock {
			c.AWS = &bedrock.Config{Region: "us-east-1"}
		}
		p, err := provider.New(c)
		if err != nil {
			t.Fatal(err)
		}
		target := NewTarget(NewState(), p, model, &catalog.Model{MaxOutput: 8192})
		for _, a := range askings {
			if w, ok := target.way(a.endpoint); !ok || w.to == nil && w.door == nil {
				continue // it is passed on as it is, or not at all
			}
			t.Run(kind+" "+string(a.endpoint), func(t *testing.T) {
				without, _ := translated(t, target, a, "")
				for name, value := range a.members {
					with, dropped := translated(t, target, a, `,"`+name+`":`+value)
					named := slices.ContainsFunc(dropped, func(d string) bool {
						return strings.HasPrefix(d, name) || a.endpoint != llm.Chat && d == inTheHub[name]
					})
					if bytes.Equal(with, without) && !named {
						t.Errorf("%s %s goes away: %s, dropped %v", name, value, with, dropped)
					}
				}
			})
		}
	}
}

// translated returns what a target is asked, or a text of its own when it is not able, and what
// is dropped.
func translated(t *testing.T, target *Target, a asking, member string) (body []byte, dropped []string) {
	t.Helper()
	q := requestOf(t, a.endpoint, a.body+member+"}")
	payload, dropped, err := target.Translate(q, llm.Payload{Parts: [][]byte{q.Doc.Raw}})
	var u *dialect.UnsupportedError
	switch {
	case errors.As(err, &u) && u.Field != "" && u.Why != "":
		return []byte(u.Error()), nil
	case err != nil:
		t.Fatalf("%s: %v", q.Doc.Raw, err)
	}
	return payload.Bytes(), dropped
}
