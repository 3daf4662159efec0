package hub

import (
	"strings"
	"unicode"

	"github.com/tidwall/gjson"
)

// Request is where those members of a request of chat are that change what is asked. Members
// that are not there are the zero Result, as are those that are null.
type Request struct {
	Messages, Tools, Functions          gjson.Result
	ToolChoice, FunctionCall, Parallel  gjson.Result
	Format, Stop, Effort                gjson.Result
	MaxTokens, MaxCompletion            gjson.Result
	Temperature, TopP                   gjson.Result
	Presence, Frequency                 gjson.Result
	N, Logprobs, TopLogprobs, LogitBias gjson.Result
	Modalities, Audio, Prediction       gjson.Result
	WebSearch                           gjson.Result
}

// Open reads a request's body: see Read. It refuses what is no object, and what the dialect
// cannot say: see Refuse.
func (r *Request) Open(body []byte, why Unable, rest func(name, value gjson.Result)) error {
	root := gjson.ParseBytes(body)
	if !root.IsObject() {
		return Unsupported("messages", "is missing")
	}
	r.Read(root, rest)
	return r.Refuse(why)
}

// Read finds the members, and calls rest with each of the others that is not null, in the
// order of the request: hints (see IsHint), the vendor's own words and what nobody knows. What
// the caller of a translator says anew (model, stream, stream_options) is none of them.
func (r *Request) Read(root gjson.Result, rest func(name, value gjson.Result)) {
	root.ForEach(func(name, value gjson.Result) bool {
		switch to := r.place(name.Str); {
		case !Present(value), saidAnew(name.Str):
		case to != nil:
			*to = value
		default:
			rest(name, value)
		}
		return true
	})
}

// place returns where a member is kept, or nil.
func (r *Request) place(name string) *gjson.Result {
	switch name {
	case "messages":
		return &r.Messages
	case "tools":
		return &r.Tools
	case "functions":
		return &r.Functions
	case "tool_choice":
		return &r.ToolChoice
	case "function_call":
		return &r.FunctionCall
	case "parallel_tool_calls":
		return &r.Parallel
	case "response_format":
		return &r.Format
	case "stop":
		return &r.Stop
	case "reasoning_effort":
		return &r.Effort
	case "max_tokens":
		return &r.MaxTokens
	case "max_completion_tokens":
		return &r.MaxCompletion
	case "temperature":
		return &r.Temperature
	case "top_p":
		return &r.TopP
	default:
		return r.placeRare(name)
	}
}

// placeRare returns where a member is kept that many dialects have no word for, or nil.
func (r *Request) placeRare(name string) *gjson.Result {
	switch name {
	case "presence_penalty":
		return &r.Presence
	case "frequency_penalty":
		return &r.Frequency
	case "n":
		return &r.N
	case "logprobs":
		return &r.Logprobs
	case "top_logprobs":
		return &r.TopLogprobs
	case "logit_bias":
		return &r.LogitBias
	case "modalities":
		return &r.Modalities
	case "audio":
		return &r.Audio
	case "prediction":
		return &r.Prediction
	case "web_search_options":
		return &r.WebSearch
	default:
		return nil
	}
}

// saidAnew says whether a member is written from what the caller says: see dialect.Question.
func saidAnew(name string) bool {
	return name == "model" || name == "stream" || name == "stream_options"
}

// IsHint says whether a member of OpenAI's changes nothing of what is asked, so that a dialect
// without a word for it may leave it out, and name it as dropped.
func IsHint(name string) bool {
	switch name {
	case "user", "safety_identifier", "metadata", "seed", "service_tier", "store", "verbosity",
		"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options":
		return true
	default:
		return false
	}
}

// Unable says why a dialect has no word for members that change what is asked, such as "Bedrock
// has no log probabilities". "" is for what it has a word for.
type Unable struct {
	N, Logprobs, LogitBias       string
	Audio, Prediction, WebSearch string
	// Modalities is for those other than text.
	Modalities string
}

// Refuse returns the refusal of the first member that is asked for and that the dialect cannot
// say, nil when there is none.
func (r *Request) Refuse(why Unable) error {
	for _, m := range [...]struct {
		asked      bool
		field, why string
	}{
		{Present(r.N) && r.N.Num != 1, "n", why.N},
		{r.Logprobs.Type == gjson.True || r.TopLogprobs.Num > 0, "logprobs", why.Logprobs},
		{hasMembers(r.LogitBias), "logit_bias", why.LogitBias},
		{Present(r.Audio), "audio", why.Audio},
		{Present(r.Prediction), "prediction", why.Prediction},
		{Present(r.WebSearch), "web_search_options", why.WebSearch},
		{why.Modalities != "" && r.wantsMore(), "modalities", why.Modalities},
	} {
		if m.asked && m.why != "" {
			return Unsupported(m.field, m.why)
		}
	}
	return nil
}

func hasMembers(v gjson.Result) (has bool) {
	if v.IsObject() {
		v.ForEach(func(_, _ gjson.Result) bool {
			has = true
			return false
		})
	}
	return has
}

// wantsMore says whether an answer in another modality than text is asked for.
func (r *Request) wantsMore() (more bool) {
	r.Modalities.ForEach(func(_, v gjson.Result) bool {
		more = Present(v) && v.Str != "text"
		return !more
	})
	return more
}

// DropPenalties names the penalties that a dialect has no word for. 0 is the default, and no
// loss.
func (r *Request) DropPenalties(d *Drops) {
	if r.Presence.Num != 0 {
		d.Add("presence_penalty")
	}
	if r.Frequency.Num != 0 {
		d.Add("frequency_penalty")
	}
}

// Limit returns the answer's limit in tokens that the client says, and as it stands; ok is
// false when it says none. OpenAI has renamed max_tokens to max_completion_tokens.
func (r *Request) Limit() (tokens int64, raw string, ok bool) {
	for _, v := range [...]gjson.Result{r.MaxCompletion, r.MaxTokens} {
		if v.Type == gjson.Number {
			return v.Int(), v.Raw, true
		}
	}
	return 0, "", false
}

// Stops appends the stop sequences as the elements of a list; chat takes a text or a list.
// Empty ones are left out. whyBlank says why the dialect takes none of white space alone, "" if
// it does.
func (r *Request) Stops(b []byte, whyBlank string) (_ []byte, err error) {
	if !Present(r.Stop) {
		return b, nil
	}
	add := func(_, stop gjson.Result) bool {
		switch {
		case stop.Type != gjson.String:
			err = Unsupported("stop", "is neither a text nor a list of texts")
		case stop.Str == "":
		case whyBlank != "" && strings.TrimFunc(stop.Str, unicode.IsSpace) == "":
			err = Unsupported("stop", whyBlank)
		default:
			b = append(Comma(b), stop.Raw...)
		}
		return err == nil
	}
	if r.Stop.IsArray() {
		r.Stop.ForEach(add)
	} else {
		add(gjson.Result{}, r.Stop)
	}
	return b, err
}
