package upstream

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
)

// Reply is a provider's reply whose first meaningful output is in hand: the commit point. It
// must be closed.
type Reply struct {
	// Status and Header are what the client gets.
	Status int
	Header http.Header
	// Stream says that the reply is a stream of events, to be flushed as they come.
	Stream bool
	// Estimated says that no provider was called for it: the reply is an estimate of ours.
	Estimated bool

	attempt *attempt
	body    io.ReadCloser
	watcher dialect.Watcher
	// plain is a reply that is whole, or the first bytes of one that is neither JSON nor a
	// stream; buffer is what it was read into.
	plain  []byte
	buffer *[]byte
	whole  bool
	events events
	event  dialect.Event // that is looked at; here, so that it is not allocated each time
	// fault ends the reply once what is ready has been passed on.
	fault *fault
	// translation is what events come through when the provider speaks another dialect.
	translation *translation
	// doorway is what ready events go through when the client speaks another dialect.
	doorway *doorway

	// said is what the stream has said, nil when nobody may go on with it; rest is the reply
	// that goes on with this one, and id the id that its chunks get.
	said *chat.Said
	rest *Reply
	id   string
}

// Next returns the next bytes for the client, valid until the call after it. With the last of
// them, or behind them, it returns io.EOF, and is not to be called again; a reply that breaks
// returns another error, an *llm.Error, after what had come before it.
func (r *Reply) Next() ([]byte, error) {
	switch {
	case r.rest != nil:
		return r.nextOfRest()
	case r.Stream:
		return r.nextEvents()
	}
	if r.plain != nil {
		b := r.plain
		r.plain = nil
		return b, nil
	}
	if r.whole {
		return nil, io.EOF
	}
	return r.nextBytes()
}

// Incremental says that what Next returns is to be flushed, since there is more to come.
func (r *Reply) Incremental() bool { return r.Stream || !r.whole }

// nextBytes reads more of a reply that is passed on as it is.
func (r *Reply) nextBytes() ([]byte, error) {
	a := r.attempt
	start := time.Now()
	a.dog.next(start, a.loop.policy().Idle, errIdle)
	a.dog.resume()
	n, err := r.body.Read(*r.buffer)
	a.dog.pause()
	a.loop.call.Exchange.UpstreamTime += time.Since(start)
	if err == nil || errors.Is(err, io.EOF) {
		r.whole = err != nil
		return (*r.buffer)[:n], err
	}
	r.fault = a.faultOf(err, phaseStream)
	return (*r.buffer)[:n], r.broken()
}

// nextEvents returns all whole events that are there, and waits for more when there is none.
func (r *Reply) nextEvents() ([]byte, error) {
	for {
		for ok := true; ok; {
			r.run()
			_, ok = r.one()
		}
		if b := r.events.take(); len(b) > 0 {
			if r.doorway != nil {
				b, r.fault = r.passOut(b)
			}
			switch {
			case len(b) == 0:
			case r.events.eof && r.fault == nil:
				return r.end(b)
			default:
				return b, nil
			}
		}
		switch {
		case r.fault != nil && r.resume():
			return r.nextOfRest()
		case r.fault != nil:
			return nil, r.broken()
		case r.events.eof:
			return r.end(nil)
		}
		r.read()
	}
}

// end returns the last bytes, with what the end of the stream lacks, and io.EOF.
func (r *Reply) end(last []byte) ([]byte, error) {
	if r.doorway != nil {
		return r.doorway.to.End(last), io.EOF
	}
	return r.watcher.AppendEnd(last), io.EOF
}

// passOut returns ready events as the client's dialect has them.
func (r *Reply) passOut(hub []byte) ([]byte, *fault) {
	b, err := r.doorway.pass(hub)
	if err != nil {
		return b, r.attempt.faultOf(err, r.attempt.phase)
	}
	return b, r.fault
}

// one looks at the next event and makes it ready. It says whether the event has meaningful
// output, and ok is false when no event is whole, or the next is a fault.
func (r *Reply) one() (output, ok bool) {
	if r.fault != nil {
		return false, false
	}
	s := &r.events
	raw, ok := s.next()
	if !ok {
		if s.eof && !r.watcher.Signs().Whole {
			r.fault = &fault{phase: r.attempt.phase, kind: kindBroken, cause: io.ErrUnexpectedEOF}
		}
		return false, false
	}
	if raw.dataLines == 0 { // a comment, or a sign of life
		s.accept(&raw)
		return false, true
	}
	e := &r.event
	*e = dialect.Event{Name: raw.name, Data: raw.data}
	if err := r.watcher.Event(e); err != nil {
		r.fault = r.attempt.faultOf(err, r.attempt.phase)
		return false, false
	}
	if r.said != nil {
		r.said.Add(e.Data)
	}
	switch {
	case e.Drop:
		s.drop(&raw)
	case e.CutFrom < e.CutTo && raw.dataLines == 1:
		s.cut(raw.dataAt+e.CutFrom, raw.dataAt+e.CutTo)
		s.accept(&raw)
	default:
		s.accept(&raw)
	}
	return e.Output, true
}

// run makes events ready that the watcher can read several at once of.
func (r *Reply) run() {
	w, ok := r.watcher.(dialect.Runner)
	if !ok || r.said != nil || r.fault != nil {
		return
	}
	s := &r.events
	if n := w.Run(s.buf[s.at:s.end]); n > 0 {
		s.keep(s.at + n)
		s.line, s.scan = s.at, s.at
	}
}

// lastWait is how long the end of the connection is waited for behind the last event.
const lastWait = time.Second

// read reads more of the stream, and notes a fault when it cannot.
func (r *Reply) read() {
	a := r.attempt
	if a.phase != phaseStream { // the attempt itself bounds and counts all of its time
		if err := r.events.read(); err != nil {
			r.fault = a.faultOf(err, a.phase)
		}
		return
	}
	start, last := time.Now(), r.watcher.Signs().Last
	if last {
		a.dog.hurry(start, lastWait, errIdle)
	} else {
		a.dog.next(start, a.loop.policy().Idle, errIdle)
	}
	a.dog.resume()
	err := r.events.read()
	a.dog.pause()
	a.loop.call.Exchange.UpstreamTime += time.Since(start)
	switch {
	case err == nil:
	case last:
		r.events.eof = true // nothing is missing but the end of the connection
	default:
		r.fault = a.faultOf(err, a.phase)
	}
}

// broken returns the fault as what the client is told inside a reply that has begun.
func (r *Reply) broken() error {
	e := llm.NewError(llm.CodeStreamInterrupted, "The model's answer broke off. What came before is not whole; ask again.")
	if r.fault.kind == kindReported {
		e.Message = "The model's answer broke off: " + r.attempt.target.scrub(r.fault.said.Error().Message, r.attempt.host)
	}
	return e.WithCause(r.fault)
}

// ErrorEvent returns the event that ends the stream with an error, in the client's dialect.
func (r *Reply) ErrorEvent(e *llm.Error) []byte {
	if r.doorway != nil {
		if numbered, ok := r.doorway.to.(interface {
			AppendError(b []byte, e *llm.Error) []byte
		}); ok {
			return numbered.AppendError(nil, e) // it goes on counting where the stream was
		}
		return ErrorEvent(r.attempt.loop.call.Request.Endpoint, e)
	}
	return r.watcher.AppendError(nil, e)
}

// Close ends the provider's request, if it still runs, and closes its account.
func (r *Reply) Close() {
	if r.rest != nil {
		r.rest.Close()
	}
	if r.attempt == nil {
		return // an estimate
	}
	r.attempt.close()
	_ = r.body.Close() // nothing more is read of it
	r.release()
}

// release gives the reply's buffer back.
func (r *Reply) release() {
	if r.translation != nil {
		r.translation.release()
		r.translation = nil
	}
	r.events.release()
	if r.buffer != nil {
		putBuffer(r.buffer)
		r.buffer, r.plain = nil, nil
	}
}
