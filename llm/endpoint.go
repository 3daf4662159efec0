package llm

// Endpoint is one operation of the OpenAI-compatible API, by the name that rules see as
// request.endpoint.
type Endpoint string

// The endpoints that clients may call. The comment on each is its path below a base URL
// such as https://api.openai.com/v1 (source: https://platform.openai.com/docs/api-reference).
const (
	Chat           Endpoint = "chat"           // /chat/completions
	Completions    Endpoint = "completions"    // /completions
	Embeddings     Endpoint = "embeddings"     // /embeddings
	Responses      Endpoint = "responses"      // /responses
	Moderations    Endpoint = "moderations"    // /moderations
	Images         Endpoint = "images"         // /images/generations
	Speech         Endpoint = "speech"         // /audio/speech
	Transcriptions Endpoint = "transcriptions" // /audio/transcriptions
	Translations   Endpoint = "translations"   // /audio/translations
	Messages       Endpoint = "messages"       // /messages (Anthropic's shape; source: https://platform.claude.com/docs/en/api/messages)
	CountTokens    Endpoint = "count_tokens"   // /messages/count_tokens (Anthropic's; source: https://platform.claude.com/docs/en/api/messages-count-tokens)
	Rerank         Endpoint = "rerank"         // /rerank (Cohere's and Jina's shape; not an OpenAI endpoint)
)

// The endpoints of the Deployment API, by which accounts and records know its exchanges. Rules
// and providers see a chat.
const (
	Invoke    Endpoint = "invoke"     // POST /v2/deployments/invoke and /v2/deployments/stream
	GetConfig Endpoint = "get_config" // POST /v2/deployments/get_config: no provider is called
)

var endpointPaths = map[Endpoint]string{
	Chat:           "/chat/completions",
	Completions:    "/completions",
	Embeddings:     "/embeddings",
	Responses:      "/responses",
	Moderations:    "/moderations",
	Images:         "/images/generations",
	Speech:         "/audio/speech",
	Transcriptions: "/audio/transcriptions",
	Translations:   "/audio/translations",
	Messages:       "/messages",
	CountTokens:    "/messages/count_tokens",
	Rerank:         "/rerank",
}

// Path returns the endpoint's path below a base URL, with a leading slash.
func (e Endpoint) Path() string { return endpointPaths[e] }

// Endpoints returns every endpoint, in the order in which they are documented.
func Endpoints() []Endpoint {
	return []Endpoint{
		Chat, Completions, Embeddings, Responses, Moderations, Images,
		Speech, Transcriptions, Translations, Rerank, Messages, CountTokens,
	}
}

// Operation returns the endpoint's gen_ai.operation.name
// (source: OpenTelemetry semantic conventions for generative AI).
func (e Endpoint) Operation() string {
	switch e {
	case Chat, Responses, Messages, Invoke:
		return "chat"
	case Completions:
		return "text_completion"
	case Embeddings:
		return "embeddings"
	default:
		return string(e)
	}
}
