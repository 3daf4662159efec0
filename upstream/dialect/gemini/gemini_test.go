package gemini

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

func TestAnEffortBecomesWhatTheModelHas(t *testing.T) {
	const off = "" // no thinking config
	for model, want := range map[string]map[string]string{
		"gemini-2.5-flash":                              {"none": "0", "minimal": "1024", "low": "1024", "medium": "8192", "high": "24576", "xhigh": "24576"},
		"models/gemini-2.5-flash-lite":                  {"none": "0", "high": "24576"},
		"publishers/google/models/gemini-2.5-pro":       {"none": "128 dropped", "low": "1024"},
		"gemini-3-pro-preview":                          {"none": "LOW dropped", "minimal": "LOW", "low": "LOW", "medium": "HIGH", "high": "HIGH"},
		"gemini-3.1-pro-preview":                        {"minimal": "LOW", "medium": "MEDIUM"},
		"gemini-3-flash-preview":                        {"none": "MINIMAL dropped", "minimal": "MINIMAL", "medium": "MEDIUM"},
		"gemini-4-ultra":                                {"low": "LOW"},
		"gemini-flash-latest":                           {"none": "0", "low": "1024"},
		"gemini-pro-latest":                             {"none": "128 dropped"},
		"gemini-2.0-flash":                              {"low": off + " dropped"},
		"gemini-2.5-flash-image":                        {"low": off + " dropped"},
		"gemini-2.5-pro-preview-tts":                    {"low": off + " dropped"},
		"gemma-3-27b-it":                                {"low": off + " dropped"},
		"gemini-2.5-flash-something-that-is-not-a-word": {"whatever": off + " dropped"},
	} {
		for effort, want := range want {
			got := effortOf(t, model, effort)
			if got != want {
				t.Errorf("%s of %s: %q, want %q", effort, model, got, want)
			}
		}
	}
}

// effortOf is what an effort becomes: the budget or the level, and whether it is dropped.
func effortOf(t *testing.T, model, effort string) string {
	t.Helper()
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":"hi"}],"reasoning_effort":%q}`, effort)
	got, err := New().Request(dialect.Question{Body: []byte(body), Model: model})
	if err != nil {
		t.Fatal(err)
	}
	config := gjson.GetBytes(got.Body, "generationConfig.thinkingConfig")
	word := config.Get("thinkingBudget").String() + config.Get("thinkingLevel").String()
	if include := config.Get("includeThoughts"); config.Exists() && include.Bool() == (effort == "none") {
		t.Errorf("%s of %s: thoughts are asked for: %v", effort, model, include)
	}
	if strings.Join(got.Dropped, " ") == "reasoning_effort" {
		word += " dropped"
	}
	return word
}

func TestEveryFinishReasonHasAWord(t *testing.T) {
	for reason, want := range map[string][3]string{ // with nothing, with a text, with a call
		"STOP":                    {"stop", "stop", "tool_calls"},
		"MAX_TOKENS":              {"length", "length", "length"},
		"SAFETY":                  {"content_filter", "content_filter", "content_filter"},
		"RECITATION":              {"content_filter", "content_filter", "content_filter"},
		"SPII":                    {"content_filter", "content_filter", "content_filter"},
		"MODEL_ARMOR":             {"content_filter", "content_filter", "content_filter"},
		"IMAGE_SAFETY":            {"content_filter", "content_filter", "content_filter"},
		"OTHER":                   {"content_filter", "stop", "tool_calls"},
		"NEW_AND_UNKNOWN":         {"content_filter", "stop", "tool_calls"},
		"":                        {"content_filter", "stop", "tool_calls"},
		"MALFORMED_FUNCTION_CALL": {"error", "stop", "tool_calls"},
	} {
		for i, part := range []string{`{"text":""}`, `{"text":"x"}`, `{"functionCall":{"name":"f"}}`} {
			body := fmt.Sprintf(`{"candidates":[{"content":{"parts":[%s]},"finishReason":%q}]}`, part, reason)
			got, err := New().Reply([]byte(body))
			word := gjson.GetBytes(got, "choices.0.finish_reason").String()
			var reported *dialect.ReportedError
			if errors.As(err, &reported) {
				word = "error"
			}
			if word != want[i] {
				t.Errorf("%s: %q %v, want %q", body, word, err, want[i])
			}
		}
	}
}

func TestPathsOfPiecesAreRead(t *testing.T) {
	member := func(name string) step { return step{name: name, number: -1} }
	for path, want := range map[string][]step{
		"$.a":                                  {member("a")},
		"$.a.b[0].c":                           {member("a"), member("b"), {number: 0}, member("c")},
		`$['a.b']["c"]`:                        {member("a.b"), member("c")},
		`$['it\'s'][12]`:                       {member("it's"), {number: 12}},
		"$":                                    nil,
		"":                                     nil,
		"a":                                    nil,
		"$.":                                   nil,
		"$..a":                                 nil,
		"$[":                                   nil,
		"$[x]":                                 nil,
		"$[-1]":                                nil,
		"$['a":                                 nil,
		"$['a'":                                nil,
		"$[*]":                                 nil,
		"$.a]":                                 {member("a]")},
		"$[0]tail":                             nil,
		"$[1":                                  nil,
		"$[123456789012345678901234567890]":    nil,
		"$" + strings.Repeat(".a", maxSteps+1): nil,
	} {
		got, ok := pathSteps(path)
		if !reflect.DeepEqual(got, want) || ok != (want != nil) {
			t.Errorf("%s: %v %t, want %v", path, got, ok, want)
		}
	}
}

// A stream must not make the gateway build more than a call can be.
func TestPiecesOfACallAreBounded(t *testing.T) {
	p := partialCall{}
	deep := `{"jsonPath":"$` + strings.Repeat("[9999]", 100) + `","numberValue":1}`
	for range 100 {
		p.add(gjson.Parse(deep))
	}
	for i := range 2 * maxNodes {
		p.add(gjson.Parse(fmt.Sprintf(`{"jsonPath":"$.a%d","numberValue":1}`, i)))
	}
	if p.nodes > maxNodes {
		t.Errorf("%d values", p.nodes)
	}
}

func TestTheTimeOfAReplyIsReadFromItsID(t *testing.T) {
	for body, want := range map[string]int64{
		`{"createTime":"2026-03-12T18:06:05.232680Z","responseId":"x"}`: 1773338765,
		`{"responseId":"jQCzaeiZDqbEw-UP0tal0A8"}`:                      1773338765,
		`{"responseId":"AAAAAAAA"}`:                                     0,
		`{"responseId":"r1"}`:                                           0,
		`{"responseId":"!!!!!!!!"}`:                                     0,
		`{"createTime":"yesterday"}`:                                    0,
	} {
		got, err := New().Reply([]byte(`{"candidates":[{"content":{"parts":[{"text":"x"}]}}],` + body[1:]))
		if created := gjson.GetBytes(got, "created"); err != nil || created.Int() != want {
			t.Errorf("%s: %v %v, want %d", body, created, err, want)
		}
	}
}

func TestRepliesWithoutAnIDDifferInTheirIDs(t *testing.T) {
	ids := map[string]bool{}
	for _, name := range []string{"f", "g", "f"} {
		got, err := New().Reply([]byte(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"` + name + `"}}]}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		ids[gjson.GetBytes(got, "choices.0.message.tool_calls.0.id").String()] = true
	}
	if len(ids) != 2 {
		t.Errorf("two replies, one of them twice, have the ids %v", ids)
	}
}

func TestWhatCannotBeReadIsMalformed(t *testing.T) {
	for _, data := range []string{``, ` `, `{`, `[1,`, `[{"candidates":[]}]`, `"text"`, `null`, `<html>`, `{"id":}`, "{\"a\":\"\n\"}"} {
		if _, err := New().Reply([]byte(data)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("the reply %q: %v", data, err)
		}
		if _, err := New().Stream().Event(nil, nil, []byte(data)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("the event %q: %v", data, err)
		}
	}
}

func TestAnEventThatIsAnErrorByItsNameIsReported(t *testing.T) {
	for _, data := range []string{`{"message":"It broke."}`, `It broke.`, ``} {
		var reported *dialect.ReportedError
		if _, err := New().Stream().Event(nil, []byte("error"), []byte(data)); !errors.As(err, &reported) {
			t.Errorf("%q: %v", data, err)
		}
	}
}

// A text inside a request is checked by nobody before it gets here.
func TestArgumentsThatNestTooDeepAreAText(t *testing.T) {
	deep := `{\"a\":` + strings.Repeat("[", 1<<20)
	body := `{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"` + deep + `"}}]},` +
		`{"role":"tool","tool_call_id":"a","content":"` + deep + `"}]}`
	got, err := New().Request(question([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	for path, member := range map[string]string{"contents.0.parts.0.functionCall.args": "arguments", "contents.1.parts.0.functionResponse.response": "output"} {
		if v := gjson.GetBytes(got.Body, path+"."+member); v.Type != gjson.String {
			t.Errorf("%s is %.40s", path, v.Raw)
		}
	}
}
