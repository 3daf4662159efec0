package fakellm

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Usage is what an answer reports as used, in tokens. As OpenAI counts, Input includes
// Cached, and Output includes Reasoning.
type Usage struct{ Input, Output, Cached, Reasoning int }

// DefaultUsage is reported by answers that are not told otherwise.
var DefaultUsage = Usage{Input: 11, Output: 7, Cached: 3, Reasoning: 2}

// created is the time that answers carry, in seconds since 1970.
const created = 1767225600

// Reply is a whole and good answer. Its zero value answers "".
type Reply struct {
	Text      string
	Chunks    []string   // how a stream cuts Text; default: after each space
	ToolCalls []ToolCall // asked for instead of, or after, Text
	Finish    string     // default: tool_calls when there are any, else stop
	Model     string     // default: the model that was asked for
	Usage     Usage      // default: DefaultUsage
}

// Answer answers any request well: with the text where the endpoint has one, and streamed
// where the request says so. Embeddings are those of Embedding, speech is SpeechBytes, and
// GET /models lists the model "fake".
func Answer(text string) Step { return Reply{Text: text}.Step() }

// CallTools answers with tool calls.
func CallTools(calls ...ToolCall) Step { return Reply{ToolCalls: calls}.Step() }

// Step returns the step that gives the reply.
func (r Reply) Step() Step {
	return func(c *Call) { r.withDefaults(c.Request).give(c) }
}

func (r Reply) withDefaults(q *Request) Reply {
	if r.Chunks == nil && r.Text != "" {
		r.Chunks = strings.SplitAfter(r.Text, " ")
	}
	if r.Finish == "" {
		r.Finish = "stop"
		if len(r.ToolCalls) > 0 {
			r.Finish = "tool_calls"
		}
	}
	if r.Model == "" {
		r.Model = q.Model()
	}
	if r.Usage == (Usage{}) {
		r.Usage = DefaultUsage
	}
	return r
}

func (r Reply) give(c *Call) {
	switch c.Endpoint {
	case llm.Chat, llm.Messages, llm.Completions, llm.Responses, llm.Transcriptions, llm.Translations:
		if c.Stream() {
			r.stream(c)
			return
		}
	}
	if count := c.shape().count; count != nil && c.Endpoint == llm.CountTokens {
		JSON(http.StatusOK, count(r.Usage))(c)
		return
	}
	if plain := c.shape().plain; plain != nil {
		JSON(http.StatusOK, plain(r, c))(c)
		return
	}
	switch c.Endpoint {
	case llm.Chat:
		JSON(http.StatusOK, r.chat(c))(c)
	case llm.Completions:
		JSON(http.StatusOK, r.completion(c))(c)
	case llm.Responses:
		JSON(http.StatusOK, r.response(c))(c)
	case llm.Embeddings:
		JSON(http.StatusOK, r.embeddings(c))(c)
	case llm.Moderations:
		JSON(http.StatusOK, r.moderation(c))(c)
	case llm.Images:
		JSON(http.StatusOK, r.images(c))(c)
	case llm.Speech:
		Raw(http.StatusOK, "audio/mpeg", string(SpeechBytes))(c)
	case llm.Transcriptions, llm.Translations:
		r.transcript(c)
	case llm.Rerank:
		JSON(http.StatusOK, r.rerank(c))(c)
	default:
		listModels(c)
	}
}

func (r Reply) stream(c *Call) {
	c.spends = &r.Usage
	steps := []Step{Stream(), Role(), Text(r.Chunks...)}
	for i, call := range r.ToolCalls {
		steps = append(steps, Tool(i, call))
	}
	Steps(append(steps, Finish(r.Finish), Tokens(r.Usage), Done())...)(c)
}

// Dimensions is the length of a vector of Embedding.
const Dimensions = 4

// Embedding returns the vector of the text with the index: index+0.5, index+0.25,
// index+0.125 and -1, all of them exact in float32.
func Embedding(index int) []float32 {
	i := float32(index)
	return []float32{i + 0.5, i + 0.25, i + 0.125, -1}
}

func (r Reply) embeddings(c *Call) object {
	n := 1
	if input := c.Get("input"); input.IsArray() {
		n = len(input.Array())
	}
	data := make([]any, n)
	for i := range data {
		var vector any = Embedding(i)
		if c.Field("encoding_format") == "base64" {
			vector = littleEndian(Embedding(i))
		}
		data[i] = object{"object": "embedding", "index": i, "embedding": vector}
	}
	return object{
		"object": "list", "data": data, "model": r.Model,
		"usage": object{"prompt_tokens": r.Usage.Input, "total_tokens": r.Usage.Input},
	}
}

// littleEndian is how OpenAI writes a vector with encoding_format base64.
func littleEndian(vector []float32) string {
	b := make([]byte, 0, 4*len(vector))
	for _, f := range vector {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func (r Reply) moderation(c *Call) object {
	flagged := strings.Contains(c.Get("input").Raw, "violence")
	return object{
		"id": "modr-fake", "model": r.Model,
		"results": []any{object{
			"flagged":                      flagged,
			"categories":                   object{"violence": flagged, "harassment": false},
			"category_scores":              object{"violence": 0.5, "harassment": 0.25},
			"category_applied_input_types": object{"violence": []string{"text"}, "harassment": []string{"text"}},
		}},
	}
}

func (r Reply) images(c *Call) object {
	n := max(1, int(c.Get("n").Int()))
	data := make([]any, n)
	for i := range data {
		data[i] = object{"b64_json": base64.StdEncoding.EncodeToString([]byte("\x89PNG fake")), "revised_prompt": c.Field("prompt")}
	}
	return object{
		"created": created, "data": data,
		"usage": object{
			"input_tokens": r.Usage.Input, "output_tokens": r.Usage.Output,
			"total_tokens":         r.Usage.Input + r.Usage.Output,
			"input_tokens_details": object{"text_tokens": r.Usage.Input, "image_tokens": 0},
		},
	}
}

// SpeechBytes is the audio that /audio/speech answers with: bytes that are not UTF-8.
var SpeechBytes = []byte{0xff, 0xfb, 0x90, 0x00, 'f', 'a', 'k', 'e', 0x00, 0xfe}

func (r Reply) transcript(c *Call) {
	if format := c.Field("response_format"); format == "text" || format == "srt" || format == "vtt" {
		Raw(http.StatusOK, "text/plain; charset=utf-8", r.Text+"\n")(c)
		return
	}
	JSON(http.StatusOK, object{"text": r.Text, "usage": r.transcriptUsage()})(c)
}

func (r Reply) transcriptUsage() object {
	return object{
		"type": "tokens", "input_tokens": r.Usage.Input, "output_tokens": r.Usage.Output,
		"total_tokens": r.Usage.Input + r.Usage.Output,
	}
}

// rerank finds the documents the better the later they come.
func (r Reply) rerank(c *Call) object {
	n := len(c.Get("documents").Array())
	top := n
	if t := int(c.Get("top_n").Int()); t > 0 && t < n {
		top = t
	}
	results := make([]any, top)
	for i := range results {
		results[i] = object{"index": n - 1 - i, "relevance_score": 1 / float64(i+2)}
	}
	return object{
		"id": "rerank-fake", "model": r.Model, "results": results,
		"usage": object{"total_tokens": r.Usage.Input},
	}
}

func listModels(c *Call) {
	if c.Method != http.MethodGet || !strings.HasSuffix(c.Path, "/models") {
		Error(http.StatusNotFound, "unknown_url", "Unknown request URL: "+c.Method+" "+c.Path+".")(c)
		return
	}
	JSON(http.StatusOK, object{"object": "list", "data": []any{
		object{"id": "fake", "object": "model", "created": created, "owned_by": "fakellm"},
	}})(c)
}

// transcriptStream writes the events of streamed transcriptions.
type transcriptStream struct {
	c     *Call
	said  strings.Builder
	spent Usage
}

func (s *transcriptStream) preamble()          {}
func (s *transcriptStream) tool(int, ToolCall) {}
func (s *transcriptStream) finish(string)      {}
func (s *transcriptStream) usage(u Usage)      { s.spent = u }

func (s *transcriptStream) text(piece string) {
	s.said.WriteString(piece)
	s.c.event("", mustJSON(object{"type": "transcript.text.delta", "delta": piece}))
}

func (s *transcriptStream) done() {
	s.c.event("", mustJSON(object{
		"type": "transcript.text.done", "text": s.said.String(),
		"usage": Reply{Usage: s.spent}.transcriptUsage(),
	}))
}

func (s *transcriptStream) malformed() { s.c.malformed() }

func (s *transcriptStream) fail(p *problem) {
	s.c.event("", mustJSON(object{"error": errorObject(p.status, p.code, p.message)}))
}
