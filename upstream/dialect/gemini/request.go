package gemini

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// request is a hub request on its way into the dialect. Its parts take what they know out of
// in; what is left in the end is a hint that the dialect has no word for.
type request struct {
	family  family
	in      map[string]gjson.Result
	dropped []string
	// calls says that the model may call functions.
	calls bool
}

// refused are members of the hub's request that change what is asked and that the dialect
// cannot say. Empty ones ask for nothing.
var refused = []struct{ name, why string }{
	{"audio", "answers in sound are not translated"},
	{"functions", "is older than tools and not translated"},
	{"function_call", "is older than tools and not translated"},
	{"logit_bias", "Gemini has no bias of tokens"},
	{"web_search_options", "Gemini's web search is another tool"},
}

// Request implements dialect.Translator.
//
// Members of Google's own in the request, or in extra_body.google or google as Google's
// compatible endpoint takes them, pass through: see native. Every other member that is not
// OpenAI's, or is a hint such as user, metadata or service_tier, is dropped and listed.
// parallel_tool_calls false is Unsupported, since Gemini may then still call several tools
// at once; and so is JSON output together with tools before Gemini 3, which refuses the two.
func (translator) Request(q dialect.Question) (dialect.Translated, error) {
	body := gjson.ParseBytes(q.Body)
	r := &request{family: familyOf(q.Model), in: make(map[string]gjson.Result, 16)}
	body.ForEach(func(name, value gjson.Result) bool {
		if given(value) {
			r.in[name.String()] = value
		}
		return true
	})
	for _, m := range refused {
		if v := r.take(m.name); v.Exists() && !dialect.IsEmpty([]byte(v.Raw)) {
			return dialect.Translated{}, &dialect.UnsupportedError{Field: m.name, Why: m.why}
		}
	}
	for _, name := range []string{"model", "stream", "stream_options"} {
		r.take(name)
	}
	b := append(make([]byte, 0, len(q.Body)+len(q.Body)/4+256), '{')
	var err error
	for _, step := range []func([]byte) ([]byte, error){r.messages, r.tools, r.native, r.generation} {
		if b, err = step(b); err != nil {
			return dialect.Translated{}, err
		}
	}
	if len(r.in) == 0 {
		return dialect.Translated{Body: append(b, '}'), Dropped: r.dropped}, nil
	}
	body.ForEach(func(name, _ gjson.Result) bool {
		if _, left := r.in[name.String()]; left {
			r.drop(name.String())
			r.take(name.String())
		}
		return len(r.in) > 0
	})
	return dialect.Translated{Body: append(b, '}'), Dropped: r.dropped}, nil
}

// take returns a member and notes that it has been dealt with.
func (r *request) take(name string) gjson.Result {
	v := r.in[name]
	delete(r.in, name)
	return v
}

// drop lists a member as dropped, once.
func (r *request) drop(name string) {
	for _, n := range r.dropped {
		if n == name {
			return
		}
	}
	r.dropped = append(r.dropped, name)
}

// natives are Google's own members of a request that clients may use, in the order in which
// they are sent. Google reads both spellings, and so does native.
var natives = []struct{ name, snake string }{
	{"safetySettings", "safety_settings"},
	{"cachedContent", "cached_content"},
	{"labels", "labels"},
}

// nativeConfigs are those of the generation config.
var nativeConfigs = []struct{ name, snake string }{
	{"topK", "top_k"},
	{"mediaResolution", "media_resolution"},
	{"imageConfig", "image_config"},
	{"speechConfig", "speech_config"},
	{"responseModalities", "response_modalities"},
	{"thinkingConfig", "thinking_config"},
}

// native appends what Google has words for and OpenAI has not. The members of extra_body.google
// and google are moved to the top level, as if the client had put them there: the clients
// of OpenAI disagree about how deep extra_body is
// (source: https://ai.google.dev/gemini-api/docs/openai#extra-body).
func (r *request) native(b []byte) ([]byte, error) {
	extra := r.take("extra_body")
	for _, from := range []struct {
		name  string
		value gjson.Result
	}{{"extra_body.google", extra.Get("google")}, {"google", r.take("google")}} {
		from.value.ForEach(func(name, value gjson.Result) bool {
			switch {
			case !given(value):
			case isNative(name.String()):
				r.in[name.String()] = value
			default:
				r.drop(from.name + "." + name.String())
			}
			return true
		})
	}
	extra.ForEach(func(name, _ gjson.Result) bool {
		if name.String() != "google" {
			r.drop("extra_body." + name.String())
		}
		return true
	})
	for _, n := range natives {
		b = raw(b, n.name, r.takeEither(n.name, n.snake).Raw)
	}
	return b, nil
}

func isNative(name string) bool {
	for _, table := range [][]struct{ name, snake string }{natives, nativeConfigs} {
		for _, n := range table {
			if name == n.name || name == n.snake {
				return true
			}
		}
	}
	return false
}

// takeEither takes a member of two spellings; Google's own goes first.
func (r *request) takeEither(name, snake string) gjson.Result {
	v, other := r.take(name), r.take(snake)
	if v.Exists() {
		return v
	}
	return other
}

// stops appends the sequences that end an answer: OpenAI takes one or a list.
func stops(b []byte, v gjson.Result) []byte {
	switch {
	case v.IsArray() && len(v.Array()) > 0:
		return raw(b, "stopSequences", v.Raw)
	case v.Type == gjson.String && v.Str != "":
		return raw(b, "stopSequences", "["+v.Raw+"]")
	}
	return b
}

// modalities appends what kinds of output are asked for; text alone needs no word.
func modalities(b []byte, v gjson.Result) ([]byte, error) {
	var list []byte
	for _, m := range v.Array() {
		switch m.String() {
		case "text", "image":
			list = append(element(list), `"`+strings.ToUpper(m.String())+`"`...)
		default:
			return b, &dialect.UnsupportedError{Field: "modalities", Why: "only text and image are translated"}
		}
	}
	if !strings.Contains(string(list), "IMAGE") {
		return b, nil
	}
	return append(append(member(b, "responseModalities"), '['), append(list, ']')...), nil
}
