package rules

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// shape says where an endpoint's request has its messages and its text.
type shape struct {
	// list is the member with the messages: a list of them, or a single one.
	list string
	// text is the other members whose text is part of the prompt.
	text []string
	// tools is the members that describe tools, all of which is part of the prompt.
	tools []string
	// oneOfParts says that a list of objects is one message with parts.
	oneOfParts bool
	// perMessage is what a message adds to the prompt beside its text, in tokens.
	perMessage int
}

// shapes is where the endpoints have their messages (source: the request bodies in
// https://platform.openai.com/docs/api-reference; for rerank
// https://docs.cohere.com/reference/rerank).
var shapes = map[llm.Endpoint]shape{
	llm.Chat:           {list: "messages", tools: []string{"tools", "functions"}, perMessage: 4},
	llm.Responses:      {list: "input", text: []string{"instructions"}, tools: []string{"tools"}, perMessage: 4},
	llm.Messages:       {list: "messages", text: []string{"system"}, tools: []string{"tools"}, perMessage: 4},
	llm.CountTokens:    {list: "messages", text: []string{"system"}, tools: []string{"tools"}, perMessage: 4},
	llm.Completions:    {list: "prompt", text: []string{"suffix"}},
	llm.Embeddings:     {list: "input"},
	llm.Moderations:    {list: "input", oneOfParts: true},
	llm.Images:         {list: "prompt"},
	llm.Speech:         {list: "input", text: []string{"instructions"}},
	llm.Transcriptions: {list: "prompt"},
	llm.Translations:   {list: "prompt"},
	llm.Rerank:         {list: "query", text: []string{"documents"}},
}

// survey is what one pass over a request's messages finds.
type survey struct {
	done          bool
	count         int
	last          []byte // the last message as JSON; in a form, its text
	images, files bool
	tokens        textSize
	perMessage    int
}

// survey goes over the messages once, when the first rule asks about them.
func (f *Facts) survey() *survey {
	if !f.messages.done {
		f.messages = newSurvey(f.Request)
	}
	return &f.messages
}

func newSurvey(req *llm.Request) survey {
	doc := &req.Doc
	sh := shapes[req.Endpoint]
	s := survey{done: true, perMessage: sh.perMessage}
	list, ok := doc.Get(sh.list)
	if doc.IsForm() {
		s.form(doc, list)
		return s
	}
	if ok {
		s.messages(list, sh.oneOfParts)
	}
	for _, name := range sh.text {
		if raw, ok := doc.Get(name); ok {
			w := walker{b: raw, found: &s}
			w.value(countText)
		}
	}
	for _, name := range sh.tools {
		if raw, ok := doc.Get(name); ok {
			w := walker{b: raw, found: &s}
			w.value(countAll)
		}
	}
	return s
}

func (s *survey) form(doc *llm.Document, prompt []byte) {
	if len(prompt) > 0 {
		s.count, s.last = 1, prompt
		s.tokens.add(prompt)
	}
	for i := range doc.Members {
		s.files = s.files || doc.Members[i].File
	}
}

// messages surveys the member that holds the messages. A list of numbers is one prompt,
// given as token ids.
func (s *survey) messages(raw []byte, oneOfParts bool) {
	w := walker{b: raw, found: s}
	if string(raw) == "null" {
		return
	}
	if raw[0] != '[' {
		s.count, s.last = 1, raw
		w.value(countText)
		return
	}
	w.at++
	for w.more(']') {
		start := w.at
		w.value(countText)
		s.count++
		s.last = raw[start:w.at]
	}
	if s.count == 0 {
		return
	}
	if first := firstOf(raw); first != '"' && first != '[' && (first != '{' || oneOfParts) {
		s.count, s.last = 1, raw
	}
}

// firstOf returns the byte with which a list's first element begins.
func firstOf(list []byte) byte {
	w := walker{b: list, at: 1}
	w.more(']')
	return w.peek()
}

// inputTokens estimates the prompt's length; the row of request.input_tokens says how.
func (f *Facts) inputTokens() int {
	s := f.survey()
	n := s.tokens.estimate()
	if n == 0 && s.count == 0 {
		return 0
	}
	return n + s.perMessage*s.count
}

// lastMessage returns the text of the last message, "" when it has none.
func (f *Facts) lastMessage() string {
	last := text(f.survey().last)
	if f.Request.Doc.IsForm() {
		return last
	}
	var parts []string
	messageText(gjson.Parse(last), &parts)
	return strings.Join(parts, "\n")
}

// messageText collects the texts of a message: a string, a list of parts, or an object with
// its text in content (a message), text (a part) or output (a tool's result).
func messageText(r gjson.Result, parts *[]string) {
	switch {
	case r.Type == gjson.String:
		*parts = append(*parts, r.Str)
	case r.IsArray():
		r.ForEach(func(_, part gjson.Result) bool {
			messageText(part, parts)
			return true
		})
	case r.IsObject():
		for _, name := range []string{"content", "text", "output"} {
			if v := r.Get(name); v.Exists() {
				messageText(v, parts)
				return
			}
		}
	}
}
