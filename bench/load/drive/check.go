package drive

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/wire"
)

// wrong is an answer that is not right. Its text is what it is counted under.
type wrong string

// Error returns the text.
func (w wrong) Error() string { return string(w) }

// checkPlain says whether a whole chat completion answers a nonce. The text is compared each
// time; the rest is decoded where deep says so.
func checkPlain(body []byte, nonce string, size int, deep bool) error {
	want := wire.Content(nonce, size)
	if !deep && bytes.Contains(body, []byte(`"`+want+`"`)) {
		return nil
	}
	var a struct {
		Object  string `json:"object"`
		Choices []struct {
			Message struct {
				Role    string `json:"role"`
				Content string `json:"content"`
			} `json:"message"`
			FinishReason string `json:"finish_reason"`
		} `json:"choices"`
		Usage struct {
			Total int `json:"total_tokens"`
		} `json:"usage"`
	}
	switch err := json.Unmarshal(body, &a); {
	case err != nil:
		return wrong("bad JSON")
	case len(a.Choices) != 1 || a.Choices[0].Message.Content != want:
		return wrong("bad content")
	case a.Object != "chat.completion" || a.Choices[0].Message.Role != "assistant" || a.Choices[0].FinishReason != "stop":
		return wrong("bad members")
	case a.Usage.Total == 0:
		return wrong("no usage")
	}
	return nil
}

// chunk is an event of a stream.
type chunk struct {
	Object  string `json:"object"`
	Choices []struct {
		Delta struct {
			Content string `json:"content"`
		} `json:"delta"`
		FinishReason string `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		Completion int `json:"completion_tokens"`
	} `json:"usage"`
}

// streamReader reads streams and says whether they answer.
type streamReader struct {
	br     *bufio.Reader
	prefix []byte // of a chunk's text, with the member's name
	filler string
	// what the stream has said so far
	first                time.Time // when its first text was there
	chunks, usage        int
	finished, over, deep bool
}

// expected is what a stream must say.
type expected struct {
	nonce string
	spec  wire.Spec
	deep  bool
}

// read reads a stream to its end. It hands the age of each chunk to age, which is how long it
// took from the provider to here.
func (s *streamReader) read(r io.Reader, want expected, age func(time.Duration)) error {
	if s.br == nil {
		s.br = bufio.NewReaderSize(r, 16<<10)
	} else {
		s.br.Reset(r)
	}
	s.filler = wire.Filler(want.spec.ChunkSize - wire.ChunkMin)
	s.prefix = fmt.Appendf(s.prefix[:0], `"content":"%s.`, want.nonce)
	s.first, s.chunks, s.usage, s.finished, s.over, s.deep = time.Time{}, 0, -1, false, false, want.deep
	for {
		line, err := s.br.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		data, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data:"))
		if !ok {
			continue
		}
		if err := s.event(bytes.TrimLeft(data, " "), want.nonce, age); err != nil {
			return err
		}
	}
	switch {
	case s.chunks != want.spec.Chunks:
		return wrong("bad number of chunks")
	case !s.finished:
		return wrong("no finish reason")
	case s.usage != want.spec.Chunks:
		return wrong("no usage")
	case !s.over:
		return wrong("no [DONE]")
	}
	return nil
}

func (s *streamReader) event(data []byte, nonce string, age func(time.Duration)) error {
	now := time.Now()
	switch {
	case s.over:
		return wrong("data after [DONE]")
	case string(data) == "[DONE]":
		s.over = true
		return nil
	}
	text, err := s.text(data)
	if err != nil || len(text) == 0 {
		return err
	}
	if s.first.IsZero() {
		s.first = now
	}
	if len(text) != wire.ChunkMin+len(s.filler) || string(text[:wire.NonceLen]) != nonce || string(text[wire.ChunkMin:]) != s.filler {
		return wrong("bad content")
	}
	if index, err := strconv.Atoi(string(text[wire.IndexAt:][:wire.IndexLen])); err != nil || index != s.chunks {
		return wrong("bad order")
	}
	written, err := strconv.ParseInt(string(text[wire.TimeAt:][:wire.TimeLen]), 10, 64)
	if err != nil {
		return wrong("bad content")
	}
	age(time.Duration(now.UnixNano() - written))
	s.chunks++
	return nil
}

// text returns the text of an event, empty for one that has none.
func (s *streamReader) text(data []byte) ([]byte, error) {
	if at := bytes.Index(data, s.prefix); at >= 0 && !s.deep {
		text := data[at+len(`"content":"`):]
		if end := bytes.IndexByte(text, '"'); end >= 0 {
			return text[:end], nil
		}
	}
	var c chunk
	if json.Unmarshal(data, &c) != nil || c.Object != "chat.completion.chunk" {
		return nil, wrong("bad JSON")
	}
	if c.Usage != nil {
		s.usage = c.Usage.Completion
	}
	if len(c.Choices) == 0 {
		return nil, nil
	}
	s.finished = s.finished || c.Choices[0].FinishReason == "stop"
	return []byte(c.Choices[0].Delta.Content), nil
}
