package hub

// Turns writes the messages of a request for vendors that want the roles to alternate, and the
// results of all the tools that a turn called in the one user message behind it, before any
// other content; so what is adjacent becomes one message.
// Sources: https://platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls,
// https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html.
type Turns struct {
	// Out is the messages that are complete, with commas between them.
	Out []byte
	// Results and Blocks are the content of the message that is being written, elements with
	// commas between them.
	Results, Blocks []byte
	// Role is whose message it is, "" before the first.
	Role Role
	// Thought and Called say whether the assistant's last message has reasoning and calls.
	Thought, Called bool

	last Role // of the last message in Out
}

// Begin goes over to a role's message, which what is adjacent goes on with.
func (t *Turns) Begin(r Role) {
	if r == Assistant {
		t.Called = false
	}
	if t.Role == r {
		return
	}
	t.End()
	t.Role = r
	if r == Assistant {
		t.Thought = false
	}
}

// OrUser ends the conversation. One without messages gets the system's blocks as the user's,
// since vendors want one; else it returns them.
func (t *Turns) OrUser(system []byte) []byte {
	if t.End(); len(t.Out) > 0 {
		return system
	}
	t.Role, t.Blocks = User, system
	t.End()
	return nil
}

// End completes the message. One without content is left out: vendors refuse it.
func (t *Turns) End() {
	if len(t.Results)+len(t.Blocks) == 0 {
		return
	}
	if t.last == t.Role { // what was between has been left out
		t.Out = append(t.Out[:len(t.Out)-len("]}")], ',')
	} else {
		t.Out = append(Comma(t.Out), `{"role":"`...)
		t.Out = append(append(t.Out, t.Role...), `","content":[`...)
		t.last = t.Role
	}
	t.Out = append(t.Out, t.Results...)
	if len(t.Results) > 0 && len(t.Blocks) > 0 {
		t.Out = append(t.Out, ',')
	}
	t.Out = append(append(t.Out, t.Blocks...), "]}"...)
	t.Results, t.Blocks = t.Results[:0], t.Blocks[:0]
}
