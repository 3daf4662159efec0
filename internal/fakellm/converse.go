package fakellm

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
)

// converse is the usage as Bedrock counts: what was read from the cache is beside the input,
// and reasoning is not told apart.
func (u Usage) converse() object {
	return object{
		"inputTokens": u.Input - u.Cached, "cacheReadInputTokens": u.Cached, "cacheWriteInputTokens": 0,
		"outputTokens": u.Output, "totalTokens": u.Input + u.Output,
	}
}

var converseFinish = map[string]string{
	"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "content_filtered",
}

func (r Reply) converse(*Call) object {
	content := []any{}
	if r.Text != "" {
		content = append(content, object{"text": r.Text})
	}
	for _, t := range r.ToolCalls {
		content = append(content, object{"toolUse": object{"toolUseId": t.ID, "name": t.Name, "input": json.RawMessage(t.Arguments)}})
	}
	return object{
		"metrics": object{"latencyMs": 5}, "output": object{"message": object{"role": "assistant", "content": content}},
		"stopReason": inVendorsWords(r.Finish, converseFinish), "usage": r.Usage.converse(),
	}
}

// converseStream writes the frames of AWS's event stream (sources:
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
// https://smithy.io/2.0/aws/amazon-eventstream.html).
type converseStream struct {
	c      *Call
	blocks int // that have begun
	open   int // the open block of text, -1 for none
	reason string
	spent  Usage
}

// frame sends a frame of the kind event or exception.
func (s *converseStream) frame(kind, name string, payload []byte) {
	var b bytes.Buffer
	m := eventstream.Message{Payload: payload}
	m.Headers.Set(":message-type", eventstream.StringValue(kind))
	m.Headers.Set(":"+kind+"-type", eventstream.StringValue(name))
	m.Headers.Set(":content-type", eventstream.StringValue("application/json"))
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic(err)
	}
	s.c.Write(b.Bytes())
}

func (s *converseStream) send(name string, v object) {
	v["p"] = "abcdefgh" // padding, of which Bedrock sends a random length
	s.frame("event", name, mustJSON(v))
}

func (s *converseStream) preamble() { s.send("messageStart", object{"role": "assistant"}) }

func (s *converseStream) delta(delta object) {
	s.send("contentBlockDelta", object{"contentBlockIndex": s.blocks - 1, "delta": delta})
}

func (s *converseStream) end() { s.send("contentBlockStop", object{"contentBlockIndex": s.blocks - 1}) }

func (s *converseStream) text(piece string) {
	if s.open < 0 {
		s.open = s.blocks
		s.blocks++
	}
	s.delta(object{"text": piece})
}

func (s *converseStream) closeText() {
	if s.open >= 0 {
		s.end()
		s.open = -1
	}
}

func (s *converseStream) tool(_ int, t ToolCall) {
	s.closeText()
	s.send("contentBlockStart", object{
		"contentBlockIndex": s.blocks, "start": object{"toolUse": object{"toolUseId": t.ID, "name": t.Name}},
	})
	s.blocks++
	for _, piece := range halves(t.Arguments) {
		s.delta(object{"toolUse": object{"input": piece}})
	}
	s.end()
}

func (s *converseStream) finish(reason string) {
	s.closeText()
	s.reason = inVendorsWords(reason, converseFinish)
}

func (s *converseStream) usage(u Usage) { s.spent = u }

func (s *converseStream) done() {
	s.send("messageStop", object{"stopReason": s.reason})
	s.send("metadata", object{"usage": s.spent.converse(), "metrics": object{"latencyMs": 5}})
}

// fail sends an exception, whose name begins with a small letter in streams.
func (s *converseStream) fail(p *problem) {
	name := exceptions[p.status]
	s.frame("exception", strings.ToLower(name[:1])+name[1:], mustJSON(object{"message": p.message}))
}

func (s *converseStream) malformed() {
	s.frame("event", "contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"te`))
}

func converseResults(r *Request) (all []ToolResult) {
	messages := r.Get("messages").Array()
	if len(messages) == 0 {
		return nil
	}
	for _, block := range messages[len(messages)-1].Get("content").Array() {
		if result := block.Get("toolResult"); result.Exists() {
			all = append(all, ToolResult{ID: result.Get("toolUseId").String(), Text: textIn(result.Get("content"))})
		}
	}
	return all
}
