package hub

import "github.com/tidwall/gjson"

// FormatKind is what form an answer is to have.
type FormatKind int

// The forms.
const (
	TextFormat   FormatKind = iota // no form, as without a word
	ObjectFormat                   // some JSON object
	SchemaFormat                   // JSON that follows a schema
)

// Format is what form an answer is to have.
type Format struct {
	Kind FormatKind
	// Definition is the value of json_schema, and Schema and Description are its members.
	Definition, Schema, Description gjson.Result
}

// ReadFormat reads response_format. It refuses what is no format of chat, whyUnknown saying
// that the dialect has no such format.
func (r *Request) ReadFormat(whyUnknown string) (Format, error) {
	var f Format
	if !Present(r.Format) {
		return f, nil
	}
	switch r.Format.Get("type").Str {
	case "text":
	case "json_object":
		f.Kind = ObjectFormat
	case "json_schema":
		f.Kind, f.Definition = SchemaFormat, r.Format.Get("json_schema")
		f.Schema, f.Description = f.Definition.Get("schema"), f.Definition.Get("description")
		if !f.Schema.IsObject() {
			return f, Unsupported("response_format.json_schema.schema", "is missing")
		}
	default:
		return f, Unsupported("response_format", whyUnknown)
	}
	return f, nil
}

// Tool returns AnswerTool for a format that the vendor cannot promise in another way.
func (f *Format) Tool() (Declared, error) {
	d := Declared{Name: answerToolName, Description: answerToolAbout}
	schema := `{"type":"object","additionalProperties":true}`
	if f.Kind == SchemaFormat {
		var ok bool
		if schema, ok = ObjectSchema(f.Schema); !ok {
			return d, Unsupported("response_format.json_schema.schema", "is not of an object")
		}
	}
	d.Parameters = gjson.Parse(schema)
	if Inside(f.Description) != "" {
		d.Description = f.Description.Raw
	}
	return d, nil
}
