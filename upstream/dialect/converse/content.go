package converse

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// content appends the blocks of a message's content.
func (r *request) content(b []byte, m *hub.Message) ([]byte, error) {
	err := m.EachPart(func(p hub.Part) error {
		next, why := r.part(b, &p)
		if why != "" {
			return hub.Unsupported("", why)
		}
		b = r.mark(next, p.Cache)
		return nil
	})
	return b, err
}

// part appends the block for a part of content; why says why there is none.
func (r *request) part(b []byte, p *hub.Part) (_ []byte, why string) {
	switch p.Type {
	case "text", "refusal":
		return r.text(b, p.Text), ""
	case "image_url":
		if p.Detail != "" {
			r.dropped.Add("image_url.detail")
		}
		return media(b, p.URL.Str, "image")
	case "video_url":
		return media(b, p.URL.Str, "video")
	case "file":
		return r.file(b, p.Media)
	default:
		return b, "is content of a kind that Bedrock's Converse API does not have"
	}
}

// text appends a text, unless it is blank, which Bedrock refuses.
func (r *request) text(b []byte, text gjson.Result) []byte {
	if hub.Blank(text) {
		return b
	}
	r.turns.text = true
	return append(hub.Member(append(hub.Comma(b), '{'), "text", text.Raw), '}')
}

// instruction appends the blocks of a system message, which are text alone.
func (r *request) instruction(b []byte, m *hub.Message) ([]byte, error) {
	if err := m.EachPart(func(p hub.Part) error {
		if p.Type != "text" {
			return hub.Unsupported("", "is no text, which system messages on Bedrock are made of")
		}
		return nil
	}); err != nil {
		return b, err
	}
	said := r.turns.text
	b, err := r.content(b, m)
	r.turns.text = said
	return b, err
}

// mark appends a cache point behind what a client has marked with Anthropic's cache_control, the
// form in which clients of chat ask for it. Models without a cache go without.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html.
func (r *request) mark(b []byte, cache gjson.Result) []byte {
	if !hub.Present(cache) || len(b) == 0 {
		return b
	}
	if !r.model.caches() {
		r.dropped.Add("cache_control")
		return b
	}
	const begin = `{"cachePoint":{"type":"default"`
	if strings.HasSuffix(string(b[max(0, len(b)-64):]), begin+"}}") {
		return b // one is enough
	}
	b = append(hub.Comma(b), begin...)
	if ttl := cache.Get("ttl"); ttl.Str == "1h" && r.model.vendor != nova {
		b = append(b, `,"ttl":"1h"`...)
	}
	return append(b, "}}"...)
}

// formats are Converse's names of media types. Bedrock looks at no address of the web, and the
// gateway does not fetch what a client names, so media come as data URIs.
// Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ImageBlock.html,
// API_runtime_VideoBlock.html and API_runtime_DocumentBlock.html beside it.
var formats = map[string]struct{ kind, format string }{
	"image/png": {"image", "png"}, "image/jpeg": {"image", "jpeg"}, "image/jpg": {"image", "jpeg"},
	"image/gif": {"image", "gif"}, "image/webp": {"image", "webp"},
	"video/mp4": {"video", "mp4"}, "video/quicktime": {"video", "mov"}, "video/x-matroska": {"video", "mkv"}, "video/webm": {"video", "webm"},
	"video/x-flv": {"video", "flv"}, "video/mpeg": {"video", "mpeg"}, "video/x-ms-wmv": {"video", "wmv"}, "video/3gpp": {"video", "three_gp"},
	"application/pdf": {"document", "pdf"}, "text/csv": {"document", "csv"}, "text/html": {"document", "html"},
	"text/plain": {"document", "txt"}, "text/markdown": {"document", "md"}, "application/json": {"document", "txt"},
	"application/msword": {"document", "doc"}, "application/vnd.ms-excel": {"document", "xls"},
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {"document", "docx"},
	"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet":       {"document", "xlsx"},
}

// media appends an image or a video.
func media(b []byte, uri, kind string) (_ []byte, why string) {
	media, data, ok := hub.DataURI(uri)
	if !ok || data == "" {
		return b, "Bedrock takes media by their bytes only; send a data URI in base64"
	}
	f := formats[media]
	if f.kind != kind {
		return b, "is of a media type that Bedrock does not take as " + kind
	}
	b = append(append(hub.Comma(b), `{"`...), kind...)
	b = append(append(b, `":{"format":"`...), f.format...)
	return append(appendBytes(append(b, '"'), data), "}}"...), ""
}

// file appends a document, or an image that is called a file.
func (r *request) file(b []byte, file gjson.Result) (_ []byte, why string) {
	data := file.Get("file_data")
	if !hub.Present(data) {
		return b, "names a file that is stored with another vendor; send file_data"
	}
	media, encoded, ok := hub.DataURI(data.Str)
	if !ok || encoded == "" {
		return b, "is no data URI in base64"
	}
	f := formats[media]
	switch {
	case f.kind == "" && strings.HasPrefix(media, "text/"):
		f.kind, f.format = "document", "txt"
	case f.kind == "":
		return b, "is a file of a kind that Bedrock's Converse API does not have"
	}
	b = append(append(hub.Comma(b), `{"`...), f.kind...)
	b = append(append(b, `":{"format":"`...), f.format...)
	b = append(b, '"')
	if f.kind == "document" {
		b = llm.AppendString(hub.Name(b, "name"), r.fileName(file.Get("filename").Str))
		r.turns.document = true
	}
	return append(appendBytes(b, encoded), "}}"...), ""
}

// appendBytes appends the source of a medium.
func appendBytes(b []byte, data string) []byte {
	b = append(b, `,"source":{"bytes":`...)
	return append(llm.AppendString(b, data), '}')
}

// maxFileName is how long the name of a document may be.
const maxFileName = 200

// fileName makes a document's name what Bedrock takes: letters, digits, single spaces, hyphens,
// parentheses and square brackets; and different from the others of the request.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_DocumentBlock.html.
func (r *request) fileName(name string) string {
	name = strings.TrimSuffix(path.Base(name), path.Ext(name))
	name = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("-()[]", c):
			return c
		case unicode.IsSpace(c):
			return ' '
		}
		return '-'
	}, name)
	name = strings.Join(strings.Fields(name), " ")
	name = strings.TrimSpace(name[:min(len(name), maxFileName-len(" (1000)"))])
	if strings.Trim(name, "-") == "" {
		name = "document"
	}
	for whole, n := name, 2; slices.Contains(r.files, name); n++ {
		name = whole + " (" + strconv.Itoa(n) + ")"
	}
	r.files = append(r.files, name)
	return name
}
