package converse

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// request is the translation of one request.
type request struct {
	q     dialect.Question
	model model
	in    hub.Request
	own   own

	system   []byte // blocks, with commas between them
	turns    turns
	calls    hub.Calls
	toolsOut []byte   // tools, with commas between them
	history  []string // the names of tools that were called before
	files    []string // the names of documents
	more     []byte   // members of additionalModelRequestFields, with commas between them
	dropped  hub.Drops
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
	if err := r.in.Open(q.Body, unable, r.member); err != nil {
		return dialect.Translated{}, err
	}
	r.in.DropPenalties(&r.dropped)
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
	chosen, err := r.choice()
	if err != nil {
		return nil, err
	}
	if err := r.in.EachTool(&chosen, r.function, r.tool); err != nil {
		return nil, err
	}
	format, err := r.format(&chosen)
	if err != nil {
		return nil, err
	}
	if chosen.Forced() && len(r.toolsOut) > 0 && !r.model.canBeForced() {
		return nil, hub.Unsupported("tool_choice", "this model cannot be made to call a tool")
	}
	how, err := r.think(chosen.Forced())
	if err != nil {
		return nil, err
	}
	b = append(b, '{')
	b = hub.List(b, "system", r.system)
	b = append(hub.Member(b, "messages", "["), r.turns.Out...)
	b = append(b, ']')
	if b, err = r.toolConfig(b, &chosen); err != nil {
		return nil, err
	}
	if b, err = r.inference(b, how); err != nil {
		return nil, err
	}
	b = r.outputConfig(b, &format, how.effort)
	b = r.additional(b)
	if len(r.own.native) > 0 {
		b = append(append(b, ','), r.own.native...)
	}
	return append(b, '}'), nil
}

// messages writes the conversation.
func (r *request) messages() error {
	err := r.in.EachMessage(func(m hub.Message) (err error) {
		if m.Leading {
			r.system, err = r.instruction(r.system, &m)
			r.system = r.mark(r.system, m.Cache)
			return err
		}
		if m.Named() {
			r.dropped.Add("messages.name")
		}
		return r.message(&m)
	})
	r.turns.end()
	r.system = r.turns.OrUser(r.system)
	return err
}

// message writes one message behind those that lead.
func (r *request) message(m *hub.Message) (err error) {
	switch t := &r.turns; m.Role {
	case hub.System:
		t.begin(hub.User)
		err = r.later(m)
	case hub.User:
		t.begin(hub.User)
		t.Blocks, err = r.content(t.Blocks, m)
		t.Blocks = r.mark(t.Blocks, m.Cache)
	case hub.Tool, hub.Function:
		t.begin(hub.User)
		err = r.toolResult(m)
	case hub.Assistant:
		err = r.assistant(m)
	default:
		err = hub.Unsupported("role", "is no role that is known")
	}
	return err
}

// later writes a system message that comes behind others.
func (r *request) later(m *hub.Message) error {
	blocks, err := r.instruction(nil, m)
	if err != nil || len(blocks) == 0 {
		return err
	}
	t := &r.turns
	t.Blocks = append(hub.Comma(t.Blocks), `{"text":"<system>\n`...)
	t.Blocks, t.text = append(hub.JoinTexts(t.Blocks, blocks), `\n</system>"}`...), true
	return nil
}

// assistant writes what the model said before: what it thought comes first, what it called last.
// Claude refuses white space at the end of words that it is to go on with.
func (r *request) assistant(m *hub.Message) (err error) {
	if hub.Present(m.Audio) {
		return hub.Unsupported("audio", unable.Audio)
	}
	t := &r.turns
	t.begin(hub.Assistant)
	r.thoughts(m)
	if m.Last {
		m.TrimEnd()
	}
	if t.Blocks, err = r.content(t.Blocks, m); err != nil {
		return err
	}
	t.Blocks = r.text(t.Blocks, m.Refusal)
	before := len(t.Blocks)
	err = r.calls.Each(m, func(c hub.Call) error { return r.toolUse(&c) })
	t.Called = t.Called || len(t.Blocks) > before
	t.Blocks = r.mark(t.Blocks, m.Cache)
	return err
}

// inference appends inferenceConfig, Converse's base set of parameters.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html.
func (r *request) inference(b []byte, how plan) ([]byte, error) {
	var config []byte
	if most := r.maxTokens(how.room); most > 0 {
		config = hub.Member(config, "maxTokens", strconv.FormatInt(most, 10))
	}
	config = r.sampling(config, how.on)
	whyBlank := ""
	if r.model.isClaude() {
		whyBlank = "Claude takes no stop of white space alone"
	}
	stops, err := r.in.Stops(nil, whyBlank)
	if config = hub.List(config, "stopSequences", stops); err != nil || len(config) == 0 {
		return b, err
	}
	b = append(hub.Comma(b), `"inferenceConfig":{`...)
	return append(append(b, config...), '}'), nil
}

// maxTokens is the answer's limit, 0 for the model's own. A budget of thinking needs one that
// is larger: room is that budget.
func (r *request) maxTokens(room int64) int64 {
	switch limit, _, _ := r.in.Limit(); {
	case limit > 0 || room == 0:
		return limit
	case r.q.MaxOutput > room:
		return r.q.MaxOutput
	}
	return room + answerRoom
}

// answerRoom is what an answer has beside a budget of thinking where no limit is known, in tokens.
const answerRoom = 4096

// sampling appends temperature and topP where the model takes them, and notes top_k, which is
// not in the base set, for the model. For Claude 1 is the default, and not said.
func (r *request) sampling(b []byte, thinks bool) []byte {
	takes := hub.Sampler{Samples: r.model.samples() && !thinks, One: r.model.claude.OneSampler(), Defaults: r.model.isClaude()}
	s := r.in.Sampling(r.own.topK, takes, &r.dropped)
	if s.TopK != "" {
		r.topK(s.TopK)
	}
	return hub.Given(hub.Given(b, "temperature", s.Temperature), "topP", s.TopP)
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
	if !r.own.additional.Get(name).Exists() {
		r.more = hub.Member(r.more, name, value)
	}
}

// additional appends additionalModelRequestFields: the client's own, and what is said by other
// members for the model alone.
func (r *request) additional(b []byte) []byte {
	own := r.own.additional.IsObject()
	if len(r.more) == 0 && len(r.own.more) == 0 && !own {
		return b
	}
	b = append(hub.Comma(b), `"additionalModelRequestFields":{`...)
	if own {
		r.own.additional.ForEach(func(key, value gjson.Result) bool {
			b = hub.Copy(b, key, value)
			return true
		})
	}
	for _, members := range [...][]byte{r.more, r.own.more} {
		if len(members) > 0 {
			b = append(hub.Comma(b), members...)
		}
	}
	return append(b, '}')
}
