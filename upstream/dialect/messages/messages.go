// Package messages is Anthropic's Messages API, in both directions: New translates between
// chat, the hub, and a provider that speaks messages (Anthropic itself, Claude on Bedrock and
// on Vertex AI); NewFrontDoor translates between a client that speaks messages and the hub.
//
// Values are copied as the bytes they came in, so that numbers and texts stay what they are.
// What has no counterpart and changes what is asked is refused, as a *dialect.UnsupportedError; what
// is only a hint is left out and named in Dropped. Members that neither API is known to have
// are passed on: the provider refuses what it does not know, and names it.
//
// Sources: https://platform.claude.com/docs/en/api/messages (request and reply),
// https://platform.claude.com/docs/en/build-with-claude/streaming (events),
// https://platform.openai.com/docs/api-reference/chat.
package messages

import (
	"slices"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// translator implements dialect.Translator.
type translator struct {
	// now is the time that replies say they were made at, which messages do not say.
	now func() time.Time
}

// New returns what translates chat into messages, and replies back.
func New() dialect.Translator { return translator{time.Now} }

// frontDoor implements dialect.FrontDoor.
type frontDoor struct{}

// NewFrontDoor returns what translates messages into chat, and replies back. It serves
// POST /v1/messages.
func NewFrontDoor() dialect.FrontDoor { return frontDoor{} }

var (
	_ dialect.Translator = translator{}
	_ dialect.FrontDoor  = frontDoor{}
)

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

// stringOr returns a value as it stands when it is a string, else otherwise.
func stringOr(v gjson.Result, otherwise string) string {
	if v.Type == gjson.String {
		return v.Raw
	}
	return otherwise
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
