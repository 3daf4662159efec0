package upstream

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

const askCount = `{"model":"m","system":"Be brief.","messages":[{"role":"user","content":"hi"}]}`

// Vendors that can count are asked, in their own words, and nothing is billed.
func TestVendorsThatCountTokensAreAsked(t *testing.T) {
	for kind, c := range map[string]struct{ reply, path, member string }{
		"anthropic": {`{"input_tokens":14}`, "/v1/messages/count_tokens", "system"},
		"google":    {`{"totalTokens":14}`, "/v1/models/m:countTokens", "generateContentRequest.systemInstruction"},
	} {
		t.Run(kind, func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", c.reply))
			o := at(t, kind, s).call(t.Context(), llm.CountTokens, askCount)
			if o.err != nil || o.body != `{"input_tokens":14}` || o.exchange.Usage != (llm.Usage{}) || o.verdicts() != kind+" ok" {
				t.Errorf("%s %v %+v", o.body, o.err, o.exchange)
			}
			if r := s.Await(1); r.Path != c.path || !r.Get(c.member).Exists() {
				t.Errorf("asked at %s: %s", r.Path, r.Body)
			}
		})
	}
}

// The others are not asked for what they cannot do, whatever state they are in.
func TestTokensAreEstimatedForTheOthers(t *testing.T) {
	s := fakellm.Start(t)
	b := newBed(t, quick(), s)
	b.route.Targets[0].state.rest.extend(time.Now().Add(time.Hour), ReasonTold)
	o := b.call(t.Context(), llm.CountTokens, askCount)
	x := &o.exchange
	if o.err != nil || o.status != http.StatusOK || o.body != fmt.Sprintf(`{"input_tokens":%d}`, len(askCount)) || !o.estimated {
		t.Fatalf("%d %s %v", o.status, o.body, o.err)
	}
	if len(x.Attempts) != 0 || x.Usage != (llm.Usage{}) || x.Provider != "p1" || x.Model != "m" || len(s.Requests()) != 0 {
		t.Errorf("%+v", x)
	}
}

func TestWhatATargetCannotAnswerItDoesNotCount(t *testing.T) {
	const search = `{"model":"m","messages":[{"role":"user","content":"hi"}],"tools":[{"type":"web_search_20250305","name":"web_search"}]}`
	b := newBed(t, quick(), fakellm.Start(t))
	o := b.call(t.Context(), llm.CountTokens, search)
	if code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "tools[0].type") {
		t.Errorf("alone: %s %v", o.body, o.err)
	}
	able := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", `{"input_tokens":14}`))
	b.add(provider.Config{Name: "able", Kind: "anthropic", BaseURL: able.BaseURL(), Keys: []string{"key-of-the-provider"}}, nil)
	if o = b.call(t.Context(), llm.CountTokens, search); o.err != nil || o.body != `{"input_tokens":14}` || o.verdicts() != "able ok" {
		t.Errorf("with another: %s %v", o.body, o.err)
	}
	if o = b.call(t.Context(), llm.CountTokens, `{"model":"m"}`); code(o.err) != "invalid_json" {
		t.Errorf("without messages: %s %v", o.body, o.err)
	}
}

func TestErrorsOfACountAreAnthropics(t *testing.T) {
	body := string(ErrorBody(llm.CountTokens, llm.NewError(llm.CodeUpstreamBusy, "Later.")))
	if gjson.Get(body, "type").String() != "error" || gjson.Get(body, "error.type").String() != "rate_limit_error" {
		t.Errorf("got %s", body)
	}
	p := quick()
	p.Retries = 0
	s := fakellm.Start(t, fakellm.Raw(529, "application/json", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`))
	b := newBed(t, p)
	b.add(provider.Config{Name: "a", Kind: "anthropic", BaseURL: s.BaseURL(), Keys: []string{"key-of-the-provider"}}, nil)
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: s.BaseURL()}, nil)
	if o := b.call(t.Context(), llm.CountTokens, askCount); o.err != nil || !o.estimated || o.verdicts() != "a next" {
		t.Errorf("%s %v %s", o.body, o.err, o.verdicts())
	}
}
