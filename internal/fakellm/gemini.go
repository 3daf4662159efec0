package fakellm

import (
	"encoding/json"
)

// gemini is the usage as Google counts: thoughts are beside the candidates.
func (u Usage) gemini() object {
	return object{
		"promptTokenCount": u.Input, "cachedContentTokenCount": u.Cached, "candidatesTokenCount": u.Output - u.Reasoning,
		"thoughtsTokenCount": u.Reasoning, "totalTokenCount": u.Input + u.Output,
	}
}

var geminiFinish = map[string]string{
	"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY",
}

// geminiCall is the part of a call. Google's calls have no ids, and a signature that must come
// back (source: https://ai.google.dev/gemini-api/docs/thought-signatures).
func geminiCall(t ToolCall) object {
	part := object{"functionCall": object{"name": t.Name, "args": json.RawMessage(t.Arguments)}}
	if t.Signature != "" {
		part["thoughtSignature"] = t.Signature
	}
	return part
}

func geminiChunk(c *Call, parts []any, finish string) object {
	candidate := object{"content": object{"parts": parts, "role": "model"}, "index": 0}
	if finish != "" {
		candidate["finishReason"] = finish
	}
	return object{"candidates": []any{candidate}, "modelVersion": c.Model(), "responseId": c.id("gemini")}
}

func (r Reply) gemini(c *Call) object {
	var parts []any
	if r.Text != "" {
		parts = append(parts, object{"text": r.Text})
	}
	for _, t := range r.ToolCalls {
		parts = append(parts, geminiCall(t))
	}
	v := geminiChunk(c, parts, inVendorsWords(r.Finish, geminiFinish))
	v["modelVersion"], v["usageMetadata"] = r.Model, r.Usage.gemini()
	return v
}

// geminiStream writes Google's events, each of which is a reply
// (source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent).
type geminiStream struct {
	c      *Call
	reason string
	spent  Usage
}

func (s *geminiStream) send(v any) { s.c.event("", mustJSON(v)) }

func (s *geminiStream) preamble()              { s.text("") }
func (s *geminiStream) text(piece string)      { s.send(geminiChunk(s.c, []any{object{"text": piece}}, "")) }
func (s *geminiStream) tool(_ int, t ToolCall) { s.send(geminiChunk(s.c, []any{geminiCall(t)}, "")) }
func (s *geminiStream) finish(reason string)   { s.reason = inVendorsWords(reason, geminiFinish) }
func (s *geminiStream) usage(u Usage)          { s.spent = u }

func (s *geminiStream) done() {
	v := geminiChunk(s.c, []any{object{"text": ""}}, s.reason)
	v["usageMetadata"] = s.spent.gemini()
	s.send(v)
}

func (s *geminiStream) fail(p *problem) {
	p.stream = false // an event has no array around it
	s.send(geminiFailure(p, nil))
}

func (s *geminiStream) malformed() {
	s.c.event("", []byte(`{"candidates":[{"content":{"parts":[{"te`))
}

func geminiResults(r *Request) (all []ToolResult) {
	contents := r.Get("contents").Array()
	if len(contents) == 0 {
		return nil
	}
	for _, part := range contents[len(contents)-1].Get("parts").Array() {
		if f := part.Get("functionResponse"); f.Exists() {
			all = append(all, ToolResult{Name: f.Get("name").String(), Text: f.Get("response.output").String()})
		}
	}
	return all
}
