// Package converse is Amazon Bedrock's Converse API, which all the chat models on Bedrock speak:
// New translates between chat, the hub, and Converse, and Frames reads the binary event stream
// in which ConverseStream answers.
//
// Values are copied as the bytes they came in, so that numbers and texts stay what they are.
// What has no counterpart and changes what is asked is refused, as a *dialect.UnsupportedError;
// what is only a hint is left out and named in Dropped. Converse has a base set of parameters;
// members that neither the hub nor that set is known to have go into
// additionalModelRequestFields, which Bedrock hands to the model, and which refuses what it
// does not know.
//
// Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html,
// https://platform.openai.com/docs/api-reference/chat.
package converse

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// translator implements dialect.Translator.
type translator struct {
	// model is what replies say that they are from: Converse's own do not say it.
	model string
	// now and newID are the time that replies say they were made at, and their id, neither of
	// which Converse says.
	now   func() time.Time
	newID func() string
}

// New returns what translates chat into Converse, and replies back. Its replies name no model.
func New() dialect.Translator { return NewFor("") }

// NewFor is New for replies that name the model, as clients of chat expect: Converse itself
// names it in the URL of the request alone.
func NewFor(model string) dialect.Translator {
	return translator{model: model, now: time.Now, newID: func() string { return "chatcmpl-" + rand.Text() }}
}

// Stream implements dialect.Translator.
func (t translator) Stream() dialect.Stream { return &stream{from: t} }

var (
	_ dialect.Translator = translator{}
	_ dialect.Stream     = (*stream)(nil)
)

// appendHead appends the beginning of a reply or of a chunk, up to its choices.
func (t translator) appendHead(b []byte, object string) []byte {
	b = append(b, `{"id":`...)
	b = llm.AppendString(b, t.newID())
	b = append(b, `,"object":"`...)
	b = append(b, object...)
	b = append(b, `","created":`...)
	b = strconv.AppendInt(b, t.now().Unix(), 10)
	b = append(b, `,"model":`...)
	b = llm.AppendString(b, t.model)
	return append(b, `,"choices":[`...)
}

// present says whether a member is there and says something: null is how many clients leave
// a member out.
func present(v gjson.Result) bool { return v.Exists() && v.Type != gjson.Null }

// inside returns a JSON string as it stands between its quotes, and "" for any other value.
func inside(v gjson.Result) string {
	if v.Type != gjson.String || len(v.Raw) < 2 {
		return ""
	}
	return v.Raw[1 : len(v.Raw)-1]
}

// blank says whether a text is empty or white space alone, which Bedrock refuses in content.
func blank(v gjson.Result) bool {
	return v.Type != gjson.String || strings.TrimFunc(v.Str, unicode.IsSpace) == ""
}

// orEmpty returns a value as it stands when it is a string, else the empty string.
func orEmpty(v gjson.Result) string {
	if v.Type == gjson.String {
		return v.Raw
	}
	return `""`
}

// comma appends a comma unless what is before it opens a list or an object, or is nothing.
func comma(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] != '[' && b[n-1] != '{' {
		return append(b, ',')
	}
	return b
}

// member appends a member of an object, whose value is JSON.
func member(b []byte, name, value string) []byte {
	b = append(comma(b), '"')
	b = append(b, name...)
	b = append(b, `":`...)
	return append(b, value...)
}

// list appends a member whose value is a list, unless that is empty.
func list(b []byte, name string, content []byte) []byte {
	if len(content) == 0 {
		return b
	}
	b = append(comma(b), '"')
	b = append(b, name...)
	b = append(b, `":[`...)
	return append(append(b, content...), ']')
}

// elements calls f with each element of a list and its index, until it fails.
func elements(list gjson.Result, f func(i int, v gjson.Result) error) error {
	var err error
	i := 0
	list.ForEach(func(_, v gjson.Result) bool {
		err = f(i, v)
		i++
		return err == nil
	})
	return err
}

// unsupported returns the refusal of a member.
func unsupported(field, why string) error { return &dialect.UnsupportedError{Field: field, Why: why} }

// indexed returns the name of an element of a list, such as tools[3].
func indexed(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// drops is the names of what is left out, each once.
type drops []string

func (d *drops) add(name string) {
	if !slices.Contains(*d, name) {
		*d = append(*d, name)
	}
}
