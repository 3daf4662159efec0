package upstream

import (
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// way is how a request to an endpoint gets to a provider: as it is, or by way of the hub.
type way struct {
	// endpoint is the provider's that is called.
	endpoint llm.Endpoint
	// door is what the client speaks when it is neither the hub nor what the provider speaks.
	door dialect.FrontDoor
	// exit is what the client is answered in when it is not what it was asked in: the door, or
	// the call's own.
	exit dialect.Exit
	// to is what the provider speaks when it is not what it is asked in.
	to dialect.Plain
	// estimated says that nobody is called: the provider cannot count tokens, and we estimate.
	estimated bool
}

// way returns how the target is asked what comes in at an endpoint, and false when it cannot
// be asked that.
func (t *Target) way(e llm.Endpoint) (way, bool) {
	if e == llm.Chat {
		return t.chat.way, t.chat.ok
	}
	return t.findWay(e)
}

func (t *Target) findWay(e llm.Endpoint) (way, bool) {
	if t.Provider.Serves(e, t.Model) {
		return way{endpoint: e, to: t.translator(e)}, true
	}
	if e == llm.CountTokens {
		return way{estimated: true}, t.Serves(llm.Messages)
	}
	door := doors[e]
	if door == nil || !t.Provider.Serves(llm.Chat, t.Model) {
		return way{}, false
	}
	return way{endpoint: llm.Chat, door: door, exit: door, to: t.translator(llm.Chat)}, true
}

// Serves says whether the target can be asked what comes in at an endpoint.
func (t *Target) Serves(e llm.Endpoint) bool {
	_, ok := t.way(e)
	return ok
}

// Translate returns a request's payload in the dialect that the target's provider speaks, and
// the members of the request that this dialect has no word for. Its error is a
// *dialect.UnsupportedError when the dialect cannot say what the request needs, or an *llm.Error
// for a request that is damaged.
func (t *Target) Translate(q *llm.Request, p llm.Payload) (llm.Payload, []string, error) {
	w, _ := t.way(q.Endpoint)
	p, dropped, err := t.translate(w, q, p)
	if err != nil {
		return llm.Payload{}, nil, err
	}
	if err := t.takes(w, p); err != nil {
		return llm.Payload{}, nil, err
	}
	p, err = t.Provider.Adapt(w.endpoint, t.Model, p)
	return p, dropped, err
}

// takes refuses media by address in a request that passes as it is to a platform whose models take
// only bytes (source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
// Where a request is translated, the dialect refuses them.
func (t *Target) takes(w way, p llm.Payload) error {
	if w.door != nil || w.to != nil || w.endpoint != llm.Messages || t.Provider.Kind() != provider.KindBedrock {
		return nil
	}
	if all := mediaIn(llm.Messages, p.Bytes()); len(all) > 0 {
		return &dialect.UnsupportedError{Field: all[0].field, Why: "is an address, and Amazon Bedrock takes only bytes; send a base64 source"}
	}
	return nil
}

func (t *Target) translate(w way, q *llm.Request, p llm.Payload) (llm.Payload, []string, error) {
	if w.door == nil && w.to == nil {
		return p, nil, nil
	}
	body := p.Bytes()
	var dropped []string
	if w.door != nil {
		asked, err := w.door.Question(body)
		if err != nil {
			return llm.Payload{}, nil, err
		}
		body, dropped = asked.Body, asked.Dropped
	}
	if w.to != nil {
		question := dialect.Question{Body: body, Model: t.Model, Stream: q.Stream}
		if t.Entry != nil {
			question.MaxOutput = t.Entry.MaxOutput
		}
		said, err := w.to.Request(question)
		if err != nil {
			return llm.Payload{}, nil, err
		}
		body, dropped = said.Body, append(dropped, said.Dropped...)
	}
	return llm.Payload{ContentType: "application/json", Parts: [][]byte{body}}, dropped, nil
}

// doorway turns the hub's stream into the client's, as it is passed on.
type doorway struct {
	to  dialect.Stream
	out []byte
}

// pass returns whole events of the hub as the client's. Their errors are faults of ours: the
// hub's events have been looked at before.
func (d *doorway) pass(hub []byte) ([]byte, error) {
	d.out = d.out[:0]
	s := events{buf: hub, end: len(hub)}
	for {
		e, ok := s.next()
		if !ok {
			return d.out, nil
		}
		if e.dataLines == 0 {
			d.out = append(d.out, hub[s.at:e.to]...)
		} else {
			var err error
			if d.out, err = d.to.Event(d.out, e.name, e.data); err != nil {
				return d.out, err
			}
		}
		s.accept(&e)
	}
}
