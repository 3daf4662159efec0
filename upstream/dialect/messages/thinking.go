package messages

import (
	"github.com/mulligan-gateway/mulligan/upstream/dialect/claude"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// think decides how the model thinks: see claude.Model.Think.
func (r *request) think(forced bool) (claude.Plan, error) {
	t := claude.Thinking{Native: r.own.thinking, Effort: r.in.Effort, Forced: forced}
	if _, _, said := r.in.Limit(); said || r.q.MaxOutput > 0 {
		t.Limit = max(1, r.maxTokens(0))
	}
	return r.model.Think(t, &r.turns, &r.dropped)
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
