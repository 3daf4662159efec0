package gemini

import (
	"encoding/json"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// What follows reads and writes Google's JSON with encoding/json, so that it shares nothing with
// the translation.

// googleChunk is a reply of Google's or an event of a stream.
type googleChunk struct {
	Candidates []struct {
		Content      googleContent
		FinishReason string
	}
	UsageMetadata struct {
		PromptTokenCount, CandidatesTokenCount, ThoughtsTokenCount, CachedContentTokenCount, TotalTokenCount int64
	}
	ModelVersion, ResponseID, CreateTime string
}

type googleContent struct {
	Role  string
	Parts []googlePart
}

type googlePart struct {
	Text             *string
	Thought          bool
	ThoughtSignature string
	InlineData       *struct{ MimeType, Data string }
	FunctionCall     *struct {
		ID, Name string
		Args     map[string]any
	}
	FunctionResponse *struct {
		ID, Name string
		Response map[string]any
	}
}

// googleRequest is a request of Google's.
type googleRequest struct {
	Contents          []googleContent
	SystemInstruction googleContent
	Tools             []struct {
		FunctionDeclarations []struct {
			Name, Description                string
			Parameters, ParametersJSONSchema any
		}
	}
	ToolConfig       any
	GenerationConfig map[string]any
}

// asked reads the conversation in a request, whose roles have to alternate.
func asked(t dialecttest.T, body []byte) (turns []dialecttest.Turn) {
	t.Helper()
	g := dialecttest.Decode[googleRequest](t, body)
	for _, p := range g.SystemInstruction.Parts {
		turns = append(turns, dialecttest.Turn{Role: "system", Text: *p.Text})
	}
	role := ""
	for _, c := range g.Contents {
		if c.Role == role || len(c.Parts) == 0 || c.Role != "user" && c.Role != "model" {
			t.Fatalf("a content of %q follows one of %q, with %d parts", c.Role, role, len(c.Parts))
		}
		role = c.Role
		who := map[string]string{"user": "user", "model": "assistant"}[role]
		for _, p := range c.Parts {
			turn := dialecttest.Turn{Role: who}
			switch {
			case p.FunctionCall != nil:
				turn.ID, turn.Name, turn.Arguments = p.FunctionCall.ID, p.FunctionCall.Name, p.FunctionCall.Args
			case p.FunctionResponse != nil:
				text, _ := p.FunctionResponse.Response["output"].(string)
				turn = dialecttest.Turn{Role: "tool", ID: p.FunctionResponse.ID, Text: text}
			case p.Thought:
				turn = dialecttest.Turn{Role: "thought", Text: *p.Text, ID: p.ThoughtSignature}
			default:
				turn.Text = *p.Text
			}
			turns = append(turns, turn)
		}
	}
	return turns
}

var finishReasons = map[string]string{"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "content_filter": "SAFETY"}

type object = map[string]any

// event writes an event, or a whole reply, of some parts.
func event(s dialecttest.Said, parts []any, last bool) []byte {
	candidate := object{"content": object{"role": "model", "parts": parts}, "index": 0}
	reply := object{"candidates": []any{candidate}, "responseId": "r1", "modelVersion": "m"}
	if last {
		candidate["finishReason"] = finishReasons[s.Finish]
		reply["usageMetadata"] = object{"promptTokenCount": s.Prompt, "candidatesTokenCount": s.Completion}
	}
	b, err := json.Marshal(reply)
	if err != nil {
		panic(err) // what the tests write is JSON
	}
	return b
}

func callParts(s dialecttest.Said) (parts []any) {
	for _, c := range s.Calls {
		parts = append(parts, object{"functionCall": object{"id": c.ID, "name": c.Name, "args": c.Input}})
	}
	return parts
}

func nativeReply(s dialecttest.Said) []byte {
	var parts []any
	if s.Thought != "" {
		parts = append(parts, object{"text": s.Thought, "thought": true, "thoughtSignature": s.Signatures[0]})
	}
	if s.Text != "" {
		parts = append(parts, object{"text": s.Text})
	}
	return event(s, append(parts, callParts(s)...), true)
}

func nativeStream(s dialecttest.Said, cut func(string) []string) (events []dialect.Event) {
	say := func(part any) { events = append(events, dialect.Event{Data: event(s, []any{part}, false)}) }
	if s.Thought != "" {
		pieces := cut(s.Thought)
		for i, piece := range pieces {
			part := object{"text": piece, "thought": true}
			if i == len(pieces)-1 {
				part["thoughtSignature"] = s.Signatures[0]
			}
			say(part)
		}
	}
	for _, piece := range cut(s.Text) {
		say(object{"text": piece})
	}
	return append(events, dialect.Event{Data: event(s, callParts(s), true)})
}

func replySays(t dialecttest.T, body []byte) dialecttest.Said {
	t.Helper()
	return streamSays(t, []dialect.Event{{Data: body}})
}

// streamSays reads events. A text's last signature is its message's.
func streamSays(t dialecttest.T, events []dialect.Event) (s dialecttest.Said) {
	t.Helper()
	for _, e := range events {
		c := dialecttest.Decode[googleChunk](t, e.Data)
		for _, candidate := range c.Candidates {
			for _, p := range candidate.Content.Parts {
				says(&s, &p)
			}
			for hub, reason := range finishReasons {
				if reason == candidate.FinishReason && hub != "tool_calls" {
					s.Finish = hub
				}
			}
		}
		if u := c.UsageMetadata; u.PromptTokenCount > 0 {
			s.Prompt, s.Completion = u.PromptTokenCount, u.CandidatesTokenCount+u.ThoughtsTokenCount
			s.Reasoning, s.Cached = u.ThoughtsTokenCount, u.CachedContentTokenCount
		}
	}
	if len(s.Calls) > 0 && s.Finish == "stop" {
		s.Finish = "tool_calls"
	}
	return s
}

func says(s *dialecttest.Said, p *googlePart) {
	switch {
	case p.FunctionCall != nil:
		call := dialecttest.Called{ID: p.FunctionCall.ID, Name: p.FunctionCall.Name, Input: object{}, Signature: p.ThoughtSignature}
		if p.FunctionCall.Args != nil {
			call.Input = p.FunctionCall.Args
		}
		s.Calls = append(s.Calls, call)
	case p.Thought:
		s.Thought += *p.Text
		if p.ThoughtSignature != "" {
			s.Signatures = append(s.Signatures, p.ThoughtSignature)
		}
	case p.Text != nil:
		s.Text += *p.Text
		if p.ThoughtSignature != "" {
			s.Signature = p.ThoughtSignature
		}
	}
}
