package rewrite

import (
	"slices"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// applyForm edits a multipart form: fields are replaced, added and taken out as members of
// a JSON body would be, and files pass as they are.
func (e *Edit) applyForm(doc *llm.Document) (llm.Payload, []string) {
	f := formEdit{doc: doc, set: map[string]string{"model": e.modelText}}
	var dropped []string
	for _, name := range e.drop {
		if doc.Find(name) != nil {
			dropped = append(dropped, name)
		}
	}
	f.gone = append(slices.Clone(e.drop), "context", "inputs")
	for _, p := range e.params {
		if p.override || doc.Find(p.name) == nil {
			f.set[p.name] = fieldText(p.value)
			f.order = append(f.order, p.name)
		}
	}
	f.order = append(f.order, "model")
	return llm.Payload{ContentType: doc.ContentType, Parts: f.parts()}, dropped
}

// fieldText returns a parameter's JSON value as the text of a form field.
func fieldText(value []byte) string {
	if r := gjson.ParseBytes(value); r.Type == gjson.String {
		return r.String()
	}
	return string(value)
}

type formEdit struct {
	doc   *llm.Document
	set   map[string]string
	order []string // the names in set
	gone  []string
}

func (f *formEdit) parts() [][]byte {
	var parts [][]byte
	raw, at := f.doc.Raw, 0
	done := map[string]bool{}
	for i := range f.doc.Members {
		m := &f.doc.Members[i]
		end := f.doc.Close
		if i+1 < len(f.doc.Members) {
			end = f.doc.Members[i+1].NameStart
		}
		text, replace := f.set[m.Name]
		switch {
		case m.File:
		case slices.Contains(f.gone, m.Name):
			parts = append(parts, raw[at:m.NameStart])
			at = end
		case replace:
			parts = append(parts, raw[at:m.ValueStart], []byte(text))
			at = m.ValueEnd
			done[m.Name] = true
		}
	}
	parts = append(parts, raw[at:f.doc.Close])
	for _, name := range f.order {
		if !done[name] && !slices.Contains(f.gone, name) {
			parts = append(parts, []byte("--"+f.doc.Boundary+"\r\nContent-Disposition: form-data; name=\""+name+"\"\r\n\r\n"+f.set[name]+"\r\n"))
			done[name] = true
		}
	}
	return slices.DeleteFunc(append(parts, raw[f.doc.Close:]), func(b []byte) bool { return len(b) == 0 })
}
