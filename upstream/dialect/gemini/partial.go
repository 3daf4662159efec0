package gemini

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// finishedCall is a call that is whole. args is JSON.
type finishedCall struct{ id, name, args, signature string }

// partialCall is a call whose arguments come piece by piece, as Vertex AI streams them when
// asked for streamFunctionCallArguments: the first piece has the name and willContinue, the
// next have partialArgs, each a path and a value or the next part of a text, and the last has
// no willContinue and may be empty
// (source: https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Content#functioncall).
// The pieces may come in any order of paths, so that the arguments cannot be passed on before
// they are whole.
type partialCall struct {
	call  finishedCall
	args  node
	nodes int
}

// call reads a function call, which is whole or a piece of one.
func (c *candidate) call(s source, a *answer, p *part) {
	f := finishedCall{signature: p.signature, args: "{}"}
	pieces, more := gjson.Result{}, false
	p.call.ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "id":
			f.id = value.String()
		case "name":
			f.name = value.String()
		case "args":
			if hub.Present(value) {
				f.args = value.Raw
			}
		case "partialArgs":
			pieces = value
		case "willContinue":
			more = value.Type == gjson.True
		}
		return true
	})
	next := c.open != nil && (f.name == "" || f.name == c.open.call.name && f.id == c.open.call.id && pieces.Exists())
	switch {
	case !next:
		c.close(s, a)
		if !more && !pieces.Exists() {
			if f.name != "" {
				c.addCall(s, a, &f)
			}
			return
		}
		c.open = &partialCall{call: f}
	case c.open.call.signature == "":
		c.open.call.signature = f.signature
	}
	pieces.ForEach(func(_, piece gjson.Result) bool {
		c.open.add(piece)
		return true
	})
	if !more {
		c.close(s, a)
	}
}

// close adds the call that is open, if there is one.
func (c *candidate) close(s source, a *answer) {
	if c.open == nil {
		return
	}
	call := c.open.call
	if c.open.args.kids != nil {
		call.args = string(c.open.args.append(nil))
	}
	c.open = nil
	c.addCall(s, a, &call)
}

// Bounds of what a stream can make us build: values in the arguments of a call, and how deep
// they nest.
const (
	maxNodes = 1 << 14
	maxSteps = llm.MaxDepth
)

// add puts a piece of the arguments where its path says. A piece whose path makes no sense is
// passed over.
func (p *partialCall) add(piece gjson.Result) {
	steps, ok := pathSteps(piece.Get("jsonPath").String())
	n := &p.args
	for _, step := range steps {
		if n = p.step(n, step); n == nil {
			return
		}
	}
	if !ok {
		return
	}
	piece.ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "stringValue":
			n.text = append(n.text, hub.Inside(value)...)
			n.raw, n.isText = "", true
		case "numberValue", "boolValue":
			n.raw, n.isText = value.Raw, false
		case "nullValue":
			n.raw, n.isText = "null", false
		}
		return true
	})
}

// node is a value of the arguments: an object or a list by its kids, else a text or another
// value as it is.
type node struct {
	list   bool
	names  []string
	kids   []*node
	text   []byte // inner bytes
	isText bool
	raw    string
}

// step is one step of a path: a member's name, or an element's number.
type step struct {
	name   string
	number int // -1 for a member
}

// step returns the kid of a node that a step leads to, made if need be, and nil if it cannot
// be there.
func (p *partialCall) step(n *node, s step) *node {
	switch {
	case s.number < 0 && n.list, s.number >= 0 && len(n.names) > 0:
		return nil
	case s.number >= 0:
		if more := s.number + 1 - len(n.kids); more > maxNodes-p.nodes {
			return nil
		}
		n.list = true
		for len(n.kids) <= s.number {
			p.nodes++
			n.kids = append(n.kids, &node{})
		}
		return n.kids[s.number]
	}
	for i, name := range n.names {
		if name == s.name {
			return n.kids[i]
		}
	}
	if p.nodes >= maxNodes {
		return nil
	}
	p.nodes++
	n.names = append(n.names, s.name)
	n.kids = append(n.kids, &node{})
	return n.kids[len(n.kids)-1]
}

func (n *node) append(b []byte) []byte {
	switch {
	case n.list:
		b = append(b, '[')
		for _, kid := range n.kids {
			b = kid.append(hub.Comma(b))
		}
		return append(b, ']')
	case n.kids != nil:
		b = append(b, '{')
		for i, kid := range n.kids {
			b = append(llm.AppendString(hub.Comma(b), n.names[i]), ':')
			b = kid.append(b)
		}
		return append(b, '}')
	case n.isText:
		return append(append(append(b, '"'), n.text...), '"')
	case n.raw != "":
		return append(b, n.raw...)
	}
	return append(b, `null`...)
}

// pathSteps reads a JSON Path as Google writes it: $, then .name, ['name'] or [number]
// (source: RFC 9535, sections 2.2 and 2.3).
func pathSteps(path string) (steps []step, ok bool) {
	path, ok = strings.CutPrefix(path, "$")
	for ok && path != "" && len(steps) < maxSteps {
		var s step
		s, path, ok = cutStep(path)
		steps = append(steps, s)
	}
	if !ok || path != "" {
		return nil, false
	}
	return steps, len(steps) > 0
}

func cutStep(path string) (s step, rest string, ok bool) {
	if name, found := strings.CutPrefix(path, "."); found {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		return step{name: name[:end], number: -1}, name[end:], end > 0
	}
	if len(path) < 3 || path[0] != '[' {
		return s, "", false
	}
	if quote := path[1]; quote == '\'' || quote == '"' {
		var name strings.Builder
		for i := 2; i < len(path); i++ {
			switch {
			case path[i] == '\\' && i+1 < len(path):
				i++
				name.WriteByte(path[i])
			case path[i] == quote:
				rest, ok = strings.CutPrefix(path[i+1:], "]")
				return step{name: name.String(), number: -1}, rest, ok
			default:
				name.WriteByte(path[i])
			}
		}
		return s, "", false
	}
	digits, rest, ok := strings.Cut(path[1:], "]")
	number, err := strconv.Atoi(digits)
	return step{number: number}, rest, ok && err == nil && number >= 0
}
