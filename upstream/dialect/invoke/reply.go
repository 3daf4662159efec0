package invoke

import (
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Exit turns the hub's reply to one exchange into the Deployment API's. It implements
// dialect.Exit.
type Exit struct {
	// TraceID is the exchange's id. It is the reply's id, too: metrics and feedback name it.
	TraceID string
	// SpanID is the id of the span that the exchange is in.
	SpanID string
	// Created is when the request arrived.
	Created time.Time
	// IncludeUsage says that the client wants to know what was used.
	IncludeUsage bool
	// Target says who answers, once there is an answer: the kind of the provider, and the model.
	Target func() (kind, model string)
	// Now is the clock.
	Now func() time.Time
}

// isoTime is how the API writes times.
const isoTime = "2006-01-02T15:04:05.000Z07:00"

// Answer implements dialect.Exit. Its error is dialect.ErrMalformed, or a *dialect.ReportedError
// for a reply that is an error.
func (x *Exit) Answer(body []byte) ([]byte, error) {
	var doc llm.Document
	if err := dialect.Read(&doc, body); err != nil {
		return nil, err
	}
	root := gjson.ParseBytes(body)
	choices := root.Get("choices")
	if !choices.IsArray() {
		return nil, dialect.ErrMalformed
	}
	b := x.appendHead(make([]byte, 0, 2*len(body)+512), root.Get("model").Str, true)
	b = append(b, `,"finalized":"`...)
	b = append(x.Now().UTC().AppendFormat(b, isoTime), '"')
	b = append(b, `,"system_fingerprint":`...)
	b = append(b, hub.StringOr(root.Get("system_fingerprint"), "null")...)
	b = append(append(b, `,"provider_response":`...), body...)
	if x.IncludeUsage {
		var u llm.Usage
		hub.ReadUsage(&doc, &u)
		b = appendUsage(append(b, `,"usage":`...), u)
	}
	b = append(b, `,"choices":[`...)
	for i, choice := range choices.Array() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"index":`...)
		b = strconv.AppendInt(b, choice.Get("index").Int(), 10)
		b = append(b, `,"message":`...)
		b = appendAnswer(b, choice.Get("message"))
		b = append(b, `,"finish_reason":`...)
		b = append(append(b, hub.StringOr(choice.Get("finish_reason"), "null")...), '}')
	}
	return append(b, "]}"...), nil
}

// appendHead appends the members with which every reply and every event begins.
func (x *Exit) appendHead(b []byte, model string, final bool) []byte {
	kind, asked := x.Target()
	if model == "" {
		model = asked
	}
	b = append(b, `{"id":`...)
	b = llm.AppendString(b, x.TraceID)
	b = append(b, `,"created":"`...)
	b = x.Created.UTC().AppendFormat(b, isoTime)
	b = append(b, `","object":"chat","model":`...)
	b = llm.AppendString(b, model)
	b = append(b, `,"provider":"`...)
	b = append(b, ProviderName(kind)...)
	b = append(b, `","is_final":`...)
	b = strconv.AppendBool(b, final)
	b = append(b, `,"telemetry":{"trace_id":`...)
	b = llm.AppendString(b, x.TraceID)
	b = append(b, `,"span_id":`...)
	return append(llm.AppendString(b, x.SpanID), '}')
}

// appendAnswer appends a message, or a delta, of the hub as one of the API.
func appendAnswer(b []byte, m gjson.Result) []byte {
	calls := m.Get("tool_calls").Array()
	if len(calls) > 0 {
		b = append(b, `{"type":"tool_calls","role":"assistant","content":`...)
	} else {
		b = append(b, `{"type":"content","role":"assistant","content":`...)
	}
	b = appendContent(b, m)
	if len(calls) > 0 {
		b = append(b, `,"tool_calls":[`...)
		for i, call := range calls {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCall(b, i, call)
		}
		b = append(b, ']')
	}
	return append(appendReasoning(b, m), '}')
}

// appendContent appends the text of a message, or why there is none.
func appendContent(b []byte, m gjson.Result) []byte {
	content := m.Get("content")
	switch {
	case content.Type == gjson.String && (content.Str != "" || !m.Get("refusal").Exists()):
		return append(b, content.Raw...)
	case content.IsArray():
		said := ""
		for _, part := range content.Array() {
			said += part.Get("text").Str
		}
		return llm.AppendString(b, said)
	default:
		return append(b, hub.StringOr(m.Get("refusal"), "null")...)
	}
}

// appendCall appends a call of a tool, or a piece of one: the name is said once.
func appendCall(b []byte, i int, call gjson.Result) []byte {
	b = append(b, '{')
	if id := call.Get("id"); id.Type == gjson.String {
		b = append(append(append(b, `"id":`...), id.Raw...), ',')
	}
	b = append(b, `"index":`...)
	if at := call.Get("index"); at.Type == gjson.Number {
		b = strconv.AppendInt(b, at.Int(), 10)
	} else {
		b = strconv.AppendInt(b, int64(i), 10)
	}
	b = append(b, `,"type":"function","function":{"name":`...)
	b = append(b, hub.StringOr(call.Get("function.name"), `""`)...)
	b = append(b, `,"arguments":`...)
	return append(append(b, hub.StringOr(call.Get("function.arguments"), `""`)...), "}}"...)
}

// appendReasoning appends what a message says of its reasoning, as members behind others.
func appendReasoning(b []byte, m gjson.Result) []byte {
	var said, signature, hidden string
	m.Get("reasoning_details").ForEach(func(_, d gjson.Result) bool {
		switch d.Get("type").Str {
		case "reasoning.text":
			said += d.Get("text").Str
			signature += d.Get("signature").Str
		case "reasoning.summary":
			said += d.Get("summary").Str
		case "reasoning.encrypted":
			hidden += d.Get("data").Str
		}
		return true
	})
	if said == "" {
		said = m.Get("reasoning_content").Str
	}
	if said == "" {
		said = m.Get("reasoning").Str
	}
	for _, part := range [...]struct{ name, text string }{
		{"reasoning", said}, {"reasoning_signature", signature}, {"redacted_reasoning", hidden},
	} {
		if part.text != "" {
			b = append(append(append(b, `,"`...), part.name...), `":`...)
			b = llm.AppendString(b, part.text)
		}
	}
	return b
}

func appendUsage(b []byte, u llm.Usage) []byte {
	if !u.Known {
		return append(b, "null"...)
	}
	for _, n := range [...]struct {
		before string
		count  int64
	}{
		{`{"total_tokens":`, u.Input + u.Output},
		{`,"prompt_tokens":`, u.Input},
		{`,"completion_tokens":`, u.Output},
		{`,"prompt_tokens_details":{"cached_tokens":`, u.CachedInput},
		{`},"completion_tokens_details":{"reasoning_tokens":`, u.Reasoning},
	} {
		b = strconv.AppendInt(append(b, n.before...), n.count, 10)
	}
	return append(b, "}}"...)
}

// AppendError implements dialect.Exit. SDKs read message; who knows OpenAI's envelope finds it
// beside.
func (*Exit) AppendError(b []byte, e *llm.Error) []byte { return AppendError(b, e) }

// AppendError appends an error as the whole body of a reply of the Deployment API.
func AppendError(b []byte, e *llm.Error) []byte {
	b = append(b, `{"code":`...)
	b = llm.AppendString(b, strconv.Itoa(e.Status))
	b = append(b, `,"message":`...)
	b = llm.AppendString(b, e.Message)
	b = append(b, ',')
	envelope := e.AppendJSON(nil)
	return append(b, envelope[1:]...)
}
