package llm

import (
	"encoding/json"
	"net/http"
	"time"
)

// Request is one request of a client, as far as Mulligan has read it. The body stays
// bytes: Doc says where its top-level members are, and whoever needs more looks there.
//
// A Request is not changed after ingress, and is used by one goroutine at a time.
type Request struct {
	Endpoint Endpoint
	// Time is when the request arrived. Rules see it as now.
	Time time.Time
	// TraceID is the id of the exchange that this request began.
	TraceID string

	// Doc is the body: a JSON object, or a multipart form (audio uploads).
	Doc Document
	// Model is the body's model, as the client wrote it.
	Model string
	// Stream says whether the client asked for a stream of events.
	Stream bool
	// WantsUsage says whether the client asked for usage in its stream
	// (stream_options.include_usage).
	WantsUsage bool

	// Context, Inputs and Metadata are JSON objects: the X-Deployment-* header merged over
	// the body's member of that name, key by key at the top level. Nil stands for {}.
	Context, Inputs, Metadata json.RawMessage

	// Prefix is a list of chat messages, JSON, that go behind a variant's system prompt and before
	// its other messages; nil for none. Only the Deployment API has it.
	Prefix json.RawMessage
	// Insists are the members of the body that beat the config's parameters, whatever it says.
	Insists []string

	// Header holds the client's headers as they came, credentials included. Nothing of it
	// is sent to a provider unless the provider's table of allowed headers names it.
	Header http.Header
	// Client says who sent the request.
	Client Client
}

// Client says who sent a request.
type Client struct {
	// ID is the id of Caddy's authenticated user, or "".
	ID string
	// IP is the client's address, without port.
	IP string
	// Authenticated says whether one of Caddy's authentication providers accepted the client.
	Authenticated bool
	// Claim looks up one claim of the authenticated user; nil when there are none.
	Claim func(name string) (any, bool)
}

// Payload is a body that is ready to be sent: slices that follow each other on the wire.
// Most of them are parts of the client's own body, so they must not be changed.
type Payload struct {
	// ContentType is the Content-Type header that goes with the body.
	ContentType string
	// Parts are the body's bytes in order.
	Parts [][]byte
}

// Len returns the payload's length in bytes.
func (p Payload) Len() int {
	n := 0
	for _, part := range p.Parts {
		n += len(part)
	}
	return n
}

// Bytes returns the payload in one new slice, for those who want to show it.
func (p Payload) Bytes() []byte {
	b := make([]byte, 0, p.Len())
	for _, part := range p.Parts {
		b = append(b, part...)
	}
	return b
}
