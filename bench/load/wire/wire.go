// Package wire is what the load test's provider and its clients agree on: how a request
// carries its nonce, and what the answer to that nonce must contain.
//
// A request holds "nonce:" and 16 hex digits near its start, and "tail:" and the same digits
// at its end. The provider refuses a request whose tail is missing, which is one that was cut,
// and repeats the nonce in every answer and in every chunk of a stream. So an answer that is
// another request's, or whose parts were lost, doubled or exchanged, is seen.
package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Marks in a request, and the length of what follows each of them.
const (
	NonceMark = "nonce:"
	TailMark  = "tail:"
	NonceLen  = 16
)

// The content of a streamed chunk is "<nonce>.<index>.<time> " and then filler, at these
// offsets: 6 digits of index, 19 digits of Unix time in nanoseconds. The time is when the
// provider wrote the chunk.
const (
	IndexAt  = NonceLen + 1
	IndexLen = 6
	TimeAt   = IndexAt + IndexLen + 1
	TimeLen  = 19
	ChunkMin = TimeAt + TimeLen + 1
)

const words = "the quick brown fox jumps over the lazy dog and then some more of it "

// Filler returns n bytes of plain text.
func Filler(n int) string {
	if n <= 0 {
		return ""
	}
	return strings.Repeat(words, n/len(words)+1)[:n]
}

// Content returns the text of a plain answer, about size bytes, never less than the nonce.
func Content(nonce string, size int) string {
	return nonce + " " + Filler(size-NonceLen-1)
}

// ChunkContent returns the text of a chunk, with zeros where index and time go.
func ChunkContent(nonce string, size int) string {
	return nonce + "." + strings.Repeat("0", IndexLen) + "." + strings.Repeat("0", TimeLen) + " " + Filler(size-ChunkMin)
}

// PutDigits writes v over dst, right-aligned and padded with zeros.
func PutDigits(dst []byte, v int64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = byte('0' + v%10)
		v /= 10
	}
}

// Spec is what one request asks of the provider. It is written behind "mock:" in the model's
// name, which every gateway passes on, such as "mock:chunks=50,gap=10ms".
type Spec struct {
	Chunks    int           // of a stream
	ChunkSize int           // bytes of text in each
	Size      int           // bytes of text in a plain answer
	Gap       time.Duration // between two chunks
}

// Default is what counts where a spec says nothing.
var Default = Spec{Chunks: 20, ChunkSize: ChunkMin, Size: 700}

var errWord = errors.New("there is no such word")

// ParseSpec reads a spec.
func ParseSpec(text string) (Spec, error) {
	s := Default
	for word := range strings.SplitSeq(text, ",") {
		if word == "" {
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "chunks":
			s.Chunks, err = strconv.Atoi(value)
		case "chunksize":
			s.ChunkSize, err = strconv.Atoi(value)
		case "size":
			s.Size, err = strconv.Atoi(value)
		case "gap":
			s.Gap, err = time.ParseDuration(value)
		default:
			err = errWord
		}
		if err != nil {
			return s, fmt.Errorf("read %q of the spec: %w", word, err)
		}
	}
	return s, nil
}
