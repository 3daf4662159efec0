package provider

import (
	"net/http"
	"net/url"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Family is those of a vendor's models that are asked in another way than the rest, such as
// Claude at a cloud. Its fields mean what a Vendor's do.
type Family struct {
	// Has says whether a model is of the family, by its id.
	Has func(model string) bool
	// Endpoints are those that the vendor serves for the family.
	Endpoints []llm.Endpoint
	// Dialects, Paths and ModelPaths say how and where they are asked.
	Dialects, Paths map[llm.Endpoint]string
	ModelPaths      map[llm.Endpoint]ModelPath
	// Streams is the media type of the family's streams, "" for server-sent events.
	Streams string
	// Header are headers that every request for the family has.
	Header http.Header
	// Wire returns a model's id as requests have it, where that is not the id in the config; nil
	// leaves it.
	Wire func(model string) string
	// Bodies make a JSON body, in the dialect that the vendor is asked in, what this vendor wants
	// of it. The model is as Wire says it.
	Bodies map[llm.Endpoint]func(body []byte, model string) ([]byte, error)
}

// ModelPath returns where a model is asked below the base URL, and the query. Whatever an id
// holds, it stays one segment of the path.
type ModelPath = func(model string, stream bool) (path, query string)

// family returns how all models are asked that are of no family of their own.
func (v *Vendor) family() Family {
	return Family{
		Endpoints: v.Endpoints, Dialects: v.Dialects, Paths: v.Paths, ModelPaths: v.ModelPaths, Streams: v.Streams, Wire: v.Wire,
	}
}

// path returns where an endpoint is below the vendor's base URL.
func (f *Family) path(e llm.Endpoint) string {
	if path, ok := f.Paths[e]; ok {
		return path
	}
	return e.Path()
}

// asked is a family as an account asks it: with its URLs.
type asked struct {
	Family
	urls map[llm.Endpoint]*url.URL
	// requests are what all requests to an endpoint have in common, and headers those of requests
	// with a JSON body: of each key, in the account's order, one for plain replies and one for
	// streams.
	requests map[llm.Endpoint]*http.Request
	headers  []http.Header
}

// newAsked makes the URL of every endpoint from the base.
func newAsked(f Family, base *url.URL) *asked {
	a := &asked{
		Family: f, urls: make(map[llm.Endpoint]*url.URL, len(f.Endpoints)),
		requests: make(map[llm.Endpoint]*http.Request, len(f.Endpoints)),
	}
	for _, e := range f.Endpoints {
		a.urls[e] = base
		if f.ModelPaths[e] == nil {
			a.urls[e] = base.JoinPath(f.path(e))
		}
		a.requests[e] = &http.Request{
			Method: http.MethodPost, URL: a.urls[e], Host: base.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}
	}
	return a
}

// of returns how a model is asked.
func (p *Provider) of(model string) *asked {
	last := len(p.families) - 1
	for _, a := range p.families[:last] {
		if a.Has(model) {
			return a
		}
	}
	return p.families[last]
}

// wire returns a model's id as requests have it.
func (a *asked) wire(model string) string {
	if a.Wire == nil {
		return model
	}
	return a.Wire(model)
}

// Serves says whether the vendor has the endpoint for a model.
func (p *Provider) Serves(e llm.Endpoint, model string) bool { return p.of(model).urls[e] != nil }

// Dialect returns the name of the dialect in which the vendor speaks of an endpoint for a model,
// "" for OpenAI's, or, at an endpoint of another API, for that one's own.
func (p *Provider) Dialect(e llm.Endpoint, model string) string { return p.of(model).Dialects[e] }

// WireModel returns a model's id as the vendor's requests have it: the name of a deployment of
// Azure's, or an id without its publisher.
func (p *Provider) WireModel(model string) string { return p.of(model).wire(model) }

// Adapt returns a payload in the dialect that the vendor speaks as this vendor wants it. It
// leaves payloads alone that are no JSON.
func (p *Provider) Adapt(e llm.Endpoint, model string, payload llm.Payload) (llm.Payload, error) {
	a := p.of(model)
	adapt := a.Bodies[e]
	if adapt == nil || payload.ContentType != "application/json" {
		return payload, nil
	}
	body, err := adapt(payload.Bytes(), a.wire(model))
	if err != nil {
		return llm.Payload{}, err
	}
	return llm.Payload{ContentType: payload.ContentType, Parts: [][]byte{body}}, nil
}
