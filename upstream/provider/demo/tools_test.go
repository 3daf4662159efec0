package demo

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

const (
	chatTools = `"tools":[{"type":"function","function":{"name":"first","parameters":{"type":"object","properties":{` +
		`"place":{"type":["string","null"]},"days":{"type":"integer"},"unit":{"enum":["C","F"]},"exact":{"type":"boolean"},"names":{"type":"array","items":{"type":"string"}},` +
		`"kind":{"const":"k"}}}}},{"type":"function","function":{"name":"second"}}]`
	firstArguments = `{"days":1,"exact":true,"kind":"k","names":["example"],"place":"example","unit":"C"}`

	responsesTools = `"tools":[{"type":"web_search"},{"type":"function","name":"first","parameters":{"properties":{"days":{"type":"integer"}}}},{"type":"function","name":"second"}]`
)

func TestToolsAreCalled(t *testing.T) {
	for _, c := range []struct{ name, model, members, called, arguments string }{
		{"the model tools calls the first", "tools", "", "first", firstArguments},
		{"unless it must not", "tools", `,"tool_choice":"none"`, "", ""},
		{"other models do not", "echo", "", "", ""},
		{"unless they are told to", "echo", `,"tool_choice":"required"`, "first", firstArguments},
		{"a tool may be named", "echo", `,"tool_choice":{"type":"function","function":{"name":"second"}}`, "second", "{}"},
		{"a list of allowed tools is no demand", "echo", `,"tool_choice":{"type":"allowed_tools","mode":"auto"}`, "", ""},
		{"a tool that is not there is not called", "echo", `,"tool_choice":{"type":"function","function":{"name":"third"}}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"model":"` + c.model + `","messages":[{"role":"user","content":"hi"}],` + chatTools + c.members
			choice := gjson.Get(read(t, ask(t, llm.Chat, body+`}`)), "choices.0")
			call, finish := choice.Get("message.tool_calls.0"), "stop"
			if c.called != "" {
				finish = "tool_calls"
			}
			if call.Get("function.name").String() != c.called || call.Get("function.arguments").String() != c.arguments ||
				choice.Get("finish_reason").String() != finish || choice.Get("message.content").Type == gjson.Null != (c.called != "") {
				t.Errorf("plain: %s", choice)
			}
			name, arguments, ended := "", "", ""
			for _, e := range parseEvents(t, read(t, ask(t, llm.Chat, body+`,"stream":true}`))) {
				delta := gjson.Get(e.data, "choices.0.delta.tool_calls.0.function")
				name += delta.Get("name").String()
				arguments += delta.Get("arguments").String()
				ended += gjson.Get(e.data, "choices.0.finish_reason").String()
			}
			if name != c.called || arguments != c.arguments || ended != finish {
				t.Errorf("streamed: %q %q %q", name, arguments, ended)
			}
		})
	}
}

func TestResponsesCallTools(t *testing.T) {
	body := `{"model":"tools","input":"hi",` + responsesTools
	plain := gjson.Get(read(t, ask(t, llm.Responses, body+`}`)), "output.0")
	if plain.Get("type").String() != "function_call" || plain.Get("name").String() != "first" || plain.Get("arguments").String() != `{"days":1}` {
		t.Errorf("plain: %s", plain)
	}
	streamed := read(t, ask(t, llm.Responses, body+`,"tool_choice":{"type":"function","name":"second"},"stream":true}`))
	for _, e := range parseEvents(t, streamed) {
		if e.name == "response.output_item.done" && gjson.Get(e.data, "item.name").String() == "second" {
			return
		}
	}
	t.Errorf("streamed: %s", streamed)
}

// A client that runs tools until there is text must come to an end.
func TestAToolsResultIsAnsweredWithText(t *testing.T) {
	chat := ask(t, llm.Chat, `{"model":"tools",`+chatTools+`,"messages":[{"role":"user","content":"hi"},{"role":"tool","tool_call_id":"call_demo","content":"22 degrees"}]}`)
	if text := answerText(t, chat); !strings.HasSuffix(text, "22 degrees") {
		t.Errorf("chat: %q", text)
	}
	responses := read(t, ask(t, llm.Responses, `{"model":"tools",`+responsesTools+`,"input":[{"type":"function_call_output","call_id":"call_demo","output":"22 degrees"}]}`))
	if text := gjson.Get(responses, "output.0.content.0.text").String(); !strings.HasSuffix(text, "22 degrees") {
		t.Errorf("responses: %s", responses)
	}
}

func TestAnswersAreJSONWhereThatIsAsked(t *testing.T) {
	schema := `{"type":"object","properties":{"days":{"type":"integer"}}}`
	for _, c := range []struct {
		endpoint            llm.Endpoint
		members, path, want string
	}{
		{llm.Chat, `"response_format":{"type":"json_object"}`, "choices.0.message.content", `{"answer":"hi"}`},
		{llm.Chat, `"response_format":{"type":"json_schema","json_schema":{"schema":` + schema + `}}`, "choices.0.message.content", `{"days":1}`},
		{llm.Responses, `"text":{"format":{"type":"json_schema","schema":` + schema + `}}`, "output.0.content.0.text", `{"days":1}`},
	} {
		body := read(t, ask(t, c.endpoint, `{"model":"echo","input":"hi","messages":[{"role":"user","content":"hi"}],`+c.members+`}`))
		if got := gjson.Get(body, c.path).String(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.endpoint, got, c.want)
		}
	}
}

// A site lets in whom it lets in: a small request must not make the gateway build a huge answer.
func TestAnswersStayInProportion(t *testing.T) {
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat(`"x",`, n), ",") + "]" }
	long := `[{"role":"user","content":"` + strings.Repeat("a ", 1<<19) + `"}]`
	for name, c := range map[string]struct {
		endpoint llm.Endpoint
		body     string
	}{
		"too many choices":          {llm.Chat, `{"model":"echo","n":129,"messages":[]}`},
		"choices of a long text":    {llm.Chat, `{"model":"echo","n":2,"messages":` + long + `}`},
		"too many inputs":           {llm.Embeddings, `{"input":` + list(maxInputs+1) + `}`},
		"too long vectors":          {llm.Embeddings, `{"input":"x","dimensions":4097}`},
		"too many long vectors":     {llm.Embeddings, `{"input":` + list(maxInputs) + `,"dimensions":4096}`},
		"too many documents":        {llm.Rerank, `{"query":"x","documents":` + list(maxInputs+1) + `}`},
		"too many texts to be read": {llm.Moderations, `{"input":` + list(maxInputs+1) + `}`},
	} {
		if res := ask(t, c.endpoint, c.body); res.StatusCode != 400 {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	stream := read(t, ask(t, llm.Chat, `{"model":"echo","stream":true,"messages":`+long+`}`))
	if n := len(parseEvents(t, stream)); n > maxPieces+5 || len(stream) > 3<<20 {
		t.Errorf("a long text is streamed in %d events, %d bytes", n, len(stream))
	}
}
