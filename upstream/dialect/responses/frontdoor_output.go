package responses

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// itemKind is what an item of the output is.
type itemKind int

const (
	reasoningItem itemKind = iota
	messageItem
	functionItem
	customItem
)

// idStart is how the ids of items of a kind begin.
var idStart = [...]string{reasoningItem: "rs_", messageItem: "msg_", functionItem: "fc_", customItem: "ctc_"}

// output is an item of the output, as far as it is known. What is text stands as inside a JSON
// string.
type output struct {
	kind itemKind
	at   int // in the output

	parts []part // of a message

	text   []byte // of reasoning
	sealed []byte // the encrypted_content of reasoning
	detail int64  // the hub's index of the detail that the reasoning is

	call call // for functions and custom tools
}

// part is a part of a message: text, or a refusal.
type part struct {
	refusal               bool
	text                  []byte
	logprobs, annotations []byte // with commas between them
	notes                 int    // how many annotations
}

// call is a call of a tool.
type call struct {
	index    int64  // the hub's
	id, name string // "" as long as they are not known
	text     []byte // the arguments, or the input of a custom tool
	sent     int    // how much of text has gone to the client
	freeform freeform
}

// appendID appends the id of an item, inside a string; tail is what the response's id ends with.
func (o *output) appendID(b []byte, tail string) []byte {
	b = append(b, idStart[o.kind]...)
	b = append(append(b, tail...), '_')
	return strconv.AppendInt(b, int64(o.at), 10)
}

// append appends the item as far as it is known, with a status.
func (o *output) append(b []byte, tail, status string) []byte {
	b = append(o.appendID(append(b, `{"id":"`...), tail), '"')
	switch o.kind {
	case reasoningItem:
		b = append(b, `,"type":"reasoning","summary":[`...)
		if len(o.text) > 0 {
			b = append(appendSummary(b, o.text), ']')
		} else {
			b = append(b, ']')
		}
		if len(o.sealed) > 0 {
			b = hub.Quoted(b, "encrypted_content", o.sealed)
		}
	case messageItem:
		b = append(append(b, `,"type":"message","status":"`...), status...)
		b = append(b, `","role":"assistant","content":[`...)
		for i := range o.parts {
			b = o.parts[i].append(hub.Comma(b))
		}
		b = append(b, ']')
	default:
		b = o.appendCall(b, status)
	}
	return append(b, '}')
}

func (o *output) appendCall(b []byte, status string) []byte {
	kind, input := "function_call", "arguments"
	if o.kind == customItem {
		kind, input = "custom_tool_call", "input"
	}
	b = append(append(b, `,"type":"`...), kind...)
	b = append(append(b, `","status":"`...), status...)
	b = append(append(b, `","call_id":"`...), o.call.id...)
	namespace, name := splitName(o.call.name)
	b = append(append(b, `","name":"`...), name...)
	b = append(b, '"')
	if namespace != "" {
		b = append(append(append(b, `,"namespace":"`...), namespace...), '"')
	}
	return hub.Quoted(b, input, o.call.text)
}

func appendSummary(b, text []byte) []byte {
	return append(append(append(b, `{"type":"summary_text","text":"`...), text...), `"}`...)
}

func (p *part) append(b []byte) []byte {
	if p.refusal {
		return append(append(append(b, `{"type":"refusal","refusal":"`...), p.text...), `"}`...)
	}
	b = append(append(b, `{"type":"output_text","text":"`...), p.text...)
	b = append(append(b, `","annotations":[`...), p.annotations...)
	b = append(append(b, `],"logprobs":[`...), p.logprobs...)
	return append(b, "]}"...)
}

// seal returns the encrypted_content that a detail of the hub's reasoning becomes, inside a
// string. What is OpenAI's goes as it is. Any other detail becomes its own JSON, such as
// {"type":"reasoning.text","signature":…,"format":…}, but for the text, which stands in the
// summary: a client gives both back as they are, and thought makes the detail of them again.
func seal(detail gjson.Result) []byte {
	data := detail.Get("data")
	if detail.Get("format").Str == hub.OpenAIFormat && detail.Get("type").Str == "reasoning.encrypted" {
		return []byte(hub.Inside(data))
	}
	sealed := append([]byte(`{"type":`), detail.Get("type").Raw...)
	detail.ForEach(func(key, value gjson.Result) bool {
		if key.Str != "type" && key.Str != "text" && key.Str != "summary" {
			sealed = append(append(append(sealed, ','), key.Raw...), ':')
			sealed = append(sealed, value.Raw...)
		}
		return true
	})
	sealed = llm.AppendString(nil, string(append(sealed, '}')))
	return sealed[1 : len(sealed)-1]
}

// appendAnnotation appends an annotation of the hub's, {"type":"url_citation","url_citation":{…}},
// whose members stand beside the type in responses.
func appendAnnotation(b []byte, annotation gjson.Result) []byte {
	citation := annotation.Get("url_citation")
	if !citation.IsObject() {
		return b
	}
	b = append(hub.Comma(b), `{"type":"url_citation"`...)
	citation.ForEach(func(key, value gjson.Result) bool {
		b = append(append(append(b, ','), key.Raw...), ':')
		b = append(b, value.Raw...)
		return true
	})
	return append(b, '}')
}

// appendUsage appends a usage as responses say it, or null.
func appendUsage(b []byte, u llm.Usage) []byte {
	if !u.Known {
		return append(b, "null"...)
	}
	b = append(b, `{"input_tokens":`...)
	b = strconv.AppendInt(b, u.Input, 10)
	b = append(b, `,"input_tokens_details":{"cached_tokens":`...)
	b = strconv.AppendInt(b, u.CachedInput, 10)
	b = append(b, `,"cache_write_tokens":`...)
	b = strconv.AppendInt(b, u.CacheWrite, 10)
	b = append(b, `},"output_tokens":`...)
	b = strconv.AppendInt(b, u.Output, 10)
	b = append(b, `,"output_tokens_details":{"reasoning_tokens":`...)
	b = strconv.AppendInt(b, u.Reasoning, 10)
	b = append(b, `},"total_tokens":`...)
	return append(strconv.AppendInt(b, u.Input+u.Output, 10), '}')
}
