package query

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// detail is what no question asks about.
type detail struct {
	Rule          string          `json:"rule,omitempty"`
	Requested     string          `json:"requested_model,omitempty"`
	ResponseModel string          `json:"response_model,omitempty"`
	Stream        bool            `json:"stream,omitempty"`
	Status        int             `json:"status,omitempty"`
	FinishReason  string          `json:"finish_reason,omitempty"`
	Attempts      []attempt       `json:"attempts,omitempty"`
	Continued     int             `json:"continued,omitempty"`
	Dropped       []string        `json:"dropped,omitempty"`
	InputAudio    int64           `json:"input_audio_tokens,omitempty"`
	OutputAudio   int64           `json:"output_audio_tokens,omitempty"`
	Known         bool            `json:"usage_known,omitempty"`
	Estimated     bool            `json:"usage_estimated,omitempty"`
	Upstream      record.Millis   `json:"upstream_ms,omitempty"`
	Overhead      record.Millis   `json:"overhead_ms,omitempty"`
	Context       json.RawMessage `json:"context,omitempty"`
	Inputs        json.RawMessage `json:"inputs,omitempty"`
}

// attempt is a record.Attempt without what it has alike with its row, as nearly all that worked do:
// provider, model and status, and a verdict that is ok.
type attempt struct {
	Provider  *string       `json:"provider,omitempty"`
	Model     *string       `json:"model,omitempty"`
	Start     record.Millis `json:"start_ms,omitempty"`
	Duration  record.Millis `json:"duration_ms"`
	Status    *int          `json:"status,omitempty"`
	Verdict   *llm.Verdict  `json:"verdict,omitempty"`
	ErrorCode string        `json:"error_code,omitempty"`
	Error     string        `json:"error,omitempty"`
}

// whole returns the attempt of a row, of which provider, model and status are known.
func (a *attempt) whole(r *record.Row) record.Attempt {
	w := record.Attempt{
		Provider: r.Provider, Model: r.Model, Start: a.Start, Duration: a.Duration, Status: r.Status, Verdict: llm.VerdictOK,
		ErrorCode: a.ErrorCode, Error: a.Error,
	}
	if a.Provider != nil {
		w.Provider = *a.Provider
	}
	if a.Model != nil {
		w.Model = *a.Model
	}
	if a.Status != nil {
		w.Status = *a.Status
	}
	if a.Verdict != nil {
		w.Verdict = *a.Verdict
	}
	return w
}

// AppendDetail appends the detail of a clean row as EncodeJSON would write it. Each row that is kept
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
			o.attempt(&r.Attempts[i], r)
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

// attempt appends an attempt of a row.
func (o *objectWriter) attempt(a *record.Attempt, r *record.Row) {
	o.text = append(o.text, '{')
	o.unlike("provider", a.Provider, r.Provider)
	o.unlike("model", a.Model, r.Model)
	o.millis("start_ms", a.Start)
	o.name("duration_ms")
	o.text = a.Duration.AppendTo(o.text)
	if a.Status != r.Status {
		o.name("status")
		o.text = strconv.AppendInt(o.text, int64(a.Status), 10)
	}
	o.unlike("verdict", string(a.Verdict), string(llm.VerdictOK))
	o.string("error_code", a.ErrorCode)
	o.string("error", a.Error)
	o.text = append(o.text, '}')
}

// unlike appends a text that is not the usual one.
func (o *objectWriter) unlike(name, value, usual string) {
	if value != usual {
		o.name(name)
		o.text = appendString(o.text, value)
	}
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
