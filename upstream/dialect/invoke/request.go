package invoke

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Request is a request of invoke, stream or get_config, taken apart.
type Request struct {
	// Key names the deployment.
	Key    string
	Stream bool
	// Body is the hub's request: messages and extra parameters.
	Body []byte
	// Prefix are the hub's messages that go behind the variant's system prompt and before its
	// other messages: a JSON list, or nil.
	Prefix json.RawMessage
	// Context, Inputs and Metadata are JSON objects, or nil. Metadata holds, beside the caller's
	// own members, identity, identity_tags, thread and thread_tags, as far as they were said.
	Context, Inputs, Metadata json.RawMessage
	// Insists names the extra parameters, which beat the variant's.
	Insists []string
	// IncludeUsage says that the reply is to say what was used.
	IncludeUsage bool
	// Mock is the answer to be given without asking anybody, nil for none.
	Mock *string
	// Ignored are members that were understood and not followed, or not known at all.
	Ignored []string
}

// reserved are the members of the hub's request that are no extra parameters, with what to do
// instead.
var reserved = map[string]string{
	"model":          "the deployment chooses the model",
	"messages":       "send messages or prefix_messages",
	"stream":         "call /v2/deployments/stream, or send stream beside extra_params",
	"stream_options": "send invoke_options.include_usage",
	"context":        "send context beside extra_params",
	"inputs":         "send inputs beside extra_params",
	"metadata":       "send metadata beside extra_params",
}

// notServed are members that ask for what Mulligan does not have. Leaving them out would answer
// another question than the one that was asked.
var notServed = map[string]string{
	"documents":        "put the text into a message",
	"file_ids":         "put the file's content into a message",
	"knowledge_filter": "there are no knowledge bases; put what was found into a message",
}

// Read takes a request apart. doc is its body, and stream says that a stream is asked for even
// when the body does not. Its errors are *llm.Error.
func Read(doc *llm.Document, stream bool) (*Request, error) {
	q := &Request{Stream: stream}
	var err error
	body := writer{b: []byte(`{"messages":[`)}
	if raw, ok := member(doc, "messages"); ok {
		if body.b, err = appendMessages(body.b, raw, "messages"); err != nil {
			return nil, err
		}
	}
	body.b = append(body.b, ']')
	for i := range doc.Members {
		m := &doc.Members[i]
		raw := doc.Raw[m.ValueStart:m.ValueEnd]
		if string(raw) == "null" {
			continue
		}
		if err := q.read(m.Name, raw, &body); err != nil {
			return nil, err
		}
	}
	if q.Key == "" {
		return nil, llm.NewError(llm.CodeDeploymentRequired,
			"The body lacks key, the deployment to be invoked. GET /v2/deployments lists those that there are.").WithParam("key")
	}
	if q.Stream {
		body.member("stream", []byte("true"))
	}
	q.Body = append(body.b, '}')
	return q, q.identify(doc)
}

// writer writes the members of an object behind others.
type writer struct{ b []byte }

func (w *writer) member(name string, value []byte) {
	w.b = append(w.b, ',')
	w.b = llm.AppendString(w.b, name)
	w.b = append(append(w.b, ':'), value...)
}

// read reads one member of the body.
func (q *Request) read(name string, raw []byte, body *writer) (err error) {
	switch name {
	case "messages", "identity", "thread":
		return nil // see Read and identify
	case "key":
		q.Key, err = text(name, raw)
	case "stream":
		var asked bool
		asked, err = truth(name, raw)
		q.Stream = q.Stream || asked
	case "prefix_messages":
		var list []byte
		if list, err = appendMessages([]byte{'['}, raw, name); err == nil && len(list) > 1 {
			q.Prefix = append(list, ']')
		}
	case "context":
		q.Context, err = object(name, raw)
	case "inputs":
		q.Inputs, err = object(name, raw)
	case "metadata":
		q.Metadata, err = object(name, raw)
	case "extra_params":
		err = q.extra(raw, body)
	case "invoke_options":
		err = q.options(raw)
	default:
		instead, known := notServed[name]
		switch {
		case !known:
			q.Ignored = append(q.Ignored, name)
		case !empty(raw):
			return llm.NewError(llm.CodeUnsupportedByProvider, fmt.Sprintf(
				"%s is not served here: %s.", name, instead)).WithParam(name)
		}
	}
	return err
}

// extra takes the extra parameters over.
func (q *Request) extra(raw []byte, body *writer) error {
	params, err := llm.ParseJSON(raw)
	if err != nil || raw[0] != '{' {
		return wrong("extra_params", "is not a JSON object")
	}
	for i := range params.Members {
		m := &params.Members[i]
		param := "extra_params." + m.Name
		if instead, ok := reserved[m.Name]; ok {
			return llm.NewError(llm.CodeInvalidJSON, fmt.Sprintf(
				"%s cannot be an extra parameter: %s.", m.Name, instead)).WithParam(param)
		}
		if known, ok := llm.Misspelled(m.Name); ok {
			return llm.NewError(llm.CodeInvalidJSON, fmt.Sprintf(
				"extra_params has the member %q. Spell it %q.", shorten(m.Name), known)).WithParam(param)
		}
		body.member(m.Name, params.Raw[m.ValueStart:m.ValueEnd])
		q.Insists = append(q.Insists, m.Name)
	}
	return nil
}

func (q *Request) options(raw []byte) error {
	if _, err := object("invoke_options", raw); err != nil {
		return err
	}
	options := gjson.ParseBytes(raw)
	q.IncludeUsage = options.Get("include_usage").Bool()
	if mock := options.Get("mock_response"); mock.Type == gjson.String {
		q.Mock = &mock.Str
	} else if mock.Exists() && mock.Type != gjson.Null {
		return wrong("invoke_options.mock_response", "is not a string")
	}
	if options.Get("include_retrievals").Bool() {
		q.Ignored = append(q.Ignored, "invoke_options.include_retrievals") // there never are any
	}
	return nil
}

// identify puts who asks and in which thread into the metadata, where rules and questions find
// it. Names, addresses and pictures stay out: they are not needed to tell one from another.
func (q *Request) identify(doc *llm.Document) error {
	said := writer{b: []byte{'{'}}
	for _, name := range [...]string{"identity", "thread"} {
		raw, ok := member(doc, name)
		if !ok {
			continue
		}
		if _, err := object(name, raw); err != nil {
			return err
		}
		v := gjson.ParseBytes(raw)
		id := v.Get("id")
		if id.Type != gjson.String || id.Str == "" {
			return wrong(name+".id", "is missing, or not a string")
		}
		said.member(name, []byte(id.Raw))
		if tags := v.Get("tags"); tags.IsArray() && !empty([]byte(tags.Raw)) {
			said.member(name+"_tags", []byte(tags.Raw))
		}
	}
	if len(said.b) == 1 {
		return nil
	}
	merged, err := llm.MergeObjects(q.Metadata, append(slices.Delete(said.b, 1, 2), '}'))
	if err != nil {
		return wrong("metadata", "cannot be read: "+err.Error())
	}
	q.Metadata = merged
	return nil
}

// member returns a member's value, and false when it is absent or null.
func member(doc *llm.Document, name string) ([]byte, bool) {
	raw, ok := doc.Get(name)
	return raw, ok && string(raw) != "null"
}

func text(name string, raw []byte) (string, error) {
	v := gjson.ParseBytes(raw)
	if v.Type != gjson.String {
		return "", wrong(name, "is not a string")
	}
	return v.Str, nil
}

func truth(name string, raw []byte) (bool, error) {
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, wrong(name, "is neither true nor false")
	}
}

func object(name string, raw []byte) (json.RawMessage, error) {
	if raw[0] != '{' {
		return nil, wrong(name, "is not a JSON object")
	}
	return raw, nil
}

// wrong returns the error of a member that is not what it should be.
func wrong(name, what string) *llm.Error {
	return llm.NewError(llm.CodeInvalidJSON, fmt.Sprintf("The body's %s %s.", name, what)).WithParam(name)
}

// empty says whether a value asks for nothing.
func empty(raw []byte) bool {
	v := gjson.ParseBytes(raw)
	switch {
	case v.IsArray():
		return len(v.Array()) == 0
	case v.IsObject():
		return len(v.Map()) == 0
	default:
		return v.Type == gjson.Null || v.Type == gjson.False || v.Type == gjson.String && v.Str == ""
	}
}

func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
