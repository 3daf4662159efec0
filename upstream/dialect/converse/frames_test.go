package converse

import (
	"bytes"
	_ "embed" // for the vectors
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// frame encodes a frame with headers, given as names and values.
func frame(t testing.TB, payload string, headers ...string) []byte {
	t.Helper()
	m := eventstream.Message{Payload: []byte(payload)}
	for i := 0; i < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// event encodes an event.
func event(t testing.TB, name, payload string) []byte {
	t.Helper()
	return frame(t, payload, ":event-type", name, ":content-type", "application/json", ":message-type", "event")
}

// all reads a stream to its end.
func all(r io.Reader) (events []dialect.Event, err error) {
	f := NewFrames(r)
	for {
		name, payload, err := f.Next()
		if err != nil {
			if _, _, again := f.Next(); !errors.Is(again, err) {
				return events, fmt.Errorf("after %w came %w", err, again)
			}
			return events, err
		}
		events = append(events, dialect.Event{Name: []byte(name), Data: bytes.Clone(payload)})
	}
}

func TestFramesComeOneByOneHoweverTheyArrive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var stream []byte
		var want []dialect.Event
		for range rapid.IntRange(0, 5).Draw(rt, "frames") {
			e := dialect.Event{Name: []byte(rapid.StringMatching(`[a-zA-Z]{1,20}`).Draw(rt, "name")), Data: []byte(rapid.String().Draw(rt, "payload"))}
			stream, want = append(stream, event(t, string(e.Name), string(e.Data))...), append(want, e)
		}
		for _, r := range []io.Reader{bytes.NewReader(stream), iotest.OneByteReader(bytes.NewReader(stream)), iotest.DataErrReader(bytes.NewReader(stream))} {
			got, err := all(r)
			if !errors.Is(err, io.EOF) || len(got) != len(want) {
				rt.Fatalf("got %d events of %d and %v", len(got), len(want), err)
			}
			for i := range got {
				if !bytes.Equal(got[i].Name, want[i].Name) || !bytes.Equal(got[i].Data, want[i].Data) {
					rt.Fatalf("got %s, want %s", got[i].Data, want[i].Data)
				}
			}
		}
	})
}

// A frame is given as soon as it is whole: what comes behind is not waited for.
func TestAFrameIsNotHeldBack(t *testing.T) {
	r, w := io.Pipe()
	defer r.Close()
	f := NewFrames(r)
	for _, name := range []string{"messageStart", "messageStop"} {
		b := event(t, name, "{}")
		go func() { _, _ = w.Write(b) }()
		if got, _, err := f.Next(); got != name || err != nil {
			t.Fatalf("got %s and %v", got, err)
		}
	}
}

func TestAFrameThatIsCutIsAnError(t *testing.T) {
	whole := event(t, "messageStart", `{"role":"assistant"}`)
	for n := 1; n < len(whole); n++ {
		got, err := all(bytes.NewReader(append(bytes.Clone(whole), whole[:n]...)))
		if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 1 {
			t.Errorf("cut after %d bytes: %d events and %v", n, len(got), err)
		}
	}
	broken := errors.New("the line is broken")
	if _, err := all(io.MultiReader(bytes.NewReader(whole[:20]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestAFrameThatIsDamagedIsMalformed(t *testing.T) {
	whole := event(t, "messageStart", `{"role":"assistant"}`)
	for i := range whole {
		damaged := bytes.Clone(whole)
		damaged[i] ^= 0x40
		if got, err := all(bytes.NewReader(damaged)); !errors.Is(err, dialect.ErrMalformed) || len(got) > 0 {
			t.Errorf("damaged at %d: %d events and %v", i, len(got), err)
		}
	}
}

// The lengths are checked before anything is waited for, and before there is room for it.
func TestAFrameThatIsTooLargeIsMalformed(t *testing.T) {
	for _, c := range []struct{ length, headers uint32 }{{maxFrame + 1, 0}, {1 << 31, 0}, {15, 0}, {0, 0}, {100, 85}, {16, 1}} {
		b := binary.BigEndian.AppendUint32(nil, c.length)
		b = binary.BigEndian.AppendUint32(b, c.headers)
		b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
		if _, err := all(io.MultiReader(bytes.NewReader(b), iotest.ErrReader(errors.New("read on")))); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestExceptionsAndErrorsAreReported(t *testing.T) {
	start := event(t, "messageStart", `{"role":"assistant"}`)
	for _, c := range []struct {
		name   string
		frame  []byte
		class  failure.Class
		phrase string
	}{
		{"validation", frame(t, `{"message":"The provided model identifier is invalid."}`, ":exception-type", "validationException", ":message-type", "exception"), failure.BadRequest, "identifier"},
		{"throttling", frame(t, `{"message":"Too many tokens"}`, ":exception-type", "throttlingException", ":message-type", "exception"), failure.RateLimit, "Too many"},
		{"server", frame(t, `{"message":"It broke."}`, ":exception-type", "internalServerException", ":message-type", "exception"), failure.Server, "It broke."},
		{"model", frame(t, `{"message":"It broke.","originalStatusCode":500}`, ":exception-type", "modelStreamErrorException", ":message-type", "exception"), failure.Server, "It broke."},
		{"unavailable", frame(t, ``, ":exception-type", "serviceUnavailableException", ":message-type", "exception"), "", ""},
		{"error", frame(t, ``, ":error-code", "internalServerException", ":error-message", "It \"broke\".", ":message-type", "error"), failure.Server, `It "broke".`},
	} {
		for first, stream := range [][]byte{c.frame, append(bytes.Clone(start), c.frame...)} {
			got, err := all(bytes.NewReader(stream))
			var reported *dialect.ReportedError
			if !errors.As(err, &reported) || len(got) != first {
				t.Errorf("%s: %d events and %v", c.name, len(got), err)
				continue
			}
			if f := reported.Failure; c.class != "" && f.Class != c.class || !strings.Contains(f.Message, c.phrase) || f.Message == "" {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
	}
}

func TestChunksAreUnwrapped(t *testing.T) {
	if got, err := Chunk([]byte(`{"bytes":"eyJ0eXBlIjoicGluZyJ9","p":"abc"}`)); err != nil || string(got) != `{"type":"ping"}` {
		t.Errorf("got %s and %v", got, err)
	}
	for _, damaged := range []string{``, `{}`, `{"bytes":1}`, `{"bytes":"*"}`} {
		if _, err := Chunk([]byte(damaged)); !errors.Is(err, dialect.ErrMalformed) {
			t.Errorf("%s: %v", damaged, err)
		}
	}
}

// vectors are those of AWS's own tests: see the file.
//
//go:embed testdata/frames.txt
var vectors string

func TestTheVectorsOfAWSAreRead(t *testing.T) {
	n := 0
	for line := range strings.Lines(vectors) {
		var name, encoded, payload string
		if strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := fmt.Sscan(line, &name, &encoded, &payload); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		n++
		stream, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		got, err := all(bytes.NewReader(stream))
		if payload == "-" {
			if len(got) > 0 || !errors.Is(err, dialect.ErrMalformed) {
				t.Errorf("%s: %d events and %v", name, len(got), err)
			}
			continue
		}
		want, wrong := base64.StdEncoding.DecodeString(strings.TrimPrefix(payload, "="))
		if wrong != nil || len(got) != 1 || !errors.Is(err, io.EOF) || !bytes.Equal(got[0].Data, want) {
			t.Errorf("%s: %+v and %v, want %s (%v)", name, got, err, want, wrong)
		}
	}
	if n != 9 {
		t.Errorf("%d vectors", n)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(append(event(f, "messageStart", `{"role":"assistant"}`), event(f, "messageStop", `{"stopReason":"end_turn"}`)...))
	f.Add(frame(f, `{"message":"x"}`, ":exception-type", "throttlingException", ":message-type", "exception"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for _, sum := range []bool{false, true} {
			if b := bytes.Clone(stream); sum && mend(b) {
				stream = b
			}
			_, err := all(bytes.NewReader(stream))
			if !dialecttest.IsKnown(err) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%x: %v", stream, err)
			}
		}
	})
}

// mend puts the right lengths and checksums into what is to be one frame, so that what is
// behind them is reached.
func mend(b []byte) bool {
	if len(b) < minFrame || len(b) > 1<<16 {
		return false
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)))
	binary.BigEndian.PutUint32(b[4:], binary.BigEndian.Uint32(b[4:])%uint32(len(b)-minFrame+1))
	binary.BigEndian.PutUint32(b[8:], crc32.ChecksumIEEE(b[:8]))
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.ChecksumIEEE(b[:len(b)-4]))
	return true
}
