package failure

// statusOverloaded is the status that Anthropic made up for being overloaded.
const statusOverloaded = 529

// Ranges of statuses that several rows share.
var (
	busy   = statuses{from: 429, to: 599, stream: true} // too much to do
	refuse = statuses{from: 400, to: 429, stream: true} // something about this request
)

// table is what is known of how providers report failures. It is read from top to bottom and
// the first row that holds decides, so a more special row stands above a more general one. To
// teach it something, add a row with its source, and a body to the tests.
var table = []row{
	// What a code, a type or a reason says outright.

	{class: ContentFilter, words: []string{"content_filter", "ResponsibleAIPolicyViolation"},
		source: "https://learn.microsoft.com/en-us/azure/ai-services/openai/concepts/content-filter; Moonshot uses the first as a type: https://platform.kimi.ai/docs/api/errors"},
	{class: ContentFilter, words: []string{"content_policy_violation", "moderation_blocked", "image_content_policy_violation", "invalid_prompt"},
		source: "https://github.com/openai/openai-openapi, ResponseErrorCode; images and reasoning models in the OpenAI forum"},
	{class: ContentFilter, words: []string{"flagged_input"},
		source: "https://openrouter.ai/docs/api/reference/errors-and-debugging, moderation errors: status 403"},
	{class: ContentFilter, words: []string{"DataInspectionFailed", "data_inspection_failed"},
		source: "https://www.alibabacloud.com/help/en/model-studio/error-code"},
	{class: ContentFilter, at: only(400), words: []string{"1301"},
		source: "https://docs.z.ai/api-reference/api-code"},

	{class: ContextLength, words: []string{"context_length_exceeded"},
		source: "https://platform.openai.com/docs/guides/error-codes; also Groq and Cerebras"},
	{class: ContextLength, words: []string{"TOO_MANY_TOKENS"},
		source: "seen at Cohere as error_type with status 400"},
	{class: ContextLength, words: []string{"exceed_context_size_error"},
		source: "https://github.com/ggml-org/llama.cpp/tree/master/tools/server"},
	{class: ContextLength, words: []string{"tokens_limit_reached"},
		source: "seen at GitHub Models with status 413: github.com/actions/ai-inference/issues/128"},
	{class: ContextLength, at: only(400), words: []string{"1261"},
		source: "https://docs.z.ai/api-reference/api-code"},

	// Money and quotas come before rate limits: vendors send both as 429, often with the type
	// of the latter.

	{class: Quota, words: []string{"insufficient_quota", "billing_hard_limit_reached", "billing_not_active",
		"credit_balance_exhausted", "organization_spend_limit_exceeded", "project_spend_limit_exceeded", "organization_usage_limit_exceeded"},
		source: "https://platform.openai.com/docs/guides/error-codes; https://help.openai.com/en/articles/6614457"},
	{class: Quota, words: []string{"billing_error", "enforced_spend_limit_reached"},
		source: "https://docs.claude.com/en/api/errors; the second is a reason inside a rate_limit_error"},
	{class: Quota, words: []string{"exceeded_current_quota_error"},
		source: "https://platform.kimi.ai/docs/api/errors"},
	{class: Quota, at: only(429), words: []string{"quota_exceeded"},
		source: "Gemini's Interactions API: a daily quota, https://ai.google.dev/gemini-api/docs/troubleshooting"},
	{class: Quota, words: []string{"Arrearage"},
		source: "https://www.alibabacloud.com/help/en/model-studio/error-code: status 400"},
	{class: Quota, at: only(429), words: []string{"1113", "1308", "1309", "1310"},
		source: "https://docs.z.ai/api-reference/api-code: no balance, or the plan's allowance is used up"},
	{class: Quota, at: only(402),
		source: "RFC 9110, section 15.5.3; DeepSeek, OpenRouter, Together, Hugging Face, Cohere, NVIDIA"},
	{class: Quota, at: only(412), says: []string{"is suspended"},
		source: "seen at Fireworks: github.com/amd/gaia/issues/3766"},
	{class: Quota, at: only(400), begins: []string{"your credit balance is too low", "you have reached your specified api usage limits",
		"you have reached your specified workspace api usage limits"},
		source: "seen at Anthropic as invalid_request_error; https://docs.claude.com/en/api/rate-limits"},
	{class: Quota, at: statuses{from: 403, to: 429}, begins: []string{"your team ", "your newly created team "},
		says:   []string{"used all available credits", "doesn't have any credits"},
		source: "seen at xAI with both 403 and 429: github.com/continuedev/continue/issues/10373, 12670"},
	{class: Quota, at: only(429), says: []string{"insufficient balance"},
		source: "seen at Moonshot: github.com/continuedev/continue/issues/11443"},
	{class: Quota, at: only(403), says: []string{"balance is insufficient"},
		source: "seen at SiliconFlow: github.com/FoundationAgents/OpenManus/issues/438"},
	{class: Quota, at: only(429), says: []string{"api calls / month"},
		source: "https://docs.cohere.com/reference/errors: a trial key's allowance"},

	// Being out of capacity comes before rate limits too: it is not our account's limit, so
	// another key is of no help and another provider is.

	{class: Overloaded, words: []string{"overloaded_error"}, source: "https://docs.claude.com/en/api/errors"},
	{class: Overloaded, words: []string{"server_is_overloaded"}, source: "https://platform.openai.com/docs/guides/error-codes"},
	{class: Overloaded, words: []string{"engine_overloaded_error"}, source: "https://platform.kimi.ai/docs/api/errors: status 429"},
	{class: Overloaded, words: []string{"queue_exceeded"}, source: "seen at Cerebras with status 429 (github.com/LondonTipton/ai-chatbot)"},
	{class: Overloaded, words: []string{"overloaded"}, source: "https://github.com/huggingface/text-generation-inference: error_type with status 429"},
	{class: Overloaded, words: []string{"ModelNotReadyException"},
		source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html: status 429"},
	{class: Overloaded, at: only(429), words: []string{"1312"}, source: "https://docs.z.ai/api-reference/api-code"},
	{class: Overloaded, at: only(statusOverloaded), source: "https://docs.claude.com/en/api/errors"},
	{class: Overloaded, at: busy, says: []string{"overloaded"},
		source: "OpenAI and W&B: \"The engine is currently overloaded\"; Gemini: \"The model is overloaded\""},
	{class: Overloaded, at: busy, says: []string{"at capacity", "capacity exceeded"},
		source: "seen at Mistral as \"Service tier capacity exceeded for this model.\": github.com/continuedev/continue/issues/6185"},
	{class: Overloaded, at: busy, says: []string{"high demand", "high traffic"},
		source: "Gemini 503 and Azure 429, https://learn.microsoft.com/en-us/azure/ai-services/openai/how-to/quota; Cerebras"},
	{class: Overloaded, at: only(503), says: []string{"currently loading"},
		source: "https://huggingface.co/docs/api-inference: a model that is being loaded, with estimated_time"},

	// Our key. 403 alone is below, as a few vendors send it for other things.

	{class: BadKey, words: []string{"invalid_api_key", "account_deactivated", "invalid_organization"},
		source: "https://platform.openai.com/docs/guides/error-codes; Perplexity uses the first as a type"},
	{class: BadKey, words: []string{"authentication_error", "permission_error"},
		source: "https://docs.claude.com/en/api/errors"},
	{class: BadKey, words: []string{"invalid_authentication_error", "incorrect_api_key_error", "permission_denied_error"},
		source: "https://platform.kimi.ai/docs/api/errors"},
	{class: BadKey, words: []string{"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "SERVICE_DISABLED", "CONSUMER_SUSPENDED", "CONSUMER_INVALID", "UNAUTHENTICATED"},
		source: "https://cloud.google.com/apis/design/errors and google/api/error_reason.proto: Gemini sends the first with status 400"},
	{class: BadKey, words: []string{"UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException",
		"ExpiredTokenException", "InvalidClientTokenId", "NotAuthorized", "RequestExpired"},
		source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html: some of them with status 400"},
	{class: BadKey, words: []string{"InvalidApiKey", "invalid_access_token"},
		source: "https://www.alibabacloud.com/help/en/model-studio/error-code"},
	{class: BadKey, at: only(404), begins: []string{"model use case details have not been submitted"},
		source: "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html: the account lacks Anthropic's form"},
	{class: BadKey, at: only(400), begins: []string{"incorrect api key", "invalid api key", "invalid api-key"},
		source: "seen at xAI: github.com/continuedev/continue/issues/10778"},
	{class: BadKey, at: only(400), begins: []string{"api key not valid", "api key expired", "user location is not supported"},
		source: "https://ai.google.dev/gemini-api/docs/troubleshooting; the last is the gateway's place, not the client's"},
	{class: BadKey, at: only(434), source: "https://docs.z.ai/api-reference/api-code: no permission for this API"},

	// Rate limits. Those on tokens are worded like a prompt that is too long.

	{class: RateLimit, words: []string{"rate_limit_exceeded", "rate_limit_error", "slow_down"},
		source: "https://platform.openai.com/docs/guides/error-codes; Groq sends the first with 413, Anthropic the second"},
	{class: RateLimit, words: []string{"rate_limited", "rate_limit_reached_error", "too_many_requests_error", "too_many_requests", "RateLimitReached"},
		source: "seen at Mistral (github.com/raycast/extensions/issues/31107), Moonshot, Cerebras, Gemini Interactions, Azure"},
	{class: RateLimit, words: []string{"RESOURCE_EXHAUSTED"},
		source: "https://ai.google.dev/gemini-api/docs/rate-limits: its message says quota, plan and billing for limits by the minute too"},
	{class: RateLimit, words: []string{"ThrottlingException", "ServiceQuotaExceededException", "Throttling", "Throttling.RateQuota", "Throttling.AllocationQuota"},
		source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html: \"Too many tokens, please wait before trying again.\"; Alibaba"},
	{class: RateLimit, at: statuses{from: 413, to: 429, stream: true}, says: []string{"tokens per min"},
		source: "seen at Groq and OpenAI: \"Request too large for … on tokens per minute (TPM): Limit 6000, Requested 14368\""},
	{class: Quota, at: only(429), begins: []string{"you exceeded your current quota"},
		source: "OpenAI's words in gateways that drop its code; Gemini's same words have their own row above"},
	{class: RateLimit, at: only(429), source: "RFC 6585, section 4"},

	// Models.

	{class: ModelNotFound, words: []string{"model_not_found", "model_decommissioned", "model_not_supported", "model_not_available"},
		source: "https://platform.openai.com/docs/guides/error-codes; Groq, Hugging Face's router, Together"},
	{class: ModelNotFound, words: []string{"invalid_model", "DeploymentNotFound", "ModelNotFound"},
		source: "Mistral and Perplexity (status 400), Azure, Alibaba"},
	{class: ModelNotFound, at: only(400), words: []string{"1211"}, source: "https://docs.z.ai/api-reference/api-code"},

	{class: TooLarge, words: []string{"request_too_large"}, source: "https://docs.claude.com/en/api/errors"},
	{class: Timeout, words: []string{"timeout_error"}, source: "https://docs.claude.com/en/api/errors"},
	{class: Timeout, words: []string{"DEADLINE_EXCEEDED"}, source: "https://ai.google.dev/gemini-api/docs/troubleshooting"},
	{class: Timeout, words: []string{"ModelTimeoutException"},
		source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html: status 408"},
	{class: Timeout, words: []string{"vector_store_timeout"}, source: "https://github.com/openai/openai-openapi, ResponseErrorCode"},

	// What only the message says.

	{class: ContentFilter, at: refuse, says: []string{"content management policy", "blocked by content filtering policy", "flagged as potentially violating"},
		source: "Azure (github.com/stanford-crfm/helm/pull/3327), Anthropic (github.com/anthropics/claude-code/issues/6195), OpenAI"},
	{class: ContentFilter, at: refuse, says: []string{"violates usage guidelines"},
		source: "seen at xAI with status 403 and the code permission-denied: github.com/Wei-Shaw/sub2api/pull/5359"},
	{class: ContentFilter, at: only(403), says: []string{"requires moderation", "your input was flagged"},
		source: "https://openrouter.ai/docs/api/reference/errors-and-debugging"},
	{class: ContentFilter, at: only(400), begins: []string{"content exists risk"}, source: "seen at DeepSeek: github.com/666ghj/BettaFish/issues/108"},

	{class: ContextLength, says: []string{"maximum context length", "maximum context window"},
		source: "OpenAI, DeepSeek, vLLM, OpenRouter, Mistral, Fireworks; Scaleway says window"},
	{class: ContextLength, says: []string{"prompt is too long"}, source: "Anthropic and Bedrock: \"prompt is too long: 213462 tokens > 200000 maximum\""},
	{class: ContextLength, says: []string{"exceed context limit"}, source: "Anthropic: \"input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000\""},
	{class: ContextLength, says: []string{"exceeds the context window", "exceeds the context length"}, source: "OpenAI Responses; Ollama"},
	{class: ContextLength, says: []string{"reduce the length of the messages"}, source: "Groq, OpenAI, Cerebras"},
	{class: ContextLength, says: []string{"input is too long for requested model"}, source: "seen at Bedrock: github.com/aws-samples/bedrock-chat/issues/95"},
	{class: ContextLength, says: []string{"exceeds the maximum number of tokens"},
		source: "Gemini: \"The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).\""},
	{class: ContextLength, says: []string{"maximum prompt length is"}, source: "xAI: \"This model's maximum prompt length is 131072 but …\" (github.com/badlogic/pi-mono, packages/ai, overflow.ts)"},
	{class: ContextLength, says: []string{"too many tokens"}, source: "https://docs.cohere.com/reference/errors"},
	{class: ContextLength, says: []string{"exceeded model token limit", "input token length too long"}, source: "https://platform.kimi.ai/docs/api/errors"},
	{class: ContextLength, says: []string{"`inputs` tokens + `max_new_tokens` must be", "input token count + max_tokens"},
		source: "https://github.com/huggingface/text-generation-inference (status 422); Together (status 403): https://docs.together.ai/docs/error-codes"},
	{class: ContextLength, says: []string{"exceeds the available context size", "greater than the context length", "context size has been exceeded"},
		source: "llama.cpp and LM Studio (github.com/badlogic/pi-mono, packages/ai, overflow.ts): github.com/lmstudio-ai/lmstudio-bug-tracker/issues/2339"},
	{class: ContextLength, says: []string{"context window exceeds limit"}, source: "MiniMax (github.com/badlogic/pi-mono, packages/ai, overflow.ts)"},
	{class: ContextLength, says: []string{"range of input length should be"}, source: "https://www.alibabacloud.com/help/en/model-studio/error-code"},

	{class: TooLarge, at: only(400), says: []string{"request payload size exceeds the limit"}, source: "seen at Gemini: github.com/MaKTaiL/gemini-srt-translator/issues/63"},

	{class: ModelNotFound, at: only(404), says: []string{"model", "no endpoints found for"},
		source: "Anthropic, Gemini, Vertex, Cohere, Ollama, Fireworks, Bedrock name the model; OpenRouter: \"No endpoints found for …\""},
	{class: ModelNotFound, at: only(400), says: []string{"is not a valid model id"}, source: "seen at OpenRouter: github.com/sipeed/picoclaw/issues/1790"},
	{class: ModelNotFound, at: only(400), says: []string{"provided model identifier is invalid", "with on-demand throughput isn"},
		source: "seen at Bedrock: github.com/strands-agents/harness-sdk/issues/38"},
	{class: ModelNotFound, at: only(400), begins: []string{"model not exist", "invalid model"}, source: "DeepSeek; Mistral"},

	// What the status alone says.

	{class: BadKey, at: only(401), source: "RFC 9110, section 15.5.2"},
	{class: BadKey, at: only(403), source: "RFC 9110, section 15.5.4"},
	{class: TooLarge, at: only(413), source: "RFC 9110, section 15.5.14"},
	{class: Timeout, at: only(408), source: "RFC 9110, section 15.5.9"},
	{class: Timeout, at: only(504), source: "RFC 9110, section 15.6.5"},
	{class: Timeout, at: only(524), source: "https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/error-524/"},
	{class: Server, at: only(424), source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, ModelErrorException"},
	{class: Server, at: statuses{from: 500, to: 599}, source: "RFC 9110, section 15.6"},

	// What went wrong at the provider, reported with a status of the client's errors or none.

	{class: Server, words: []string{"server_error", "api_error", "internal_server_error"},
		source: "https://platform.openai.com/docs/api-reference/responses-streaming/response/failed; https://docs.claude.com/en/api/errors; OpenRouter"},
	{class: Server, words: []string{"internalServerException", "modelStreamErrorException", "serviceUnavailableException", "ModelErrorException"},
		source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html: exceptions inside a 200"},
	{class: Server, words: []string{"INTERNAL", "UNAVAILABLE"}, source: "https://ai.google.dev/gemini-api/docs/troubleshooting"},
	{class: Server, words: []string{"tool_use_failed", "json_validate_failed"},
		source: "https://console.groq.com/docs/tool-use: status 400 though the model wrote what cannot be read, and may not next time"},

	// The client's request.

	{class: BadRequest, at: statuses{from: 400, to: 400, stream: true}, words: []string{"invalid_request_error", "validationException", "INVALID_ARGUMENT", "FAILED_PRECONDITION", "BadRequestError", "invalid_request"},
		source: "OpenAI and Anthropic, Bedrock, Gemini, vLLM: matters for errors in a stream"},
	{class: BadRequest, words: []string{"invalid_image", "invalid_image_format", "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small",
		"image_parse_error", "invalid_image_mode", "image_file_too_large", "unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found"},
		source: "https://github.com/openai/openai-openapi, ResponseErrorCode"},
	{class: BadRequest, at: only(400), source: "RFC 9110, section 15.5.1"},
	{class: BadRequest, at: only(422), source: "RFC 9110, section 15.5.21; FastAPI"},

	{class: Server, words: []string{responseFailed}, source: "https://platform.openai.com/docs/api-reference/responses: failed, and without an error"},
	{class: Unknown, source: "nothing else is known: 404 without a word of a model, 409, 425 and what vendors make up"},
}
