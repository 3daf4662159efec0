package fakellm

import "net/http"

// cohere is the usage as Cohere counts: what it bills, what the model has seen with the words
// that Cohere puts around a prompt, and what was read from the cache. Reasoning is not told apart.
func (u Usage) cohere() object {
	return object{
		"billed_units":  object{"input_tokens": u.Input, "output_tokens": u.Output},
		"tokens":        object{"input_tokens": u.Input + 60, "output_tokens": u.Output + 1},
		"cached_tokens": u.Cached,
	}
}

var cohereFinish = map[string]string{
	"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "content_filter": "ERROR_TOXIC",
}

func cohereCall(t ToolCall, arguments string) object {
	return object{"id": t.ID, "type": "function", "function": object{"name": t.Name, "arguments": arguments}}
}

func (r Reply) cohere(c *Call) object {
	message := object{"role": "assistant"}
	if len(r.ToolCalls) > 0 {
		calls := make([]any, len(r.ToolCalls))
		for i, t := range r.ToolCalls {
			calls[i] = cohereCall(t, t.Arguments)
		}
		message["tool_calls"], message["tool_plan"] = calls, r.Text
	} else {
		message["content"] = []any{object{"type": "text", "text": r.Text}}
	}
	return object{
		"id": c.id("cohere"), "message": message, "finish_reason": inVendorsWords(r.Finish, cohereFinish), "usage": r.Usage.cohere(),
	}
}

// cohereStream writes Cohere's events (source: https://docs.cohere.com/docs/streaming). A text
// before calls is written as content, too: an answer does not say beforehand that calls will come.
type cohereStream struct {
	c      *Call
	blocks int // that have begun
	open   bool
	reason string
	spent  Usage
}

func (s *cohereStream) send(kind string, delta object) {
	e := object{"type": kind, "index": s.blocks - 1}
	if delta != nil {
		e["delta"] = delta
	}
	s.c.typed(e)
}

func (s *cohereStream) message(kind, member string, v any) {
	s.send(kind, object{"message": object{member: v}})
}

func (s *cohereStream) preamble() {
	s.c.typed(object{"type": "message-start", "id": s.c.id("cohere"), "delta": object{"message": object{
		"role": "assistant", "content": []any{}, "tool_plan": "", "tool_calls": []any{}, "citations": []any{},
	}}})
}

func (s *cohereStream) text(piece string) {
	if !s.open {
		s.open = true
		s.blocks++
		s.message("content-start", "content", object{"type": "text", "text": ""})
	}
	s.message("content-delta", "content", object{"text": piece})
}

func (s *cohereStream) closeText() {
	if s.open {
		s.send("content-end", nil)
		s.open = false
	}
}

func (s *cohereStream) tool(_ int, t ToolCall) {
	s.closeText()
	s.blocks++
	s.message("tool-call-start", "tool_calls", cohereCall(t, ""))
	for _, piece := range halves(t.Arguments) {
		s.message("tool-call-delta", "tool_calls", object{"function": object{"arguments": piece}})
	}
	s.send("tool-call-end", nil)
}

func (s *cohereStream) finish(reason string) {
	s.closeText()
	s.reason = inVendorsWords(reason, cohereFinish)
}

func (s *cohereStream) usage(u Usage) { s.spent = u }

func (s *cohereStream) end(delta object) {
	s.c.typed(object{"type": "message-end", "id": s.c.id("cohere"), "delta": delta})
}

func (s *cohereStream) done() {
	s.end(object{"finish_reason": s.reason, "usage": s.spent.cohere()})
}

func (s *cohereStream) fail(p *problem) {
	s.end(object{"finish_reason": "ERROR", "error": p.message})
}

func (s *cohereStream) malformed() {
	s.c.event("content-delta", []byte(`{"type":"content-delta","index":0,"delta":{"message":{"content":{"te`))
}

// cohereFailure is Cohere's (source: https://docs.cohere.com/reference/errors). Inside of a 200 it
// is an answer whose finish reason is ERROR, which has no words for what is wrong
// (source: https://docs.cohere.com/reference/chat).
func cohereFailure(p *problem, h http.Header) any {
	if p.inside {
		return object{"id": "cohere-fake", "finish_reason": "ERROR", "message": object{"role": "assistant", "content": []any{}}}
	}
	p.seconds(h)
	return object{"id": "cohere-fake", "message": p.message}
}
