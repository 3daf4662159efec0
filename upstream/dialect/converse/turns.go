package converse

// role is whose turn it is.
type role string

const (
	user      role = "user"
	assistant role = "assistant"
)

// turns writes the messages of a request. Bedrock wants the roles to alternate, and the
// results of all the tools that a turn called in the one user message behind it; so what is
// adjacent becomes one message, and results come before any other content.
// Source: https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html.
type turns struct {
	// out is the messages that are complete, with commas between them.
	out []byte
	// results and blocks are the content of the message that is being written.
	results, blocks []byte
	role            role
	last            role // of the last message in out
	// document and text say whether the message has a document, and whether it has a text.
	document, text bool
	// thought and called say whether the assistant's last message has reasoning and toolUse.
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

// documentText goes with documents that come without a word, which Bedrock refuses
// (source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
const documentText = `{"text":"(See the document.)"}`

// end completes the message. One without content is left out: the API refuses it.
func (t *turns) end() {
	if t.document && !t.text {
		t.blocks = append(comma(t.blocks), documentText...)
	}
	if len(t.results)+len(t.blocks) > 0 {
		if t.last == t.role { // what was between has been left out
			t.out = append(t.out[:len(t.out)-len("]}")], ',')
		} else {
			t.out = append(comma(t.out), `{"role":"`...)
			t.out = append(t.out, t.role...)
			t.out = append(t.out, `","content":[`...)
			t.last = t.role
		}
		t.out = append(t.out, t.results...)
		if len(t.results) > 0 && len(t.blocks) > 0 {
			t.out = append(t.out, ',')
		}
		t.out = append(t.out, t.blocks...)
		t.out = append(t.out, "]}"...)
	}
	t.results, t.blocks = t.results[:0], t.blocks[:0]
	t.document, t.text = false, false
}
