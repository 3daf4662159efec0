package upstream

import (
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
)

// resume asks the targets behind one whose stream has broken to go on from what it has said,
// and says whether one does. The client sees one stream: what is passed on from then on is
// the other's, under the id of the first.
func (r *Reply) resume() bool {
	l := r.attempt.loop
	if r.said == nil || r.fault.kind == kindCancelled || r.fault.timeout == errTimeout || r.watcher.Signs().Whole {
		return false
	}
	said, ok := r.said.Text()
	if !ok {
		return false
	}
	r.attempt.close() // its place and its span are not held while another goes on
	x := l.call.Exchange
	provider, model := x.Provider, x.Model
	for i := r.attempt.index + 1; i < len(l.route.Targets); i++ {
		next := l.resume(i, said)
		if l.context().Err() != nil {
			break
		}
		if next == nil {
			l.stopped = false // one that takes no beginning of an answer says nothing of the others
			continue
		}
		next.id = r.id
		if next.id == "" {
			next.id = r.watcher.Signs().ID
		}
		x.Continued++
		r.rest = next
		return true
	}
	x.Provider, x.Model = provider, model // who has answered as far as it came
	return false
}

// resume tries a target with a request whose answer has begun.
func (l *loop) resume(i int, said []byte) *Reply {
	t := l.route.Targets[i]
	if left, _ := t.resting(time.Now()); left > 0 || !t.Serves(l.call.Request.Endpoint) {
		return nil
	}
	payload, dropped, err := l.call.Body(i)
	if err != nil {
		return nil
	}
	body, ok := chat.ContinueRequest(payload.Bytes(), said)
	if !ok {
		return nil
	}
	l.call.Exchange.Dropped = dropped
	n := l.newRun(t, llm.Payload{ContentType: payload.ContentType, Parts: [][]byte{body}})
	if n.translate() != nil {
		return nil
	}
	reply := n.do()
	if reply != nil && !reply.Stream {
		reply.Close()
		return nil
	}
	return reply
}

// nextOfRest returns the next bytes of the stream that goes on with this one.
func (r *Reply) nextOfRest() ([]byte, error) {
	b, err := r.rest.Next()
	if len(b) > 0 && r.rest.rest == nil && r.rest.id != "" && r.rest.doorway == nil {
		b = chat.ContinueEvents(b, r.rest.id)
	}
	return b, err
}
