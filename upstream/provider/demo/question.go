package demo

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// question is a request, as far as the demo reads it.
type question struct {
	endpoint string // the path below the version
	body     gjson.Result
	model    string
	stream   bool   // that events are wanted, of an endpoint that has them
	text     string // of the last message, which echo repeats
}

// streaming are the endpoints that can answer with events.
var streaming = []string{"/chat/completions", "/completions", "/responses"}

func newQuestion(r *http.Request, body []byte) *question {
	_, endpoint, _ := strings.Cut(r.URL.Path, "/v1")
	q := &question{endpoint: endpoint}
	if kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		q.model = formField(multipart.NewReader(bytes.NewReader(body), params["boundary"]), "model")
		return q
	}
	q.body = gjson.ParseBytes(body)
	q.model = q.body.Get("model").String()
	q.stream = q.body.Get("stream").Bool() && slices.Contains(streaming, endpoint)
	q.text = lastText(q.body)
	return q
}

// formField returns a field of a form, "" when it is not there.
func formField(form *multipart.Reader, name string) string {
	for {
		part, err := form.NextRawPart()
		if err != nil {
			return ""
		}
		if part.FormName() == name && part.FileName() == "" {
			value, _ := io.ReadAll(part) // of a body that is in memory
			return string(value)
		}
	}
}

// lastText returns the text of the last message, input or prompt.
func lastText(body gjson.Result) string {
	for _, name := range []string{"messages", "input", "prompt", "query"} {
		v := body.Get(name)
		switch {
		case !v.Exists():
			continue
		case !v.IsArray():
			return v.String()
		}
		return contentText(last(v))
	}
	return ""
}

// last returns the last item of a list.
func last(list gjson.Result) gjson.Result {
	var item gjson.Result
	list.ForEach(func(_, v gjson.Result) bool {
		item = v
		return true
	})
	return item
}

// contentText returns the text of a message, of an item of the Responses API, or of a prompt
// that is not in a message.
func contentText(item gjson.Result) string {
	content := item.Get("content")
	switch {
	case !item.IsObject():
		return item.String()
	case !content.Exists():
		return item.Get("output").String() // of a tool, in the Responses API
	case !content.IsArray():
		return content.String()
	}
	var texts []string
	content.ForEach(func(_, part gjson.Result) bool {
		if text := part.Get("text"); text.Exists() {
			texts = append(texts, text.String())
		}
		return true
	})
	return strings.Join(texts, "\n")
}

// sentence is what the demo says.
func (q *question) sentence() string {
	switch q.model {
	case "echo":
		return q.text
	case "empty":
		return ""
	default:
		return fmt.Sprintf("This is %s of the built-in demo. You said: %s", q.model, q.text)
	}
}

// words counts words, which the demo calls tokens.
func words(text string) int { return len(strings.Fields(text)) }

// promptWords counts the words of everything that the request says.
func (q *question) promptWords() int {
	n := words(q.body.Get("instructions").String())
	for _, name := range []string{"messages", "input", "prompt"} {
		v := q.body.Get(name)
		if !v.IsArray() {
			n += words(v.String())
			continue
		}
		v.ForEach(func(_, item gjson.Result) bool {
			n += words(contentText(item))
			return true
		})
	}
	return n
}
