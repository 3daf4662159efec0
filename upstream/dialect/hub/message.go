package hub

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Message is one message of a request. Members that are not there are the zero Result, as are
// those that are null.
type Message struct {
	// All is the message as it stands, for what only some vendors look at.
	All gjson.Result
	// Index is its place in the request.
	Index int
	// Leading says that it is a system message, with nothing but system messages before it.
	Leading bool
	// Last says that no message is behind it.
	Last bool

	Role                   Role
	Content, Refusal, Name gjson.Result
	CallID                 gjson.Result // tool_call_id
	Calls, FunctionCall    gjson.Result // tool_calls, and what they were before
	Details, Reasoning     gjson.Result // reasoning_details and reasoning_content
	Audio, Images          gjson.Result
	Cache                  gjson.Result // cache_control, Anthropic's mark, which clients of chat send too
}

// Role is who says a message.
type Role string

// The roles. System stands for developer too, which is the newer name of the same.
const (
	System    Role = "system"
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool"
	Function  Role = "function" // the form of Tool before there were ids
)

// EachMessage calls f with each message until it fails. It names the message in what f has
// refused.
func (r *Request) EachMessage(f func(m Message) error) error {
	if !r.Messages.IsArray() {
		return Unsupported("messages", "is no list")
	}
	var m Message
	var err error
	call := func() {
		if err = f(m); err != nil {
			err = In("["+strconv.Itoa(m.Index)+"]", err)
		}
	}
	i, leading := 0, true
	r.Messages.ForEach(func(_, v gjson.Result) bool {
		if i > 0 {
			if call(); err != nil {
				return false
			}
		}
		m = readMessage(v)
		leading = leading && m.Role == System
		m.Index, m.Leading = i, leading
		i++
		return true
	})
	if err == nil && i > 0 {
		m.Last = true
		call()
	}
	return In("messages", err)
}

func readMessage(v gjson.Result) Message {
	m := Message{All: v}
	v.ForEach(func(name, value gjson.Result) bool {
		if name.Str == "role" {
			if m.Role = Role(value.Str); m.Role == "developer" {
				m.Role = System
			}
		} else if to := m.place(name.Str); to != nil && Present(value) {
			*to = value
		}
		return true
	})
	return m
}

// place returns where a member is kept, or nil.
func (m *Message) place(name string) *gjson.Result {
	switch name {
	case "content":
		return &m.Content
	case "refusal":
		return &m.Refusal
	case "name":
		return &m.Name
	case "tool_call_id":
		return &m.CallID
	case "tool_calls":
		return &m.Calls
	case "function_call":
		return &m.FunctionCall
	case "reasoning_details":
		return &m.Details
	case "reasoning_content":
		return &m.Reasoning
	case "audio":
		return &m.Audio
	case "images":
		return &m.Images
	case "cache_control":
		return &m.Cache
	default:
		return nil
	}
}

// Named says whether the message names who says it, which few vendors have a word for. The name
// of a tool's result is that of the tool.
func (m *Message) Named() bool {
	return Present(m.Name) && m.Role != Function && m.Role != Tool
}

// EachPart calls f with each part of the message's content, of which a text is one, and names
// the part in what f has refused.
func (m *Message) EachPart(f func(p Part) error) error { return EachPart(m.Content, f) }

// TrimEnd takes the white space off the end of content that is a text, which some models refuse
// in words that they are to go on with.
func (m *Message) TrimEnd() {
	if text := strings.TrimRightFunc(m.Content.Str, unicode.IsSpace); len(text) < len(m.Content.Str) {
		m.Content = gjson.ParseBytes(llm.AppendString(nil, text))
	}
}
