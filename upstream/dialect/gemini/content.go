package gemini

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// textPart returns a text part. Text and signature are JSON; the signature may be "".
func textPart(text, signature string) []byte {
	b := append([]byte(`{"text":`), text...)
	return append(hub.Given(b, "thoughtSignature", signature), '}')
}

// content returns one part of a message's content, and nothing for an empty text.
func (c *conversation) content(p *hub.Part) ([]byte, error) {
	switch p.Type {
	case "text", "refusal":
		if hub.Inside(p.Text) == "" {
			return nil, nil
		}
		return textPart(p.Text.Raw, ""), nil
	case "image_url", "video_url":
		if p.Detail != "" {
			c.r.dropped.Add("messages[].content[].image_url.detail")
		}
		return appendMedia(nil, p.URL.String())
	case "input_audio":
		kind := soundTypes[p.Media.Get("format").String()]
		if kind == "" {
			return nil, hub.Unsupported("", "Gemini does not take this sound format")
		}
		return appendInline(nil, kind, p.Media.Get("data").String()), nil
	case "file":
		return appendFile(nil, p.Media)
	default:
		return nil, hub.Unsupported("", "Gemini has no content of type "+shorten(p.Type))
	}
}

// soundTypes are the media types of OpenAI's formats and of those that Gemini takes besides
// (source: https://ai.google.dev/gemini-api/docs/audio#supported-formats).
var soundTypes = map[string]string{
	"wav": "audio/wav", "mp3": "audio/mp3", "aiff": "audio/aiff", "aac": "audio/aac", "ogg": "audio/ogg", "flac": "audio/flac",
}

// appendFile appends a file that the message holds. OpenAI's uploaded files are known to
// OpenAI alone; those of Google's Files API and of Cloud Storage have a URL as their id.
func appendFile(b []byte, file gjson.Result) ([]byte, error) {
	if data := file.Get("file_data").String(); data != "" {
		if !strings.HasPrefix(data, "data:") {
			kind := mediaTypes[strings.ToLower(path.Ext(file.Get("filename").String()))]
			if kind == "" {
				return b, hub.Unsupported("", "the file's type cannot be told from its name")
			}
			return appendInline(b, kind, data), nil
		}
		return appendMedia(b, data)
	}
	id := file.Get("file_id").String()
	if strings.HasPrefix(id, "gs://") || strings.HasPrefix(id, "https://") {
		return appendMedia(b, id)
	}
	return b, hub.Unsupported("", "files that are uploaded to another vendor cannot be read")
}

// appendMedia appends an image or another medium by its URL: a data URL becomes inline data,
// and a URL of Google's Cloud Storage or of the web is left to Google to fetch, so that the
// gateway never fetches what a client names.
// Source: https://ai.google.dev/gemini-api/docs/file-input-methods.
func appendMedia(b []byte, uri string) ([]byte, error) {
	if rest, ok := strings.CutPrefix(uri, "data:"); ok {
		head, data, found := strings.Cut(rest, ",")
		kind, encoding, _ := strings.Cut(head, ";")
		if !found || kind == "" || encoding != "base64" && !strings.HasSuffix(encoding, ";base64") {
			return b, hub.Unsupported("", "only data URLs with a media type and in base64 are translated")
		}
		return appendInline(b, kind, data), nil
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "https" && u.Scheme != "gs" || u.Host == "" {
		return b, hub.Unsupported("", "Gemini takes URLs of https, gs and data")
	}
	b = append(b, `{"fileData":{`...)
	if kind := mediaTypes[strings.ToLower(path.Ext(u.Path))]; kind != "" {
		b = llm.AppendString(hub.Name(b, "mimeType"), kind)
	} else if !ownHosts[u.Host] {
		return b, hub.Unsupported("", "the media type cannot be told from the URL, and Gemini wants it")
	}
	b = llm.AppendString(hub.Name(b, "fileUri"), uri)
	return append(b, `}}`...), nil
}

func appendInline(b []byte, kind, data string) []byte {
	b = slices.Grow(b, len(data)+len(kind)+64)
	b = llm.AppendString(append(b, `{"inlineData":{"mimeType":`...), kind)
	b = appendData(append(b, `,"data":`...), data)
	return append(b, `}}`...)
}

// appendData appends a text that is likely base64 as a JSON string. It can be long, and has
// nothing to escape.
func appendData(b []byte, data string) []byte {
	for i := range len(data) {
		if c := data[i]; c < '+' || c > 'z' || c == '\\' {
			return llm.AppendString(b, data)
		}
	}
	return append(append(append(b, '"'), data...), '"')
}

// ownHosts serve media whose type Google knows itself: uploaded files, and videos of YouTube
// (source: https://ai.google.dev/gemini-api/docs/video-understanding#youtube).
var ownHosts = map[string]bool{
	"generativelanguage.googleapis.com": true, "www.youtube.com": true, "youtube.com": true, "youtu.be": true,
}

// mediaTypes are the media types that Gemini takes, by the extensions of files
// (sources: https://ai.google.dev/gemini-api/docs/file-input-methods and its pages on images,
// audio, video and documents).
var mediaTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif",
	".gif": "image/gif", ".bmp": "image/bmp",
	".wav": "audio/wav", ".mp3": "audio/mp3", ".aiff": "audio/aiff", ".aac": "audio/aac", ".ogg": "audio/ogg", ".flac": "audio/flac",
	".m4a": "audio/m4a",
	".mp4": "video/mp4", ".mpeg": "video/mpeg", ".mpg": "video/mpg", ".mov": "video/mov", ".avi": "video/avi", ".flv": "video/x-flv",
	".webm": "video/webm", ".wmv": "video/wmv", ".3gp": "video/3gpp", ".3gpp": "video/3gpp",
	".pdf": "application/pdf", ".json": "application/json",
	".txt": "text/plain", ".md": "text/md", ".html": "text/html", ".htm": "text/html", ".css": "text/css", ".csv": "text/csv",
	".xml": "text/xml", ".rtf": "text/rtf",
}
