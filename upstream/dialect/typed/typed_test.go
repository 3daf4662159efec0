package typed

import (
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

var contract = dialecttest.Dialect{
	New:   func() dialect.Watcher { return NewWatcher() },
	Plain: `{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m","usage":{"prompt_tokens":9,"total_tokens":9}}`,
	Stream: []string{
		`{"type":"transcript.text.delta","delta":"Hello"}`,
		`{"type":"transcript.text.done","text":"Hello","usage":{"type":"tokens","input_tokens":9,"input_token_details":{"text_tokens":2,"audio_tokens":7},"output_tokens":2,"total_tokens":11}}`,
	},
}

func TestContract(t *testing.T) { contract.Run(t) }

func FuzzReply(f *testing.F) { contract.FuzzReply(f) }

func FuzzEvent(f *testing.F) { contract.FuzzEvent(f) }

func TestUsageIsReadFromEveryEndpointsReply(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want dialect.Signs
	}{
		"embeddings": {contract.Plain, dialect.Signs{Model: "m", Usage: llm.Usage{Input: 9, Known: true}}},
		"moderations": {
			`{"id":"modr-1","model":"omni-moderation-latest","results":[{"flagged":false}]}`,
			dialect.Signs{ID: "modr-1", Model: "omni-moderation-latest"},
		},
		"images": {
			`{"created":1,"data":[{"b64_json":"aGk="}],"usage":{"total_tokens":100,"input_tokens":50,"output_tokens":50,"input_tokens_details":{"text_tokens":10,"image_tokens":40}}}`,
			dialect.Signs{Usage: llm.Usage{Input: 50, Output: 50, Known: true}},
		},
		"transcriptions, by tokens": {
			`{"text":"Hello","usage":{"type":"tokens","input_tokens":9,"input_token_details":{"text_tokens":2,"audio_tokens":7},"output_tokens":2,"total_tokens":11}}`,
			dialect.Signs{Usage: llm.Usage{Input: 9, InputAudio: 7, Output: 2, Known: true}},
		},
		"transcriptions, by time":     {`{"text":"Hello","usage":{"type":"duration","seconds":3}}`, dialect.Signs{}},
		"transcriptions, in segments": {`{"task":"transcribe","language":"english","duration":3.2,"text":"Hello","segments":[{"id":0,"text":"Hello"}]}`, dialect.Signs{}},
		"rerank at Cohere": {
			`{"id":"07734bd2","results":[{"index":3,"relevance_score":0.99}],"meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1},"tokens":{"input_tokens":9}}}`,
			dialect.Signs{ID: "07734bd2", Usage: llm.Usage{Input: 9, Known: true}},
		},
		"rerank at Cohere, by searches": {
			`{"id":"07734bd2","results":[],"meta":{"billed_units":{"search_units":1}}}`,
			dialect.Signs{ID: "07734bd2"},
		},
		"rerank at Jina": {
			`{"model":"jina-reranker-v2","usage":{"total_tokens":9},"results":[{"index":0,"relevance_score":0.9}]}`,
			dialect.Signs{Model: "jina-reranker-v2", Usage: llm.Usage{Input: 9, Known: true}},
		},
		"rerank as a list": {` [{"index":0,"score":0.9}]`, dialect.Signs{}},
	} {
		w := NewWatcher()
		c.want.Whole = true
		if err := w.Reply([]byte(c.body)); err != nil || *w.Signs() != c.want {
			t.Errorf("%s: %v, %+v, want %+v", name, err, *w.Signs(), c.want)
		}
	}
}

func TestWhatIsMeaningfulOutput(t *testing.T) {
	for data, want := range map[string]struct{ output, last bool }{
		`{"type":"ping"}`:                                                               {},
		`{"type":"keepalive"}`:                                                          {},
		`{"type":"transcript.text.delta","delta":""}`:                                   {},
		`{"type":"transcript.text.delta","delta":null}`:                                 {},
		`{"type":"transcript.text.delta","delta":"Hi"}`:                                 {output: true},
		`{"type":"transcript.text.delta","delta":"\"error\":{\"message\":\"failed\"}"}`: {output: true},
		`{"type":"transcript.text.segment","text":"Hi","start":0}`:                      {output: true},
		`{"type":"speech.audio.delta","audio":"UklGRg=="}`:                              {output: true},
		`{"type":"image_generation.partial_image","b64_json":"aGk="}`:                   {output: true},
		`{"type":"transcript.text.done","text":"Hi"}`:                                   {output: true, last: true},
		`{"type":"speech.audio.done","usage":{"input_tokens":1,"output_tokens":2}}`:     {output: true, last: true},
		`[DONE]`: {last: true},
	} {
		w := NewWatcher()
		e := dialect.Event{Data: []byte(data)}
		err := w.Event(&e)
		if s := w.Signs(); err != nil || e.Output != want.output || s.Last != want.last || s.Whole != want.last {
			t.Errorf("%s: %v, output %t, %+v, want %+v", data, err, e.Output, s, want)
		}
		if e.Drop || e.CutFrom != e.CutTo || len(w.AppendEnd(nil)) > 0 {
			t.Errorf("%s: the client sees something else", data)
		}
	}
}

func TestTheLastEventTellsTheUsage(t *testing.T) {
	w := NewWatcher()
	for _, data := range contract.Stream {
		if err := w.Event(&dialect.Event{Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	want := llm.Usage{Input: 9, InputAudio: 7, Output: 2, Known: true}
	if got := w.Signs().Usage; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestADamagedListIsMalformed(t *testing.T) {
	for _, body := range []string{`[`, `[{"index":0,}]`, `[1] [2]`, "\n[1,2"} {
		if err := NewWatcher().Reply([]byte(body)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestOneImageOfSeveralIsNotTheLast(t *testing.T) {
	w := NewWatcher()
	for range 2 {
		e := dialect.Event{Data: []byte(`{"type":"image_generation.completed","b64_json":"aGk="}`)}
		if err := w.Event(&e); err != nil || !e.Output || !w.Signs().Whole || w.Signs().Last {
			t.Errorf("%v, output %t, %+v", err, e.Output, w.Signs())
		}
	}
}
