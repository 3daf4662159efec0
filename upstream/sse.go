package upstream

import (
	"bytes"
	"errors"
	"io"
)

// maxEvent is the largest event of a stream, in bytes. Images come in events of a few
// megabytes.
const maxEvent = 16 << 20

// errTooLong is returned for an event of more than maxEvent, or a reply of more than maxReply.
var errTooLong = errors.New("the provider sends more than Mulligan takes")

// events cuts a stream of server-sent events at their borders, in the buffer that it was
// read into (source: https://html.spec.whatwg.org/multipage/server-sent-events.html, section
// 9.2.6). In the buffer stand one behind the other: what has been passed on, what is ready to
// be passed on, and what has not been accepted yet.
type events struct {
	src   io.Reader
	buf   []byte
	room  *[]byte // that buf is, of the pools; nil where buf is somebody else's
	full  bool    // the last read filled buf: there is more than it takes
	ready int     // begin of what is ready
	out   int     // end of what is ready; before at when something has been taken out
	at    int     // begin of the event that is looked at
	line  int     // begin of the line of that event that is looked at
	scan  int     // up to here that line has no end
	end   int     // end of what has been read
	eof   bool
	// joined is the data of an event that has several lines of it.
	joined []byte
}

// rawEvent is a whole event. The slices are parts of the buffer, or joined.
type rawEvent struct {
	name, data []byte
	dataLines  int
	dataAt     int // where data is in the buffer, for one line of it
	to         int // behind the event's blank line
}

// newEvents returns the events of a stream that nothing has been read of. They have to be
// released.
func newEvents(src io.Reader) events {
	room := getBuffer(true)
	return events{src: src, buf: *room, room: room}
}

// next returns the event behind what is ready, and false when it is not whole yet. It is
// returned again until it is accepted or dropped.
func (s *events) next() (rawEvent, bool) {
	if s.at == s.end {
		return rawEvent{}, false // nothing is left
	}
	if e, ok := s.plain(); ok {
		return e, true
	}
	to, ok := s.border()
	if !ok {
		return rawEvent{}, false
	}
	return s.parse(to), true
}

// plain returns the event behind what is ready when it is written as nearly all are: a name or
// none, one line of data and a blank one, each ended by LF. Then there is no need to look for its
// border first and for its fields after that. An event that has been looked at before is left
// alone, so that a large one is not looked through with every piece of it that arrives.
func (s *events) plain() (e rawEvent, ok bool) {
	if s.scan != s.at {
		return e, false
	}
	b := s.buf[s.at:s.end]
	at := 0
	if bytes.HasPrefix(b, eventField) {
		n := bytes.IndexByte(b, '\n')
		if n < 0 {
			return e, false
		}
		e.name, at = b[len(eventField):n], n+1
	}
	if !bytes.HasPrefix(b[at:], dataField) {
		return e, false
	}
	at += len(dataField)
	n := bytes.IndexByte(b[at:], '\n')
	if n < 0 {
		return e, false
	}
	if end := at + n; end+1 == len(b) || b[end+1] != '\n' || bytes.IndexByte(b[:end], '\r') >= 0 {
		return e, false
	}
	e.data, e.dataLines, e.dataAt, e.to = b[at:at+n], 1, s.at+at, s.at+at+n+2
	return e, true
}

var eventField, dataField = []byte("event: "), []byte("data: ")

// keep makes ready what is there up to an offset.
func (s *events) keep(to int) {
	if s.out == s.at {
		s.out = to
	} else {
		s.out += copy(s.buf[s.out:], s.buf[s.at:to])
	}
	s.at = to
}

// accept makes the event ready to be passed on.
func (s *events) accept(e *rawEvent) {
	s.keep(e.to)
	s.line, s.scan = e.to, e.to
}

// drop takes the event out of the stream.
func (s *events) drop(e *rawEvent) { s.at, s.line, s.scan = e.to, e.to, e.to }

// cut takes out bytes of the event that is looked at, which has to be accepted then.
func (s *events) cut(from, to int) {
	s.keep(from)
	s.at = to
}

// take returns what is ready. It is valid until the next read.
func (s *events) take() []byte {
	b := s.buf[s.ready:s.out]
	s.ready = s.out
	return b
}

// border finds the end of the event behind what is ready.
func (s *events) border() (int, bool) {
	for {
		end, after, ok := lineEnd(s.buf[:s.end], s.line, s.scan, s.eof)
		if !ok {
			break
		}
		begin := s.line
		s.line, s.scan = after, after
		switch {
		case end > begin:
		case begin > s.at:
			s.line, s.scan = begin, begin // so that the event is found again until it is accepted
			return after, true
		default:
			s.keep(after) // a blank line between events
		}
	}
	// The last byte may be a carriage return whose line feed is still to come.
	s.scan = max(s.line, s.end-1)
	if s.eof && len(bytes.TrimSpace(s.buf[s.at:s.end])) > 0 {
		s.complete()
		return s.end, true
	}
	return 0, false
}

// complete ends the last event of a stream whose server left out the blank line behind it.
func (s *events) complete() {
	s.buf = append(s.buf[:s.end], "\n\n"...)
	s.end = len(s.buf)
}

// lineEnd finds the end of the line that begins at begin, looking from scan on, and where the
// next line begins. Lines end with LF, CR LF or CR.
func lineEnd(b []byte, begin, scan int, eof bool) (end, after int, ok bool) {
	scan = max(begin, scan)
	rest := b[scan:]
	lf := bytes.IndexByte(rest, '\n')
	if lf >= 0 {
		rest = rest[:lf]
	}
	if cr := bytes.IndexByte(rest, '\r'); cr >= 0 {
		end, after = scan+cr, scan+cr+1
		switch {
		case after < len(b) && b[after] == '\n':
			after++
		case after == len(b) && !eof:
			return 0, 0, false
		}
		return end, after, true
	}
	if lf < 0 {
		return 0, 0, false
	}
	return scan + lf, scan + lf + 1, true
}

// parse reads the fields of the event that ends at to. Comments and unknown fields are
// passed over, and so are id and retry: nobody reconnects here.
func (s *events) parse(to int) rawEvent {
	e := rawEvent{to: to}
	b := s.buf[:to]
	for i := s.at; i < to; {
		end, after, ok := lineEnd(b, i, i, true)
		if !ok {
			end, after = to, to
		}
		name, value := field(b[i:end])
		switch string(name) {
		case "event":
			e.name = value
		case "data":
			s.addData(&e, value, end-len(value))
		}
		i = after
	}
	return e
}

func (s *events) addData(e *rawEvent, value []byte, at int) {
	e.dataLines++
	switch e.dataLines {
	case 1:
		e.data, e.dataAt = value, at
		return
	case 2:
		s.joined = append(s.joined[:0], e.data...)
	}
	s.joined = append(append(s.joined, '\n'), value...)
	e.data = s.joined
}

// field splits a line into a field's name and value. One space behind the colon is not part
// of the value.
func field(line []byte) (name, value []byte) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return line, nil
	}
	value = line[colon+1:]
	if len(value) > 0 && value[0] == ' ' {
		value = value[1:]
	}
	return line[:colon], value
}

// read reads more of the stream, once.
func (s *events) read() error {
	if s.at > 0 && s.ready == s.out {
		s.shift() // a part of an event at most, and a short read would cost a system call more
	}
	if s.end == len(s.buf) && len(s.buf) >= maxEvent {
		return errTooLong
	}
	if s.end == len(s.buf) || s.full && len(s.buf) < bufferSize {
		s.grow()
	}
	n, err := s.src.Read(s.buf[s.end:])
	s.end += n
	s.full = s.end == len(s.buf)
	if errors.Is(err, io.EOF) {
		s.eof = true
		return nil
	}
	return err
}

// shift moves what has not been accepted to the begin of the buffer, when everything that was
// ready has been passed on.
func (s *events) shift() {
	n := s.at
	copy(s.buf, s.buf[n:s.end])
	s.ready, s.out, s.at = 0, 0, 0
	s.line, s.scan, s.end = s.line-n, s.scan-n, s.end-n
}

// grow makes the buffer larger: that of a stream that comes in bursts at once to what is read of
// other replies, as each read of less costs a write to the client and its system calls.
func (s *events) grow() {
	var bigger *[]byte
	if len(s.buf) < bufferSize {
		bigger = getBuffer(false)
	} else {
		b := make([]byte, min(2*len(s.buf), maxEvent))
		bigger = &b
	}
	copy(*bigger, s.buf[:s.end])
	s.release()
	s.room, s.buf = bigger, *bigger
}

// release gives the buffer back.
func (s *events) release() {
	if s.room != nil {
		*s.room = s.buf
		putBuffer(s.room)
	}
	s.room, s.buf = nil, nil
}
