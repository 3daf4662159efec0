package responses

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// strs gathers the strings at the paths of each element of a list, in the order of the list.
func strs(list gjson.Result, paths ...string) (all []string) {
	list.ForEach(func(_, v gjson.Result) bool {
		for _, path := range paths {
			got := v.Get(path)
			if got.Type == gjson.String && got.Str != "" {
				all = append(all, got.Str)
			}
			if got.IsArray() {
				for _, s := range got.Array() {
					if s.Str != "" {
						all = append(all, s.Str)
					}
				}
			}
		}
		return true
	})
	return all
}

func TestRecordedRequestsKeepWhatTheySay(t *testing.T) {
	all, passed := dialecttest.Recordings(t, "/responses"), 0
	for _, r := range all {
		body := string(r.Request)
		got, err := NewFrontDoor().Question([]byte(body))
		if gjson.Get(body, `tools.#(type!="function")`).Exists() { // OpenAI's own search
			var unable *dialect.UnsupportedError
			if !errors.As(err, &unable) || unable.Field != "tools[0].type" {
				t.Errorf("%s: %v", body, err)
			}
			t.Logf("left out: %s has one of OpenAI's own tools", r.Name)
			continue
		}
		if err != nil || !json.Valid(got.Body) {
			t.Errorf("%s: %v, %s", body, err, got.Body)
			continue
		}
		in, hub := gjson.Parse(body), gjson.ParseBytes(got.Body)
		want := strs(in.Get("input"), "content.#.text", "content", "call_id", "name", "arguments", "output", "summary.#.text")
		said := strs(hub.Get("messages"), "tool_call_id", "reasoning_content", "content", "content.#.text", "tool_calls.#.id", "tool_calls.#.function.name", "tool_calls.#.function.arguments")
		if !sameWords(want, said) {
			t.Errorf("%s\nbecomes %s\n%q\n%q", body, got.Body, want, said)
		}
		if tools := hub.Get("tools.#").Int(); tools != in.Get("tools.#").Int() {
			t.Errorf("%s: %d tools", body, tools)
		}
		if hub.Get("response_format").Exists() != (in.Get("text.format.type").Exists() && in.Get("text.format.type").Str != "text") {
			t.Errorf("%s: the format is %s", body, hub.Get("response_format"))
		}
		passed++
	}
	t.Logf("%d of %d recorded requests keep what they say", passed, len(all))
}

// sameWords says whether two lists hold the same, in whatever order.
func sameWords(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// answered is what a client knows of an answer, but for reasoning without a text and for what
// OpenAI's own tools did, which chat does not have.
type answered struct {
	Status string
	Items  []string
	Usage  [5]int64
}

func answeredIn(response gjson.Result) (a answered) {
	a.Status = response.Get("status").Str
	response.Get("output").ForEach(func(_, item gjson.Result) bool {
		said := strs(gjson.Parse("["+item.Raw+"]"), "type", "summary.#.text", "content.#.text", "call_id", "name", "arguments")
		if text := strings.Join(said, "|"); text != "reasoning" && text != "web_search_call" {
			a.Items = append(a.Items, text)
		}
		return true
	})
	for i, name := range []string{"input_tokens", "output_tokens", "total_tokens", "input_tokens_details.cached_tokens", "output_tokens_details.reasoning_tokens"} {
		a.Usage[i] = response.Get("usage." + name).Int()
	}
	return a
}

// hubOf makes the hub's whole reply of a recorded response.
func hubOf(t *testing.T, r gjson.Result) []byte {
	t.Helper()
	message := map[string]any{"role": "assistant", "content": nil}
	var details, calls []any
	var text string
	r.Get("output").ForEach(func(_, item gjson.Result) bool {
		switch item.Get("type").Str {
		case "reasoning":
			item.Get("summary.#.text").ForEach(func(_, v gjson.Result) bool {
				details = append(details, map[string]any{"type": "reasoning.summary", "summary": v.Str})
				return true
			})
			if sealed := item.Get("encrypted_content"); sealed.Str != "" {
				details = append(details, map[string]any{"type": "reasoning.encrypted", "data": sealed.Str, "format": hub.OpenAIFormat})
			}
		case "message":
			text += item.Get("content.0.text").Str
			message["content"] = text
		case "function_call":
			calls = append(calls, map[string]any{"id": item.Get("call_id").Str, "type": "function", "function": map[string]any{"name": item.Get("name").Str, "arguments": item.Get("arguments").Str}})
		}
		return true
	})
	if details != nil {
		message["reasoning_details"] = details
	}
	if calls != nil {
		message["tool_calls"] = calls
	}
	return hubReply(t, r, map[string]any{"message": message, "finish_reason": "stop"})
}

func hubReply(t *testing.T, r gjson.Result, choice map[string]any) []byte {
	t.Helper()
	reply := map[string]any{"id": r.Get("id").Str, "created": r.Get("created_at").Int(), "model": r.Get("model").Str, "choices": []any{choice}}
	if u := r.Get("usage"); u.IsObject() {
		reply["usage"] = map[string]any{
			"prompt_tokens": u.Get("input_tokens").Int(), "completion_tokens": u.Get("output_tokens").Int(),
			"prompt_tokens_details":     map[string]any{"cached_tokens": u.Get("input_tokens_details.cached_tokens").Int()},
			"completion_tokens_details": map[string]any{"reasoning_tokens": u.Get("output_tokens_details.reasoning_tokens").Int()},
		}
	}
	b, err := json.Marshal(reply)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// joined makes one item of the reasoning of an answer, since chat has one text for all of it.
func (a answered) joined() answered {
	var items []string
	for _, item := range a.Items {
		if n := len(items); n > 0 && strings.HasPrefix(item, "reasoning|") && strings.HasPrefix(items[n-1], "reasoning|") {
			items[n-1] += strings.TrimPrefix(item, "reasoning")
			continue
		}
		items = append(items, item)
	}
	for i, item := range items {
		if strings.HasPrefix(item, "reasoning|") {
			items[i] = strings.ReplaceAll(item, "|", "")
		}
	}
	a.Items = items
	return a
}

func TestRecordedAnswersComeBackThroughChat(t *testing.T) {
	replies, streams := 0, 0
	for _, r := range dialecttest.Recordings(t, "/responses") {
		if !r.Stream {
			replies++
			recorded := gjson.ParseBytes(r.Body)
			got, err := NewFrontDoor().Answer(hubOf(t, recorded))
			if err != nil {
				t.Fatalf("%s: %v", r.Name, err)
			}
			if got, want := answeredIn(gjson.ParseBytes(got)).joined(), answeredIn(recorded).joined(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v\nwant %+v", r.Name, got, want)
			}
			continue
		}
		streams++
		var hub strings.Builder
		var recorded gjson.Result
		chunk := func(choice map[string]any) {
			hub.WriteString("data: " + string(hubReply(t, recorded, choice)) + "\n\n")
		}
		calls := map[int64]int{}
		for _, e := range dialecttest.Events(r.Body) {
			data := gjson.ParseBytes(e.Data)
			delta := map[string]any{}
			switch data.Get("type").Str {
			case "response.created", "response.completed":
				recorded = data.Get("response")
			case "response.output_text.delta":
				delta["content"] = data.Get("delta").Str
			case "response.reasoning_summary_text.delta":
				delta["reasoning_content"] = data.Get("delta").Str
			case "response.output_item.added":
				if item := data.Get("item"); item.Get("type").Str == "function_call" {
					at := len(calls)
					calls[data.Get("output_index").Int()] = at
					delta["tool_calls"] = []any{map[string]any{"index": at, "id": item.Get("call_id").Str, "function": map[string]any{"name": item.Get("name").Str, "arguments": ""}}}
				}
			case "response.function_call_arguments.delta":
				delta["tool_calls"] = []any{map[string]any{"index": calls[data.Get("output_index").Int()], "function": map[string]any{"arguments": data.Get("delta").Str}}}
			}
			if len(delta) > 0 {
				chunk(map[string]any{"index": 0, "delta": delta})
			}
		}
		chunk(map[string]any{"index": 0, "delta": map[string]any{}, "finish_reason": "stop"})
		events, err := dialecttest.Feed(NewFrontDoor().Events(), dialecttest.Events([]byte(hub.String())))
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		all := dialecttest.Events(events)
		got := gjson.GetBytes(all[len(all)-1].Data, "response")
		if got, want := answeredIn(got).joined(), answeredIn(recorded).joined(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v\nwant %+v", r.Name, got, want)
		}
		w := NewWatcher()
		for i := range all {
			if err := w.Event(&all[i]); err != nil {
				t.Errorf("%s: %s: %v", r.Name, all[i].Data, err)
			}
		}
		if !w.Signs().Whole || !w.Signs().Last {
			t.Errorf("%s: the stream is not whole: %+v", r.Name, w.Signs())
		}
	}
	t.Logf("%d replies, %d streams", replies, streams)
}
