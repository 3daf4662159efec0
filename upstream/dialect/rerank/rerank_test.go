package rerank

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestDocumentsAreGivenBackWhereTheyAreMissing(t *testing.T) {
	documents := []byte(`["one \"1\"", {"text":"two","id":2}, "three"]`)
	for reply, want := range map[string]string{
		`{"results":[{"index":2,"relevance_score":0.9},{"index":1,"relevance_score":0.1}],"id":"x"}`: `{"results":[{"index":2,"relevance_score":0.9,"document":{"text":"three"}},{"index":1,"relevance_score":0.1,"document":{"text":"two","id":2}}],"id":"x"}`,
		`{"id":"x", "results" : [ { "index":0 } ] }`:                                                 `{"id":"x", "results" : [ { "index":0 ,"document":{"text":"one \"1\""}} ] }`,
		`{"results":[{"index":0,"document":null},{"index":0,"document":{"text":"mine"}}]}`:           "",
		`{"results":[{"index":3},{"index":-1},{"index":0.5},{"index":"0"},{},7,null]}`:               "",
		`{"results":{"index":0}}`: "",
		`[{"index":0}]`:           "",
	} {
		if want == "" {
			want = reply
		}
		got, err := AddDocuments([]byte(reply), documents)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s %v", reply, got, err)
		}
	}
	if got, err := AddDocuments([]byte(`{"results":[{"index":0}]}`), nil); err != nil || string(got) != `{"results":[{"index":0}]}` {
		t.Errorf("without documents: %s %v", got, err)
	}
}

func TestRepliesAreNamedOnce(t *testing.T) {
	for reply, want := range map[string]string{
		` { "results":[] }`:          ` {"model":"m", "results":[] }`,
		`{"model":"n","results":[]}`: `{"model":"n","results":[]}`,
	} {
		if got, err := Named([]byte(reply), "m"); err != nil || string(got) != want {
			t.Errorf("%s: %s %v", reply, got, err)
		}
	}
	for _, reply := range []string{"", "[]", "{}", `{"results":7}`, `{"results":null}`} {
		if got, err := Named([]byte(reply), "m"); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %s %v", reply, got, err)
		}
	}
}

func FuzzAddDocuments(f *testing.F) {
	f.Add([]byte(`{"results":[{"index":0}],"id":"x"}`), []byte(`["a"]`))
	f.Add([]byte(`{"results":[{"index":0,"index":1},{"index":1}]}`), []byte(`[{"text":"a"},"b"]`))
	f.Fuzz(func(t *testing.T, reply, documents []byte) {
		before := bytes.Clone(reply)
		got, err := AddDocuments(reply, documents)
		if err != nil || json.Valid(reply) && json.Valid(documents) && !json.Valid(got) {
			t.Errorf("%s becomes %s: %v", reply, got, err)
		}
		if !bytes.Equal(before, reply) {
			t.Error("the reply has been changed")
		}
	})
}
