package hub

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// MaxCalls is how many calls of tools, and how many blocks that are open at a time, an answer may
// have in a stream. No model makes a tenth of them. Each piece is looked up among them, which a
// hostile provider could make slow without a bound.
const MaxCalls = 1024

// TooMany returns dialect.ErrMalformed for more than MaxCalls.
func TooMany(calls int) error {
	if calls > MaxCalls {
		return dialect.ErrMalformed
	}
	return nil
}

// Call is a call of a function, from the history of a request.
type Call struct {
	// All is the call as it stands, for what only some vendors look at.
	All gjson.Result
	// ID is the id, read.
	ID string
	// Name is the function's name, a JSON string.
	Name string
	// Arguments is the arguments, a JSON string or, as some clients send them, an object.
	Arguments gjson.Result
}

// Calls counts the calls of a history in the form that had no ids: function_call, which a
// message of the role function answers.
type Calls struct {
	// Lone lets other calls be without ids as well, for vendors that go by their order.
	Lone bool

	legacy int
}

// Each calls f with each call of a message, in either form, until it fails, and names the call
// in what f has refused. A call without an id is refused, unless Lone is set: its answer could not be
// told from others.
func (n *Calls) Each(m *Message, f func(c Call) error) error {
	err := Listed("tool_calls", m.Calls, func(_ int, v gjson.Result) error {
		c := Call{All: v, ID: v.Get("id").Str}
		function := v.Get("function")
		switch {
		case !function.IsObject():
			return Unsupported("", "is no call of a function")
		case c.ID == "" && !n.Lone:
			return Unsupported("id", "is missing")
		}
		return c.call("function", function, f)
	})
	if err != nil || !m.FunctionCall.IsObject() {
		return err
	}
	n.legacy++
	c := Call{All: m.FunctionCall, ID: n.lone()}
	return c.call("function_call", m.FunctionCall, f)
}

// call reads the function and calls f.
func (c *Call) call(field string, function gjson.Result, f func(c Call) error) error {
	name := function.Get("name")
	if Inside(name) == "" {
		return Unsupported(field+".name", "is missing")
	}
	c.Name, c.Arguments = name.Raw, function.Get("arguments")
	return In(field, f(*c))
}

// lone is the id of the last call that had none. The answer to it is the next message of the
// role function, so the number of the call is enough.
func (n *Calls) lone() string { return "function_call_" + strconv.Itoa(n.legacy) }

// Answered returns the id of the call that a message of the role tool or function answers.
func (n *Calls) Answered(m *Message) (string, error) {
	if m.Role == Function {
		return n.lone(), nil
	}
	if m.CallID.Str == "" {
		return "", Unsupported("tool_call_id", "is missing")
	}
	return m.CallID.Str, nil
}

// Object returns the arguments as a JSON object. None at all is {}: models call functions
// without parameters so, and Cohere's say null.
func (c *Call) Object() (string, error) {
	text, ok := ArgumentsObject(c.Arguments)
	if !ok {
		return "", Unsupported("arguments", "is no JSON object")
	}
	return text, nil
}

// ArgumentsObject returns the JSON object in the arguments of a call, and false when they are
// none.
func ArgumentsObject(arguments gjson.Result) (string, bool) {
	text := arguments.Str
	if arguments.IsObject() {
		text = arguments.Raw
	}
	switch text = strings.TrimSpace(text); {
	case text == "" || text == "null":
		return "{}", arguments.Type == gjson.String || arguments.Type == gjson.Null || arguments.IsObject()
	case text[0] != '{' || !IsObject(text):
		return "", false
	}
	return text, true
}
