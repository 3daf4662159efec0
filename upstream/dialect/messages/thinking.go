package messages

import (
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// usualRoom is what thinking is expected to take where nothing is said of it, in tokens.
const usualRoom = 8192

// plan is how the model is to think.
type plan struct {
	thinking string // the value of the member thinking; "" for none
	effort   string // for output_config; "" for none
	// room is how many tokens of thinking come on top of the answer where no limit is known.
	room int64
}

// think decides how the model thinks: a client that sends thinking, in Anthropic's own words,
// decides itself; else reasoning_effort does. reasoning_effort is given up, and named as
// dropped, where the API would refuse the request for it:
//   - the model cannot think,
//   - a tool is forced, or the history ends with an assistant's words, or its last call of
//     tools came without the thinking before it (models up to 4.5; where a model decides
//     itself how much to think, the effort stays),
//   - max_tokens, which includes what is thought, leaves less than the smallest budget.
//
// Sources: https://platform.claude.com/docs/en/build-with-claude/extended-thinking,
// https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
// https://platform.claude.com/docs/en/build-with-claude/effort.
func (r *request) think(forced bool) (plan, error) {
	if native := r.own.thinking; hub.Present(native) {
		if hub.Present(r.in.Effort) {
			r.dropped.Add("reasoning_effort")
		}
		p := plan{thinking: native.Raw, room: native.Get("budget_tokens").Int()}
		if p.room == 0 && p.on() {
			p.room = usualRoom
		}
		return p, nil
	}
	switch {
	case !hub.Present(r.in.Effort) && r.model.ThinksByDefault():
		return plan{room: usualRoom}, nil
	case !hub.Present(r.in.Effort):
		return plan{}, nil
	case r.in.Effort.Str == "none":
		return r.thinkNot(), nil
	}
	e, known := r.model.Effort(r.in.Effort.Str)
	switch {
	case !known:
		return plan{}, hub.Unsupported("reasoning_effort", "is no effort that is known")
	case r.model.Adaptive() && forced:
		return plan{effort: e.Word, room: e.Budget}, nil
	case r.model.Adaptive():
		return plan{`{"type":"adaptive"}`, e.Word, e.Budget}, nil
	case !r.model.Thinks(), forced, r.turns.Role == hub.Assistant, r.turns.Called && !r.turns.Thought:
		r.dropped.Add("reasoning_effort")
		return plan{}, nil
	}
	return r.budgeted(e.Budget), nil
}

// thinkNot is for a client that wants no thinking. Of models that always think the least is asked.
func (r *request) thinkNot() plan {
	switch {
	case !r.model.ThinksByDefault():
		return plan{}
	case r.model.CanStopThinking():
		return plan{thinking: `{"type":"disabled"}`}
	}
	r.dropped.Add("reasoning_effort")
	return plan{effort: "low", room: usualRoom}
}

// budgeted gives the thinking its budget, which must be less than max_tokens.
func (r *request) budgeted(budget int64) plan {
	if _, _, said := r.in.Limit(); said || r.q.MaxOutput > 0 {
		within, ok := claude.Within(budget, r.maxTokens(0))
		if !ok {
			r.dropped.Add("reasoning_effort")
			return plan{}
		}
		budget = within
	}
	return plan{thinking: claude.Enabled(budget), room: budget}
}

// on says whether the model is told to think.
func (p plan) on() bool {
	return p.thinking != "" && gjson.Get(p.thinking, "type").Str != "disabled"
}

// thoughts writes an assistant's reasoning_details as blocks of thinking, unmodified: the API
// checks the signature against the text. What has no signature of Anthropic's cannot be sent,
// and is named as dropped.
func (r *request) thoughts(m *hub.Message) {
	t := &r.turns
	some, lost := m.EachThought(takesBack, func(h hub.Thought) {
		if t.Blocks = hub.Comma(t.Blocks); hub.Present(h.Data) {
			t.Blocks = append(t.Blocks, `{"type":"redacted_thinking"`...)
			t.Blocks = append(hub.Member(t.Blocks, "data", h.Data.Raw), '}')
			return
		}
		t.Blocks = append(t.Blocks, `{"type":"thinking"`...)
		t.Blocks = hub.Quoted(t.Blocks, "thinking", h.Text)
		t.Blocks = append(hub.Member(t.Blocks, "signature", h.Signature), '}')
	})
	t.Thought = t.Thought || some
	m.DropThoughts(&r.dropped, some, lost)
}

// takesBack says whether reasoning of a format can be sent back.
func takesBack(format string) bool { return format == "" || format == claude.DetailFormat }
