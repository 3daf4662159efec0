package rewrite

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// insertPrompts puts the prompts where an endpoint has a place for them. Endpoints that do
// not talk (embeddings, moderations, images, audio, rerank) have none.
func (e *Edit) insertPrompts(s *splice, req *llm.Request, texts []string) error {
	if len(texts) == 0 && req.Prefix == nil {
		return nil
	}
	switch req.Endpoint {
	case llm.Chat:
		return s.beforeMessages(e.conversation(texts, req.Prefix))
	case llm.Responses:
		return e.intoResponse(s, texts)
	case llm.Messages, llm.CountTokens:
		return e.intoAnthropic(s, texts)
	case llm.Completions:
		return intoPrompt(s, texts)
	default:
		return nil
	}
}

// intoMessages puts the prompts before the client's messages.
func (e *Edit) intoMessages(s *splice, texts []string) error {
	return s.beforeMessages(e.messages(nil, texts))
}

// beforeMessages puts messages, parted by commas, before the client's.
func (s *splice) beforeMessages(items []byte) error {
	m := s.doc.Find("messages")
	if m == nil {
		s.set("messages", append(append([]byte{'['}, items...), ']'))
		return nil
	}
	return s.prepend(m, items)
}

// conversation returns the prompts as messages, with the request's own prefix behind those that
// instruct the model and before those that are an example of a conversation.
func (e *Edit) conversation(texts []string, prefix []byte) []byte {
	if prefix = bytes.TrimSpace(prefix); len(prefix) > 2 {
		prefix = bytes.TrimSpace(prefix[1 : len(prefix)-1])
	} else {
		prefix = nil
	}
	if len(prefix) == 0 {
		return e.messages(nil, texts)
	}
	first := 0
	for first < len(texts) && (e.prompts[first].role == "system" || e.prompts[first].role == "developer") {
		first++
	}
	b := e.messages(nil, texts[:first])
	if first > 0 {
		b = append(b, ',')
	}
	b = append(b, prefix...)
	if first < len(texts) {
		rest := Edit{prompts: e.prompts[first:]}
		b = rest.messages(append(b, ','), texts[first:])
	}
	return b
}

// messages appends the prompts as messages, parted by commas.
func (e *Edit) messages(b []byte, texts []string) []byte {
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendMessage(b, e.prompts[i].role, text)
	}
	return b
}

// prepend puts items at the beginning of a member that is a list.
func (s *splice) prepend(m *llm.Member, items []byte) error {
	if len(items) == 0 {
		return nil
	}
	value := s.doc.Raw[m.ValueStart:m.ValueEnd]
	if value[0] != '[' {
		return notAList(m.Name)
	}
	if len(bytes.TrimSpace(value[1:len(value)-1])) > 0 {
		items = append(items, ',')
	}
	s.insert(m.ValueStart+1, items)
	return nil
}

func notAList(name string) *llm.Error {
	e := llm.NewError(llm.CodeInvalidJSON, "The body's "+name+" is not a list, so the deployment's prompt cannot be put before it. Send a list.")
	return e.WithParam(name)
}

// intoResponse puts the system prompt before the client's instructions, and the messages
// before its input (source: https://platform.openai.com/docs/api-reference/responses/create).
func (e *Edit) intoResponse(s *splice, texts []string) error {
	first := 0
	if e.prompts[0].role == "system" {
		first = 1
		instructions := texts[0]
		if own, ok := s.doc.String("instructions"); ok && own != "" {
			instructions += "\n\n" + own
		}
		s.set("instructions", llm.AppendString(nil, instructions))
	}
	if first == len(texts) {
		return nil
	}
	rest := Edit{prompts: e.prompts[first:]}
	items := rest.messages(nil, texts[first:])
	m := s.doc.Find("input")
	if m == nil {
		s.set("input", append(append([]byte{'['}, items...), ']'))
		return nil
	}
	value := s.doc.Raw[m.ValueStart:m.ValueEnd]
	if value[0] != '"' {
		return s.prepend(m, items)
	}
	items = append(append([]byte{'['}, items...), `,{"role":"user","content":`...)
	items = append(append(items, value...), "}]"...)
	s.set("input", items)
	return nil
}

// intoAnthropic puts system and developer prompts before the client's system member, and the
// other messages before its messages (source: https://platform.claude.com/docs/en/api/messages).
func (e *Edit) intoAnthropic(s *splice, texts []string) error {
	var system []string
	var rest Edit
	var said []string
	for i, p := range e.prompts {
		if p.role == "system" || p.role == "developer" {
			system = append(system, texts[i])
			continue
		}
		rest.prompts, said = append(rest.prompts, p), append(said, texts[i])
	}
	if len(system) > 0 {
		if err := s.beforeSystem(strings.Join(system, "\n\n")); err != nil {
			return err
		}
	}
	if len(said) == 0 {
		return nil
	}
	return rest.intoMessages(s, said)
}

// beforeSystem puts a text before a system member, which is a text or a list of blocks.
func (s *splice) beforeSystem(text string) error {
	m := s.doc.Find("system")
	if m == nil {
		s.set("system", llm.AppendString(nil, text))
		return nil
	}
	value := s.doc.Raw[m.ValueStart:m.ValueEnd]
	switch value[0] {
	case '"':
		quoted := llm.AppendString(nil, text+"\n\n")
		s.edits = append(s.edits, edit{m.ValueStart, m.ValueStart + 1, quoted[:len(quoted)-1], -1})
		return nil
	case '[':
		block := append([]byte(`{"type":"text","text":`), llm.AppendString(nil, text)...)
		return s.prepend(m, append(block, '}'))
	default:
		return notAText(m.Name)
	}
}

// intoPrompt puts the prompts' text before the prompt of a legacy completion, or before
// each of a list of prompts.
func intoPrompt(s *splice, texts []string) error {
	before := strings.Join(texts, "\n\n") + "\n\n"
	m := s.doc.Find("prompt")
	if m == nil {
		s.set("prompt", llm.AppendString(nil, before))
		return nil
	}
	quoted := llm.AppendString(nil, before)
	quoted = quoted[:len(quoted)-1] // without its closing quote
	value := s.doc.Raw[m.ValueStart:m.ValueEnd]
	if value[0] == '"' {
		s.edits = append(s.edits, edit{m.ValueStart, m.ValueStart + 1, quoted, -1})
		return nil
	}
	if value[0] != '[' {
		return notAText(m.Name)
	}
	var err error
	gjson.ParseBytes(value).ForEach(func(_, item gjson.Result) bool {
		if item.Type != gjson.String {
			err = notAText(m.Name)
			return false
		}
		at := m.ValueStart + item.Index
		s.edits = append(s.edits, edit{at, at + 1, quoted, -1})
		return true
	})
	return err
}

func notAText(name string) *llm.Error {
	e := llm.NewError(llm.CodeInvalidJSON, "The body's "+name+" is not text, so the deployment's prompt cannot be put before it. Send a string or a list of strings.")
	return e.WithParam(name)
}
