package integration

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

// spoken is what is spoken in a cell: by the client, and by its providers.
type spoken struct {
	name  string // in the names of cells
	Title string // on the page
	// client is the endpoint that the client asks.
	client llm.Endpoint
	// dialect is the providers', kind their kind, settings what else their kind needs, and base
	// the path that their base URL ends with.
	dialect              fakellm.Dialect
	kind, settings, base string
	wires                []wire
	// sharesStreams says that the streams are another's, and the errors are not: a fault in which
	// nothing is said is not made again for it.
	sharesStreams bool
	// model is the model's id; default: m. One vendor goes by it.
	model string
	// reasoning is how many tokens the answers' reasoning is said to have: one vendor does not
	// tell it apart.
	reasoning int
	// words are what the client is told that an error is, by the fault: OpenAI's code, or
	// Anthropic's type. Where a fault is not in it, that is as the row says.
	words words
	// statuses are the statuses of errors whose vendor does not say the row's.
	statuses map[string]int
	// wordless is what the client is told of an error inside a plain 200 by a vendor that has no
	// message there, "" for one that has.
	wordless string
}

type words = map[string]string

// openAIsWords are OpenAI's codes for the errors of vendors that have no code of their own.
// Those of most errors that are the client's are none.
var openAIsWords = words{
	"400": "", "408": "", "409": "", "413": "", "422": "", "500": "server_error", "502": "server_error", "503": "server_error",
	"504": "", "529": "server_is_overloaded",
}

// anthropicsWords are Anthropic's types of errors.
var anthropicsWords = words{
	"400": "invalid_request_error", "404": "not_found_error", "408": "timeout_error", "409": "invalid_request_error",
	"413": "request_too_large", "422": "invalid_request_error", "429": "rate_limit_error", "500": "api_error", "502": "api_error",
	"503": "overloaded_error", "504": "timeout_error", "529": "overloaded_error",
}

const v1 = "/v1"

// dialects is everything that is spoken in the matrix. The first is what the rows are written
// for; the others have the same rows, and the same comes of them but for the words that
// vendors have of their own.
var dialects = []*spoken{
	{name: "chat", Title: "OpenAI", client: llm.Chat, dialect: fakellm.OpenAI, kind: "openai_compatible", base: v1,
		wires: []wire{http1, http2}, reasoning: fakellm.DefaultUsage.Reasoning},
	{name: "responses", Title: "OpenAI Responses", client: llm.Responses, dialect: fakellm.OpenAI, kind: "openai_compatible", base: v1,
		wires: []wire{http1}, reasoning: fakellm.DefaultUsage.Reasoning},
	{name: "anthropic", Title: "Anthropic", client: llm.Chat, dialect: fakellm.Messages, kind: "anthropic", base: v1,
		wires: []wire{http2}, reasoning: fakellm.DefaultUsage.Reasoning,
		words: with(openAIsWords, words{"503": "server_is_overloaded", insideReply: "server_is_overloaded", firstEvent: "server_is_overloaded"})},
	{name: "messages", Title: "Anthropic to its own clients", client: llm.Messages, dialect: fakellm.Messages, kind: "anthropic", base: v1,
		wires: []wire{http1}, reasoning: fakellm.DefaultUsage.Reasoning},
	{name: "gemini", Title: "Google", client: llm.Chat, dialect: fakellm.Gemini, kind: "google", base: "/v1beta",
		wires: []wire{http2}, reasoning: fakellm.DefaultUsage.Reasoning,
		words: with(openAIsWords, words{insideReply: "server_error", firstEvent: "server_error"})},
	{name: "converse", Title: "Amazon Bedrock", client: llm.Chat, dialect: fakellm.Converse, kind: "bedrock", settings: "region us-east-1",
		wires:    []wire{http1},
		words:    with(openAIsWords, words{insideReply: "server_error", firstEvent: "server_error"}),
		statuses: map[string]int{insideReply: 500, firstEvent: 500}},
	{name: "cohere", Title: "Cohere", client: llm.Chat, dialect: fakellm.Cohere, kind: "cohere", base: "/v2",
		wires:    []wire{http1},
		words:    with(openAIsWords, words{insideReply: "ERROR", firstEvent: "ERROR"}),
		statuses: map[string]int{insideReply: 500, firstEvent: 500}, wordless: "The model has failed."},
	{name: "azure", Title: "Azure OpenAI", client: llm.Chat, dialect: fakellm.Azure, kind: "azure", settings: "api_version 2024-10-21",
		sharesStreams: true, wires: []wire{http1}, reasoning: fakellm.DefaultUsage.Reasoning,
		words: with(openAIsWords, words{"404": "DeploymentNotFound", "429": "RateLimitReached", insideReply: "server_error", firstEvent: "server_error"})},
	{name: "vertex", Title: "Google Vertex AI", client: llm.Chat, dialect: fakellm.Gemini, kind: "vertex", base: "/v1",
		settings: "project p\n\tlocation us-east5", sharesStreams: true, wires: []wire{http1}, reasoning: fakellm.DefaultUsage.Reasoning,
		words: with(openAIsWords, words{insideReply: "server_error", firstEvent: "server_error"})},
	{name: "rawpredict", Title: "Claude on Vertex AI", client: llm.Chat, dialect: fakellm.RawPredict, kind: "vertex", base: "/v1",
		settings: "project p\n\tlocation us-east5", sharesStreams: true, model: "claude-m", wires: []wire{http1}, reasoning: fakellm.DefaultUsage.Reasoning,
		words: with(openAIsWords, words{insideReply: "server_is_overloaded", firstEvent: "server_is_overloaded"})},
}

// target returns the model of a provider as the gateway calls it.
func (c *cell) target(provider string) string { return provider + "/" + c.model() }

func (c *cell) model() string { return cmp.Or(c.spoken.model, "m") }

// has says whether a row's fault can happen in what is spoken.
func (s *spoken) has(r *row, m mode) bool {
	switch {
	case r.only != "" && r.only != s.name:
		return false
	case s.sharesStreams && (r.waits || r.port != nil):
		return false
	case m == soundAnswer:
		return s == dialects[0] && r.step(m) != nil
	case m == plainAnswer && slices.Contains(r.neverPlain, s.dialect):
		return false
	default:
		return r.step(m) != nil
	}
}

// told is what the client of a cell gets when nothing cures it.
func (c *cell) told() told {
	t := c.row.told
	if status, own := c.spoken.statuses[c.row.fault]; own && t.status != http.StatusOK {
		t.status = status
	}
	if c.spoken.wordless != "" && c.row.fault == insideReply && c.mode == plainAnswer {
		t.message = c.spoken.wordless
	}
	fault, _, _ := strings.Cut(c.row.fault, " + ") // a wait is no other error
	word, own := c.spoken.words[fault]
	switch {
	case own && c.row.phase != midStream: // where the gateway has the word
		t.code = word
	case c.spoken.client == llm.Messages: // has no codes, and its types go by the status
		t.code = cmp.Or(anthropicsWords[strconv.Itoa(t.status)], "api_error")
	}
	return t
}
