package gemini

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// The recorded client had its answers from Google's own dialect. Through the hub and back, what
// it sent next must come out the same: texts, calls, results and signatures at their parts.
func TestRecordedConversationsGoBackAsTheyCame(t *testing.T) {
	passed, all := 0, conversations(t)
	for _, c := range all {
		if t.Run(c[0].Name, func(t *testing.T) { converse(t, c) }) {
			passed++
		}
	}
	t.Logf("%d of %d recorded conversations", passed, len(all))
}

// conversations returns the recorded exchanges of each file together.
func conversations(t *testing.T) (all [][]dialecttest.Recorded) {
	t.Helper()
	file := ""
	for _, r := range provider.Recordings(t) {
		name, _, _ := strings.Cut(r.Name, "#")
		if name != file {
			all, file = append(all, nil), name
		}
		all[len(all)-1] = append(all[len(all)-1], r)
	}
	return all
}

func converse(t *testing.T, exchanges []dialecttest.Recorded) {
	var messages []map[string]any
	for i := range exchanges {
		exchange := &exchanges[i]
		recorded := dialecttest.Decode[googleRequest](t, exchange.Request)
		if i == 0 {
			for _, p := range recorded.SystemInstruction.Parts {
				messages = append(messages, object{"role": "system", "content": *p.Text})
			}
		}
		last := recorded.Contents[len(recorded.Contents)-1]
		var calls []any
		if i > 0 {
			calls, _ = messages[len(messages)-1]["tool_calls"].([]any)
		}
		for n, p := range last.Parts {
			switch {
			case p.FunctionResponse != nil:
				text, _ := p.FunctionResponse.Response["result"].(string)
				messages = append(messages, object{"role": "tool", "tool_call_id": calls[n].(object)["id"], "content": text})
			case p.InlineData != nil:
				uri := "data:" + p.InlineData.MimeType + ";base64," + p.InlineData.Data
				messages = append(messages, object{"role": "user", "content": []any{
					object{"type": "image_url", "image_url": object{"url": uri}},
				}})
			case p.Text != nil:
				messages = append(messages, object{"role": "user", "content": *p.Text})
			default:
				t.Fatalf("a part of another kind: %+v", p)
			}
		}
		model := endpoint.FindStringSubmatch(exchange.URL.Host + exchange.URL.Path)
		body, err := json.Marshal(object{
			"messages": messages, "tools": toolsOf(recorded), "max_tokens": recorded.GenerationConfig["maxOutputTokens"],
			"tool_choice": choiceOf(recorded), "response_format": formatOf(recorded), "google": object{"thinking_config": recorded.GenerationConfig["thinkingConfig"]},
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := New().Request(dialect.Question{Body: body, Model: model[1] + model[2]})
		if err != nil {
			t.Fatal(err)
		}
		compare(t, dialecttest.Decode[googleRequest](t, got.Body), recorded)
		messages = append(messages, kept(t, exchange))
	}
}

// kept returns the hub's message for what was recorded, as a client keeps it.
func kept(t *testing.T, r *dialecttest.Recorded) (message map[string]any) {
	t.Helper()
	if !r.Stream {
		reply, err := New().Reply(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		message, _ = dialecttest.Decode[object](t, reply)["choices"].([]any)[0].(object)["message"].(object)
		return message
	}
	stream, err := dialecttest.Feed(New().Stream(), dialecttest.Events(r.Body))
	if err != nil {
		t.Fatal(err)
	}
	message = object{"role": "assistant"}
	for _, e := range dialecttest.Events(stream) {
		if string(e.Data) == "[DONE]" {
			continue
		}
		choices, _ := dialecttest.Decode[object](t, e.Data)["choices"].([]any)
		for _, choice := range choices {
			for name, v := range choice.(object)["delta"].(object) {
				switch before := message[name].(type) {
				case string:
					if text, ok := v.(string); ok && name != "role" {
						message[name] = before + text
					}
				case []any:
					message[name] = append(before, v.([]any)...)
				default:
					message[name] = v
				}
			}
		}
	}
	return message
}

// The recorded replies say when they were made, though only one of the vendor's services says it
// in words, and the id and the model are the vendor's own.
func TestRecordedRepliesAreKnownAsGoogleKnowsThem(t *testing.T) {
	for _, r := range provider.Recordings(t) {
		var hub []byte
		last := r.Body
		var err error
		if r.Stream {
			events := dialecttest.Events(r.Body)
			last = events[len(events)-1].Data
			if hub, err = New().Stream().Event(nil, nil, events[0].Data); err == nil {
				hub = dialecttest.Events(hub)[0].Data
			}
		} else {
			hub, err = New().Reply(r.Body)
		}
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
			continue
		}
		got := dialecttest.Decode[struct {
			ID, Model string
			Created   int64
		}](t, hub)
		want := dialecttest.Decode[googleChunk](t, last)
		at := time.Unix(got.Created, 0)
		stated, err := time.Parse(time.RFC3339, want.CreateTime)
		if got.ID != want.ResponseID || got.Model != want.ModelVersion || err == nil && stated.Unix() != at.Unix() || at.Year() != 2026 {
			t.Errorf("%s: it is %+v, want %q of %q at %q", r.Name, got, want.ResponseID, want.ModelVersion, want.CreateTime)
		}
	}
}

// toolsOf are the hub's tools for those of a recorded request, in JSON Schema's words.
func toolsOf(g googleRequest) (tools []any) {
	for _, t := range g.Tools {
		for _, f := range t.FunctionDeclarations {
			tools = append(tools, object{"type": "function", "function": object{
				"name": f.Name, "description": f.Description, "parameters": lower(f.Parameters),
			}})
		}
	}
	return tools
}

// lower is a schema of Google's with the types as JSON Schema writes them.
func lower(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(m))
	for name, value := range m {
		if s, ok := value.(string); ok && name == "type" {
			value = strings.ToLower(s)
		}
		out[name] = lower(value)
	}
	return out
}

func choiceOf(g googleRequest) any {
	if g.ToolConfig == nil {
		return nil
	}
	return "auto" // as all recordings have it
}

func formatOf(g googleRequest) any {
	schema, ok := g.GenerationConfig["responseJsonSchema"]
	if !ok {
		return nil
	}
	return object{"type": "json_schema", "json_schema": object{"name": "x", "schema": schema}}
}

// compare compares a request with the recorded one. Where both are right in their own way, it
// is the meaning that counts: the key of a result that is no object, made-up ids, and the two
// ways to write a schema.
func compare(t *testing.T, got, want googleRequest) {
	t.Helper()
	for _, g := range []*googleRequest{&got, &want} {
		g.SystemInstruction.Role = ""
		for _, tool := range g.Tools {
			for i := range tool.FunctionDeclarations {
				if f := &tool.FunctionDeclarations[i]; f.ParametersJSONSchema == nil {
					f.Parameters, f.ParametersJSONSchema = nil, lower(f.Parameters)
				}
			}
		}
		for i := range g.Contents {
			for j := range g.Contents[i].Parts {
				p := &g.Contents[i].Parts[j]
				if p.FunctionCall != nil {
					p.FunctionCall.ID = ""
				}
				if f := p.FunctionResponse; f != nil {
					f.ID = ""
					if text, ok := f.Response["output"]; ok {
						f.Response = object{"result": text}
					}
				}
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		a, _ := json.MarshalIndent(got, "", " ")
		b, _ := json.MarshalIndent(want, "", " ")
		t.Errorf("the request is\n%s\nwant\n%s", a, b)
	}
}
