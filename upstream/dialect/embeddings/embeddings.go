// Package embeddings is OpenAI's form of embeddings, the hub of that endpoint: reading its
// requests for dialects that put them differently (Read), writing its replies (Reply), and
// turning vectors from one encoding into the other (Encode).
//
// OpenAI's clients ask for base64 unless they are told otherwise, and take what comes for
// that without looking, so that a list of numbers becomes an empty vector: whoever answers
// must answer in the encoding that was asked for.
//
// Source: https://platform.openai.com/docs/api-reference/embeddings.
package embeddings

import (
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Request is a request for the embeddings of texts.
type Request struct {
	// Texts are the inputs in their order, each a JSON string.
	Texts []string
	// Dimensions is how long the vectors are to be, a JSON number; "" when the request does
	// not say.
	Dimensions string
	// Own are the vendor's own members of the request, by the names that Read was given.
	Own map[string]gjson.Result
	// Dropped lists the members that nobody has a word for.
	Dropped []string
}

// Read reads a request for a vendor that takes texts, called by its name in what is refused.
// own names members of the vendor's own that clients may send. Its error is an
// *dialect.UnsupportedError for inputs that are no texts, such as tokens, and an *llm.Error for
// a request without input.
func Read(body []byte, vendor string, own ...string) (*Request, error) {
	r := &Request{Own: make(map[string]gjson.Result, len(own))}
	var input gjson.Result
	var err error
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		switch {
		case name.Str == "model", name.Str == "stream", value.Type == gjson.Null:
		case name.Str == "input":
			input = value
		case name.Str == "dimensions":
			if value.Type != gjson.Number {
				err = &dialect.UnsupportedError{Field: "dimensions", Why: "is not a number"}
			}
			r.Dimensions = value.Raw
		case name.Str == "encoding_format":
			if !Format(value.Str).known() {
				err = &dialect.UnsupportedError{Field: "encoding_format", Why: "must be float or base64 where " + vendor + " answers"}
			}
		case slices.Contains(own, name.Str):
			r.Own[name.Str] = value
		default:
			r.Dropped = append(r.Dropped, name.String())
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	return r, r.read(input, vendor)
}

// read reads the input: a text or a list of texts. A list of numbers, or of such lists, is
// tokens of OpenAI's, which mean nothing to another vendor.
func (r *Request) read(input gjson.Result, vendor string) error {
	if input.Type == gjson.String {
		r.Texts = []string{input.Raw}
		return nil
	}
	var err error
	if input.IsArray() {
		input.ForEach(func(_, v gjson.Result) bool {
			field := "input[" + strconv.Itoa(len(r.Texts)) + "]"
			switch {
			case v.Type == gjson.String:
				r.Texts = append(r.Texts, v.Raw)
			case v.Type == gjson.Number, v.IsArray():
				err = &dialect.UnsupportedError{Field: "input", Why: "is tokens, and " + vendor + " takes texts"}
			default:
				err = &dialect.UnsupportedError{Field: field, Why: "is not a text, and " + vendor + " takes texts"}
			}
			return err == nil
		})
	}
	if err == nil && len(r.Texts) == 0 {
		return llm.NewError(llm.CodeInvalidJSON, "The body lacks input, which is a text or a list of texts.").WithParam("input")
	}
	return err
}

// Reply is a reply while it is written.
type Reply struct {
	b []byte
	n int
}

// NewReply begins a reply of about as many bytes.
func NewReply(size int) *Reply {
	return &Reply{b: append(make([]byte, 0, size+256), `{"object":"list","data":[`...)}
}

// Add adds the vector of the next text, a JSON list of numbers. Its error is
// dialect.ErrMalformed for anything else.
func (r *Reply) Add(vector gjson.Result) error {
	if !isVector(vector.Raw) {
		return dialect.ErrMalformed
	}
	if r.n > 0 {
		r.b = append(r.b, ',')
	}
	r.b = strconv.AppendInt(append(r.b, `{"object":"embedding","index":`...), int64(r.n), 10)
	r.b = append(append(append(r.b, `,"embedding":`...), vector.Raw...), '}')
	r.n++
	return nil
}

// End ends the reply and returns it. The tokens that the texts had are a JSON number; where the
// vendor has not said them, the reply does not either. A reply without a vector is malformed.
func (r *Reply) End(model string, tokens gjson.Result) ([]byte, error) {
	if r.n == 0 {
		return nil, dialect.ErrMalformed
	}
	b := llm.AppendString(append(r.b, `],"model":`...), model)
	if n := tokens.Num; tokens.Type == gjson.Number && n >= 0 && n < maxCount {
		b = strconv.AppendInt(append(b, `,"usage":{"prompt_tokens":`...), int64(n), 10)
		b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(n), 10)
		b = append(b, '}')
	}
	return append(b, '}'), nil
}

// maxCount is the most tokens that are believed, as in dialect.Usage.
const maxCount = 1 << 40
