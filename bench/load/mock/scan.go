package mock

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/mulligan-gateway/mulligan/bench/load/wire"
)

// request is what the provider needs to know of a request.
type request struct {
	model, nonce  string
	stream, usage bool
}

var (
	errJSON = errors.New("the body is not a JSON object")
	errTail = errors.New("the request's tail is missing or is another request's")
)

// scan finds the few top-level members that the provider needs without decoding the messages.
// It hops from quote to quote, so a long prompt costs next to nothing.
func scan(b []byte) (request, error) {
	q := request{nonce: "0000000000000000"}
	if i := bytes.Index(b, []byte(wire.NonceMark)); i >= 0 && len(b) >= i+len(wire.NonceMark)+wire.NonceLen {
		q.nonce = string(b[i+len(wire.NonceMark):][:wire.NonceLen])
		if bytes.LastIndex(b, []byte(wire.TailMark+q.nonce)) < i {
			return q, errTail
		}
	}
	depth, name, from := 0, "", 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			end := stringEnd(b, i+1)
			if end < 0 {
				return q, errJSON
			}
			if depth == 1 && name == "" {
				name, from = string(b[i+1:end]), end+1
			}
			i = end
		case ':':
			if depth == 1 {
				from = i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				q.member(name, b[from:i])
				return q, nil
			}
		case ',':
			if depth == 1 {
				q.member(name, b[from:i])
				name = ""
			}
		}
	}
	return q, errJSON
}

// stringEnd returns where the quote is that ends a string, or -1.
func stringEnd(b []byte, from int) int {
	for at := from; ; at++ {
		n := bytes.IndexByte(b[at:], '"')
		if n < 0 {
			return -1
		}
		at += n
		escapes := 0
		for b[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at
		}
	}
}

func (q *request) member(name string, value []byte) {
	value = bytes.TrimSpace(value)
	switch name {
	case "model":
		if json.Unmarshal(value, &q.model) != nil {
			q.model = ""
		}
	case "stream":
		q.stream = string(value) == "true"
	case "stream_options":
		var o struct {
			Usage bool `json:"include_usage"`
		}
		q.usage = json.Unmarshal(value, &o) == nil && o.Usage
	}
}
