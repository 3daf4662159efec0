package fakellm

import (
	"encoding/json"
	"net/http"

	"github.com/mulligan-gateway/mulligan/llm"
)

// object is a JSON object.
type object = map[string]any

// ToolCall is a call of a function that the model asks for.
type ToolCall struct {
	ID        string // not said by vendors that have none
	Name      string
	Arguments string // a JSON text
	Signature string // Google's thought signature; other vendors have none
}

// dialect writes the pieces of a streamed answer in the form of one vendor's endpoint.
type dialect interface {
	preamble()
	text(string)
	tool(index int, call ToolCall)
	finish(reason string)
	usage(Usage)
	done()
	fail(*problem)
	malformed()
}

func (c *Call) dialect() dialect {
	if c.out == nil {
		c.out = c.shape().events(c)
	}
	return c.out
}

// openAIEvents are those of the endpoint that was called.
func openAIEvents(c *Call) dialect {
	switch c.Endpoint {
	case llm.Responses:
		return &responsesStream{c: c}
	case llm.Completions:
		return &completionsStream{chatStream{c: c}}
	case llm.Transcriptions, llm.Translations:
		return &transcriptStream{c: c}
	default:
		return &chatStream{c: c}
	}
}

// The steps below make a stream, in the dialect of the vendor and the endpoint that was
// called: chat chunks, completion chunks, the typed events of responses or of transcriptions,
// the events of Anthropic, Google and Cohere, AWS's frames.

// Stream begins a stream: it sends status 200 and the headers.
func Stream() Step {
	return func(c *Call) {
		c.w.Header().Set("Content-Type", c.shape().streams)
		c.w.Header().Set("Cache-Control", "no-cache")
		Status(http.StatusOK)(c)
	}
}

// Role sends what comes before any output: chat's delta with nothing but a role, the
// created and in_progress events of responses.
func Role() Step { return func(c *Call) { c.dialect().preamble() } }

// Text sends one event for each piece of text.
func Text(pieces ...string) Step {
	return func(c *Call) {
		for _, p := range pieces {
			c.dialect().text(p)
		}
	}
}

// Tool sends the tool call with the index: its name first, then its arguments in two pieces.
func Tool(index int, call ToolCall) Step {
	return func(c *Call) { c.dialect().tool(index, call) }
}

// Finish ends the output with a finish reason in chat's words (stop, length, tool_calls,
// content_filter).
func Finish(reason string) Step { return func(c *Call) { c.dialect().finish(reason) } }

// Tokens reports usage: for chat and completions only to who asked for it, as OpenAI does.
func Tokens(u Usage) Step { return func(c *Call) { c.dialect().usage(u) } }

// Done ends the stream as the endpoint's streams end: [DONE], response.completed and so on.
func Done() Step { return func(c *Call) { c.dialect().done() } }

// ErrorEvent sends an error inside the stream, in the endpoint's dialect.
func ErrorEvent(status int, code, message string) Step {
	return func(c *Call) { c.dialect().fail(&problem{status: status, code: code, message: message}) }
}

// Data sends one event with the data as it is.
func Data(data string) Step { return func(c *Call) { c.event("", []byte(data)) } }

// MalformedEvent sends an event whose data is JSON that stops in the middle.
func MalformedEvent() Step { return func(c *Call) { c.dialect().malformed() } }

// malformed is such an event of OpenAI's.
func (c *Call) malformed() { c.event("", []byte(`{"id":"chatcmpl-fake","choices":[{"delta":{"cont`)) }

// Comment sends an SSE comment, which some providers use to keep connections alive.
func Comment(text string) Step { return Write(": " + text + "\n\n") }

// Ping sends an event of type ping without output, as some providers do at any time.
func Ping() Step { return Write("event: ping\ndata: {\"type\":\"ping\"}\n\n") }

// event sends one event. An empty name sends data alone.
func (c *Call) event(name string, data []byte) {
	b := make([]byte, 0, len(data)+len(name)+16)
	if name != "" {
		b = append(append(append(b, "event: "...), name...), '\n')
	}
	b = append(append(append(b, "data: "...), data...), '\n', '\n')
	c.Write(b)
}

// typed sends an event whose name is its type member, as responses do.
func (c *Call) typed(v object) {
	c.event(v["type"].(string), mustJSON(v))
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// halves splits a text in two, so that a stream of it has more than one event.
func halves(s string) []string {
	if len(s) < 2 {
		return []string{s}
	}
	return []string{s[:len(s)/2], s[len(s)/2:]}
}
