package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
)

// pieces is a reader that returns a stream in pieces of given lengths, the last one for ever.
type pieces struct {
	b       []byte
	lengths []int
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := 1
	if len(p.lengths) > 0 {
		n = max(1, p.lengths[0])
		if len(p.lengths) > 1 {
			p.lengths = p.lengths[1:]
		}
	}
	n = copy(into, p.b[:min(n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}

// readAll returns the events of a stream as "name|data", and the bytes that were passed on.
func readAll(t testing.TB, stream []byte, size int, lengths ...int) (found []string, passed []byte) {
	t.Helper()
	s := events{src: &pieces{b: bytes.Clone(stream), lengths: lengths}, buf: make([]byte, size)}
	for {
		for {
			e, ok := s.next()
			if !ok {
				break
			}
			if e.dataLines > 0 {
				found = append(found, fmt.Sprintf("%s|%s", e.name, e.data))
			}
			s.accept(&e)
		}
		passed = append(passed, s.take()...)
		if s.eof {
			return found, passed
		}
		if err := s.read(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEventsAreFoundHoweverTheStreamIsCut(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
	}{
		{"line feeds", "data: a\n\ndata: b\n\n", []string{"|a", "|b"}},
		{"carriage returns and line feeds", "event: x\r\ndata: a\r\n\r\ndata: b\r\n\r\n", []string{"x|a", "|b"}},
		{"carriage returns", "data: a\r\rdata: b\r\r", []string{"|a", "|b"}},
		{"mixed", "data: a\n\r\ndata: b\r\n\ndata: c\r\r\n", []string{"|a", "|b", "|c"}},
		{"several lines", "data: a\ndata:b\ndata\ndata:  c\n\n", []string{"|a\nb\n\n c"}},
		{"comments and unknown fields", ": hi\n\nid: 1\nretry: 2\nfoo: bar\ndata: a\n\n", []string{"|a"}},
		{"blank lines between events", "\n\n\ndata: a\n\n\n\ndata: b\n\n\n", []string{"|a", "|b"}},
		{"no data", "event: ping\n\ndata: a\n\n", []string{"|a"}},
		{"no space behind the colon", "data:a\nevent:e\n\n", []string{"e|a"}},
		{"the last blank line is missing", "data: a\n\ndata: b", []string{"|a", "|b"}},
		{"the last event has one line end", "data: a\n\ndata: b\n", []string{"|a", "|b"}},
		{"a carriage return within an event", "event: x\ndata: a\rdata: b\n\nevent: y\rdata: c\n\n", []string{"x|a\nb", "y|c"}},
		{"no JSON line separators", "data: a\u2028b\n\n", []string{"|a\u2028b"}},
		{"empty data", "data:\n\nevent: x\ndata: \n\n", []string{"|", "x|"}},
		{"nothing", "", nil},
		{"a line that fills the buffer", "data: " + strings.Repeat("x", 200) + "\n\ndata: b\n\n", []string{"|" + strings.Repeat("x", 200), "|b"}},
	} {
		for _, size := range []int{16, 64, 4096} {
			for _, length := range []int{1, 2, 3, 7, 1000} {
				got, passed := readAll(t, []byte(c.stream), size, length)
				if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", c.want) {
					t.Errorf("%s, buffer %d, pieces of %d: got %q, want %q", c.name, size, length, got, c.want)
				}
				if rest, ok := bytes.CutPrefix(passed, []byte(c.stream)); !ok || len(bytes.TrimSpace(rest)) > 0 {
					t.Errorf("%s, buffer %d, pieces of %d: passed on %q of %q", c.name, size, length, passed, c.stream)
				}
			}
		}
	}
}

func TestDroppedAndCutBytesAreNotPassedOn(t *testing.T) {
	s := events{src: strings.NewReader("data: one\n\ndata: secret\n\ndata: t<x>wo\n\ndata: three\n\n"), buf: make([]byte, 4096)}
	if err := s.read(); err != nil {
		t.Fatal(err)
	}
	for {
		e, ok := s.next()
		if !ok {
			break
		}
		switch i := bytes.Index(e.data, []byte("<x>")); {
		case string(e.data) == "secret":
			s.drop(&e)
			continue
		case i >= 0:
			s.cut(e.dataAt+i, e.dataAt+i+3)
		}
		s.accept(&e)
	}
	if got, want := string(s.take()), "data: one\n\ndata: two\n\ndata: three\n\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWhatIsPassedOnIsWhatIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var stream, want []byte
		fates := rapid.SliceOfN(rapid.SampledFrom([]string{"pass", "drop", "cut"}), 1, 40).Draw(t, "fates")
		for i, fate := range fates {
			text := strings.Repeat("x", rapid.IntRange(0, 30).Draw(t, "length"))
			event := fmt.Sprintf("data: %d %s<secret>%s\n\n", i, text, text)
			stream = append(stream, event...)
			switch fate {
			case "pass":
				want = append(want, event...)
			case "cut":
				want = append(want, strings.Replace(event, "<secret>", "", 1)...)
			}
		}
		lengths := rapid.SliceOfN(rapid.IntRange(1, 300), 1, 10).Draw(t, "lengths")
		s := events{src: &pieces{b: stream, lengths: lengths}, buf: make([]byte, 128)}
		defer s.release()
		var passed []byte
		for i := 0; ; {
			for e, ok := s.next(); ok; e, ok = s.next() {
				if at := bytes.Index(e.data, []byte("<secret>")); fates[i] == "cut" {
					s.cut(e.dataAt+at, e.dataAt+at+len("<secret>"))
				}
				if fates[i] == "drop" {
					s.drop(&e)
				} else {
					s.accept(&e)
				}
				i++
			}
			if rapid.Bool().Draw(t, "take") || s.eof {
				passed = append(passed, s.take()...)
			}
			if s.eof {
				break
			}
			if err := s.read(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(passed, want) {
			t.Fatalf("passed on\n%q\nwant\n%q", passed, want)
		}
	})
}

func TestAnEventThatIsTooLongIsRefused(t *testing.T) {
	s := events{src: endless{}, buf: make([]byte, bufferSize)}
	for {
		if _, ok := s.next(); ok {
			t.Fatal("an event without end was found")
		}
		if err := s.read(); err != nil {
			if err != errTooLong { //nolint:errorlint // it is returned as it is
				t.Fatal(err)
			}
			break
		}
	}
	if len(s.buf) > maxEvent {
		t.Errorf("the buffer grew to %d bytes", len(s.buf))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestCutsDoNotMatter holds the reader against itself: one read of everything against any
// other way to cut the stream.
// burst is a stream that always has as much as is asked of it, and notes how much that is.
type burst struct {
	b     []byte
	asked []int
}

func (r *burst) Read(into []byte) (int, error) {
	r.asked = append(r.asked, len(into))
	n := copy(into, r.b)
	if r.b = r.b[n:]; len(r.b) == 0 {
		return n, io.EOF
	}
	return n, nil
}

func TestAStreamInBurstsIsReadInLargePieces(t *testing.T) {
	event := "data: " + strings.Repeat("x", 300) + "\n\n"
	src := &burst{b: []byte(strings.Repeat(event, 1000))}
	whole := len(src.b)
	s := newEvents(src)
	defer s.release()
	passed := 0
	for !s.eof {
		if err := s.read(); err != nil {
			t.Fatal(err)
		}
		for e, ok := s.next(); ok; e, ok = s.next() {
			s.accept(&e)
		}
		passed += len(s.take())
	}
	if passed != whole {
		t.Errorf("%d bytes of %d were passed on", passed, whole)
	}
	if src.asked[0] != streamBufferSize {
		t.Errorf("%d bytes are held for a stream before it is known to be fast", src.asked[0])
	}
	for i, n := range src.asked[1:] {
		if n < bufferSize-streamBufferSize {
			t.Errorf("read %d has room for %d bytes only", i+1, n)
		}
	}
}

func TestTheEndOfAStreamLeavesWithItsLastEvent(t *testing.T) {
	const hub = `data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	const theirs = `data: {"type":"message_start","message":{"id":"m"}}` + "\n\n" +
		`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n" +
		`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}` + "\n\n" +
		`data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}` + "\n\n" +
		`data: {"type":"message_stop"}` + "\n\n"
	translated := newTranslation(iotest.DataErrReader(strings.NewReader(theirs)), messages.New().Stream())
	defer translated.release()
	for name, src := range map[string]io.Reader{
		"passed on":  iotest.DataErrReader(strings.NewReader(hub)),
		"translated": translated,
	} {
		r := Reply{Stream: true, attempt: &attempt{}, watcher: newWatcher(llm.Chat, false), events: newEvents(src)}
		b, err := r.Next()
		if !errors.Is(err, io.EOF) || !strings.Contains(string(b), `"Hi"`) || !strings.HasSuffix(string(b), "data: [DONE]\n\n") {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
		r.events.release()
	}
}

func TestCutsDoNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		line := rapid.SampledFrom([]string{"data: a", "data:b", ": c", "event: e", "data", "", "", "id: 1"})
		end := rapid.SampledFrom([]string{"\n", "\r\n", "\r"})
		var stream bytes.Buffer
		for range rapid.IntRange(0, 12).Draw(rt, "lines") {
			stream.WriteString(line.Draw(rt, "line") + end.Draw(rt, "end"))
		}
		want, _ := readAll(t, stream.Bytes(), 4096, 4096)
		lengths := rapid.SliceOfN(rapid.IntRange(1, 9), 1, 20).Draw(rt, "lengths")
		got, passed := readAll(t, stream.Bytes(), rapid.IntRange(16, 64).Draw(rt, "size"), lengths...)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			rt.Fatalf("%q: got %q, want %q", stream.Bytes(), got, want)
		}
		if !bytes.HasPrefix(passed, bytes.TrimRight(stream.Bytes(), "\r\n")) && len(want) > 0 {
			rt.Fatalf("%q: passed on %q", stream.Bytes(), passed)
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("event: x\r\ndata: {\"a\":1}\r\n\r\n: c\n\ndata: [DONE]\n\n"), 3)
	f.Add([]byte("data: a\r\rdata: b\n\r\ndata: c"), 1)
	f.Add([]byte("\n\n\r\r\n"), 2)
	f.Fuzz(func(t *testing.T, stream []byte, length int) {
		whole, passed := readAll(t, stream, 1<<16, 1<<16)
		cut, passedCut := readAll(t, stream, 16, length)
		if fmt.Sprintf("%q", whole) != fmt.Sprintf("%q", cut) {
			t.Fatalf("%q: %q in one piece and %q in pieces of %d", stream, whole, cut, length)
		}
		for _, p := range [][]byte{passed, passedCut} {
			if extra := len(p) - len(stream); extra > 2 {
				t.Fatalf("%q: passed on %d bytes more", stream, extra)
			}
			if n := min(len(p), len(stream)); !bytes.Equal(p[:n], stream[:n]) {
				t.Fatalf("%q: passed on %q", stream, p)
			}
		}
	})
}

func BenchmarkEvents(b *testing.B) {
	event := `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":"a few words "},"finish_reason":null}]}` + "\n\n"
	stream := []byte(strings.Repeat(event, 100))
	buf := make([]byte, bufferSize)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s := events{src: bytes.NewReader(stream), buf: buf}
		for !s.eof {
			if err := s.read(); err != nil {
				b.Fatal(err)
			}
			for {
				e, ok := s.next()
				if !ok {
					break
				}
				s.accept(&e)
			}
			s.take()
		}
	}
}
