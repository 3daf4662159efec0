package fakellm

import (
	"net/http"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Dialect is a wire format that the provider speaks. The path of a request says which.
type Dialect string

// The dialects.
const (
	OpenAI   Dialect = "openai"   // chat, responses and all else that OpenAI has
	Messages Dialect = "messages" // Anthropic: POST …/messages and …/messages/count_tokens
	Gemini   Dialect = "gemini"   // Google: POST …/models/MODEL:generateContent and :countTokens
	Converse Dialect = "converse" // Amazon Bedrock: POST …/model/MODEL/converse
	Cohere   Dialect = "cohere"   // Cohere, version 2: POST …/v2/chat
	// Azure is OpenAI's chat at a deployment: POST …/openai/deployments/MODEL/chat/completions.
	Azure Dialect = "azure"
	// RawPredict is Claude on Vertex AI: POST …/anthropic/models/MODEL:rawPredict and
	// :streamRawPredict. Gemini is asked there as it is at Google.
	RawPredict Dialect = "rawpredict"
)

// shape is how a vendor's API looks.
type shape struct {
	// streams is the media type of streams.
	streams string
	// plain is the body of a whole answer.
	plain func(Reply, *Call) object
	// events writes the pieces of a streamed answer.
	events func(*Call) dialect
	// failure is the body of an error, and adds the headers that go with it.
	failure func(*problem, http.Header) any
	// key is the API key in the headers of a request.
	key func(http.Header) string
	// count is the body of an answer to how long a prompt is, nil for vendors that do not count.
	count func(Usage) object
	// results are the results of tools that a conversation ends with.
	results func(*Request) []ToolResult
}

const serverSentEvents = "text/event-stream; charset=utf-8"

// shapes is the table of vendors.
var shapes = map[Dialect]shape{
	OpenAI: {
		streams: serverSentEvents, events: openAIEvents, failure: openAIFailure, key: bearer, results: openAIResults,
	},
	Messages: {
		streams: serverSentEvents, plain: Reply.message, events: func(c *Call) dialect { return &messagesStream{c: c, open: -1} },
		failure: messagesFailure, key: keyIn("X-Api-Key"), results: messagesResults,
		count: func(u Usage) object { return object{"input_tokens": u.Input} },
	},
	Gemini: {
		streams: "text/event-stream", plain: Reply.gemini, events: func(c *Call) dialect { return &geminiStream{c: c} },
		failure: geminiFailure, key: keyIn("X-Goog-Api-Key"), results: geminiResults,
		count: func(u Usage) object { return object{"totalTokens": u.Input} },
	},
	Converse: {
		streams: "application/vnd.amazon.eventstream", plain: Reply.converse, events: func(c *Call) dialect { return &converseStream{c: c, open: -1} },
		failure: converseFailure, key: bearer, results: converseResults,
	},
	Cohere: {
		streams: "text/event-stream", plain: Reply.cohere, events: func(c *Call) dialect { return &cohereStream{c: c} },
		failure: cohereFailure, key: bearer, results: openAIResults, // its tool messages are OpenAI's
	},
	Azure: {
		streams: serverSentEvents, events: func(c *Call) dialect { return &azureStream{chatStream{c: c}} },
		failure: azureFailure, key: keyIn("Api-Key"), results: openAIResults,
	},
	RawPredict: {
		streams: serverSentEvents, plain: Reply.message, events: func(c *Call) dialect { return &messagesStream{c: c, open: -1} },
		failure: rawPredictFailure, key: keyIn("X-Goog-Api-Key"), results: messagesResults,
	},
}

func (r *Request) shape() shape { return shapes[r.Dialect] }

// address reads what the path says.
func (r *Request) address() {
	r.Dialect = OpenAI
	for _, e := range llm.Endpoints() { // chat comes before completions, its suffix
		if strings.HasSuffix(r.Path, e.Path()) {
			r.Endpoint = e
			break
		}
	}
	folders := strings.Split(r.Path, "/")
	last := folders[len(folders)-1]
	switch {
	case r.Endpoint == llm.Messages, r.Endpoint == llm.CountTokens:
		r.Dialect = Messages
	case r.Endpoint == llm.Chat && strings.Contains(r.Path, "/openai/deployments/"):
		r.Dialect = Azure
	case strings.HasSuffix(r.Path, "/v2/chat"):
		r.Dialect, r.Endpoint = Cohere, llm.Chat
	case len(folders) > 2 && folders[len(folders)-2] == "models":
		model, method, _ := strings.Cut(last, ":")
		switch method {
		case "generateContent", "streamGenerateContent":
			r.Dialect, r.Endpoint, r.model, r.stream = Gemini, llm.Chat, model, method != "generateContent"
		case "countTokens":
			r.Dialect, r.Endpoint, r.model = Gemini, llm.CountTokens, model
		case "rawPredict", "streamRawPredict":
			r.Dialect, r.Endpoint, r.model = RawPredict, llm.Messages, model
		}
	case len(folders) > 3 && folders[len(folders)-3] == "model" && (last == "converse" || last == "converse-stream"):
		r.Dialect, r.Endpoint, r.model, r.stream = Converse, llm.Chat, folders[len(folders)-2], last != "converse"
	}
}

func bearer(h http.Header) string { return strings.TrimPrefix(h.Get("Authorization"), "Bearer ") }

func keyIn(name string) func(http.Header) string {
	return func(h http.Header) string { return h.Get(name) }
}

// ToolResult is what a client says that a tool has answered.
type ToolResult struct {
	ID   string // of the call; "" where the vendor or the client has none
	Name string // of the tool; "" where the vendor does not repeat it
	Text string
}

// ToolResults returns the results of tools that the conversation ends with.
func (r *Request) ToolResults() []ToolResult { return r.shape().results(r) }

// HasToolResults says whether the conversation ends with the results of tool calls.
func (r *Request) HasToolResults() bool { return len(r.ToolResults()) > 0 }

// inVendorsWords returns what a vendor calls a finish reason of chat.
func inVendorsWords(finish string, words map[string]string) string {
	if own, ok := words[finish]; ok {
		return own
	}
	return finish
}
