package mock

import (
	"bytes"
	"fmt"
	"time"

	"github.com/mulligan-gateway/mulligan/bench/load/wire"
)

// chat is OpenAI's chat completions
// (source: https://platform.openai.com/docs/api-reference/chat).
type chat struct{}

func (chat) plain(b *bytes.Buffer, a *answer) {
	fmt.Fprintf(b, `{"id":"chatcmpl-%s","object":"chat.completion","created":%d,"model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":"`,
		a.nonce, time.Now().Unix(), a.model)
	b.WriteString(wire.Content(a.nonce, a.spec.Size))
	answered := a.spec.Size / 4
	fmt.Fprintf(b, `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d},"system_fingerprint":"fp_mock"}`,
		a.tokens, answered, a.tokens+answered)
}

func (chat) begin(*answer) []byte { return nil }

func (chat) head(a *answer) string {
	return fmt.Sprintf(`data: {"id":"chatcmpl-%s","object":"chat.completion.chunk","created":%d,"model":%q,"system_fingerprint":"fp_mock","choices":[`,
		a.nonce, time.Now().Unix(), a.model)
}

func (c chat) chunk(a *answer, index int) ([]byte, int) {
	role := ""
	if index == 0 {
		role = `"role":"assistant",`
	}
	b := []byte(c.head(a) + `{"index":0,"delta":{` + role + `"content":"`)
	at := len(b)
	b = append(b, wire.ChunkContent(a.nonce, a.spec.ChunkSize)...)
	return append(b, "\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n"...), at
}

func (c chat) end(a *answer) []byte {
	head := c.head(a)
	b := []byte(head + "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n")
	if a.usage {
		b = fmt.Appendf(b, "%s],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
			head, a.tokens, a.spec.Chunks, a.tokens+a.spec.Chunks)
	}
	return append(b, "data: [DONE]\n\n"...)
}

// messages is Anthropic's messages (source: https://platform.claude.com/docs/en/api/messages).
type messages struct{}

func (messages) plain(b *bytes.Buffer, a *answer) {
	fmt.Fprintf(b, `{"id":"msg_%s","type":"message","role":"assistant","model":%q,"content":[{"type":"text","text":"`, a.nonce, a.model)
	b.WriteString(wire.Content(a.nonce, a.spec.Size))
	fmt.Fprintf(b, `"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":%d,"output_tokens":%d}}`, a.tokens, a.spec.Size/4)
}

func (messages) begin(a *answer) []byte {
	return fmt.Appendf(nil, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":%q,\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":%d,\"output_tokens\":1}}}\n\n"+
		"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n", a.nonce, a.model, a.tokens)
}

func (messages) chunk(a *answer, _ int) ([]byte, int) {
	b := []byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"")
	at := len(b)
	b = append(b, wire.ChunkContent(a.nonce, a.spec.ChunkSize)...)
	return append(b, "\"}}\n\n"...), at
}

func (messages) end(a *answer) []byte {
	return fmt.Appendf(nil, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"+
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}\n\n"+
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", a.spec.Chunks)
}
