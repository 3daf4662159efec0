package gemini

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// candidate is one of the answers of a reply, as far as it has been read.
type candidate struct {
	index  int
	reason string // why it ended, in Google's words; "" while it has not
	called int    // calls so far
	spoke  bool   // whether there was text, or another thing to show
	began  bool   // whether the stream has said its role

	detail   int  // reasoning details so far
	thinking bool // whether the last of them is a thought that may go on
	open     *partialCall
}

// answer is what one reply, or one event of a stream, adds to a candidate. Texts are inner
// bytes of JSON strings, and the lists are the elements.
type answer struct {
	text, thoughts         []byte
	signature              string // of a text, as JSON
	details, calls, images []byte
}

func (a *answer) empty() bool {
	return len(a.text)+len(a.thoughts)+len(a.signature)+len(a.details)+len(a.calls)+len(a.images) == 0
}

// plain says whether there is a text and nothing else.
func (a *answer) plain() bool {
	return len(a.text) > 0 && len(a.thoughts)+len(a.signature)+len(a.details)+len(a.calls)+len(a.images) == 0
}

// source is what the parts of a reply come from.
type source struct {
	id     string // for the ids of calls
	stream bool
}

// part is one part of a candidate's content.
type part struct {
	text, call, blob gjson.Result
	signature        string
	thought          bool
}

// read reads parts. Those that the hub has no word for, such as code that Google has executed
// and what came of it, are passed over: the text around them says the same.
func (c *candidate) read(s source, parts gjson.Result) (a answer) {
	hub.Each(parts, func(v gjson.Result) bool {
		var p part
		v.ForEach(func(name, value gjson.Result) bool {
			switch name.String() {
			case "text":
				p.text = value
			case "functionCall":
				p.call = value
			case "inlineData":
				p.blob = value
			case "thought":
				p.thought = value.Type == gjson.True
			case "thoughtSignature":
				if hub.Inside(value) != "" {
					p.signature = value.Raw
				}
			}
			return true
		})
		switch {
		case p.call.IsObject():
			c.call(s, &a, &p)
		case p.thought && p.text.Type == gjson.String:
			c.thought(s, &a, &p)
		case p.thought:
		case p.blob.IsObject():
			c.image(&a, &p)
		case p.text.Type == gjson.String:
			c.say(&a, &p)
		}
		return true
	})
	return a
}

// say adds a text. Its signature is the message's: of several the last is kept, and Google
// does not check those of texts.
func (c *candidate) say(a *answer, p *part) {
	text := hub.Inside(p.text)
	a.text = append(a.text, text...)
	c.spoke = c.spoke || text != ""
	if p.signature == "" {
		return
	}
	a.signature = p.signature
	a.details = c.appendDetail(a.details, "reasoning.encrypted")
	a.details = append(hub.Given(a.details, "data", p.signature), '}')
}

// thought adds a thought: as text to be read, and as a detail to be sent back.
func (c *candidate) thought(s source, a *answer, p *part) {
	text := hub.Inside(p.text)
	a.thoughts = append(a.thoughts, text...)
	if text == "" && p.signature == "" {
		return
	}
	goesOn := s.stream && p.signature == ""
	if c.thinking {
		c.detail-- // the events of one thought are one detail, which clients join by its index
	}
	a.details = c.appendDetail(a.details, "reasoning.text")
	a.details = hub.Quoted(a.details, "text", []byte(text))
	a.details = append(hub.Given(a.details, "signature", p.signature), '}')
	c.thinking = goesOn
}

// appendDetail begins a reasoning detail in OpenRouter's form.
func (c *candidate) appendDetail(b []byte, kind string) []byte {
	b = append(append(hub.Comma(b), `{"type":"`...), kind...)
	b = append(append(b, `","format":"`...), detailFormat...)
	b = strconv.AppendInt(append(b, `","index":`...), int64(c.detail), 10)
	c.detail++
	c.thinking = false
	return b
}

// image adds an image in OpenRouter's form; OpenAI's chat has none
// (source: https://openrouter.ai/docs/guides/overview/multimodal/image-generation). Its
// signature travels like that of a call, since a model that edits the image wants it back.
func (c *candidate) image(a *answer, p *part) {
	kind := p.blob.Get("mimeType").String()
	if !strings.HasPrefix(kind, "image/") {
		return
	}
	b := append(hub.Comma(a.images), `{"type":"image_url","image_url":{"url":`...)
	b = llm.AppendString(b, "data:"+kind+";base64,")
	b = append(b[:len(b)-1], hub.Inside(p.blob.Get("data"))...)
	b = append(b, `"}`...)
	a.images = append(appendExtra(b, p.signature), '}')
	c.spoke = true
}

// appendExtra appends an extra_content with a signature, if there is one.
func appendExtra(b []byte, signature string) []byte {
	if signature == "" {
		return b
	}
	return append(hub.Given(append(hub.Name(b, "extra_content"), `{"google":{`...), "thought_signature", signature), `}}`...)
}

// callPrefix begins the ids that are made up for calls to which Google gives none, as Vertex
// AI and models before Gemini 3 do not.
const callPrefix = "call_gemini_"

// addCall adds a whole call.
func (c *candidate) addCall(s source, a *answer, f *finishedCall) {
	b := append(hub.Comma(a.calls), '{')
	if s.stream {
		b = strconv.AppendInt(hub.Name(b, "index"), int64(c.called), 10)
	}
	b = hub.Name(b, "id")
	if f.id != "" {
		b = llm.AppendString(b, f.id)
	} else {
		id := callPrefix + s.id + "_" + strconv.Itoa(c.index) + "_" + strconv.Itoa(c.called)
		b = llm.AppendString(b, id)
	}
	b = append(b, `,"type":"function","function":{"name":`...)
	b = llm.AppendString(b, f.name)
	b = append(appendCompact(hub.Name(b, "arguments"), f.args), '}')
	a.calls = append(appendExtra(b, f.signature), '}')
	c.called++
}

// appendCompact appends JSON, without the white space between its tokens, as a JSON string.
func appendCompact(b []byte, value string) []byte {
	if strings.ContainsAny(value, " \t\r\n") {
		var out bytes.Buffer
		if json.Compact(&out, []byte(value)) == nil {
			value = out.String()
		}
	}
	return llm.AppendString(b, value)
}

// append appends what the answer adds as the members of a message or a delta.
func (a *answer) append(b []byte) []byte {
	if len(a.thoughts) > 0 {
		b = hub.Quoted(b, "reasoning_content", a.thoughts)
	}
	for _, list := range []struct {
		name     string
		elements []byte
	}{{"reasoning_details", a.details}, {"tool_calls", a.calls}, {"images", a.images}} {
		b = hub.List(b, list.name, list.elements)
	}
	return appendExtra(b, a.signature)
}
