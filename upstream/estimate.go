package upstream

import (
	"net/http"
	"strconv"

	"github.com/mulligan-gateway/mulligan/llm"
)

// estimated answers how many tokens a request has for a target whose provider cannot count
// them. Nobody is called, so that it works while the target rests, and there is no attempt in
// the exchange; the target is named as the one that the answer is about.
//
// A request that chat cannot say is refused, and one that is damaged, too.
func (l *loop) estimated(target int) (*Reply, error) {
	payload, dropped, err := l.call.Body(target)
	if err != nil {
		return nil, err
	}
	if _, err := doors[llm.Messages].Question(payload.Bytes()); err != nil {
		return nil, l.unable(err) // the target could not answer it either
	}
	x := l.call.Exchange
	t := l.route.Targets[target]
	x.Dropped, x.Provider, x.Model = dropped, t.Provider.Name(), t.Model
	n := int64(0)
	if l.call.CountTokens != nil {
		n = l.call.CountTokens(payload)
	}
	b := append(strconv.AppendInt([]byte(`{"input_tokens":`), n, 10), '}')
	return &Reply{
		Status: http.StatusOK, Estimated: true, plain: b, whole: true,
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {strconv.Itoa(len(b))}},
	}, nil
}
