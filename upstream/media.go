package upstream

import (
	"context"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/fetch"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// medium is an image or a file in a request that is there by its address.
type medium struct {
	field      string // where it is, for those who read errors
	address    string
	raw        string // the value that its content replaces, at these offsets of the body
	start, end int
	form       mediumForm
}

// mediumForm is how a content takes the place of an address.
type mediumForm int

const (
	// asURI is a data URI in place of the address itself.
	asURI mediumForm = iota
	// asSource is a source of Anthropic's in place of another.
	asSource
	// asFile is file_data, and a name, in place of the member file_url.
	asFile
)

// mediaIn returns what is in a request's messages by address, whichever of the three APIs that
// converse the request is of.
func mediaIn(e llm.Endpoint, body []byte) (all []medium) {
	list, name := gjson.GetBytes(body, "messages"), "messages"
	if e == llm.Responses {
		list, name = gjson.GetBytes(body, "input"), "input"
	}
	eachIn(list, name, func(message gjson.Result, field string) {
		eachIn(message.Get("content"), field+".content", func(part gjson.Result, field string) {
			all = appendMedium(all, part, field)
			// Results of tools have contents of their own.
			eachIn(part.Get("content"), field+".content", func(part gjson.Result, field string) { all = appendMedium(all, part, field) })
		})
		eachIn(message.Get("output"), field+".output", func(part gjson.Result, field string) { all = appendMedium(all, part, field) })
	})
	return all
}

func eachIn(list gjson.Result, name string, f func(v gjson.Result, field string)) {
	if !list.IsArray() {
		return
	}
	i := 0
	list.ForEach(func(_, v gjson.Result) bool {
		f(v, name+"["+strconv.Itoa(i)+"]")
		i++
		return true
	})
}

func appendMedium(all []medium, part gjson.Result, field string) []medium {
	for _, at := range []struct {
		value gjson.Result
		form  mediumForm
	}{
		{part.Get("image_url"), asURI}, {part.Get("image_url.url"), asURI}, {part.Get("file.file_data"), asURI},
		{part.Get("file_url"), asFile}, {part.Get("source.url"), asSource},
	} {
		v := at.value
		if v.Type != gjson.String || !strings.HasPrefix(v.Str, "https://") && !strings.HasPrefix(v.Str, "http://") {
			continue
		}
		m := medium{field: field, address: v.Str, raw: v.Raw, start: v.Index, form: at.form}
		if at.form == asSource {
			source := part.Get("source")
			m.start, m.raw = source.Index, source.Raw
		}
		m.end = m.start + len(m.raw)
		return append(all, m)
	}
	return all
}

// maxMedia is how much is fetched for one request at most, in pieces.
const maxMedia = 32

// gathered is what has been fetched for a call, by its address: another target may need it, too.
type gathered map[string]fetch.Medium

// embed returns a request with what is in it by address put into it, fetched by f.
func (g gathered) embed(ctx context.Context, f *fetch.Fetcher, all []medium, body []byte) ([]byte, error) {
	if len(all) > maxMedia {
		return nil, &dialect.UnsupportedError{Field: all[maxMedia].field, Why: "is one address more than are fetched for a request; send a data URI in base64"}
	}
	batch := f.Batch(ctx)
	defer batch.Close()
	out := make([]byte, 0, 2*len(body))
	copied := 0
	for i := range all {
		m := &all[i]
		got, ok := g[m.address]
		if !ok {
			var err error
			if got, err = batch.Get(m.address); err != nil {
				return nil, &unfetchedError{&dialect.UnsupportedError{
					Field: m.field, Why: "could not be fetched for a model that takes only bytes; send a data URI in base64",
				}, err}
			}
			g[m.address] = got
		}
		if m.start < copied || m.end > len(body) || string(body[m.start:m.end]) != m.raw {
			return nil, &dialect.UnsupportedError{Field: m.field, Why: "cannot be told from what is around it"}
		}
		out = append(out, body[copied:m.start]...)
		out = m.append(out, got)
		copied = m.end
	}
	return append(out, body[copied:]...), nil
}

// append appends what takes the place of the address.
func (m *medium) append(b []byte, got fetch.Medium) []byte {
	switch m.form {
	case asSource:
		b = llm.AppendString(append(b, `{"type":"base64","media_type":`...), got.Type)
		b = append(b, `,"data":"`...)
		b = base64.StdEncoding.AppendEncode(b, got.Data)
		return append(b, `"}`...)
	case asFile: // a member more, since the name of this one stands before it
		b = append(b, `null,"file_data":`...)
	}
	b = append(b, `"data:`...)
	b = append(append(b, got.Type...), ";base64,"...)
	b = base64.StdEncoding.AppendEncode(b, got.Data)
	return append(b, '"')
}

// unfetchedError says that an address could not be fetched. What the client is told is the same
// whatever the reason, which would say what there is at addresses that only we can reach.
type unfetchedError struct {
	*dialect.UnsupportedError
	cause error // for logs
}

// Unwrap returns what the client is told, and the cause.
func (e *unfetchedError) Unwrap() []error { return []error{e.UnsupportedError, e.cause} }

// wantsMedia says whether a request may be another one when what is in it by address is fetched:
// when the target has refused something in its messages, or takes no address at all, also where
// it is asked in the client's own dialect.
func (n *run) wantsMedia(refused error) bool {
	if n.target.Provider.Fetcher() == nil {
		return false
	}
	var u *dialect.UnsupportedError
	if errors.As(refused, &u) {
		return strings.HasPrefix(u.Field, "messages[") || strings.HasPrefix(u.Field, "input[")
	}
	return refused == nil && n.target.Provider.Kind() == provider.KindBedrock
}

// fetchMedia says the request anew with its media in it. Without any it returns what it is given.
func (n *run) fetchMedia(said llm.Payload, dropped []string, refused error) (llm.Payload, []string, error) {
	l, body := n.loop, n.payload.Bytes()
	all := mediaIn(l.call.Request.Endpoint, body)
	if len(all) == 0 {
		return said, dropped, refused
	}
	if l.media == nil {
		l.media = make(gathered)
	}
	ctx := l.context()
	if !l.end.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, l.end)
		defer cancel()
	}
	start := time.Now()
	body, err := l.media.embed(ctx, n.target.Provider.Fetcher(), all, body)
	l.call.Exchange.UpstreamTime += time.Since(start)
	if err != nil {
		return llm.Payload{}, nil, err
	}
	n.payload.Parts = [][]byte{body}
	return n.target.Translate(l.call.Request, n.payload)
}
