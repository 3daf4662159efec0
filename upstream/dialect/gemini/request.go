package gemini

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// request is a hub request on its way into the dialect.
type request struct {
	family    family
	in        hub.Request
	seedAsked gjson.Result
	extraBody gjson.Result
	google    gjson.Result
	// own is Google's own members that the client has said, by their names.
	own map[string]gjson.Result
	// left is the names of members that the dialect has no word for, in their order.
	left    []string
	dropped hub.Drops
	// calls says that the model may call functions.
	calls bool
}

// unable is what the dialect cannot say.
var unable = hub.Unable{
	Audio:     "answers in sound are not translated",
	LogitBias: "Gemini has no bias of tokens",
	WebSearch: "Gemini's web search is another tool",
}

// refused are members that are older than those that are translated. Empty ones ask for nothing.
func (r *request) refused() error {
	for _, m := range [...]struct {
		name  string
		value gjson.Result
		why   string
	}{
		{"functions", r.in.Functions, "is older than tools and not translated"},
		{"function_call", r.in.FunctionCall, "is older than tools and not translated"},
	} {
		if hub.Present(m.value) && !dialect.IsEmpty([]byte(m.value.Raw)) {
			return hub.Unsupported(m.name, m.why)
		}
	}
	return r.in.Refuse(unable)
}

// Request implements dialect.Translator.
//
// Members of Google's own in the request, or in extra_body.google or google as Google's
// compatible endpoint takes them, pass through: see native. Every other member that is not
// OpenAI's, or is a hint such as user, metadata or service_tier, is dropped and listed.
// parallel_tool_calls false is Unsupported, since Gemini may then still call several tools
// at once; and so is JSON output together with tools before Gemini 3, which refuses the two.
func (translator) Request(q dialect.Question) (dialect.Translated, error) {
	r := &request{family: familyOf(q.Model)}
	r.in.Read(gjson.ParseBytes(q.Body), r.member)
	if err := r.refused(); err != nil {
		return dialect.Translated{}, err
	}
	b := append(make([]byte, 0, len(q.Body)+len(q.Body)/4+256), '{')
	var err error
	for _, step := range [...]func(*request, []byte) ([]byte, error){(*request).messages, (*request).tools, (*request).native, (*request).generation} {
		if b, err = step(r, b); err != nil {
			return dialect.Translated{}, err
		}
	}
	for _, name := range r.left {
		r.dropped.Add(name)
	}
	if hub.Present(r.in.Prediction) {
		r.dropped.Add("prediction")
	}
	return dialect.Translated{Body: append(b, '}'), Dropped: r.dropped}, nil
}

// member keeps a member that is not among those that all dialects read.
func (r *request) member(name, value gjson.Result) {
	switch name.Str {
	case "seed":
		r.seedAsked = value
	case "extra_body":
		r.extraBody = value
	case "google":
		r.google = value
	default:
		if isNative(name.Str) {
			r.keep(name.Str, value)
		} else {
			r.left = append(r.left, name.Str)
		}
	}
}

// keep keeps one of Google's own members.
func (r *request) keep(name string, value gjson.Result) {
	if r.own == nil {
		r.own = make(map[string]gjson.Result)
	}
	r.own[name] = value
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
	for _, from := range []struct {
		name  string
		value gjson.Result
	}{{"extra_body.google", r.extraBody.Get("google")}, {"google", r.google}} {
		from.value.ForEach(func(name, value gjson.Result) bool {
			switch {
			case !hub.Present(value):
			case isNative(name.String()):
				r.keep(name.String(), value)
			default:
				r.dropped.Add(from.name + "." + name.String())
			}
			return true
		})
	}
	r.extraBody.ForEach(func(name, _ gjson.Result) bool {
		if name.String() != "google" {
			r.dropped.Add("extra_body." + name.String())
		}
		return true
	})
	for _, n := range natives {
		b = hub.Given(b, n.name, r.either(n.name, n.snake).Raw)
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

// either returns one of Google's own members, of two spellings; Google's own goes first.
func (r *request) either(name, snake string) gjson.Result {
	if v, ok := r.own[name]; ok {
		return v
	}
	return r.own[snake]
}

// modalities appends what kinds of output are asked for; text alone needs no word.
func modalities(b []byte, v gjson.Result) ([]byte, error) {
	var list []byte
	for _, m := range v.Array() {
		switch m.String() {
		case "text", "image":
			list = append(hub.Comma(list), `"`+strings.ToUpper(m.String())+`"`...)
		default:
			return b, hub.Unsupported("modalities", "only text and image are translated")
		}
	}
	if !strings.Contains(string(list), "IMAGE") {
		return b, nil
	}
	return hub.List(b, "responseModalities", list), nil
}
