package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image/png"
	"math"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

type event struct{ name, data string }

// parseEvents reads a whole stream and fails unless every event is data that is JSON or
// [DONE], with at most a type before it.
func parseEvents(t testing.TB, stream string) []event {
	t.Helper()
	text, ok := strings.CutSuffix(stream, "\n\n")
	if !ok {
		t.Fatalf("the stream does not end with an event: %q", stream)
	}
	var all []event
	for frame := range strings.SplitSeq(text, "\n\n") {
		var e event
		if rest, ok := strings.CutPrefix(frame, "event: "); ok {
			e.name, frame, _ = strings.Cut(rest, "\n")
		}
		data, ok := strings.CutPrefix(frame, "data: ")
		if !ok || strings.Contains(data, "\n") || data != "[DONE]" && !gjson.Valid(data) {
			t.Fatalf("not an event: %q", frame)
		}
		e.data = data
		all = append(all, e)
	}
	return all
}

func TestEveryEndpointAnswers(t *testing.T) {
	bodies := map[llm.Endpoint]struct{ body, path, want string }{
		llm.Chat:        {chatBody("m", "false"), "choices.0.message.role", "assistant"},
		llm.Completions: {`{"model":"echo","prompt":"hello"}`, "choices.0.text", "hello"},
		llm.Embeddings:  {`{"model":"m","input":["a","b"]}`, "data.1.object", "embedding"},
		llm.Responses:   {`{"model":"echo","input":"hello"}`, "output.0.content.0.text", "hello"},
		llm.Moderations: {`{"model":"m","input":["a","b"]}`, "results.1.flagged", "false"},
		llm.Images:      {`{"model":"m","prompt":"a cat"}`, "usage.input_tokens", "2"},
		llm.Rerank:      {`{"model":"m","query":"a","documents":["a"]}`, "results.0.relevance_score", "1"},
	}
	for _, e := range llm.Endpoints() {
		switch e {
		case llm.Speech, llm.Transcriptions, llm.Translations:
			continue // not JSON for JSON: below
		case llm.Messages, llm.CountTokens:
			continue // the demo speaks OpenAI's dialect only
		}
		c, ok := bodies[e]
		if !ok {
			t.Errorf("nobody asks %s", e)
			continue
		}
		res := ask(t, e, c.body)
		body := read(t, res)
		if res.StatusCode != 200 || !gjson.Valid(body) || gjson.Get(body, c.path).String() != c.want || int64(len(body)) != res.ContentLength {
			t.Errorf("%s: %d %s; want %s to be %s", e, res.StatusCode, body, c.path, c.want)
		}
	}
	if res := ask(t, "nothing", `{"model":"m"}`); res.StatusCode != 404 {
		t.Errorf("an endpoint that is not there: %d", res.StatusCode)
	}
}

func TestSpeechIsAWAVFile(t *testing.T) {
	res := ask(t, llm.Speech, `{"model":"m","input":"hello","voice":"alloy"}`)
	body := read(t, res)
	size := binary.LittleEndian.Uint32([]byte(body[4:8]))
	if res.Header.Get("Content-Type") != "audio/wav" || !strings.HasPrefix(body, "RIFF") || body[8:12] != "WAVE" || int(size) != len(body)-8 {
		t.Errorf("%s, %d bytes, %q", res.Header.Get("Content-Type"), len(body), body[:44])
	}
}

func TestImagesAreWhole(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(gjson.Get(read(t, ask(t, llm.Images, `{"prompt":"a cat"}`)), "data.0.b64_json").String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
}

func TestUploadsNameTheirModelInAField(t *testing.T) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	file, err := form.CreateFormFile("file", "a.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = file.Write([]byte("sound\r\n--\r\nname=\"model\"\r\n\r\nwrong\r\n"))
	_ = form.WriteField("model", "whisper")
	_ = form.Close()
	for _, e := range []llm.Endpoint{llm.Transcriptions, llm.Translations} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://demo.example.com/v1"+e.Path(), bytes.NewReader(body.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", form.FormDataContentType())
		res, err := New().RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if text := gjson.Get(read(t, res), "text").String(); !strings.Contains(text, "whisper") {
			t.Errorf("%s: %q", e, text)
		}
	}
}

func TestEmbeddingsAreUnitVectorsInBothEncodings(t *testing.T) {
	floats := read(t, ask(t, llm.Embeddings, `{"model":"m","input":["one two","three"],"dimensions":8}`))
	packed := read(t, ask(t, llm.Embeddings, `{"model":"m","input":["one two","three"],"dimensions":8,"encoding_format":"base64"}`))
	for i, path := range []string{"data.0.embedding", "data.1.embedding"} {
		v := gjson.Get(floats, path).Array()
		raw, err := base64.StdEncoding.DecodeString(gjson.Get(packed, path).String())
		if err != nil || len(v) != 8 || len(raw) != 32 {
			t.Fatalf("%v, %d numbers, %d bytes", err, len(v), len(raw))
		}
		length := 0.0
		for j, f := range v {
			length += f.Float() * f.Float()
			if got := math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:])); math.Abs(float64(got)-f.Float()) > 1e-6 {
				t.Errorf("vector %d: number %d is %v and %v", i, j, got, f)
			}
		}
		if math.Abs(length-1) > 1e-5 {
			t.Errorf("vector %d has the length %v", i, length)
		}
	}
	if tokens := gjson.Get(floats, "usage.prompt_tokens").Int(); tokens != 3 {
		t.Errorf("%d tokens", tokens)
	}
	if n := gjson.Get(read(t, ask(t, llm.Embeddings, `{"input":[1,2,3]}`)), "data.#").Int(); n != 1 {
		t.Errorf("a list of tokens has %d vectors", n)
	}
}

func TestRerankPutsTheBestFirst(t *testing.T) {
	body := read(t, ask(t, llm.Rerank, `{"query":"red panda","documents":["a blue bird","the red car",{"text":"A red panda."}],"top_n":2}`))
	if got := gjson.Get(body, "results").Raw; got != `[{"index":2,"relevance_score":1},{"index":1,"relevance_score":0.5}]` {
		t.Errorf("got %s", got)
	}
	if got := gjson.Get(read(t, ask(t, llm.Rerank, `{"query":"x"}`)), "results").Raw; got != "[]" {
		t.Errorf("without documents: %s", got)
	}
}

func TestUsageIsTheSamePlainAndStreamed(t *testing.T) {
	tools := `"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":{"a":{"type":"string"}}}}}],`
	for _, c := range []struct {
		endpoint llm.Endpoint
		members  string
	}{
		{llm.Chat, `"messages":[{"role":"user","content":[{"type":"text","text":"one two"},{"type":"text","text":"three"}]}]`},
		{llm.Chat, `"n":3,"messages":[{"role":"user","content":"one two"}]`},
		{llm.Chat, tools + `"tool_choice":"required","messages":[{"role":"user","content":"one two"}]`},
		{llm.Completions, `"prompt":"one two three"`},
		{llm.Responses, `"instructions":"one","input":[{"role":"user","content":"two three"}]`},
	} {
		plain := gjson.Get(read(t, ask(t, c.endpoint, `{"model":"m",`+c.members+`}`)), "usage").Raw
		events := parseEvents(t, read(t, ask(t, c.endpoint, `{"model":"m","stream":true,"stream_options":{"include_usage":true},`+c.members+`}`)))
		var streamed string
		for _, e := range events {
			for _, path := range []string{"usage", "response.usage"} {
				if u := gjson.Get(e.data, path); u.IsObject() {
					streamed = u.Raw
				}
			}
		}
		if plain == "" || streamed != plain {
			t.Errorf("%s {%s}: plain %s, streamed %s", c.endpoint, c.members, plain, streamed)
		}
		unasked := read(t, ask(t, c.endpoint, `{"model":"m","stream":true,`+c.members+`}`))
		if c.endpoint != llm.Responses && strings.Contains(unasked, "usage") {
			t.Errorf("%s streams usage unasked: %s", c.endpoint, unasked)
		}
	}
}

func TestChatStreamsAreWhole(t *testing.T) {
	all := parseEvents(t, read(t, ask(t, llm.Chat, strings.Replace(chatBody("assistant", "true"), `"stream"`, `"n":2,"stream"`, 1))))
	if all[len(all)-1].data != "[DONE]" || gjson.Get(all[0].data, "choices.0.delta.role").String() != "assistant" {
		t.Errorf("it begins with %s and ends with %s", all[0].data, all[len(all)-1].data)
	}
	texts, finishes := map[int64]string{}, map[int64]string{}
	for _, e := range all[:len(all)-1] {
		choice := gjson.Get(e.data, "choices.0")
		i := choice.Get("index").Int()
		if finishes[i] != "" {
			t.Errorf("choice %d goes on after its end: %s", i, e.data)
		}
		texts[i] += choice.Get("delta.content").String()
		finishes[i] += choice.Get("finish_reason").String()
	}
	want := "This is assistant of the built-in demo. You said: " + asked
	if len(texts) != 2 || texts[0] != want || texts[1] != want || finishes[0] != "stop" || finishes[1] != "stop" {
		t.Errorf("got %v, %v", texts, finishes)
	}
}

func TestResponsesStreamsAreNumbered(t *testing.T) {
	body := `{"model":"echo","input":[{"role":"user","content":[{"type":"input_text","text":"one two"}]}]`
	all := parseEvents(t, read(t, ask(t, llm.Responses, body+`,"stream":true}`)))
	text := ""
	for i, e := range all {
		if gjson.Get(e.data, "sequence_number").Int() != int64(i) || gjson.Get(e.data, "type").String() != e.name {
			t.Errorf("event %d: %s %s", i, e.name, e.data)
		}
		if e.name == "response.output_text.delta" {
			text += gjson.Get(e.data, "delta").String()
		}
	}
	final := all[len(all)-1]
	if plain := read(t, ask(t, llm.Responses, body+`}`)); text != "one two" || all[0].name != "response.created" ||
		final.name != "response.completed" || gjson.Get(final.data, "response").Raw != plain {
		t.Errorf("got %q, then %s\nplain %s", text, final.data, plain)
	}
}
