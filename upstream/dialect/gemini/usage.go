package gemini

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// usage is what a reply says of its tokens.
type usage struct {
	prompt, tools, cached, audio     int64
	candidates, thoughts, spokeAudio int64
	known                            bool
}

// read reads a usageMetadata. At Vertex AI the events of a stream before the last have one
// without numbers, which says nothing; of those with numbers the last counts, since they
// grow. promptTokenCount includes what was cached and not what tools have added.
// Source: https://ai.google.dev/api/generate-content#UsageMetadata.
func (u *usage) read(v gjson.Result) {
	var n usage
	v.ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "promptTokenCount":
			n.prompt, n.known = count(value), true
		case "toolUsePromptTokenCount":
			n.tools = count(value)
		case "cachedContentTokenCount":
			n.cached = count(value)
		case "candidatesTokenCount":
			n.candidates, n.known = count(value), true
		case "thoughtsTokenCount":
			n.thoughts = count(value)
		case "promptTokensDetails":
			n.audio = sound(value)
		case "candidatesTokensDetails":
			n.spokeAudio = sound(value)
		}
		return true
	})
	if n.known {
		*u = n
	}
}

// sound is how many of the tokens are of audio.
func sound(details gjson.Result) (n int64) {
	details.ForEach(func(_, d gjson.Result) bool {
		if d.Get("modality").Str == "AUDIO" {
			n = count(d.Get("tokenCount"))
		}
		return true
	})
	return n
}

func count(v gjson.Result) int64 {
	n, _ := dialect.Count(v)
	return n
}

// append appends the hub's usage. What tools of Google's own have put into the prompt is part
// of it, and thoughts are part of the completion, as OpenAI counts reasoning.
func (u *usage) append(b []byte) []byte {
	in, out := u.prompt+u.tools, u.candidates+u.thoughts
	number := func(name string, n int64) {
		b = strconv.AppendInt(hub.Name(b, name), n, 10)
	}
	b = append(b, '{')
	number("prompt_tokens", in)
	number("completion_tokens", out)
	number("total_tokens", in+out)
	b = append(hub.Name(b, "prompt_tokens_details"), '{')
	number("cached_tokens", u.cached)
	number("audio_tokens", u.audio)
	b = append(hub.Name(append(b, '}'), "completion_tokens_details"), '{')
	number("reasoning_tokens", u.thoughts)
	number("audio_tokens", u.spokeAudio)
	return append(b, `}}`...)
}
