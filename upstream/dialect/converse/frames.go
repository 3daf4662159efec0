package converse

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
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
	preludeLen = 12
	minFrame   = preludeLen + 4
	// step is how much room is made at a time, so that a length alone takes no memory.
	step = 64 << 10
)

// Frames reads the events of AWS's binary event stream. It belongs to one stream.
type Frames struct {
	src     io.Reader
	frame   []byte // the frame that is being read
	payload []byte // room for the last payload
	in      bytes.Reader
	decoder *eventstream.Decoder
	err     error // what has ended the stream
}

// NewFrames returns a reader of a stream. It reads no more than the frame that is asked for,
// so that nothing is held back; src should be buffered where a read is dear.
func NewFrames(src io.Reader) *Frames {
	return &Frames{src: src, decoder: eventstream.NewDecoder()}
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
	f.in.Reset(f.frame)
	m, err := f.decoder.Decode(&f.in, f.payload[:0])
	if err != nil {
		return "", nil, malformed(err)
	}
	if cap(m.Payload) > cap(f.payload) {
		f.payload = m.Payload
	}
	switch header(&m, eventstreamapi.MessageTypeHeader) {
	case eventstreamapi.ExceptionMessageType:
		return "", nil, exception(header(&m, eventstreamapi.ExceptionTypeHeader), m.Payload)
	case eventstreamapi.ErrorMessageType:
		// An error has no payload, but its message in a header.
		said := llm.AppendString([]byte(`{"message":`), header(&m, eventstreamapi.ErrorMessageHeader))
		return "", nil, exception(header(&m, eventstreamapi.ErrorCodeHeader), append(said, '}'))
	}
	return header(&m, eventstreamapi.EventTypeHeader), m.Payload, nil
}

// read reads one frame. Its lengths are checked before its bytes are waited for.
func (f *Frames) read() error {
	f.frame = append(f.frame[:0], make([]byte, preludeLen)...)
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
		f.frame = append(f.frame, make([]byte, n)...)
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

// header returns the value of a header, "" when there is none.
func header(m *eventstream.Message, name string) string {
	if v := m.Headers.Get(name); v != nil {
		return v.String()
	}
	return ""
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
