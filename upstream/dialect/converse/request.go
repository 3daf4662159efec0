package converse

import (
	"strconv"
	"strings"
	"unicode"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// request is the translation of one request.
type request struct {
	q     dialect.Question
	model model
	in    hub

	system   []byte // blocks, with commas between them
	turns    turns
	toolsOut []byte // tools, with commas between them
	allowed  []string
	history  []string // the names of tools that were called before
	files    []string // the names of documents
	legacy   int      // calls of functions in the form that has no ids
	last     int      // the index of the last message
	more     []byte   // members of additionalModelRequestFields, with commas between them
	dropped  drops
}

// Request implements dialect.Translator.
//
// What it decides, beside the counterparts that are plain:
//   - System and developer messages that lead become system. Later ones stay where they are,
//     as text of the user's turn between <system> tags: Converse has no role for them. A request
//     of system messages alone is sent as the user's turn, since the API wants one.
//   - Texts of white space alone are left out, since the API refuses them.
//   - maxTokens is the client's limit, else none: Bedrock then takes the model's own.
//   - temperature above 1, which Converse's scale ends at, becomes 1 and is named as dropped.
//     Claude's rules for sampling are those of its own platform.
//   - response_format json_schema becomes outputConfig.textFormat for models that have
//     structured outputs. For others, and for json_object everywhere, the model is made to call
//     a tool that the client does not see.
//   - reasoning_effort, top_k and parallel_tool_calls go into additionalModelRequestFields in the
//     model's own words: see request.think, request.sampling and request.toolConfig.
func (translator) Request(q dialect.Question) (dialect.Translated, error) {
	r := request{q: q, model: parseModel(q.Model)}
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

// write writes the request.
func (r *request) write(b []byte) ([]byte, error) {
	chosen, err := r.chosen()
	if err != nil {
		return nil, err
	}
	if err := r.tools(); err != nil {
		return nil, err
	}
	schema, err := r.format(&chosen)
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
	b = append(b, '{')
	b = list(b, "system", r.system)
	b = append(comma(b), `"messages":[`...)
	b = append(append(b, r.turns.out...), ']')
	if b, err = r.toolConfig(b, chosen); err != nil {
		return nil, err
	}
	if b, err = r.inference(b, how); err != nil {
		return nil, err
	}
	b = r.outputConfig(b, schema, how.effort)
	b = r.additional(b)
	if len(r.in.native) > 0 {
		b = append(append(b, ','), r.in.native...)
	}
	return append(b, '}'), nil
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
			r.system, err = r.instruction(r.system, m.Get("content"), indexed("messages", i)+".content")
			r.system = r.mark(r.system, m)
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
		err = r.later(m.Get("content"), field+".content")
	case "user":
		t.begin(user)
		t.blocks, err = r.content(t.blocks, m.Get("content"), field+".content")
		t.blocks = r.mark(t.blocks, m)
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

// later writes a system message that comes behind others.
func (r *request) later(content gjson.Result, field string) error {
	blocks, err := r.instruction(nil, content, field)
	if err != nil || len(blocks) == 0 {
		return err
	}
	t := &r.turns
	t.blocks = append(comma(t.blocks), `{"text":"<system>\n`...)
	gjson.ParseBytes(append(append([]byte{'['}, blocks...), ']')).ForEach(func(_, block gjson.Result) bool {
		t.blocks = append(t.blocks, inside(block.Get("text"))...)
		return true
	})
	t.blocks, t.text = append(t.blocks, `\n</system>"}`...), true
	return nil
}

// assistant writes what the model said before: what it thought comes first, what it called last.
// Claude refuses white space at the end of words that it is to go on with.
func (r *request) assistant(m gjson.Result, field string, last bool) (err error) {
	if present(m.Get("audio")) {
		return unsupported(field+".audio", "Bedrock's Converse API does not speak")
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
	t.blocks = r.text(t.blocks, m.Get("refusal"))
	before := len(t.blocks)
	if t.blocks, err = r.toolCalls(t.blocks, m, field); err != nil {
		return err
	}
	t.called = t.called || len(t.blocks) > before
	t.blocks = r.mark(t.blocks, m)
	return nil
}

// inference appends inferenceConfig, Converse's base set of parameters.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html.
func (r *request) inference(b []byte, how plan) ([]byte, error) {
	var config []byte
	if most := r.maxTokens(how.room); most > 0 {
		config = member(config, "maxTokens", strconv.FormatInt(most, 10))
	}
	config = r.sampling(config, how.on)
	config, err := r.stops(config)
	if err != nil || len(config) == 0 {
		return b, err
	}
	b = append(comma(b), `"inferenceConfig":{`...)
	return append(append(b, config...), '}'), nil
}

// maxTokens is the answer's limit, 0 for the model's own. A budget of thinking needs one that
// is larger: room is that budget.
func (r *request) maxTokens(room int64) int64 {
	switch limit := r.in.limit(); {
	case limit > 0 || room == 0:
		return limit
	case r.q.MaxOutput > room:
		return r.q.MaxOutput
	}
	return room + answerRoom
}

// answerRoom is what an answer has beside a budget of thinking where no limit is known, in tokens.
const answerRoom = 4096

// stops appends stopSequences.
func (r *request) stops(b []byte) ([]byte, error) {
	var all []byte
	add := func(_ int, stop gjson.Result) error {
		switch {
		case stop.Type != gjson.String:
			return unsupported("stop", "is neither a text nor a list of texts")
		case stop.Str == "":
			return nil
		case blank(stop) && r.model.isClaude():
			return unsupported("stop", "Claude takes no stop of white space alone")
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
	return list(b, "stopSequences", all), err
}

// sampling appends temperature and topP where the model takes them, and notes top_k, which is
// not in the base set, for the model. For Claude 1 is the default, and not said.
func (r *request) sampling(b []byte, thinks bool) []byte {
	temperature, topP := r.in.temperature, r.in.topP
	claude := r.model.isClaude()
	hasTemperature := temperature.Type == gjson.Number && (temperature.Num != 1 || !claude)
	hasTopP := topP.Type == gjson.Number && (topP.Num != 1 || !claude)
	if !r.model.samples() || thinks {
		for _, left := range [...]struct {
			name string
			said bool
		}{{"temperature", hasTemperature}, {"top_p", hasTopP}, {"top_k", present(r.in.topK)}} {
			if left.said {
				r.dropped.add(left.name)
			}
		}
		return b
	}
	if hasTemperature {
		value := temperature.Raw
		if temperature.Num > 1 {
			value = "1"
			r.dropped.add("temperature")
		}
		b = member(b, "temperature", value)
	}
	switch {
	case hasTopP && hasTemperature && r.model.oneSampler():
		r.dropped.add("top_p")
	case hasTopP:
		b = member(b, "topP", topP.Raw)
	}
	if present(r.in.topK) {
		r.topK(r.in.topK.Raw)
	}
	return b
}

// topK says top_k in the model's words.
// Sources: https://docs.aws.amazon.com/nova/latest/userguide/using-converse-api.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html.
func (r *request) topK(value string) {
	switch {
	case r.model.vendor == nova:
		r.field("inferenceConfig", `{"topK":`+value+`}`)
	case strings.Contains(r.model.id, "cohere."):
		r.field("k", value)
	default:
		r.field("top_k", value)
	}
}

// field notes a member for the model. The client's own additionalModelRequestFields win.
func (r *request) field(name, value string) {
	if !r.in.additional.Get(name).Exists() {
		r.more = member(r.more, name, value)
	}
}

// additional appends additionalModelRequestFields: the client's own, and what is said by other
// members for the model alone.
func (r *request) additional(b []byte) []byte {
	own := r.in.additional.IsObject()
	if len(r.more) == 0 && len(r.in.more) == 0 && !own {
		return b
	}
	b = append(comma(b), `"additionalModelRequestFields":{`...)
	if own {
		r.in.additional.ForEach(func(key, value gjson.Result) bool {
			b = append(append(comma(b), key.Raw...), ':')
			b = append(b, strings.TrimSpace(value.Raw)...)
			return true
		})
	}
	for _, members := range [...][]byte{r.more, r.in.more} {
		if len(members) > 0 {
			b = append(comma(b), members...)
		}
	}
	return append(b, '}')
}
