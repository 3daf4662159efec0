package fakellm

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Request is one request as the provider saw it.
type Request struct {
	Number   int    // 1 for the server's first
	Proto    string // HTTP/1.1 or HTTP/2.0
	Method   string
	Path     string
	Query    url.Values
	Header   http.Header
	Host     string
	Body     []byte
	Dialect  Dialect
	Endpoint llm.Endpoint // chat for Google's and Bedrock's paths; "" when the path is none of ours
	Time     time.Time    // when its body had been read

	form   map[string][]byte // fields and files of a multipart body
	model  string            // that the path names
	stream bool              // that the path asks for

	done      chan struct{}
	once      sync.Once
	cancelled chan struct{}
	left      time.Time
}

func readRequest(r *http.Request) (*Request, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	req := &Request{
		Proto:     r.Proto,
		Method:    r.Method,
		Path:      r.URL.Path,
		Query:     r.URL.Query(),
		Header:    r.Header.Clone(),
		Host:      r.Host,
		Body:      body,
		Time:      time.Now(),
		done:      make(chan struct{}),
		cancelled: make(chan struct{}),
	}
	req.address()
	req.form = parseForm(r.Header.Get("Content-Type"), body)
	return req, nil
}

// parseForm returns the parts of a multipart body, or nil for any other body.
func parseForm(contentType string, body []byte) map[string][]byte {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		return nil
	}
	form := make(map[string][]byte)
	parts := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	for {
		p, err := parts.NextPart()
		if err != nil {
			return form // io.EOF, or damage: what was readable is what a test can look at
		}
		b, err := io.ReadAll(p)
		if err != nil {
			return form
		}
		form[p.FormName()] = b
	}
}

func (r *Request) cancel() {
	r.once.Do(func() {
		r.left = time.Now()
		close(r.cancelled)
	})
}

// Done is closed when the provider has finished with the request, in whatever way.
func (r *Request) Done() <-chan struct{} { return r.done }

// Cancelled is closed when the client ends the request before the provider has answered it
// whole. It stays open for a request that was answered or that the provider broke itself.
func (r *Request) Cancelled() <-chan struct{} { return r.cancelled }

// WasCancelled says whether Cancelled is closed, and when that happened.
func (r *Request) WasCancelled() (time.Time, bool) {
	select {
	case <-r.cancelled:
		return r.left, true
	default:
		return time.Time{}, false
	}
}

// Get reads the JSON body by a gjson path such as "messages.0.content".
func (r *Request) Get(path string) gjson.Result { return gjson.GetBytes(r.Body, path) }

// Field returns a top-level member of the JSON body as text, or a field or file of the
// form; "" when there is none.
func (r *Request) Field(name string) string {
	if r.form != nil {
		return string(r.form[name])
	}
	return r.Get(gjson.Escape(name)).String()
}

// Model returns the model that the provider was asked for.
func (r *Request) Model() string { return cmp.Or(r.model, r.Field("model")) }

// Stream says whether a stream was asked for.
func (r *Request) Stream() bool { return r.stream || r.Field("stream") == "true" }

// WantsUsage says whether usage at the end of a stream was asked for.
func (r *Request) WantsUsage() bool { return r.Get("stream_options.include_usage").Bool() }

// Key returns the API key of the request.
func (r *Request) Key() string { return r.shape().key(r.Header) }

// openAIResults are the tool messages, or the outputs of calls, that are last.
func openAIResults(r *Request) (all []ToolResult) {
	if r.Endpoint == llm.Responses {
		for _, item := range slices.Backward(r.Get("input").Array()) {
			if item.Get("type").String() != "function_call_output" {
				break
			}
			all = append(all, ToolResult{ID: item.Get("call_id").String(), Text: textIn(item.Get("output"))})
		}
	} else {
		for _, m := range slices.Backward(r.Get("messages").Array()) {
			if m.Get("role").String() != "tool" {
				break
			}
			all = append(all, ToolResult{ID: m.Get("tool_call_id").String(), Text: textIn(m.Get("content"))})
		}
	}
	slices.Reverse(all)
	return all
}

// textIn returns a content that is a text, or a list of parts that are.
func textIn(content gjson.Result) string {
	if !content.IsArray() {
		return content.String()
	}
	var text strings.Builder
	for _, part := range content.Array() {
		text.WriteString(part.Get("text").String())
	}
	return text.String()
}
