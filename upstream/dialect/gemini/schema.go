package gemini

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// A schema goes as JSON Schema, in parametersJsonSchema and responseJsonSchema, and not as
// the older Schema object, which is a part of OpenAPI's: that one refuses the whole request
// for a word it does not know, such as additionalProperties. What JSON Schema the two take
// is listed at https://ai.google.dev/api/generate-content#FIELDS.response_json_schema, with
// two rules of their own: $schema is not on the list, and beside a $ref there may be no word
// that does not begin with $. appendSchema keeps both rules and leaves the rest alone.
//
// appendSchema appends a JSON schema in the form that Google takes.
func appendSchema(b []byte, schema gjson.Result) []byte {
	if !strings.Contains(schema.Raw, `"$ref"`) && !strings.Contains(schema.Raw, `"$schema"`) {
		return append(b, schema.Raw...)
	}
	return appendSubschema(b, schema)
}

// appendSubschema appends an object with the rules kept in it and below it.
func appendSubschema(b []byte, v gjson.Result) []byte {
	if !v.IsObject() {
		return append(b, v.Raw...)
	}
	reference := v.Get(`$ref`).Type == gjson.String
	b = append(b, '{')
	v.ForEach(func(name, value gjson.Result) bool {
		word := name.String()
		if word == "$schema" || reference && !strings.HasPrefix(word, "$") {
			return true
		}
		b = append(append(hub.Comma(b), name.Raw...), ':')
		switch word {
		case "properties", "$defs", "definitions", "patternProperties":
			b = appendNamed(b, value)
		case "items", "additionalProperties", "not":
			b = appendSubschema(b, value)
		case "anyOf", "oneOf", "allOf", "prefixItems":
			b = appendSubschemas(b, value)
		default: // a value such as that of enum or default, where the words mean nothing
			b = append(b, value.Raw...)
		}
		return true
	})
	return append(b, '}')
}

// appendNamed appends an object whose members are schemas, whatever their names.
func appendNamed(b []byte, v gjson.Result) []byte {
	if !v.IsObject() {
		return append(b, v.Raw...)
	}
	b = append(b, '{')
	v.ForEach(func(name, value gjson.Result) bool {
		b = append(append(hub.Comma(b), name.Raw...), ':')
		b = appendSubschema(b, value)
		return true
	})
	return append(b, '}')
}

func appendSubschemas(b []byte, v gjson.Result) []byte {
	if !v.IsArray() {
		return append(b, v.Raw...)
	}
	b = append(b, '[')
	v.ForEach(func(_, value gjson.Result) bool {
		b = appendSubschema(hub.Comma(b), value)
		return true
	})
	return append(b, ']')
}

// takesNothing says whether the parameters of a function are none: then they may be left out,
// which older models want, since for them an object without properties is an error.
func takesNothing(parameters gjson.Result) bool {
	if !parameters.IsObject() {
		return true
	}
	nothing := true
	parameters.ForEach(func(name, value gjson.Result) bool {
		switch name.String() {
		case "type":
			nothing = value.String() == "object"
		case "properties":
			nothing = value.Raw == "{}" || value.IsObject() && len(value.Map()) == 0
		case "required":
			nothing = len(value.Array()) == 0
		case "additionalProperties":
			nothing = value.Type == gjson.False
		case "$schema", "title", "description":
		default:
			nothing = false
		}
		return nothing
	})
	return nothing
}
