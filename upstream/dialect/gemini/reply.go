package gemini

import (
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// chunk is a reply of Google's, or an event of a stream: they have the same form
// (source: https://ai.google.dev/api/generate-content#generatecontentresponse).
type chunk struct {
	id, version, createTime string
	candidates              gjson.Result
	feedback                gjson.Result
}

// read reads the members of a document, and the usage into u.
func (k *chunk) read(d *llm.Document, u *usage) {
	get := func(name string) gjson.Result {
		v, _ := d.Get(name)
		return gjson.ParseBytes(v)
	}
	k.id, k.version, k.createTime = get("responseId").String(), get("modelVersion").String(), get("createTime").String()
	k.candidates, k.feedback = get("candidates"), get("promptFeedback")
	u.read(get("usageMetadata"))
}

// blocked says whether Google has refused to look at the prompt.
func (k *chunk) blocked() bool {
	reason := k.feedback.Get("blockReason").String()
	return reason != "" && reason != "BLOCKED_REASON_UNSPECIFIED"
}

// Reply implements dialect.Translator.
//
// A prompt that Google has blocked becomes a choice that ends with content_filter and says why
// as its refusal: the request has been answered and is paid for, and OpenAI's clients know the
// word. A reply without a candidate and without a word about the prompt is malformed, and one
// in which the model failed before it said anything is an error: see candidate.failure.
func (translator) Reply(body []byte) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, body); err != nil {
		return nil, err
	}
	var k chunk
	var u usage
	k.read(&d, &u)
	who := identify(&k, body)
	b := who.AppendReply(make([]byte, 0, len(body)+256))
	choices, said := 0, false
	var failure error
	hub.Each(k.candidates, func(v gjson.Result) bool {
		c := candidate{index: choices, reason: v.Get("finishReason").String()}
		if i := v.Get("index"); i.Type == gjson.Number {
			c.index = int(count(i))
		}
		b = c.append(b, v, source{id: who.id})
		if err := c.failure(v.Get("finishMessage").String()); err != nil {
			failure = err
		}
		said = said || c.said()
		choices++
		return true
	})
	switch {
	case failure != nil && !said:
		return nil, failure
	case choices == 0 && !k.blocked():
		return nil, dialect.ErrMalformed
	case choices == 0:
		b = append(b, `{"index":0,"message":{"role":"assistant","content":null,"refusal":`...)
		b = llm.AppendString(b, refusal(&k))
		b = append(b, `},"logprobs":null,"finish_reason":"content_filter"}`...)
	}
	b = append(b, ']')
	if u.known {
		b = u.append(hub.Name(b, "usage"))
	}
	return append(b, '}'), nil
}

// append reads a whole candidate and appends its choice. The content is null where there is no
// text but calls, as OpenAI has it.
func (c *candidate) append(b []byte, v gjson.Result, s source) []byte {
	a := c.read(s, v.Get("content.parts"))
	c.close(s, &a)
	b = strconv.AppendInt(append(hub.Comma(b), `{"index":`...), int64(c.index), 10)
	b = append(b, `,"message":{"role":"assistant"`...)
	if len(a.text) == 0 && c.called > 0 {
		b = hub.Given(b, "content", "null")
	} else {
		b = hub.Quoted(b, "content", a.text)
	}
	b = a.append(hub.Given(b, "refusal", "null"))
	b = appendLogprobs(append(b, `},"logprobs":`...), v.Get("logprobsResult"))
	b = append(append(b, `,"finish_reason":"`...), c.finish()...)
	return append(b, `"}`...)
}

// refusal says why a prompt was blocked.
func refusal(k *chunk) string {
	if m := k.feedback.Get("blockReasonMessage").String(); m != "" {
		return m
	}
	return "Google has blocked the prompt: " + k.feedback.Get("blockReason").String()
}

// identity is how the hub's reply is known: id is its id, read.
type identity struct {
	hub.Head
	id string
}

// identify returns a reply's identity. The id and the model are Google's own.
func identify(k *chunk, data []byte) identity {
	id := idOf(k, data)
	return identity{hub.Head{ID: hub.Quote(id), Model: hub.Quote(k.version), Created: created(k)}, id}
}

// idOf is Google's id of the reply. Where there is none it is made of the bytes, so that two
// replies do not have the same: ids of calls are made of it.
func idOf(k *chunk, data []byte) string {
	if k.id != "" {
		return k.id
	}
	h := fnv.New64a()
	_, _ = h.Write(data)
	return "gemini-" + strconv.FormatUint(h.Sum64(), 36)
}

// created is when the reply was begun, in Unix seconds, and 0 when that cannot be told: this
// package has no clock. Vertex AI says it. AI Studio does not, but the first four bytes of the
// ids of both are the second, as replies of Vertex AI that have both show; what is no time of
// this model's life is not taken for one.
func created(k *chunk) int64 {
	if t, err := time.Parse(time.RFC3339, k.createTime); err == nil && t.Unix() > 0 {
		return t.Unix()
	}
	const digits = 6 // hold four bytes
	if len(k.id) < digits {
		return 0
	}
	first, err := base64.RawURLEncoding.DecodeString(k.id[:digits])
	if err != nil {
		return 0
	}
	at := int64(binary.LittleEndian.Uint32(first))
	if t := time.Unix(at, 0).UTC(); t.Year() < 2024 || t.Year() > 2050 {
		return 0
	}
	return at
}
