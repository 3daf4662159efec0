package converse

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// ContentType is the media type of an event stream.
const ContentType = "application/vnd.amazon.eventstream"

// maxFrame is how large a frame may be, in bytes: the most that the format allows is 16 MiB
// of payload and 128 KiB of headers, and Bedrock's are far smaller
// (source: https://smithy.io/2.0/aws/amazon-eventstream.html).
const maxFrame = 16 << 20

// A frame is a prelude (its length, that of its headers, and their checksum), headers, a
// payload and a checksum of all of it.
const (
	preludeLen  = 12
	checksumLen = 4
	minFrame    = preludeLen + checksumLen
	// step is how much room is made at a time, so that a length alone takes no memory.
	step = 64 << 10
)

// Frames reads the events of AWS's binary event stream. It belongs to one stream.
type Frames struct {
	src   io.Reader
	frame []byte // the frame that is being read
	name  string // the type of the last event, which is that of most
	err   error  // what has ended the stream
}

// NewFrames returns a reader of a stream. It reads no more than the frame that is asked for,
// so that nothing is held back; src should be buffered where a read is dear.
func NewFrames(src io.Reader) *Frames {
	return &Frames{src: src}
}

// Next reads the next event, whole: its type, such as contentBlockDelta, and its payload,
// which is gone after the next call. The error, which ends the stream, is
//   - io.EOF at the end of a stream that ends with a whole frame,
//   - io.ErrUnexpectedEOF for one that ends within a frame,
//   - dialect.ErrMalformed for a frame that is damaged or too large,
//   - a *dialect.ReportedError for a frame that is an exception or an error,
//   - else what reading src gave.
func (f *Frames) Next() (name string, payload []byte, err error) {
	if f.err == nil {
		name, payload, f.err = f.next()
	}
	if f.err != nil {
		return "", nil, f.err
	}
	return name, payload, nil
}

func (f *Frames) next() (string, []byte, error) {
	if err := f.read(); err != nil {
		return "", nil, err
	}
	sum := len(f.frame) - checksumLen
	if crc32.ChecksumIEEE(f.frame[:sum]) != binary.BigEndian.Uint32(f.frame[sum:]) {
		return "", nil, malformed(errors.New("the checksum of a frame is wrong"))
	}
	payload := preludeLen + int(binary.BigEndian.Uint32(f.frame[4:]))
	h, err := readHeaders(f.frame[preludeLen:payload])
	if err != nil {
		return "", nil, err
	}
	switch string(h.message) {
	case eventstreamapi.ExceptionMessageType:
		return "", nil, exception(string(h.exception), f.frame[payload:sum])
	case eventstreamapi.ErrorMessageType:
		// An error has no payload, but its message in a header.
		said := llm.AppendString([]byte(`{"message":`), string(h.said))
		return "", nil, exception(string(h.code), append(said, '}'))
	}
	if f.name != string(h.event) {
		f.name = string(h.event)
	}
	return f.name, f.frame[payload:sum], nil
}

// read reads one frame. Its lengths are checked before its bytes are waited for.
func (f *Frames) read() error {
	f.frame = slices.Grow(f.frame[:0], preludeLen)[:preludeLen]
	if _, err := io.ReadFull(f.src, f.frame); err != nil {
		return err // io.EOF only before the first byte
	}
	length, headers := binary.BigEndian.Uint32(f.frame), binary.BigEndian.Uint32(f.frame[4:])
	switch {
	case crc32.ChecksumIEEE(f.frame[:8]) != binary.BigEndian.Uint32(f.frame[8:]):
		return malformed(errors.New("the checksum of a frame's lengths is wrong"))
	case length > maxFrame:
		return malformed(fmt.Errorf("a frame has %d bytes", length))
	case length < minFrame || headers > length-minFrame:
		return malformed(errors.New("the lengths of a frame contradict each other"))
	}
	for left := int(length) - preludeLen; left > 0; {
		at, n := len(f.frame), min(left, step)
		f.frame = slices.Grow(f.frame, n)[:at+n]
		if _, err := io.ReadFull(f.src, f.frame[at:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		left -= n
	}
	return nil
}

// headers are those of a frame that mean something here.
type headers struct{ message, event, exception, code, said []byte }

// The lengths of the values of headers, by their types; those that say it themselves are strings
// and byte arrays.
// Source: https://smithy.io/2.0/aws/amazon-eventstream.html.
var valueLen = [...]int{0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 6: -1, typeString: -1, 8: 8, 9: 16}

// typeString is the type of headers that are texts.
const typeString = 7

// readHeaders reads the headers of a frame: a length and a name, a type, and a value each.
func readHeaders(b []byte) (h headers, err error) {
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || len(b) < n+2 {
			return h, malformed(errors.New("a header ends within its name"))
		}
		name, kind := b[1:1+n], int(b[1+n])
		b = b[n+2:]
		if kind >= len(valueLen) {
			return h, malformed(fmt.Errorf("a header is of the type %d", kind))
		}
		size := valueLen[kind]
		if size < 0 {
			if len(b) < 2 {
				return h, malformed(errors.New("a header ends within its length"))
			}
			size = int(binary.BigEndian.Uint16(b))
			b = b[2:]
		}
		if len(b) < size {
			return h, malformed(errors.New("a header ends within its value"))
		}
		if kind == typeString {
			h.keep(name, b[:size])
		}
		b = b[size:]
	}
	return h, nil
}

// keep keeps a header.
func (h *headers) keep(name, value []byte) {
	switch string(name) {
	case eventstreamapi.MessageTypeHeader:
		h.message = value
	case eventstreamapi.EventTypeHeader:
		h.event = value
	case eventstreamapi.ExceptionTypeHeader:
		h.exception = value
	case eventstreamapi.ErrorCodeHeader:
		h.code = value
	case eventstreamapi.ErrorMessageHeader:
		h.said = value
	}
}

// exception returns the error for an exception, such as throttlingException.
func exception(name string, payload []byte) error {
	return &dialect.ReportedError{Failure: failure.ReadException(name, payload)}
}

func malformed(cause error) error { return fmt.Errorf("%w: %w", dialect.ErrMalformed, cause) }

// Chunk returns what an event of the type chunk holds: InvokeModelWithResponseStream wraps the
// events of a model's own dialect, such as Anthropic's Messages, as {"bytes":"…"} in base64
// (source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_PayloadPart.html).
func Chunk(payload []byte) ([]byte, error) {
	text := gjson.GetBytes(payload, "bytes")
	if text.Type != gjson.String {
		return nil, dialect.ErrMalformed
	}
	data, err := base64.StdEncoding.DecodeString(text.Str)
	if err != nil {
		return nil, malformed(err)
	}
	return data, nil
}
