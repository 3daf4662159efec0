package responses

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// question is the translation of one request of a client of responses.
type question struct {
	root     gjson.Result
	items    []gjson.Result // of the input
	outputs  map[string][]int
	written  []bool // says which items of outputs have been written
	turn     turn
	messages []byte // the hub's, with commas between them
	tools    []byte
	dropped  hub.Drops
	logprobs bool  // the member has been written
	broken   error // the refusal of an output that was found at the end of a turn
}

// Question implements dialect.FrontDoor.
//
// What it decides, beside the counterparts that are plain:
//   - What OpenAI has stored is refused: previous_response_id, conversation, prompt,
//     item_reference and the ids of images.
//   - Tools that OpenAI runs itself, and what they called before, are refused, as are tools for
//     which a client needs OpenAI's own words (local_shell, shell, apply_patch, tool_search).
//     A search of the web beside tools of the client's own is left out, and named: see mayGoWithout.
//   - Custom tools, whose input is free text, become functions: see freeformInput. Tools in
//     namespaces become functions too: see namespaceMark.
//   - The role developer becomes system, which every vendor knows.
//   - truncation auto and context_management are left out, and named: an input that fits is
//     answered alike, and one that does not fails loudly.
//   - max_tool_calls counts calls of the tools that are refused, and so is only a hint.
func (frontDoor) Question(body []byte) (dialect.Translated, error) {
	if _, err := llm.ParseJSON(body); err != nil {
		return dialect.Translated{}, err
	}
	q := question{root: gjson.ParseBytes(body)}
	for _, stored := range [...]string{"previous_response_id", "conversation", "prompt"} {
		if hub.Present(q.root.Get(stored)) {
			return dialect.Translated{}, hub.Unsupported(stored, "is stored with OpenAI; send the conversation itself")
		}
	}
	if err := q.toolsIn(q.root, gjson.Result{}); err != nil {
		return dialect.Translated{}, err
	}
	if err := q.input(); err != nil {
		return dialect.Translated{}, err
	}
	b, err := q.write(make([]byte, 0, len(body)+256))
	if err != nil {
		return dialect.Translated{}, err
	}
	return dialect.Translated{Body: b, Dropped: q.dropped}, nil
}

// write writes the hub's request, its members in the order of the client's.
func (q *question) write(b []byte) ([]byte, error) {
	b = append(b, '{')
	var failed error
	q.root.ForEach(func(key, value gjson.Result) bool {
		if !hub.Present(value) {
			return true
		}
		switch key.Str {
		case "input":
			b = append(hub.Comma(b), `"messages":[`...)
			b = append(append(b, q.messages...), ']')
			b = hub.List(b, "tools", q.tools)
		case "instructions", "tools": // have been written
		case "tool_choice":
			b, failed = q.choice(b, value)
		case "parallel_tool_calls":
			if len(q.tools) > 0 { // without tools chat does not take it
				b = hub.Member(b, key.Str, value.Raw)
			}
		case "max_output_tokens":
			b = hub.Member(b, "max_completion_tokens", value.Raw)
		case "reasoning":
			b = q.reasoning(b, value)
		case "text":
			b, failed = q.text(b, value)
		case "stream":
			b = hub.AppendStream(b, value)
		case "include", "top_logprobs":
			b = q.probabilities(b)
		default:
			b, failed = q.other(b, key, value)
		}
		return failed == nil
	})
	return append(b, '}'), failed
}

// other writes a member that is passed on, left out or refused.
func (q *question) other(b []byte, key, value gjson.Result) ([]byte, error) {
	switch key.Str {
	case "background":
		if value.Type == gjson.True {
			return b, hub.Unsupported(key.Str, "only OpenAI's API answers later")
		}
	case "moderation":
		return b, hub.Unsupported(key.Str, "only OpenAI's API moderates answers")
	case "truncation":
		if value.Str != "disabled" {
			q.dropped.Add(key.Str)
		}
	case "store", "max_tool_calls", "context_management", "stream_options", "client_metadata":
		q.dropped.Add(key.Str)
	default: // model, temperature, top_p, metadata, user, service_tier, and what is not known
		b = hub.Copy(b, key, value)
	}
	return b, nil
}

// probabilities appends logprobs and top_logprobs for the members include and top_logprobs.
func (q *question) probabilities(b []byte) []byte {
	if q.logprobs {
		return b
	}
	q.logprobs = true
	top := q.root.Get("top_logprobs")
	wanted := top.Num > 0
	hub.Each(q.root.Get("include"), func(v gjson.Result) bool {
		switch v.Str {
		case "message.output_text.logprobs":
			wanted = true
		case "reasoning.encrypted_content": // is always there where the provider has it
		default:
			q.dropped.Add("include." + v.Str)
		}
		return true
	})
	if !wanted {
		return b
	}
	b = hub.Member(b, "logprobs", "true")
	if top.Num > 0 {
		b = hub.Member(b, "top_logprobs", top.Raw)
	}
	return b
}

func (q *question) reasoning(b []byte, v gjson.Result) []byte {
	v.ForEach(func(key, value gjson.Result) bool {
		switch {
		case !hub.Present(value):
		case key.Str == "effort":
			b = hub.Member(b, "reasoning_effort", value.Raw)
		default:
			q.dropped.Add("reasoning." + key.Str)
		}
		return true
	})
	return b
}

func (q *question) text(b []byte, v gjson.Result) ([]byte, error) {
	var failed error
	v.ForEach(func(key, value gjson.Result) bool {
		switch {
		case !hub.Present(value):
		case key.Str == "format":
			b, failed = q.format(b, value)
		case key.Str == "verbosity":
			b = hub.Member(b, "verbosity", value.Raw)
		default:
			q.dropped.Add("text." + key.Str)
		}
		return failed == nil
	})
	return b, failed
}

// format appends response_format. The format text is what chat answers in without one.
func (q *question) format(b []byte, v gjson.Result) ([]byte, error) {
	switch v.Get("type").Str {
	case "text":
		return b, nil
	case "json_object":
		return hub.Member(b, "response_format", `{"type":"json_object"}`), nil
	case "json_schema":
		b = append(hub.Comma(b), `"response_format":{"type":"json_schema","json_schema":{`...)
		v.ForEach(func(key, value gjson.Result) bool {
			if key.Str != "type" && hub.Present(value) {
				b = hub.Copy(b, key, value)
			}
			return true
		})
		return append(b, "}}"...), nil
	default:
		return b, hub.Unsupported("text.format", "is no format that is known")
	}
}
