package hub

import (
	"strings"

	"github.com/tidwall/gjson"
)

// Part is a part of a message's content.
type Part struct {
	// All is the part as it stands, for the vendor's own words and marks. It is the zero Result
	// for content that is a text and no list.
	All gjson.Result
	// Type is what it is: text (as which the names of the Responses API count too), refusal,
	// image_url, video_url, input_audio, file, or a type that is not OpenAI's.
	Type string
	// Text is that of text and refusal.
	Text gjson.Result
	// URL is the address or the data URI of image_url and video_url, and Detail how closely an
	// image is to be looked at, "" for auto.
	URL    gjson.Result
	Detail string
	// Media is the value of input_audio or of file.
	Media gjson.Result
	// Cache is its cache_control.
	Cache gjson.Result
}

// EachPart calls f with each part of some content until it fails, and puts content before what
// f has refused, and the part's index if there are several. A text is one part. No content has
// no parts.
func EachPart(content gjson.Result, f func(p Part) error) error {
	switch {
	case !Present(content):
		return nil
	case content.Type == gjson.String:
		return In("content", f(Part{Type: "text", Text: content}))
	case !content.IsArray():
		return Unsupported("content", "is neither a text nor a list")
	}
	return In("content", Elements(content, func(_ int, v gjson.Result) error {
		return f(readPart(v))
	}))
}

func readPart(v gjson.Result) Part {
	p := Part{All: v}
	var refusal, image, video, audio, file gjson.Result
	v.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "type":
			p.Type = value.Str
		case "text":
			p.Text = value
		case "refusal":
			refusal = value
		case "image_url":
			image = value
		case "video_url":
			video = value
		case "input_audio":
			audio = value
		case "file":
			file = value
		case "cache_control":
			p.Cache = value
		}
		return true
	})
	switch p.Type {
	case "input_text", "output_text":
		p.Type = "text"
	case "refusal":
		p.Text = refusal
	case "image_url":
		p.address(image)
	case "video_url":
		p.address(video)
	case "input_audio":
		p.Media = audio
	case "file":
		p.Media = file
	}
	return p
}

// address reads the value of image_url or video_url: an object around the address, which some
// clients leave out.
func (p *Part) address(v gjson.Result) {
	if !v.IsObject() {
		p.URL = v
		return
	}
	v.ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "url":
			p.URL = value
		case "detail":
			if value.Str != "auto" {
				p.Detail = value.Str
			}
		}
		return true
	})
}

// AppendText appends a part that is a text, an empty one for a value that is none.
func AppendText(b []byte, text gjson.Result) []byte {
	b = append(Comma(b), `{"type":"text","text":`...)
	return append(append(b, StringOr(text, `""`)...), '}')
}

// JoinTexts appends the insides of the member text of each element, one behind the other.
func JoinTexts(b, elements []byte) []byte {
	gjson.ParseBytes(append(append([]byte{'['}, elements...), ']')).ForEach(func(_, element gjson.Result) bool {
		b = append(b, Inside(element.Get("text"))...)
		return true
	})
	return b
}

// DataURI takes a data URI in base64 apart, data:image/png;base64,…, into its media type, in
// lower case and without parameters, and its data.
func DataURI(uri string) (media, data string, ok bool) {
	rest, ok := strings.CutPrefix(uri, "data:")
	if !ok {
		return "", "", false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok || !strings.HasSuffix(head, ";base64") {
		return "", "", false
	}
	media, _, _ = strings.Cut(head, ";")
	return strings.ToLower(media), data, media != ""
}
