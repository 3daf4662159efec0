// Package drive sends load to a gateway, checks every answer, and accounts for the CPU time
// and the memory that the gateway's process used for it.
package drive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/wire"
)

// Shape is a kind of load.
type Shape struct {
	// Spec is what is asked of the provider: see wire.Spec.
	Spec string
	// Connections is how many clients there are, each with one request at a time.
	Connections int
	// Body is about how many bytes a request has.
	Body int
	// Stream asks for streams.
	Stream bool
}

// Target is where the load goes.
type Target struct {
	URL    string // of the endpoint
	Model  string
	Header []string // lines of the request's header, without their ends
	PID    int      // of the gateway's process; 0 for none
}

// Dist is a distribution of times.
type Dist struct{ P50, P99, Most time.Duration }

// Sample is what a turn of load has shown.
type Sample struct {
	Requests int
	Wrong    map[string]int // answers that were not right, by what was wrong
	Seconds  float64
	// Processes is how many processes the gateway was when the turn began: the one that was
	// started, and its descendants. All of them count.
	Processes int
	CPU       time.Duration // of the gateway per right answer, 0 when there was none
	RSS       int64         // of the gateway, the most that was seen, in bytes
	RSSBegin  int64         // and at the beginning of the turn
	Latency   Dist
	// FirstToken is the time until the first text of a stream was there, and Transit how long
	// each of its chunks took from the provider to the client.
	FirstToken, Transit Dist
	Others              float64 // share of the machine's CPU time that went to others
}

// deepEvery is which answers are decoded in full.
const deepEvery = 32

// Load is load on one gateway. Its connections are kept between turns.
type Load struct {
	target  Target
	shape   Shape
	workers []*worker
	own     []int // processes of the load test itself
}

// New makes the clients. helpers are the processes of the load test itself besides this one and
// the gateway.
func New(t Target, s Shape, helpers ...int) (*Load, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	want, err := wire.ParseSpec(s.Spec)
	if err != nil {
		return nil, err
	}
	l := &Load{target: t, shape: s, own: append(helpers, os.Getpid())}
	for i := range s.Connections {
		w := &worker{conn: conn{addr: u.Host}, want: want, stream: s.Stream, seq: uint64(i) << 32}
		w.request, w.nonces = buildRequest(u, t, s)
		l.workers = append(l.workers, w)
	}
	return l, nil
}

// Close closes the connections.
func (l *Load) Close() {
	for _, w := range l.workers {
		w.conn.drop()
	}
}

// Turn sends requests for a time, one by each client at least, and finishes those that have begun in it.
func (l *Load) Turn(d time.Duration) *Sample {
	for _, w := range l.workers {
		w.reset()
	}
	s := &Sample{Wrong: map[string]int{}}
	machine, own, before := ReadMachine(), UsageOf(l.own).CPU, l.gateway()
	s.RSSBegin, s.Processes = before.RSS, before.Processes
	peak := l.watchRSS()

	start := time.Now()
	var wg sync.WaitGroup
	for _, w := range l.workers {
		wg.Go(func() { w.loop(start.Add(d)) })
	}
	wg.Wait()
	s.Seconds = time.Since(start).Seconds()

	after := l.gateway()
	used, busy := UsageOf(l.own).CPU-own, ReadMachine()
	s.RSS = peak()
	l.gather(s)
	if s.Requests > 0 {
		s.CPU = (after.CPU - before.CPU) / time.Duration(s.Requests)
	}
	if total := busy.Total - machine.Total; total > 0 {
		others := busy.Busy - machine.Busy - used - (after.CPU - before.CPU)
		s.Others = max(0, float64(others)/float64(total))
	}
	return s
}

// gateway returns what the gateway's process and its descendants have used.
func (l *Load) gateway() Usage {
	if l.target.PID == 0 {
		return Usage{}
	}
	return UsageOf(Family(l.target.PID))
}

// watchRSS samples the resident memory of the gateway's processes until it is asked for the
// most of it. The kernel's own peak is that of their lives.
func (l *Load) watchRSS() (peak func() int64) {
	var pids []int
	if l.target.PID > 0 {
		pids = Family(l.target.PID)
	}
	stop, result := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		most := int64(0)
		for {
			most = max(most, UsageOf(pids).RSS)
			select {
			case <-stop:
				result <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-result
	}
}

func (l *Load) gather(s *Sample) {
	var latency, first, transit []time.Duration
	for _, w := range l.workers {
		s.Requests += len(w.latency)
		latency, first, transit = append(latency, w.latency...), append(first, w.first...), append(transit, w.transit...)
		for what, n := range w.wrong {
			s.Wrong[what] += n
		}
	}
	s.Latency, s.FirstToken, s.Transit = distOf(latency), distOf(first), distOf(transit)
}

func distOf(all []time.Duration) Dist {
	if len(all) == 0 {
		return Dist{}
	}
	slices.Sort(all)
	at := func(p float64) time.Duration { return all[min(len(all)-1, int(p*float64(len(all))))] }
	return Dist{at(.5), at(.99), all[len(all)-1]}
}

// buildRequest returns the bytes of a request and where its nonces go.
func buildRequest(u *url.URL, t Target, s Shape) ([]byte, []int) {
	type message struct {
		Role    string `json:"role"`
		Content string `json:"content"`
	}
	blank := strings.Repeat("0", wire.NonceLen)
	messages := []message{{"system", "You are a test. " + wire.NonceMark + blank}}
	const turn = 2 << 10 // with a line break every 100 bytes
	for left := s.Body - 320; left > 0; left -= turn {
		text := []byte(wire.Filler(min(left, turn)))
		for i := 99; i < len(text); i += 100 {
			text[i] = '\n'
		}
		messages = append(messages, message{[]string{"assistant", "user"}[len(messages)%2], string(text)})
	}
	messages = append(messages, message{"user", "Answer me. " + wire.TailMark + blank})
	q := map[string]any{"model": t.Model, "messages": messages, "temperature": 0.5}
	if s.Stream {
		q["stream"], q["stream_options"] = true, map[string]bool{"include_usage": true}
	}
	body, err := json.Marshal(q)
	if err != nil {
		panic(err) // texts and numbers
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load\r\nContent-Type: application/json\r\nContent-Length: %d\r\n",
		u.RequestURI(), u.Host, len(body))
	header := t.Header
	if !slices.ContainsFunc(header, func(line string) bool { return strings.HasPrefix(line, "Authorization:") }) {
		header = append([]string{"Authorization: Bearer client"}, header...)
	}
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(body)
	request := b.Bytes()
	behind := func(mark string) int { return bytes.Index(request, []byte(mark+blank)) + len(mark) }
	return request, []int{behind(wire.NonceMark), behind(wire.TailMark)}
}

// worker is one client: its connection, the bytes of its request, and what it has seen.
type worker struct {
	conn    conn
	want    wire.Spec
	stream  bool
	request []byte
	nonces  []int
	seq     uint64
	body    bytes.Buffer
	reader  streamReader

	latency, first, transit []time.Duration
	wrong                   map[string]int
}

func (w *worker) reset() {
	w.latency, w.first, w.transit, w.wrong = w.latency[:0], w.first[:0], w.transit[:0], map[string]int{}
}

// muchWrong is after how many wrong answers a client gives up.
const muchWrong = 10

func (w *worker) loop(end time.Time) {
	wrongs := 0
	for begin, first := time.Now(), true; (first || begin.Before(end)) && wrongs < muchWrong; begin, first = time.Now(), false {
		if err := w.once(begin); err != nil {
			w.conn.drop()
			w.wrong[kindOf(err)]++
			wrongs++
		}
	}
}

func (w *worker) once(begin time.Time) error {
	w.seq++
	const spread = 0x9e3779b97f4a7c15 // so that nonces differ in all of their digits
	nonce := fmt.Sprintf("%016x", w.seq*spread)
	for _, at := range w.nonces {
		copy(w.request[at:], nonce)
	}
	r, err := w.conn.send(w.request)
	if err != nil {
		return err
	}
	if r.status != 200 {
		_, _ = io.Copy(io.Discard, r.body) // the connection is dropped
		return wrong(fmt.Sprint("status ", r.status))
	}
	if r.stream != w.stream {
		return wrong("bad content type")
	}
	deep := w.seq%deepEvery == 0
	if w.stream {
		err = w.reader.read(r.body, expected{nonce, w.want, deep}, func(d time.Duration) { w.transit = append(w.transit, d) })
	} else {
		w.body.Reset()
		if _, err = w.body.ReadFrom(r.body); err == nil {
			err = checkPlain(w.body.Bytes(), nonce, w.want.Size, deep)
		}
	}
	if err == nil {
		err = w.conn.finish(r)
	}
	if err != nil {
		return err
	}
	w.latency = append(w.latency, time.Since(begin))
	if w.stream {
		w.first = append(w.first, w.reader.first.Sub(begin))
	}
	return nil
}

func kindOf(err error) string {
	var w wrong
	switch {
	case errors.As(err, &w):
		return string(w)
	case isTimeout(err):
		return "timeout"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut short"
	}
	return "connection: " + err.Error()
}
