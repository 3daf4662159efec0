package messages

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// defaultMaxTokens is the answer's limit where neither the client nor the catalog of models
// says one: the API wants a limit in every request. What is thought comes on top of it.
const defaultMaxTokens = 4096

// request is the translation of one request.
type request struct {
	q     dialect.Question
	model claude
	in    hub

	system   []byte // blocks, with commas between them
	turns    turns
	toolsOut []byte // tools, with commas between them
	allowed  []string
	legacy   int // calls of functions in the form that has no ids
	last     int // the index of the last message
	dropped  drops
}

// Request implements dialect.Translator.
//
// What it decides, beside the counterparts that are plain:
//   - System and developer messages that lead become system. Later ones stay where they are,
//     as text of the user's turn between <system> tags: Anthropic has system messages inside a
//     conversation for its newest models on its own platform only, and moving them to the front
//     would say them before what they are about. A request of system messages alone is sent as
//     the user's turn, since the API wants one.
//     Source: https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages.
//   - max_tokens is the client's limit, else MaxOutput, else 4096 and room for what is thought.
//   - temperature above 1, which Anthropic's scale ends at, becomes 1 and is named as dropped
//     (so does Anthropic's own layer: https://platform.claude.com/docs/en/cli-sdks-libraries/libraries/openai-sdk).
//     temperature and top_p are left out, and named, for models from 4.7, which refuse them,
//     and while the model thinks; top_p beside temperature for models from 4.1.
//   - response_format json_schema becomes output_config.format for models from 4.5. For older
//     ones, and for json_object everywhere, the model is made to call a tool that the client
//     does not see. Models that refuse to be forced (5.1 and later) cannot answer json_object.
//   - reasoning_effort: see request.think.
func (t translator) Request(q dialect.Question) (dialect.Translated, error) {
	r := request{q: q, model: parseClaude(q.Model)}
	root := gjson.ParseBytes(q.Body)
	if !root.IsObject() {
		return dialect.Translated{}, unsupported("messages", "is missing")
	}
	r.in.read(root)
	if err := r.in.refuse(); err != nil {
		return dialect.Translated{}, err
	}
	r.in.leave(&r.dropped)
	if err := r.messages(); err != nil {
		return dialect.Translated{}, err
	}
	b, err := r.write(make([]byte, 0, len(q.Body)+256))
	if err != nil {
		return dialect.Translated{}, err
	}
	return dialect.Translated{Body: b, Dropped: r.dropped}, nil
}

// write writes the request. Its members come in the order in which the API keeps prompts:
// what seldom changes is not behind what does.
func (r *request) write(b []byte) ([]byte, error) {
	chosen, err := r.chosen()
	if err != nil {
		return nil, err
	}
	if err := r.tools(); err != nil {
		return nil, err
	}
	format, err := r.format(&chosen)
	if err != nil {
		return nil, err
	}
	if chosen.forced() && len(r.toolsOut) > 0 && !r.model.canBeForced() {
		return nil, unsupported("tool_choice", "this model cannot be made to call a tool")
	}
	how, err := r.think(chosen.forced())
	if err != nil {
		return nil, err
	}
	b = append(b, `{"model":`...)
	b = llm.AppendString(b, r.q.Model)
	b = member(b, "max_tokens", strconv.FormatInt(r.maxTokens(how.room), 10))
	b = list(b, "system", r.system)
	b = append(b, `,"messages":[`...)
	b = append(append(b, r.turns.out...), ']')
	b = list(b, "tools", r.toolsOut)
	b = r.appendChoice(b, chosen)
	if b, err = r.stops(b); err != nil {
		return nil, err
	}
	b = r.sampling(b, how.on())
	if how.thinking != "" {
		b = member(b, "thinking", how.thinking)
	}
	b = r.outputConfig(b, format, how.effort)
	b = r.metadata(b)
	if r.q.Stream {
		b = member(b, "stream", "true")
	}
	b = append(b, r.in.extra...)
	return append(b, '}'), nil
}

// list appends a member whose value is a list, unless that is empty.
func list(b []byte, name string, content []byte) []byte {
	if len(content) == 0 {
		return b
	}
	b = append(comma(b), '"')
	b = append(b, name...)
	b = append(b, `":[`...)
	return append(append(b, content...), ']')
}

// messages writes the conversation.
func (r *request) messages() error {
	if !r.in.messages.IsArray() {
		return unsupported("messages", "is no list")
	}
	leading := true
	r.last = int(r.in.messages.Get("#").Int()) - 1
	err := elements(r.in.messages, func(i int, m gjson.Result) error {
		who := m.Get("role").Str
		if leading = leading && (who == "system" || who == "developer"); leading {
			var err error
			r.system, err = r.content(r.system, m.Get("content"), indexed("messages", i)+".content")
			r.system = markLast(r.system, m)
			return err
		}
		if present(m.Get("name")) && who != "function" && who != "tool" {
			r.dropped.add("messages.name")
		}
		return r.message(i, m, who)
	})
	r.turns.end()
	if len(r.turns.out) == 0 {
		r.turns.role, r.turns.blocks, r.system = user, r.system, nil
		r.turns.end()
	}
	return err
}

// message writes one message behind those that lead.
func (r *request) message(i int, m gjson.Result, who string) (err error) {
	field := indexed("messages", i)
	switch t := &r.turns; who {
	case "system", "developer":
		t.begin(user)
		t.blocks, err = r.later(t.blocks, m.Get("content"), field+".content")
	case "user":
		t.begin(user)
		t.blocks, err = r.content(t.blocks, m.Get("content"), field+".content")
		t.blocks = markLast(t.blocks, m)
	case "tool", "function":
		t.begin(user)
		err = r.toolResult(m, field)
	case "assistant":
		err = r.assistant(m, field, i == r.last)
	default:
		err = unsupported(field+".role", "is no role that is known")
	}
	return err
}

// later appends a system message that comes behind others.
func (r *request) later(b []byte, content gjson.Result, field string) ([]byte, error) {
	blocks, err := r.content(nil, content, field)
	if err != nil || len(blocks) == 0 {
		return b, err
	}
	b = append(comma(b), `{"type":"text","text":"<system>\n`...)
	gjson.ParseBytes(append(append([]byte{'['}, blocks...), ']')).ForEach(func(_, block gjson.Result) bool {
		b = append(b, inside(block.Get("text"))...)
		return true
	})
	return append(b, `\n</system>"}`...), nil
}

// assistant writes what the model said before: what it thought comes first, what it called last.
// The API refuses white space at the end of words that the model is to go on with.
func (r *request) assistant(m gjson.Result, field string, last bool) (err error) {
	if present(m.Get("audio")) {
		return unsupported(field+".audio", "Anthropic's models do not speak")
	}
	t := &r.turns
	if t.role == assistant {
		t.called = false
	}
	t.begin(assistant)
	t.blocks = r.thoughts(t.blocks, m)
	content := m.Get("content")
	if text := strings.TrimRightFunc(content.Str, unicode.IsSpace); last && len(text) < len(content.Str) {
		content = gjson.ParseBytes(llm.AppendString(nil, text))
	}
	if t.blocks, err = r.content(t.blocks, content, field+".content"); err != nil {
		return err
	}
	t.blocks = textBlock(t.blocks, m.Get("refusal"), gjson.Result{})
	before := len(t.blocks)
	if t.blocks, err = r.toolCalls(t.blocks, m, field); err != nil {
		return err
	}
	t.called = t.called || len(t.blocks) > before
	t.blocks = markLast(t.blocks, m)
	return nil
}

// markLast marks the last block with the cache_control of a message.
func markLast(b []byte, m gjson.Result) []byte {
	if n := len(b); n > 0 && present(m.Get("cache_control")) {
		return append(marks(b[:n-1], m), '}')
	}
	return b
}

// maxTokens is the answer's limit; what is thought comes on top only where no limit is known.
func (r *request) maxTokens(room int64) int64 {
	for _, v := range [...]gjson.Result{r.in.maxCompletion, r.in.maxTokens} {
		if v.Type == gjson.Number {
			return v.Int()
		}
	}
	if r.q.MaxOutput > 0 {
		return r.q.MaxOutput
	}
	return defaultMaxTokens + room
}

// stops appends stop_sequences.
func (r *request) stops(b []byte) ([]byte, error) {
	var all []byte
	add := func(_ int, stop gjson.Result) error {
		switch {
		case stop.Type != gjson.String:
			return unsupported("stop", "is neither a text nor a list of texts")
		case stop.Str == "":
			return nil
		case strings.TrimFunc(stop.Str, unicode.IsSpace) == "":
			return unsupported("stop", "Anthropic's API takes no stop of white space alone")
		}
		all = append(comma(all), stop.Raw...)
		return nil
	}
	var err error
	if stop := r.in.stop; stop.IsArray() {
		err = elements(stop, add)
	} else if present(stop) {
		err = add(0, stop)
	}
	return list(b, "stop_sequences", all), err
}

// sampling appends temperature, top_p and top_k where the model takes them.
func (r *request) sampling(b []byte, thinks bool) []byte {
	temperature, topP := r.in.temperature, r.in.topP
	hasTemperature := temperature.Type == gjson.Number && temperature.Num != 1
	hasTopP := topP.Type == gjson.Number && topP.Num != 1
	if r.model.samples() && !thinks {
		if hasTemperature {
			value := temperature.Raw
			if temperature.Num > 1 {
				value = "1"
				r.dropped.add("temperature")
			}
			b = member(b, "temperature", value)
		}
		if hasTopP && (!hasTemperature || !r.model.oneSampler()) {
			b, hasTopP = member(b, "top_p", topP.Raw), false
		}
		if present(r.in.topK) {
			b = member(b, "top_k", r.in.topK.Raw)
		}
	} else {
		if hasTemperature {
			r.dropped.add("temperature")
		}
		if present(r.in.topK) {
			r.dropped.add("top_k")
		}
	}
	if hasTopP {
		r.dropped.add("top_p")
	}
	return b
}

// metadata appends who the user is. OpenAI has renamed user to safety_identifier.
func (r *request) metadata(b []byte) []byte {
	for _, id := range [...]gjson.Result{r.in.user, r.in.safetyID, r.in.metadata.Get("user_id")} {
		if inside(id) != "" {
			b = append(b, `,"metadata":{"user_id":`...)
			return append(append(b, id.Raw...), '}')
		}
	}
	return b
}
