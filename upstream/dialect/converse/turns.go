package converse

import "github.com/mulligan-gateway/mulligan/upstream/dialect/hub"

// turns writes the messages of a request.
type turns struct {
	hub.Turns
	// document and text say whether the message has a document, and whether it has a text.
	document, text bool
}

// begin goes over to a role's message.
func (t *turns) begin(r hub.Role) {
	if t.Role != r {
		t.end()
	}
	t.Begin(r)
}

// documentText goes with documents that come without a word, which Bedrock refuses
// (source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html).
const documentText = `{"text":"(See the document.)"}`

// end completes the message.
func (t *turns) end() {
	if t.document && !t.text {
		t.Blocks = append(hub.Comma(t.Blocks), documentText...)
	}
	t.document, t.text = false, false
	t.End()
}
