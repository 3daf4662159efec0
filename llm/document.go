package llm

// MaxDepth is how deep a JSON body may nest, its own braces included.
const MaxDepth = 128

// Document is a request body with an index of its top level: the members of a JSON object,
// or the fields of a multipart form. The body itself stays bytes and is never changed.
type Document struct {
	// Raw is the body as it came.
	Raw []byte
	// ContentType is the Content-Type header that goes with the body.
	ContentType string
	// Members are the top-level members in the order of the body. No name is there twice,
	// but for the parts of a form that hold files.
	Members []Member
	// Open and Close are the offsets of the object's braces. For a form, Close is where its
	// closing delimiter begins.
	Open, Close int
	// Boundary is a form's boundary, "" for JSON.
	Boundary string
}

// Member is one top-level member of a body. The offsets are into Document.Raw.
type Member struct {
	// Name is the member's name, unescaped.
	Name string
	// NameStart is where the member begins: the quote of its name, or a part's delimiter.
	NameStart int
	// ValueStart and ValueEnd delimit the value: JSON without white space around it, or the
	// content of a form's part.
	ValueStart, ValueEnd int
	// File says that a form's part holds a file.
	File bool
}

// IsForm says whether the body is a multipart form.
func (d *Document) IsForm() bool { return d.Boundary != "" }

// Find returns the member of that name, or nil.
func (d *Document) Find(name string) *Member {
	for i := range d.Members {
		if d.Members[i].Name == name {
			return &d.Members[i]
		}
	}
	return nil
}

// Get returns a member's value: raw JSON, or a form field's text.
func (d *Document) Get(name string) ([]byte, bool) {
	m := d.Find(name)
	if m == nil {
		return nil, false
	}
	return d.Raw[m.ValueStart:m.ValueEnd], true
}

// String returns a member's text, and false when it is absent or not a string.
func (d *Document) String(name string) (string, bool) {
	raw, ok := d.Get(name)
	if !ok {
		return "", false
	}
	if d.IsForm() {
		return string(raw), true
	}
	if raw[0] != '"' {
		return "", false
	}
	return unquote(raw), true
}

// Bool returns a member's truth, and false for ok when it is absent or not a boolean.
func (d *Document) Bool(name string) (value, ok bool) {
	raw, found := d.Get(name)
	if !found {
		return false, false
	}
	switch string(raw) {
	case "true":
		return true, true
	case "false":
		return false, true
	default:
		return false, false
	}
}
