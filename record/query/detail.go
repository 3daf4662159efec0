package query

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mulligan-gateway/mulligan/record"
)

// detail is what no question asks about.
type detail struct {
	Rule          string           `json:"rule,omitempty"`
	Requested     string           `json:"requested_model,omitempty"`
	ResponseModel string           `json:"response_model,omitempty"`
	Stream        bool             `json:"stream,omitempty"`
	Status        int              `json:"status,omitempty"`
	FinishReason  string           `json:"finish_reason,omitempty"`
	Attempts      []record.Attempt `json:"attempts,omitempty"`
	Continued     int              `json:"continued,omitempty"`
	Dropped       []string         `json:"dropped,omitempty"`
	InputAudio    int64            `json:"input_audio_tokens,omitempty"`
	OutputAudio   int64            `json:"output_audio_tokens,omitempty"`
	Known         bool             `json:"usage_known,omitempty"`
	Estimated     bool             `json:"usage_estimated,omitempty"`
	Upstream      record.Millis    `json:"upstream_ms,omitempty"`
	Overhead      record.Millis    `json:"overhead_ms,omitempty"`
	Context       json.RawMessage  `json:"context,omitempty"`
	Inputs        json.RawMessage  `json:"inputs,omitempty"`
}

func detailOf(r *record.Row) detail {
	return detail{
		Rule: r.Rule, Requested: r.Requested, ResponseModel: r.ResponseModel, Stream: r.Stream,
		Status: r.Status, FinishReason: r.FinishReason, Attempts: r.Attempts, Continued: r.Continued,
		Dropped: r.Dropped, InputAudio: r.InputAudio, OutputAudio: r.OutputAudio, Known: r.Known,
		Estimated: r.Estimated, Upstream: r.Upstream, Overhead: r.Overhead, Context: r.Context, Inputs: r.Inputs,
	}
}

// AppendDetail appends the detail of a clean row as EncodeJSON writes it. Each row that is kept
// goes through here, and reflection took several times as long.
func AppendDetail(text []byte, r *record.Row) []byte {
	o := objectWriter{append(text, '{')}
	o.string("rule", r.Rule)
	o.string("requested_model", r.Requested)
	o.string("response_model", r.ResponseModel)
	o.bool("stream", r.Stream)
	o.int("status", int64(r.Status))
	o.string("finish_reason", r.FinishReason)
	if len(r.Attempts) > 0 {
		o.name("attempts")
		o.text = append(o.text, '[')
		for i := range r.Attempts {
			o.comma()
			o.attempt(&r.Attempts[i])
		}
		o.text = append(o.text, ']')
	}
	o.int("continued", int64(r.Continued))
	if len(r.Dropped) > 0 {
		o.name("dropped")
		o.text = append(o.text, '[')
		for _, name := range r.Dropped {
			o.comma()
			o.text = appendString(o.text, name)
		}
		o.text = append(o.text, ']')
	}
	o.int("input_audio_tokens", r.InputAudio)
	o.int("output_audio_tokens", r.OutputAudio)
	o.bool("usage_known", r.Known)
	o.bool("usage_estimated", r.Estimated)
	o.millis("upstream_ms", r.Upstream)
	o.millis("overhead_ms", r.Overhead)
	o.raw("context", r.Context)
	o.raw("inputs", r.Inputs)
	return append(o.text, '}')
}

// objectWriter appends members to a JSON object. Like omitempty, most of its methods leave out
// what is zero.
type objectWriter struct{ text []byte }

// comma separates from what came before in the same list or object.
func (o *objectWriter) comma() {
	if last := o.text[len(o.text)-1]; last != '{' && last != '[' {
		o.text = append(o.text, ',')
	}
}

// name begins a member. Its name needs no escapes.
func (o *objectWriter) name(name string) {
	o.comma()
	o.text = append(append(append(o.text, '"'), name...), '"', ':')
}

func (o *objectWriter) string(name, value string) {
	if value != "" {
		o.name(name)
		o.text = appendString(o.text, value)
	}
}

func (o *objectWriter) bool(name string, value bool) {
	if value {
		o.name(name)
		o.text = append(o.text, "true"...)
	}
}

func (o *objectWriter) int(name string, value int64) {
	if value != 0 {
		o.name(name)
		o.text = strconv.AppendInt(o.text, value, 10)
	}
}

func (o *objectWriter) millis(name string, value record.Millis) {
	if value != 0 {
		o.name(name)
		o.text = value.AppendTo(o.text)
	}
}

func (o *objectWriter) raw(name string, value json.RawMessage) {
	if len(value) > 0 {
		o.name(name)
		o.text = append(o.text, value...)
	}
}

// attempt appends an attempt, of which only the error may be left out.
func (o *objectWriter) attempt(a *record.Attempt) {
	o.text = append(o.text, `{"provider":`...)
	o.text = appendString(o.text, a.Provider)
	o.text = append(o.text, `,"model":`...)
	o.text = appendString(o.text, a.Model)
	o.text = append(o.text, `,"start_ms":`...)
	o.text = a.Start.AppendTo(o.text)
	o.text = append(o.text, `,"duration_ms":`...)
	o.text = a.Duration.AppendTo(o.text)
	o.text = append(o.text, `,"status":`...)
	o.text = strconv.AppendInt(o.text, int64(a.Status), 10)
	o.text = append(o.text, `,"verdict":`...)
	o.text = appendString(o.text, string(a.Verdict))
	o.string("error_code", a.ErrorCode)
	o.string("error", a.Error)
	o.text = append(o.text, '}')
}

// appendString appends a text in quotes, with encoding/json where it is not plain ASCII.
func appendString(text []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			return append(text, encodeString(s)...)
		}
	}
	return append(append(append(text, '"'), s...), '"')
}

func encodeString(s string) string {
	text, err := EncodeJSON(s)
	if err != nil {
		return `""` // texts can be encoded
	}
	return text
}

// EncodeJSON encodes a value as encoding/json does, but leaves what only HTML needs escaped as it is:
// JSON inside the value, such as metadata, must come back as it was.
func EncodeJSON(value any) (string, error) {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return strings.TrimSuffix(text.String(), "\n"), err
}
