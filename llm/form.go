package llm

import (
	"bytes"
	"fmt"
	"mime"
	"net/textproto"
	"strings"
)

// maxParts is how many parts a form may have.
const maxParts = 256

// maxBoundary is the longest boundary, in characters (RFC 2046, section 5.1.1).
const maxBoundary = 70

// ParseForm indexes a multipart/form-data body (RFC 7578) without copying its parts. A field
// that is there twice is refused, unless its name ends in [] as OpenAI's clients write lists,
// or it is a file.
//
// The error is an *Error, invalid_json, since the form stands where JSON would.
func ParseForm(raw []byte, contentType string) (Document, error) {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil || media != "multipart/form-data" {
		return Document{}, formError("has no Content-Type multipart/form-data that can be read")
	}
	boundary := params["boundary"]
	if boundary == "" || len(boundary) > maxBoundary {
		return Document{}, formError(fmt.Sprintf("needs a boundary of 1 to %d characters in its Content-Type", maxBoundary))
	}
	d := Document{Raw: raw, ContentType: contentType, Boundary: boundary}
	delimiter := []byte("--" + boundary)
	at := bytes.Index(raw, delimiter)
	if at < 0 || at > 0 && raw[at-1] != '\n' {
		return Document{}, formError("does not begin with its boundary")
	}
	d.Open = at
	for {
		rest := raw[at+len(delimiter):]
		if bytes.HasPrefix(rest, []byte("--")) {
			d.Close = at
			return d, nil
		}
		if len(d.Members) == maxParts {
			return Document{}, formError(fmt.Sprintf("has more than %d parts", maxParts))
		}
		m, next, err := formPart(raw, at, delimiter)
		if err != nil {
			return Document{}, err
		}
		if !m.File && !strings.HasSuffix(m.Name, "[]") && d.Find(m.Name) != nil {
			return Document{}, formError(fmt.Sprintf("has the field %q twice; send it once", m.Name))
		}
		d.Members = append(d.Members, m)
		at = next
	}
}

// formPart reads the part whose delimiter begins at at, and returns where the next begins.
func formPart(raw []byte, at int, delimiter []byte) (Member, int, error) {
	m := Member{NameStart: at}
	head := at + len(delimiter)
	if !bytes.HasPrefix(raw[head:], []byte("\r\n")) {
		return m, 0, formError("has a boundary without a line break")
	}
	head += 2
	length := bytes.Index(raw[head:], []byte("\r\n\r\n"))
	if length < 0 {
		return m, 0, formError("has a part without an end of its headers")
	}
	if err := m.disposition(raw[head : head+length]); err != nil {
		return m, 0, err
	}
	m.ValueStart = head + length + 4
	end := bytes.Index(raw[m.ValueStart:], append([]byte("\r\n"), delimiter...))
	if end < 0 {
		return m, 0, formError(fmt.Sprintf("ends inside the part %q", m.Name))
	}
	m.ValueEnd = m.ValueStart + end
	return m, m.ValueEnd + 2, nil
}

// disposition reads a part's name, and whether it is a file, from its headers.
func (m *Member) disposition(head []byte) error {
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || textproto.CanonicalMIMEHeaderKey(string(name)) != "Content-Disposition" {
			continue
		}
		kind, params, err := mime.ParseMediaType(string(bytes.TrimSpace(value)))
		if err != nil || kind != "form-data" || params["name"] == "" {
			return formError("has a part whose Content-Disposition names no form-data field")
		}
		m.Name = params["name"]
		_, m.File = params["filename"]
		return nil
	}
	return formError("has a part without a Content-Disposition")
}

func formError(what string) *Error {
	return NewError(CodeInvalidJSON, "The form "+what+".")
}
