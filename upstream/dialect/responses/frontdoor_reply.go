package responses

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// Answer implements dialect.FrontDoor. Its error is dialect.ErrMalformed, or a
// *dialect.ReportedError for a reply that is an error. Of several choices the first counts.
//
// A plain answer goes the way of a stream of one chunk, so that both say the same.
func (frontDoor) Answer(body []byte) ([]byte, error) {
	s := &events{plain: true}
	if err := dialect.Read(&s.doc, body); err != nil {
		return nil, err
	}
	choice := gjson.GetBytes(body, "choices.0")
	message := choice.Get("message")
	if !message.IsObject() {
		return nil, dialect.ErrMalformed
	}
	hub.ReadUsage(&s.doc, &s.usage)
	s.begin(nil)
	s.say(nil, message, choice.Get("logprobs.content"))
	s.finish = choice.Get("finish_reason").Str
	s.closeAll(nil)
	return s.appendResponse(make([]byte, 0, len(body)+1024), s.status()), nil
}

// head is what a response says of itself in each of its events, as JSON.
type head struct {
	id, model, created, tier string
	// tail is what the ids of its items have in common.
	tail string
}

// readHead reads it from a reply of the hub's, or a chunk.
func readHead(doc *llm.Document) head {
	get := func(name string) gjson.Result {
		raw, _ := doc.Get(name)
		return gjson.ParseBytes(raw)
	}
	h := head{model: hub.StringOr(get("model"), `""`), created: "0", tier: hub.StringOr(get("service_tier"), "null")}
	if created := get("created"); created.Type == gjson.Number {
		h.created = created.Raw
	}
	h.tail = strings.TrimPrefix(hub.Inside(get("id")), "resp_")
	h.id = `"resp_` + h.tail + `"`
	return h
}

// Statuses of a response and of its items.
const (
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
	failed     = "failed"
)

// status is the status of a response that has ended.
func (s *events) status() string {
	if s.finish == "length" || s.finish == "content_filter" {
		return incomplete
	}
	return completed
}

// appendResponse appends the response object. What it echoes of a request is what OpenAI says
// where nothing was asked: the translation of a reply does not know the request.
// Source: https://platform.openai.com/docs/api-reference/responses/object.
func (s *events) appendResponse(b []byte, status string) []byte {
	b = append(append(b, `{"id":`...), s.head.id...)
	b = append(append(b, `,"object":"response","created_at":`...), s.head.created...)
	b = append(append(b, `,"status":"`...), status...)
	b = append(b, `","background":false,"error":`...)
	if status == failed {
		b = append(append(b, `{"code":`...), s.failure...)
		b = append(b, '}')
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"incomplete_details":`...)
	switch {
	case status != incomplete:
		b = append(b, "null"...)
	case s.finish == "content_filter":
		b = append(b, `{"reason":"content_filter"}`...)
	default:
		b = append(b, `{"reason":"max_output_tokens"}`...)
	}
	b = append(b, `,"instructions":null,"max_output_tokens":null,"max_tool_calls":null,"model":`...)
	b = append(append(b, s.head.model...), `,"output":[`...)
	if status != inProgress {
		for i, o := range s.output {
			b = o.append(hub.Comma(b), s.head.tail, s.itemStatus(i, status))
		}
	}
	b = append(b, `],"parallel_tool_calls":true,"previous_response_id":null,"prompt_cache_key":null,`+
		`"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"service_tier":`...)
	b = append(append(b, s.head.tier...), `,"store":false,"temperature":1,"text":{"format":{"type":"text"}},`+
		`"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1,"truncation":"disabled","usage":`...)
	if status == inProgress {
		b = append(b, "null"...)
	} else {
		b = appendUsage(b, s.usage)
	}
	return append(b, `,"user":null,"metadata":{}}`...)
}

// itemStatus is the status of an item of a response that has ended: the last one of a response
// that is incomplete is so itself.
func (s *events) itemStatus(i int, status string) string {
	if status != completed && i == len(s.output)-1 {
		return incomplete
	}
	return completed
}
