package messages

import (
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// defaultMaxTokens is the answer's limit where neither the client nor the catalog of models
// says one: the API wants a limit in every request. What is thought comes on top of it.
const defaultMaxTokens = 4096

// request is the translation of one request.
type request struct {
	q     dialect.Question
	model claude.Model
	in    hub.Request
	own   own

	system   []byte // blocks, with commas between them
	turns    hub.Turns
	calls    hub.Calls
	toolsOut []byte // tools, with commas between them
	dropped  hub.Drops
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
//   - reasoning_effort: see claude.Model.Think.
func (t translator) Request(q dialect.Question) (dialect.Translated, error) {
	r := request{q: q, model: claude.Parse(q.Model)}
	if err := r.in.Open(q.Body, unable, r.member); err != nil {
		return dialect.Translated{}, err
	}
	r.in.DropPenalties(&r.dropped)
	r.dropMetadata()
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
	if chosen.Forced() && len(r.toolsOut) > 0 && !r.model.CanBeForced() {
		return nil, hub.Unsupported("tool_choice", "this model cannot be made to call a tool")
	}
	how, err := r.think(chosen.Forced())
	if err != nil {
		return nil, err
	}
	stops, err := r.in.Stops(nil, "Anthropic's API takes no stop of white space alone")
	if err != nil {
		return nil, err
	}
	b = llm.AppendString(hub.Name(append(b, '{'), "model"), r.q.Model)
	b = strconv.AppendInt(hub.Name(b, "max_tokens"), r.maxTokens(how.Room), 10)
	b = hub.List(b, "system", r.system)
	b = append(hub.Member(b, "messages", "["), r.turns.Out...)
	b = hub.List(append(b, ']'), "tools", r.toolsOut)
	b = r.appendChoice(b, &chosen)
	b = hub.List(b, "stop_sequences", stops)
	b = r.sampling(b, how.On())
	b = hub.Given(b, "thinking", how.Thinking)
	b = r.outputConfig(b, format, how.Effort)
	b = r.metadata(b)
	if r.q.Stream {
		b = hub.Member(b, "stream", "true")
	}
	if len(r.own.extra) > 0 {
		b = append(append(b, ','), r.own.extra...)
	}
	return append(b, '}'), nil
}

// messages writes the conversation.
func (r *request) messages() error {
	err := r.in.EachMessage(func(m hub.Message) (err error) {
		if m.Leading {
			r.system, err = r.content(r.system, &m)
			r.system = markLast(r.system, m.Cache)
			return err
		}
		if m.Named() {
			r.dropped.Add("messages.name")
		}
		return r.message(&m)
	})
	r.system = r.turns.OrUser(r.system)
	return err
}

// message writes one message behind those that lead.
func (r *request) message(m *hub.Message) (err error) {
	switch t := &r.turns; m.Role {
	case hub.System:
		t.Begin(hub.User)
		t.Blocks, err = r.later(t.Blocks, m)
	case hub.User:
		t.Begin(hub.User)
		t.Blocks, err = r.content(t.Blocks, m)
		t.Blocks = markLast(t.Blocks, m.Cache)
	case hub.Tool, hub.Function:
		t.Begin(hub.User)
		err = r.toolResult(m)
	case hub.Assistant:
		err = r.assistant(m)
	default:
		err = hub.Unsupported("role", "is no role that is known")
	}
	return err
}

// later appends a system message that comes behind others.
func (r *request) later(b []byte, m *hub.Message) ([]byte, error) {
	blocks, err := r.content(nil, m)
	if err != nil || len(blocks) == 0 {
		return b, err
	}
	b = append(hub.Comma(b), `{"type":"text","text":"<system>\n`...)
	return append(hub.JoinTexts(b, blocks), `\n</system>"}`...), nil
}

// assistant writes what the model said before: what it thought comes first, what it called last.
// The API refuses white space at the end of words that the model is to go on with.
func (r *request) assistant(m *hub.Message) (err error) {
	if hub.Present(m.Audio) {
		return hub.Unsupported("audio", unable.Audio)
	}
	t := &r.turns
	t.Begin(hub.Assistant)
	r.thoughts(m)
	if m.Last {
		m.TrimEnd()
	}
	if t.Blocks, err = r.content(t.Blocks, m); err != nil {
		return err
	}
	t.Blocks = textBlock(t.Blocks, m.Refusal, gjson.Result{})
	before := len(t.Blocks)
	err = r.calls.Each(m, func(c hub.Call) error {
		t.Blocks, err = toolUse(t.Blocks, &c)
		return err
	})
	t.Called = t.Called || len(t.Blocks) > before
	t.Blocks = markLast(t.Blocks, m.Cache)
	return err
}

// markLast marks the last block with the cache_control of a message.
func markLast(b []byte, cache gjson.Result) []byte {
	if n := len(b); n > 0 && hub.Present(cache) {
		return append(marks(b[:n-1], cache), '}')
	}
	return b
}

// maxTokens is the answer's limit; what is thought comes on top only where no limit is known.
func (r *request) maxTokens(room int64) int64 {
	if limit, _, ok := r.in.Limit(); ok {
		return limit
	}
	if r.q.MaxOutput > 0 {
		return r.q.MaxOutput
	}
	return defaultMaxTokens + room
}

// sampling appends temperature, top_p and top_k where the model takes them.
func (r *request) sampling(b []byte, thinks bool) []byte {
	takes := hub.Sampler{Samples: r.model.Samples() && !thinks, One: r.model.OneSampler(), Defaults: true}
	s := r.in.Sampling(r.own.topK, takes, &r.dropped)
	b = hub.Given(b, "temperature", s.Temperature)
	b = hub.Given(b, "top_p", s.TopP)
	return hub.Given(b, "top_k", s.TopK)
}

// metadata appends who the user is. OpenAI has renamed user to safety_identifier.
func (r *request) metadata(b []byte) []byte {
	for _, id := range [...]gjson.Result{r.own.user, r.own.safetyID, r.own.metadata.Get("user_id")} {
		if hub.Inside(id) != "" {
			b = append(b, `,"metadata":{"user_id":`...)
			return append(append(b, id.Raw...), '}')
		}
	}
	return b
}
