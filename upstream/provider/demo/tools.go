package demo

import "github.com/tidwall/gjson"

// toolCall returns the call that the request makes the demo answer with, if any: of the tool
// that tool_choice names, or of the first. The model tools answers with text after a tool's
// result, so that a client that calls tools until there is text comes to an end.
func (q *question) toolCall() (name, arguments string, ok bool) {
	choice := q.body.Get("tool_choice")
	wanted := choice.Get("function.name").String()
	if wanted == "" {
		wanted = choice.Get("name").String() // where the Responses API has it
	}
	forced := wanted != "" || choice.String() == "required"
	willing := q.model == "tools" && choice.String() != "none" && !q.answersTool()
	if !forced && !willing {
		return "", "", false
	}
	q.body.Get("tools").ForEach(func(_, tool gjson.Result) bool {
		f := tool.Get("function")
		if !f.Exists() {
			f = tool // the Responses API has the function's members in the tool itself
		}
		// What has no name is a tool of the vendor, such as web_search.
		if own := f.Get("name").String(); own != "" && (wanted == "" || own == wanted) {
			name, arguments, ok = own, string(encode(example(f.Get("parameters")))), true
		}
		return !ok
	})
	return name, arguments, ok
}

// answersTool says whether the last message is a tool's result.
func (q *question) answersTool() bool {
	if q.endpoint == "/responses" {
		return last(q.body.Get("input")).Get("type").String() == "function_call_output"
	}
	return last(q.body.Get("messages")).Get("role").String() == "tool"
}

// example returns a value that a JSON schema admits, as far as the demo reads schemas.
func example(schema gjson.Result) any {
	if value := schema.Get("const"); value.Exists() {
		return value.Value()
	}
	if value := schema.Get("enum.0"); value.Exists() {
		return value.Value()
	}
	kind := schema.Get("type")
	if kind.IsArray() {
		kind = kind.Get("0")
	}
	switch kind.String() {
	case "string":
		return "example"
	case "integer", "number":
		return 1
	case "boolean":
		return true
	case "null":
		return nil
	case "array":
		return []any{example(schema.Get("items"))}
	default:
		o := object{}
		schema.Get("properties").ForEach(func(name, member gjson.Result) bool {
			o[name.String()] = example(member)
			return true
		})
		return o
	}
}

// formatted returns what the demo says in the format that the request wants, which format is
// the place of: response_format, or text.format of the Responses API.
func (q *question) formatted(format string) string {
	text := q.sentence()
	if q.model == "empty" {
		return text
	}
	switch f := q.body.Get(format); f.Get("type").String() {
	case "json_object":
		return string(encode(object{"answer": text}))
	case "json_schema":
		schema := f.Get("json_schema.schema")
		if !schema.Exists() {
			schema = f.Get("schema") // where the Responses API has it
		}
		return string(encode(example(schema)))
	default:
		return text
	}
}
