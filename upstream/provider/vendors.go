package provider

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// Vendor is a row of the vendor table: what is known about a kind of provider.
type Vendor struct {
	// Kind is the row's name in the config.
	Kind string
	// Title is the vendor's own name.
	Title string
	// BaseURL is where the API is, "" for kinds that have no place of their own.
	BaseURL string
	// KeyEnv is the environment variable that the vendor's documentation uses for a key; ""
	// where no key is needed.
	KeyEnv string
	// GenAI is the vendor's gen_ai.provider.name (OpenTelemetry); the kind where the
	// conventions have none.
	GenAI string
	// Endpoints are those that the vendor serves.
	Endpoints []llm.Endpoint
	// KeyHeader is the header that a key goes into, "" for Authorization: Bearer KEY.
	KeyHeader string
	// Streams is the media type of the vendor's streams, "" for server-sent events.
	Streams string
	// Header are headers that every request to the vendor has.
	Header http.Header
	// Dialects names the dialects of endpoints in which the vendor does not speak OpenAI's, and
	// Paths says where below the base URL these endpoints are.
	Dialects, Paths map[llm.Endpoint]string
	// ModelPaths is Paths for endpoints whose path names the model; it has a query, too.
	ModelPaths map[llm.Endpoint]ModelPath
	// Families are those of the vendor's models that are asked in another way. The first that
	// has a model counts.
	Families []Family
	// Wire returns a model's id as requests have it, where that is not the id in the config; nil
	// leaves it.
	Wire func(model string) string
	// Usage says that the vendor understands stream_options.include_usage. The others report
	// usage in a stream unasked.
	Usage bool
	// Drops lists top-level request members that the vendor rejects or must not see. What
	// changes the meaning of an answer, such as logprobs, is never dropped: the vendor says no.
	Drops []string
	// Note is what else a user must know, in Markdown; "" for nothing.
	Note string
	// Source is the vendor's page that the row is from, "" for the demo.
	Source string
}

// Kinds with a meaning of their own.
const (
	KindCompatible = "openai_compatible"
	KindAzure      = "azure"
	KindBedrock    = "bedrock"
	KindVertex     = "vertex"
	KindDemo       = "demo"
)

// The dialects that are not OpenAI's, by the names of their folders in dialect/.
const (
	DialectCohere   = "cohere"
	DialectConverse = "converse"
	DialectGemini   = "gemini"
	DialectMessages = "messages"
	DialectTitan    = "titan"
)

// HeaderAnthropicVersion says which version of Anthropic's API a request is for
// (source: https://platform.claude.com/docs/en/api/versioning).
const HeaderAnthropicVersion = "Anthropic-Version"

// Members that are OpenAI's own. Metadata may say things about users, and other vendors have
// no use for it. They have none for store either, except those with the Responses API, which
// store unless they are told not to (xAI and Fireworks for 30 days): they must see it.
var (
	openAIOnly   = []string{"metadata", "store"}
	metadataOnly = []string{"metadata"}
)

// openAIEndpoints are the endpoints of OpenAI's own dialects, and rerank.
func openAIEndpoints() []llm.Endpoint {
	return slices.DeleteFunc(llm.Endpoints(), func(e llm.Endpoint) bool { return e == llm.Messages || e == llm.CountTokens })
}

// vendors is the table. A vendor that speaks OpenAI's dialect is one row.
var vendors = []Vendor{
	{
		Kind: "openai", Title: "OpenAI", BaseURL: "https://api.openai.com/v1", KeyEnv: "OPENAI_API_KEY", GenAI: "openai", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses, llm.Moderations, llm.Images, llm.Speech, llm.Transcriptions, llm.Translations},
		Source:    "https://platform.openai.com/docs/api-reference",
	},
	{
		Kind: "mistral", Title: "Mistral AI", BaseURL: "https://api.mistral.ai/v1", KeyEnv: "MISTRAL_API_KEY", GenAI: "mistral_ai",
		Endpoints: []llm.Endpoint{llm.Chat, llm.Embeddings, llm.Moderations, llm.Transcriptions},
		// Mistral answers 422 to every member that it does not know; these are hints.
		Drops:  append([]string{"logit_bias", "prompt_cache_key", "safety_identifier", "seed", "service_tier", "stream_options", "user"}, openAIOnly...),
		Note:   "It refuses `max_completion_tokens` and `logprobs` with 422. A `max_tokens` in the variant's `params` takes the place of the client's `max_completion_tokens`.",
		Source: "https://docs.mistral.ai/api",
	},
	{
		Kind: "groq", Title: "Groq", BaseURL: "https://api.groq.com/openai/v1", KeyEnv: "GROQ_API_KEY", GenAI: "groq", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Responses, llm.Speech, llm.Transcriptions, llm.Translations},
		// Groq answers 400 to logit_bias. It stores no responses, so store may go.
		Drops:  append([]string{"logit_bias"}, openAIOnly...),
		Note:   "It refuses `logprobs`, `top_logprobs`, an `n` other than 1 and names in messages with 400.",
		Source: "https://console.groq.com/docs/openai",
	},
	{
		Kind: "deepseek", Title: "DeepSeek", BaseURL: "https://api.deepseek.com", KeyEnv: "DEEPSEEK_API_KEY", GenAI: "deepseek", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat}, Drops: openAIOnly, Source: "https://api-docs.deepseek.com",
	},
	{
		Kind: "xai", Title: "xAI", BaseURL: "https://api.x.ai/v1", KeyEnv: "XAI_API_KEY", GenAI: "x_ai", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Responses, llm.Images}, Drops: metadataOnly,
		Note:   "It keeps what goes through `responses` for 30 days unless the request says `\"store\": false`.",
		Source: "https://docs.x.ai/developers/rest-api-reference/inference",
	},
	{
		Kind: "openrouter", Title: "OpenRouter", BaseURL: "https://openrouter.ai/api/v1", KeyEnv: "OPENROUTER_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses}, Drops: metadataOnly,
		Source: "https://openrouter.ai/docs/api-reference/overview",
	},
	{
		Kind: "together", Title: "Together AI", BaseURL: "https://api.together.ai/v1", KeyEnv: "TOGETHER_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Images, llm.Speech, llm.Transcriptions, llm.Translations, llm.Rerank}, Drops: openAIOnly,
		Source: "https://docs.together.ai/docs/inference/openai-compatibility",
	},
	{
		Kind: "fireworks", Title: "Fireworks AI", BaseURL: "https://api.fireworks.ai/inference/v1", KeyEnv: "FIREWORKS_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses, llm.Rerank}, Drops: metadataOnly,
		Note:   "It keeps what goes through `responses` for 30 days unless the request says `\"store\": false`.",
		Source: "https://docs.fireworks.ai/tools-sdks/openai-compatibility",
	},
	{
		Kind: "perplexity", Title: "Perplexity", BaseURL: "https://api.perplexity.ai", KeyEnv: "PERPLEXITY_API_KEY", GenAI: "perplexity",
		Endpoints: []llm.Endpoint{llm.Chat}, Drops: append([]string{"stream_options"}, openAIOnly...),
		Source: "https://docs.perplexity.ai/docs/sonar/openai-compatibility",
	},
	{
		Kind: "cerebras", Title: "Cerebras", BaseURL: "https://api.cerebras.ai/v1", KeyEnv: "CEREBRAS_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions},
		// Cerebras answers 400 to these three.
		Drops:  append([]string{"frequency_penalty", "logit_bias", "presence_penalty"}, openAIOnly...),
		Source: "https://inference-docs.cerebras.ai/resources/openai",
	},
	{
		Kind: "nvidia", Title: "NVIDIA NIM", BaseURL: "https://integrate.api.nvidia.com/v1", KeyEnv: "NVIDIA_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings}, Drops: openAIOnly,
		Source: "https://docs.api.nvidia.com/nim/reference/llm-apis",
	},
	{
		Kind: "deepinfra", Title: "DeepInfra", BaseURL: "https://api.deepinfra.com/v1/openai", KeyEnv: "DEEPINFRA_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Images, llm.Speech, llm.Transcriptions, llm.Translations}, Drops: openAIOnly,
		Source: "https://docs.deepinfra.com",
	},
	{
		Kind: "huggingface", Title: "Hugging Face Inference Providers", BaseURL: "https://router.huggingface.co/v1", KeyEnv: "HF_TOKEN", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Responses}, Drops: metadataOnly,
		Source: "https://huggingface.co/docs/inference-providers/index",
	},
	{
		Kind: "moonshot", Title: "Moonshot AI", BaseURL: "https://api.moonshot.ai/v1", KeyEnv: "MOONSHOT_API_KEY", GenAI: "moonshot_ai", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Responses}, Drops: metadataOnly,
		Note:   "Accounts of the Chinese platform need `base_url https://api.moonshot.cn/v1`.",
		Source: "https://platform.kimi.ai/docs/api/overview",
	},
	{
		Kind: "zai", Title: "Z.ai", BaseURL: "https://api.z.ai/api/paas/v4", KeyEnv: "ZAI_API_KEY", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Images, llm.Transcriptions}, Drops: openAIOnly,
		Note:   "Keys of a coding plan need `base_url https://api.z.ai/api/coding/paas/v4`.",
		Source: "https://docs.z.ai/api-reference/introduction",
	},
	{
		Kind: "ollama", Title: "Ollama", BaseURL: "http://127.0.0.1:11434/v1", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses}, Drops: metadataOnly,
		Note:   "Ollama's cloud is `base_url https://ollama.com/v1` with an `api_key`.",
		Source: "https://docs.ollama.com/api/openai-compatibility",
	},
	{
		Kind: "vllm", Title: "vLLM", BaseURL: "http://127.0.0.1:8000/v1", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses, llm.Transcriptions, llm.Translations, llm.Rerank}, Drops: metadataOnly,
		Note:   "A server started with `--api-key` needs an `api_key`. Which endpoints there are depends on the model that it serves.",
		Source: "https://docs.vllm.ai/en/stable/serving/online_serving.html",
	},
	{
		Kind: "lmstudio", Title: "LM Studio", BaseURL: "http://127.0.0.1:1234/v1", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses}, Drops: metadataOnly,
		Source: "https://lmstudio.ai/docs/developer/openai-compat",
	},
	{
		Kind: "llamacpp", Title: "llama.cpp", BaseURL: "http://127.0.0.1:8080/v1", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Completions, llm.Embeddings, llm.Responses, llm.Rerank}, Drops: metadataOnly,
		Note:   "A server started with `--api-key` needs an `api_key`. Which endpoints there are depends on how it was started.",
		Source: "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
	},
	{
		Kind: "anthropic", Title: "Anthropic", BaseURL: "https://api.anthropic.com/v1", KeyEnv: "ANTHROPIC_API_KEY", GenAI: "anthropic", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Messages, llm.CountTokens}, KeyHeader: "X-Api-Key", Header: http.Header{HeaderAnthropicVersion: {"2023-06-01"}},
		Dialects: map[llm.Endpoint]string{llm.Chat: DialectMessages, llm.CountTokens: DialectMessages}, Paths: map[llm.Endpoint]string{llm.Chat: "/messages"},
		Drops: openAIOnly, Source: "https://platform.claude.com/docs/en/api/overview",
	},
	{
		Kind: "google", Title: "Google AI Studio", BaseURL: "https://generativelanguage.googleapis.com/v1beta", KeyEnv: "GEMINI_API_KEY", GenAI: "gcp.gemini", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Embeddings, llm.CountTokens}, KeyHeader: "X-Goog-Api-Key",
		Dialects: map[llm.Endpoint]string{llm.Chat: DialectGemini, llm.Embeddings: DialectGemini, llm.CountTokens: DialectGemini},
		ModelPaths: map[llm.Endpoint]ModelPath{
			llm.Chat: generateContent, llm.Embeddings: ofModel(":batchEmbedContents"), llm.CountTokens: ofModel(":countTokens"),
		},
		Drops: openAIOnly, Source: "https://ai.google.dev/api/generate-content",
	},
	{
		Kind: "cohere", Title: "Cohere", BaseURL: "https://api.cohere.com/v2", KeyEnv: "COHERE_API_KEY", GenAI: "cohere", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat, llm.Embeddings, llm.Rerank},
		Dialects:  map[llm.Endpoint]string{llm.Chat: DialectCohere, llm.Embeddings: DialectCohere, llm.Rerank: DialectCohere},
		Paths:     map[llm.Endpoint]string{llm.Chat: "/chat", llm.Embeddings: "/embed"},
		Drops:     openAIOnly,
		Note:      "What the model plans before it calls tools is the text of its message. Citations are the member `citations` of the message, in Cohere's form. `documents`, `citation_options`, `safety_mode`, `strict_tools`, `thinking` and `k` may be sent. Embeddings have the `input_type` `search_document` unless the request or the variant's `params` say another, and a text that is too long is refused, as OpenAI does it, unless they say how to `truncate` it.",
		Source:    "https://docs.cohere.com/reference/about",
	},
	{
		Kind: KindVertex, Title: "Google Cloud Vertex AI", GenAI: "gcp.vertex_ai", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat}, KeyHeader: "X-Goog-Api-Key", Families: vertexFamilies, Wire: vertex.Bare,
		Dialects:   map[llm.Endpoint]string{llm.Chat: DialectGemini},
		ModelPaths: map[llm.Endpoint]ModelPath{llm.Chat: vertex.Gemini},
		Drops:      openAIOnly,
		Source:     "https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
	},
	{
		Kind: KindAzure, Title: "Azure OpenAI in Microsoft Foundry", KeyEnv: "AZURE_OPENAI_API_KEY", GenAI: "azure.ai.openai", Usage: true,
		Endpoints: new(azure.Config).Endpoints(), KeyHeader: "Api-Key", Families: azureFamilies,
		Drops:  metadataOnly,
		Source: "https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle",
	},
	{
		Kind: KindBedrock, Title: "Amazon Bedrock", GenAI: "aws.bedrock", Usage: true,
		Endpoints: []llm.Endpoint{llm.Chat}, Streams: streamsOfAWS, Families: bedrockFamilies,
		Dialects:   map[llm.Endpoint]string{llm.Chat: DialectConverse},
		ModelPaths: map[llm.Endpoint]ModelPath{llm.Chat: bedrock.Converse},
		Drops:      openAIOnly,
		Note:       "It needs a `region`. Titan's and Cohere's models for embeddings and Cohere's for rankings are asked by InvokeModel, Titan's for one text at a time. It signs in with `access_key_id` and `secret_access_key` (and `session_token`), or with `api_key` for a Bedrock API key; without any of them with what AWS's default chain finds, which is looked at when the first request is signed.",
		Source:     "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html",
	},
	{
		Kind: KindCompatible, Title: "Any other server that speaks OpenAI's dialect", Usage: true,
		Endpoints: openAIEndpoints(), Drops: metadataOnly,
		Note:   "It needs a `base_url`. What the server does not have it answers with 404 itself.",
		Source: "https://platform.openai.com/docs/api-reference",
	},
	{
		Kind: KindDemo, Title: "The built-in demo", BaseURL: "http://demo.example.com/v1", Usage: true,
		Endpoints: openAIEndpoints(),
		Note:      "It answers inside Mulligan, so it needs neither network nor key, and has no `base_url`.",
	},
}

// Vendors returns the table's rows in the order in which they are documented. The caller
// must not change what the rows point to.
func Vendors() []Vendor { return slices.Clone(vendors) }

// LookupVendor returns the row of a kind.
func LookupVendor(kind string) (Vendor, bool) {
	i := slices.IndexFunc(vendors, func(v Vendor) bool { return v.Kind == kind })
	if i < 0 {
		return Vendor{}, false
	}
	return vendors[i], true
}

// GenAIName returns the kind's gen_ai.provider.name.
func (v Vendor) GenAIName() string {
	if v.GenAI != "" {
		return v.GenAI
	}
	return v.Kind
}

// keyHeader returns the header that a key goes into.
func (v *Vendor) keyHeader() string {
	if v.KeyHeader != "" {
		return v.KeyHeader
	}
	return "Authorization"
}

// generateContent returns where a model of Gemini's dialect is asked, behind a base URL that
// ends with /v1beta. For a stream it asks for events: the answer would be one JSON list
// otherwise (source: https://ai.google.dev/api/generate-content).
func generateContent(model string, stream bool) (path, query string) {
	if stream {
		return geminiModel(model) + ":streamGenerateContent", "alt=sse"
	}
	return geminiModel(model) + ":generateContent", ""
}

// ofModel returns where another method of a model of Gemini's dialect is.
func ofModel(method string) func(model string, stream bool) (path, query string) {
	return func(model string, _ bool) (string, string) { return geminiModel(model) + method, "" }
}

// geminiModel returns the path of a model. Its id stays one segment of it, whatever it holds,
// and a "models/" before it, as AI Studio lists its models, is not doubled.
func geminiModel(model string) string {
	return "/models/" + url.PathEscape(strings.TrimPrefix(model, "models/"))
}
