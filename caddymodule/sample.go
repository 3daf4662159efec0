package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// sample is a request as operators write it in an expectation or on the command line: a
// request body, in which context, inputs and metadata stand as members, and beside them
// what a body cannot hold.
type sample struct {
	// Endpoint is the endpoint that is called; chat when empty.
	Endpoint string `json:"endpoint"`
	// Headers are request headers.
	Headers map[string]string `json:"headers"`
	// Client says who sends the request.
	Client struct {
		ID     string         `json:"id"`
		IP     string         `json:"ip"`
		Claims map[string]any `json:"claims"`
	} `json:"client"`
	// Now is the time of the request, RFC 3339; the present when empty.
	Now string `json:"now"`
	// Resting are targets or providers for which healthy() is false.
	Resting []string `json:"resting"`
}

// sampleMembers are the members that are the sample's own and not the body's.
var sampleMembers = []string{"endpoint", "headers", "client", "now", "resting"}

// sampleRequest makes a request of a sample's JSON, and the answer to healthy() that goes
// with it.
func sampleRequest(raw []byte) (*llm.Request, func(string) bool, error) {
	doc, err := llm.ParseJSON(raw)
	if err != nil {
		return nil, nil, err
	}
	own, body := splitMembers(&doc, sampleMembers)
	var s sample
	dec := json.NewDecoder(bytes.NewReader(own))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return nil, nil, err
	}
	req := &llm.Request{Endpoint: llm.Chat, Time: time.Now(), TraceID: "sample"}
	if s.Endpoint != "" {
		req.Endpoint = llm.Endpoint(s.Endpoint)
	}
	if req.Endpoint.Path() == "" {
		return nil, nil, fmt.Errorf("endpoint %q: the endpoints are %v", s.Endpoint, llm.Endpoints())
	}
	if s.Now != "" {
		if req.Time, err = time.Parse(time.RFC3339, s.Now); err != nil {
			return nil, nil, fmt.Errorf("now: %w", err)
		}
	}
	r := &http.Request{Header: make(http.Header, len(s.Headers))}
	for name, value := range s.Headers {
		r.Header.Set(name, value)
	}
	if err := readRequest(req, r, body); err != nil {
		return nil, nil, err
	}
	req.Client = llm.Client{ID: s.Client.ID, IP: s.Client.IP, Authenticated: s.Client.ID != "",
		Claim: func(name string) (any, bool) { v, ok := s.Client.Claims[name]; return v, ok }}
	return req, restingExcept(s.Resting), nil
}

// restingExcept returns a healthy() that is false for the names given and the models of
// the providers given.
func restingExcept(resting []string) func(string) bool {
	return func(target string) bool {
		for _, name := range resting {
			if target == name || len(target) > len(name) && target[:len(name)] == name && target[len(name)] == '/' {
				return false
			}
		}
		return true
	}
}

// splitMembers returns two JSON objects: the members of doc with the names given, and the
// others.
func splitMembers(doc *llm.Document, names []string) (own, rest []byte) {
	own, rest = []byte{'{'}, []byte{'{'}
	for i := range doc.Members {
		m := &doc.Members[i]
		to := &rest
		for _, name := range names {
			if m.Name == name {
				to = &own
			}
		}
		if len(*to) > 1 {
			*to = append(*to, ',')
		}
		*to = llm.AppendString(*to, m.Name)
		*to = append(*to, ':')
		*to = append(*to, doc.Raw[m.ValueStart:m.ValueEnd]...)
	}
	return append(own, '}'), append(rest, '}')
}
