package dialecttest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Plain is a translator of an endpoint without streams under test.
type Plain struct {
	// New returns the translator for a model.
	New func(model string) dialect.Plain
	// Dir holds its fixtures, each a story in a txtar file:
	//
	//	request → provider request, dropped or refused
	//	provider reply → reply or error
	//
	// The request's model is the provider's.
	Dir string
}

// Run runs the fixtures.
func (p Plain) Run(t *testing.T) {
	t.Helper()
	eachFixture(t, p.Dir, func(f *fixture) {
		model := "the-model"
		if body, ok := f.get("request"); ok {
			if m := gjson.GetBytes(body, "model").Str; m != "" {
				model = m
			}
			got, err := p.New(model).Request(dialect.Question{Body: body, Model: model})
			refusal(f.t, err)
			f.check("provider request", got.Body)
			f.check("dropped", []byte(strings.Join(got.Dropped, "\n")))
			f.check("refused", words(err))
		}
		if body, ok := f.get("provider reply"); ok {
			got, err := p.New(model).Reply(body)
			f.check("reply", got)
			checkError(f.t, err)
			f.check("error", words(err))
		}
	})
}

func words(err error) []byte {
	if err == nil {
		return nil
	}
	return []byte(err.Error())
}

// FuzzRequest translates requests that are made up, from those of the fixtures.
func (p Plain) FuzzRequest(f *testing.F) {
	f.Helper()
	for _, seed := range sections(f, p.Dir, "request") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := llm.ParseJSON(body); err != nil || !json.Valid(body) {
			t.Skip("not a request")
		}
		got, err := unchanged(t, body, func(body []byte) (dialect.Translated, error) {
			return p.New("m").Request(dialect.Question{Body: body, Model: "m"})
		})
		refusal(t, err)
		checkJSON(t, body, got.Body, err)
	})
}

// FuzzReply translates replies that are made up, from those of the fixtures.
func (p Plain) FuzzReply(f *testing.F) {
	f.Helper()
	fuzzReply(f, sections(f, p.Dir, "provider reply"), p.New("m").Reply)
}

// Bench measures the translation of a request and of a reply.
func (p Plain) Bench(b *testing.B, request, reply string) {
	b.Helper()
	to := p.New("m")
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := to.Request(dialect.Question{Body: []byte(request), Model: "m"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reply", func(b *testing.B) {
		b.SetBytes(int64(len(reply)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := to.Reply([]byte(reply)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
