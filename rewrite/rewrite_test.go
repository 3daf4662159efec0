package rewrite

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
)

// request reads a body as ingress does.
func request(t testing.TB, endpoint llm.Endpoint, body []byte) *llm.Request {
	t.Helper()
	doc, err := llm.ParseJSON(body)
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{Endpoint: endpoint, Doc: doc}
	req.Stream, _ = doc.Bool("stream")
	req.Inputs, _ = doc.Get("inputs")
	req.WantsUsage = gjson.GetBytes(body, "stream_options.include_usage").Bool()
	return req
}

func TestFixtures(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files := map[string][]byte{"endpoint": []byte("chat"), "dropped": nil}
			for _, f := range archive.Files {
				files[f.Name] = bytes.TrimSuffix(f.Data, []byte("\n"))
			}
			var c Config
			if err := json.Unmarshal(files["config.json"], &c); err != nil {
				t.Fatal(err)
			}
			edit, err := Compile(c)
			if err != nil {
				t.Fatal(err)
			}
			body := files["request"]
			before := bytes.Clone(body)
			req := request(t, llm.Endpoint(files["endpoint"]), body)
			req.Prefix, req.Insists = files["prefix"], strings.Fields(string(files["insists"]))
			payload, dropped, err := edit.Apply(req)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := payload.Bytes(), files["provider request"]; !bytes.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if got, want := strings.Join(dropped, " "), string(files["dropped"]); got != want {
				t.Errorf("dropped %q, want %q", got, want)
			}
			if !bytes.Equal(body, before) {
				t.Error("the client's bytes were changed")
			}
		})
	}
}

func TestMissingInputIsNamed(t *testing.T) {
	for _, c := range []struct{ config, body, missing string }{
		{`{"System":"{{a}} {{b}}","Inputs":{"a":"x"}}`, `{}`, "b"},
		{`{"System":"{{a.b}}"}`, `{"inputs":{"a.b":1}}`, "a"},
		{`{"System":"{{a}}"}`, `{"inputs":{"a":null}}`, "a"},
		{`{"System":"no variable","Inputs":{"declared":null}}`, `{}`, "declared"},
	} {
		var config Config
		if err := json.Unmarshal([]byte(c.config), &config); err != nil {
			t.Fatal(err)
		}
		edit, err := Compile(config)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = edit.Apply(request(t, llm.Chat, []byte(c.body)))
		var e *llm.Error
		if !errors.As(err, &e) || e.Code != "input_missing" || e.Param != "inputs."+c.missing {
			t.Errorf("%s with %s: got %v, want input_missing of %q", c.config, c.body, err, c.missing)
		}
	}
	edit, err := Compile(Config{System: "{{a}}", Inputs: map[string]*string{"a": new(string)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := edit.Apply(request(t, llm.Chat, []byte(`{}`))); err != nil {
		t.Errorf("an empty default is no default: %v", err)
	}
}

func TestConfigMistakesAreNamed(t *testing.T) {
	value := func(name string) []Param { return []Param{{name, json.RawMessage("1")}} }
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{System: "{{#a}}"}, "system: "},
		{Config{Messages: []Message{{"user", "{{>file}}"}}}, "message 1: prompt: {{>file}}: partials"},
		{Config{Messages: []Message{{"user", "{{#a}}{{>file}}{{/a}}"}}}, "partials"},
		{Config{Params: value("model")}, "model cannot be a parameter"},
		{Config{TargetParams: value("messages")}, "messages cannot be a parameter"},
		{Config{Params: []Param{{"seed", json.RawMessage("{")}}}, "seed is not JSON"},
		{Config{Params: append(value("max_tokens"), value("max_completion_tokens")...)}, "same parameter"},
	} {
		if _, err := Compile(c.config); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("got %v, want it to say %q", err, c.says)
		}
	}
}

func TestPromptsThatDoNotFitAreTheClientsError(t *testing.T) {
	edit, err := Compile(Config{System: "S", Messages: []Message{{"user", "Q"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		endpoint    llm.Endpoint
		body, param string
	}{
		{llm.Chat, `{"messages":"hi"}`, "messages"},
		{llm.Responses, `{"input":1}`, "input"},
		{llm.Completions, `{"prompt":[1,2]}`, "prompt"},
		{llm.Completions, `{"prompt":{}}`, "prompt"},
	} {
		_, _, err := edit.Apply(request(t, c.endpoint, []byte(c.body)))
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || e.Param != c.param {
			t.Errorf("%s %s: got %v", c.endpoint, c.body, err)
		}
	}
}

const upload = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nany\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\n\r\n\x00\xff\r\n" +
	"--b\r\nContent-Disposition: form-data; name=\"context\"\r\n\r\n{}\r\n--b--\r\n"

func TestUploadsAreEditedAsForms(t *testing.T) {
	doc, err := llm.ParseForm([]byte(upload), "multipart/form-data; boundary=b")
	if err != nil {
		t.Fatal(err)
	}
	edit, err := Compile(Config{Model: "whisper-1", OverrideParams: true,
		Params: []Param{{"language", json.RawMessage(`"en"`)}, {"temperature", json.RawMessage(`0.5`)}}})
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := edit.Apply(&llm.Request{Endpoint: llm.Transcriptions, Doc: doc})
	if err != nil {
		t.Fatal(err)
	}
	got, err := llm.ParseForm(payload.Bytes(), payload.ContentType)
	if err != nil {
		t.Fatalf("%v: %q", err, payload.Bytes())
	}
	for name, want := range map[string]string{"model": "whisper-1", "language": "en", "temperature": "0.5", "file": "\x00\xff"} {
		if text, _ := got.String(name); text != want {
			t.Errorf("%s is %q, want %q", name, text, want)
		}
	}
	if len(got.Members) != 4 {
		t.Errorf("%d parts: %q", len(got.Members), payload.Bytes())
	}
}

// TestAnyBodySurvives says of any JSON object that the edits change what they are about and
// nothing else.
func TestAnyBodySurvives(t *testing.T) {
	edit, err := Compile(Config{Model: "m", Drop: []string{"drop"}, Params: []Param{{"set", json.RawMessage("1")}}, OverrideParams: true})
	if err != nil {
		t.Fatal(err)
	}
	values := []string{`1.0`, `"x\"y"`, `[1, {"a":2}]`, `{}`, `null`, `-1e-9`, `{"model":"deep","drop":[]}`}
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.Permutation([]string{"model", "context", "inputs", "drop", "set", "a", "b", "é"}).Draw(t, "names")
		names = names[:rapid.IntRange(0, len(names)).Draw(t, "count")]
		space := rapid.SampledFrom([]string{"", " ", "\n\t"})
		var body bytes.Buffer
		want := map[string]string{"model": `"m"`, "set": "1"}
		body.WriteString(space.Draw(t, "space") + "{")
		for i, name := range names {
			if i > 0 {
				body.WriteString(",")
			}
			value := rapid.SampledFrom(values).Draw(t, "value")
			body.WriteString(space.Draw(t, "space") + `"` + name + `"` + space.Draw(t, "space") + ":" + space.Draw(t, "space") + value + space.Draw(t, "space"))
			switch name {
			case "a", "b", "é":
				want[name] = value
			}
		}
		body.WriteString("}" + space.Draw(t, "space"))
		doc, err := llm.ParseJSON(body.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", body.Bytes(), err)
		}
		payload, _, err := edit.Apply(&llm.Request{Endpoint: llm.Chat, Doc: doc})
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]json.RawMessage
		if err := json.Unmarshal(payload.Bytes(), &got); err != nil {
			t.Fatalf("%s became %s: %v", body.Bytes(), payload.Bytes(), err)
		}
		if _, err := llm.ParseJSON(payload.Bytes()); err != nil || len(got) != len(want) {
			t.Fatalf("%s became %s: %v", body.Bytes(), payload.Bytes(), err)
		}
		for name, value := range want {
			if string(got[name]) != value {
				t.Fatalf("%s became %s", body.Bytes(), payload.Bytes())
			}
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add([]byte(`{"model":"x","messages":[{"role":"user","content":"x"}],"stream":true,"inputs":{"a":1}}`))
	f.Add([]byte(`{"messages":[],"stream_options":{"a":1},"stream":true,"drop":1}`))
	edit, err := Compile(Config{Model: "m", System: "S {{a}}", Inputs: map[string]*string{"a": new(string)},
		Drop: []string{"drop"}, ForceUsage: true, Params: []Param{{"max_tokens", json.RawMessage("1")}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		doc, err := llm.ParseJSON(body)
		if err != nil {
			return
		}
		stream, _ := doc.Bool("stream")
		inputs, _ := doc.Get("inputs")
		if len(inputs) > 0 && inputs[0] != '{' {
			return // ingress refuses it
		}
		for _, endpoint := range []llm.Endpoint{llm.Chat, llm.Responses, llm.Completions, llm.Embeddings} {
			payload, _, err := edit.Apply(&llm.Request{Endpoint: endpoint, Doc: doc, Stream: stream, Inputs: inputs})
			if err != nil {
				continue
			}
			if _, err := llm.ParseJSON(payload.Bytes()); err != nil {
				t.Fatalf("%s: %q became %q: %v", endpoint, body, payload.Bytes(), err)
			}
		}
	})
}

func BenchmarkApply(b *testing.B) {
	edit, err := Compile(Config{Model: "gpt-5-mini", OverrideParams: true, ForceUsage: true,
		Params: []Param{{"temperature", json.RawMessage("0.2")}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		name string
		size int
	}{{"small", 200}, {"100KB", 100 << 10}} {
		req := request(b, llm.Chat, []byte(`{"model":"x","messages":[{"role":"user","content":"`+strings.Repeat("x", c.size)+`"}],"temperature":1,"stream":true}`))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := edit.Apply(req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestLargeBodiesAreNotCopied holds the bytes that Apply allocates against the body's size.
func TestLargeBodiesAreNotCopied(t *testing.T) {
	edit, err := Compile(Config{Model: "m", System: "S", ForceUsage: true})
	if err != nil {
		t.Fatal(err)
	}
	req := request(t, llm.Chat, []byte(`{"model":"x","stream":true,"messages":[{"role":"user","content":"`+strings.Repeat("x", 1<<20)+`"}]}`))
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if _, _, err := edit.Apply(req); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got := r.AllocedBytesPerOp(); got > 4<<10 {
		t.Errorf("Apply allocates %d bytes for a body of 1 MiB", got)
	}
}
