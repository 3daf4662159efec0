package messages

// role is whose turn it is.
type role string

const (
	user      role = "user"
	assistant role = "assistant"
)

// turns writes the messages of a request. The API wants the results of all the tools that a
// turn called in the one user message behind it, before any other content, and would combine
// adjacent messages of one role itself; so what is adjacent becomes one message
// (source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls).
type turns struct {
	// out is the messages that are complete, with commas between them.
	out []byte
	// results and blocks are the content of the message that is being written.
	results, blocks []byte
	role            role
	// thought and called say whether the assistant's last message has thinking and tool_use.
	thought, called bool
}

// begin goes over to a role's message.
func (t *turns) begin(r role) {
	if t.role == r {
		return
	}
	t.end()
	t.role = r
	if r == assistant {
		t.thought, t.called = false, false
	}
}

// end completes the message. One without content is left out: the API refuses it.
func (t *turns) end() {
	if len(t.results)+len(t.blocks) > 0 {
		t.out = append(comma(t.out), `{"role":"`...)
		t.out = append(t.out, t.role...)
		t.out = append(t.out, `","content":[`...)
		t.out = append(t.out, t.results...)
		if len(t.results) > 0 && len(t.blocks) > 0 {
			t.out = append(t.out, ',')
		}
		t.out = append(t.out, t.blocks...)
		t.out = append(t.out, "]}"...)
	}
	t.results, t.blocks = t.results[:0], t.blocks[:0]
}
