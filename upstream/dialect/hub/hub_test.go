package hub

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// read reads a request and returns the names of the members that are left to the dialect.
func read(body string) (r Request, rest []string) {
	r.Read(gjson.Parse(body), func(name, _ gjson.Result) { rest = append(rest, name.Str) })
	return r, rest
}

func TestWhatADialectHasToKnowItselfIsLeftToIt(t *testing.T) {
	r, rest := read(`{"model":"m","user":"u","stream":true,"messages":[],"top_k":1,"stream_options":{},"seed":null,"n":2,"x":{}}`)
	if got := strings.Join(rest, " "); got != "user top_k x" {
		t.Errorf("left are %q", got)
	}
	if !r.Messages.IsArray() || r.N.Num != 2 {
		t.Errorf("read is %+v", r)
	}
}

func TestEveryMemberOfARequestHasItsPlace(t *testing.T) {
	for _, name := range []string{
		"messages", "tools", "functions", "tool_choice", "function_call", "parallel_tool_calls", "response_format", "stop",
		"reasoning_effort", "max_tokens", "max_completion_tokens", "temperature", "top_p", "presence_penalty", "frequency_penalty",
		"n", "logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "prediction", "web_search_options",
	} {
		r, rest := read(`{"` + name + `":"said"}`)
		if to := r.place(name); to == nil || to.Str != "said" || len(rest) > 0 {
			t.Errorf("%s is not kept", name)
		}
	}
}

func TestWhatCannotBeSaidIsRefused(t *testing.T) {
	all := Unable{N: "n", Logprobs: "l", LogitBias: "b", Audio: "a", Prediction: "p", WebSearch: "w", Modalities: "m"}
	for body, want := range map[string]string{
		`{"n":1,"logprobs":false,"top_logprobs":0,"logit_bias":{},"modalities":["text",null]}`: "",
		`{"n":2}`: "n: n", `{"logprobs":true}`: "logprobs: l", `{"top_logprobs":1}`: "logprobs: l", `{"logit_bias":{"1":1}}`: "logit_bias: b",
		`{"audio":{}}`: "audio: a", `{"prediction":{}}`: "prediction: p", `{"web_search_options":{}}`: "web_search_options: w",
		`{"modalities":["text","audio"]}`: "modalities: m",
	} {
		r, _ := read(body)
		got := ""
		if err := r.Refuse(all); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
		if err := r.Refuse(Unable{}); err != nil {
			t.Errorf("%s is refused by a dialect that can say all: %v", body, err)
		}
	}
}

func TestARefusalNamesThePlaceOfWhatIsRefused(t *testing.T) {
	r, _ := read(`{"messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"text"},{"type":"odd"}]}],` +
		`"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{}}]}`)
	parts := r.EachMessage(func(m Message) error {
		return m.EachPart(func(p Part) error {
			if p.Type == "odd" {
				return Unsupported("", "is odd")
			}
			return nil
		})
	})
	tools := r.EachTool(&Choice{}, func(Declared) error { return nil }, nil)
	role := r.EachMessage(func(m Message) error {
		if m.Last {
			return Unsupported("role", "is no role")
		}
		return nil
	})
	for want, err := range map[string]error{
		"messages[1].content[1]: is odd": parts, "tools[1].function.name: is missing": tools, "messages[1].role: is no role": role,
	} {
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if other := errors.New("another"); !errors.Is(In("x", other), other) || In("x", nil) != nil {
		t.Error("what is no refusal is changed")
	}
}

func TestMessagesAreReadWithTheirPlaces(t *testing.T) {
	r, _ := read(`{"messages":[{"role":"developer","content":"a"},{"role":"system","content":"b"},{"role":"user","name":"n"},{"role":"system"},{"role":"tool","name":"n"}]}`)
	var got []string
	if err := r.EachMessage(func(m Message) error {
		said := string(m.Role)
		for word, is := range map[string]bool{"!": m.Leading, ".": m.Last, "@": m.Named()} {
			if is {
				said += word
			}
		}
		got = append(got, said)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"system!", "system!", "user@", "system", "tool."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, body := range []string{`{}`, `{"messages":{}}`, `{"messages":"x"}`} {
		r, _ := read(body)
		if err := r.EachMessage(nil); err == nil {
			t.Errorf("%s has messages", body)
		}
	}
}

func TestChoicesAreReadInEveryForm(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: ``, `{"tool_choice":"auto"}`: `auto`, `{"tool_choice":"none"}`: `none`, `{"tool_choice":"required"}`: `required`,
		`{"tool_choice":{"type":"function","function":{"name":"f"}}}`: `named "f"`, `{"function_call":{"name":"f"}}`: `named "f"`,
		`{"function_call":"auto"}`: `auto`,
		`{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}}]}}}`:                                           `required ["f"]`,
		`{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}},{"type":"custom"}]}},"parallel_tool_calls":false}`: `auto ["f"] other serial`,
		`{"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[]}}}`:                                                                                          `tool_choice: allows no function`,
		`{"tool_choice":"some"}`: `tool_choice: unknown here`, `{"tool_choice":{"type":"custom"}}`: `tool_choice: unknown here`, `{"function_call":7}`: `function_call: unknown here`,
	} {
		r, _ := read(body)
		c, err := r.Choice("unknown here")
		got := string(c.Mode)
		for _, more := range []struct {
			is   bool
			word string
		}{{c.Name != "", c.Name}, {c.Allowed != nil, "[" + strings.Join(c.Allowed, ",") + "]"}, {c.AllowsOther, "other"}, {c.Serial, "serial"}} {
			if more.is {
				got += " " + more.word
			}
		}
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestStopsAreAListOfWhatIsNotEmpty(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: ``, `{"stop":"a"}`: `"a"`, `{"stop":["a","","b"]}`: `"a","b"`, `{"stop":""}`: ``, `{"stop":[]}`: ``,
		`{"stop":" "}`: `stop: not blank`, `{"stop":["a",7]}`: `stop: is neither a text nor a list of texts`, `{"stop":{}}`: `stop: is neither a text nor a list of texts`,
	} {
		r, _ := read(body)
		b, err := r.Stops(nil, "not blank")
		got := string(b)
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestASchemaIsOfAnObjectAndSaysSo(t *testing.T) {
	for schema, want := range map[string]string{
		``: `{"type":"object","properties":{}}`, `null`: `{"type":"object","properties":{}}`, `{}`: `{"type":"object"}`,
		` { "a":1}`: `{"type":"object","a":1}`, `{"type":"object"}`: `{"type":"object"}`, `{"type":["object","null"]}`: `{"type":["object","null"]}`,
		`{"type":"string"}`: "", `[]`: "", `7`: "",
	} {
		got, ok := ObjectSchema(gjson.Parse(schema))
		if ok && got != want || ok != (want != "") {
			t.Errorf("%s: %q %t, want %q", schema, got, ok, want)
		}
	}
}

func TestArgumentsAreAnObjectOrNone(t *testing.T) {
	for arguments, want := range map[string]string{
		`"{\"a\":1}"`: `{"a":1}`, `{"a":1}`: `{"a":1}`, `""`: `{}`, `"null"`: `{}`, `null`: `{}`, ``: `{}`,
		`"[]"`: "", `7`: "", `"{"`: "", `"{}{}"`: "", `"{\"a\":` + strings.Repeat("[", 1<<20) + `"`: "",
	} {
		got, ok := ArgumentsObject(gjson.Parse(arguments))
		if ok && got != want || ok != (want != "") {
			t.Errorf("%.40s: %q %t, want %q", arguments, got, ok, want)
		}
	}
}

func TestCallsInTheOlderFormHaveIDsByTheirNumber(t *testing.T) {
	r, _ := read(`{"messages":[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f"},` +
		`{"role":"assistant","function_call":{"name":"g","arguments":"7"}},{"role":"function","name":"g"},{"role":"tool"}]}`)
	var calls Calls
	var ids []string
	err := r.EachMessage(func(m Message) error {
		if m.Role != Assistant {
			id, err := calls.Answered(&m)
			ids = append(ids, id)
			return err
		}
		return calls.Each(&m, func(c Call) error {
			ids = append(ids, c.ID)
			if _, err := c.Object(); err != nil && c.Name != `"g"` {
				return err
			}
			return nil
		})
	})
	want := []string{"function_call_1", "function_call_1", "function_call_2", "function_call_2", ""}
	if !slices.Equal(ids, want) || err == nil || err.Error() != "messages[4].tool_call_id: is missing" {
		t.Errorf("%q and %v", ids, err)
	}
}

func TestDataURIsAreTakenApart(t *testing.T) {
	for uri, want := range map[string]string{
		"data:image/PNG;base64,aa": "image/png aa", "data:text/plain;charset=utf-8;base64,": "text/plain ",
		"data:image/png,aa": "", "data:;base64,aa": "", "data:image/png;base64": "", "https://example.com/x.png": "", "": "",
	} {
		media, data, ok := DataURI(uri)
		if got := media + " " + data; ok && got != want || ok != (want != "") {
			t.Errorf("%s: %q %t, want %q", uri, got, ok, want)
		}
	}
}

func TestThoughtsGoBackJoinedAndSigned(t *testing.T) {
	r, _ := read(`{"messages":[{"role":"assistant","reasoning_content":"ab","reasoning_details":[` +
		`{"type":"reasoning.text","text":"a","index":0},{"type":"reasoning.text","text":"b","index":0},{"type":"reasoning.text","signature":"s","index":0},` +
		`{"type":"reasoning.encrypted","data":"d","id":"i"},{"type":"reasoning.text","text":"c","signature":"s","format":"other"},{"type":"reasoning.text","text":"unsigned","index":3}]}]}`)
	var got, dropped []string
	if err := r.EachMessage(func(m Message) error {
		some, lost := m.EachThought(func(format string) bool { return format == "" }, func(h Thought) {
			got = append(got, string(h.Text)+h.Signature+h.Data.Str+h.ID)
		})
		m.DropThoughts((*Drops)(&dropped), some, lost)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{`ab"s"`, "di"}) || !slices.Equal(dropped, []string{"reasoning_details"}) {
		t.Errorf("%q goes back, %q is dropped", got, dropped)
	}
}

func TestTurnsAlternateAndLeaveOutWhatIsEmpty(t *testing.T) {
	var u Turns
	say := func(role Role, block string) {
		u.Begin(role)
		u.Blocks = append(Comma(u.Blocks), block...)
	}
	say(User, `1`)
	u.Begin(Assistant)
	say(User, `2`)
	say(Assistant, `3`)
	u.Begin(User)
	u.Results = append(u.Results, `4`...)
	say(User, `5`)
	u.End()
	u.End()
	want := `{"role":"user","content":[1,2]},{"role":"assistant","content":[3]},{"role":"user","content":[4,5]}`
	if string(u.Out) != want {
		t.Errorf("got %s, want %s", u.Out, want)
	}
}

func TestTextsAreQuotedAsJSON(t *testing.T) {
	for _, s := range []string{"", "plain", `"\`, "é\n", "\xff", "\x7f"} {
		want := string(llm.AppendString(nil, s))
		if got := Quote(s); got != want {
			t.Errorf("%q is quoted as %s, want %s", s, got, want)
		}
		if got := `x"` + string(AppendInside([]byte(`x"`), s)[2:]) + `"`; got != "x"+want {
			t.Errorf("%q is put in as %s, want %s", s, got, want)
		}
	}
}

func TestUsageSaysWhatThereIs(t *testing.T) {
	for want, u := range map[string]llm.Usage{
		`{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":1,"cache_write_tokens":2}}`: {Input: 3, Output: 4, CachedInput: 1, CacheWrite: 2},
		`{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":0,"audio_tokens":1},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":1}}`: {
			Input: 3, Output: 4, Reasoning: 2, InputAudio: 1, OutputAudio: 1},
	} {
		if got := string(AppendUsage(nil, u)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// twins translates events that say one text as a dialect does, and says which of them were read.
type twins struct {
	out  Chunks
	twin Twin
	read int
}

func (w *twins) event(data string, free int) string {
	if b, _, ok := w.twin.Match(nil, nil, []byte(data)); ok {
		return string(b)
	}
	w.twin.Forget()
	w.read++
	w.out.Mark()
	text := gjson.Get(data, "t")
	b := w.out.Text(nil, "content", []byte(text.Raw))
	w.twin.Keep(&w.out, dialect.Event{Data: []byte(data)}, []byte(text.Raw), text.Index)
	if u := gjson.Get(data, "u"); free > 0 && u.Exists() {
		w.twin.Free(u.Index, u.Index+len(u.Raw), true)
	}
	return string(b)
}

func TestATwinIsWrittenAsIfItHadBeenRead(t *testing.T) {
	for name, c := range map[string]struct {
		events []string
		free   int
		read   int
	}{
		"the same but for the text":  {[]string{`{"t":"a"}`, `{"t":"b"}`, `{"t":"c\"\\"}`, `{"t":"é"}`}, 0, 1},
		"spaces behind the text":     {[]string{`{"t":"a"}`, `{"t":"b"}`, `{"t":"c"   }`, `{"t":"d" } `}, 0, 1},
		"another member":             {[]string{`{"t":"a"}`, `{"t":"b","x":1}`, `{"t":"c","x":2}`, `{"t":"d","x":2}`}, 0, 3},
		"spaces in a string":         {[]string{`{"t":"a","x":"1 2"}`, `{"t":"b","x":"12"}`, `{"t":"c","x":"12"}`, `{"t":"d","x":"1 2"}`}, 0, 3},
		"an empty text":              {[]string{`{"t":"a"}`, `{"t":"b"}`, `{"t":""}`, `{"t":"c"}`}, 0, 3},
		"numbers that count":         {[]string{`{"t":"a","u":{"n":9}}`, `{"t":"b","u":{"n":9}}`, `{"t":"c","u":{"n":10}}`, `{"t":"d","u":{"n":-1}}`}, 1, 2},
		"a text that ends the event": {[]string{`{"t":"a"}`, `{"t":"b"}`, `{"t":"b`, `{"t":"b"`}, 0, 3},
	} {
		w := twins{}
		w.out.Identify(Head{ID: `"1"`, Model: `"t"`})
		for _, data := range c.events {
			got := w.event(data, c.free)
			var want Chunks
			want.Identify(Head{ID: `"1"`, Model: `"t"`})
			_ = want.Begin(nil)
			text := gjson.Get(data, "t").Raw
			if s := string(want.Text(nil, "content", []byte(text))); got != s && !strings.HasSuffix(got, s) {
				t.Errorf("%s: %s becomes %s, want %s", name, data, got, s)
			}
		}
		if w.read != c.read {
			t.Errorf("%s: %d of %d events were read, want %d", name, w.read, len(c.events), c.read)
		}
	}
}
