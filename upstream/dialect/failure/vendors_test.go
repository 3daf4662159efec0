package failure

import (
	"testing"
	"time"
)

// See read_test.go. These vendors speak OpenAI's dialect until they fail.
func TestReadUnderstandsTheErrorsOfOtherVendors(t *testing.T) {
	readAll(t, []readTest{
		{
			"mistral key", 401, nil, `{"detail":"Invalid API Key"}`,
			Failure{Class: BadKey, Message: "Invalid API Key"},
		},
		{
			"mistral extra member", 422, nil,
			`{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":32000}]},"type":"invalid_request_error","param":null,"code":null}`,
			Failure{Class: BadRequest, Code: "extra_forbidden", Type: "invalid_request_error", Param: "max_completion_tokens", Message: "max_completion_tokens: Extra inputs are not permitted"},
		},
		{
			"fastapi", 422, nil,
			`{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"},{"type":"missing","loc":["body","model"],"msg":"Field required"}]}`,
			Failure{Class: BadRequest, Code: "missing", Param: "messages.0.role", Message: "messages.0.role: Field required; model: Field required"},
		},
		{
			"mistral rate", 429, nil,
			`{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}`,
			Failure{Class: RateLimit, Code: "1300", Type: "rate_limited", Message: "Rate limit exceeded"},
		},
		{
			"mistral capacity", 429, nil,
			`{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}`,
			Failure{Class: Overloaded, Type: "invalid_request_error", Message: "Service tier capacity exceeded for this model."},
		},
		{
			"vllm model", 404, nil,
			"{\"object\":\"error\",\"message\":\"The model `x` does not exist.\",\"type\":\"NotFoundError\",\"param\":null,\"code\":404}",
			Failure{Class: ModelNotFound, Code: "404", Type: "NotFoundError", Message: "The model `x` does not exist."},
		},
		{
			"vllm context", 400, nil,
			`{"error":{"message":"This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the messages, 10000 in the completion).","type":"BadRequestError","param":null,"code":400}}`,
			Failure{Class: ContextLength, Code: "400", Type: "BadRequestError", Message: "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the messages, 10000 in the completion)."},
		},
		{
			"cohere key", 401, nil, `{"id":"6b5b2a","message":"invalid api token"}`,
			Failure{Class: BadKey, Message: "invalid api token"},
		},
		{
			"cohere context", 400, nil,
			`{"id":"6b5b2a","message":"too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.","error_type":"TOO_MANY_TOKENS"}`,
			Failure{Class: ContextLength, Type: "TOO_MANY_TOKENS", Message: "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs."},
		},
		{
			"deepseek key", 401, nil,
			`{"error":{"message":"Authentication Fails, Your api key: ****abcd is invalid","type":"authentication_error","param":null,"code":"invalid_request_error"}}`,
			Failure{Class: BadKey, Code: "invalid_request_error", Type: "authentication_error", Message: "Authentication Fails, Your api key: ****abcd is invalid"},
		},
		{
			"deepseek balance", 402, nil,
			`{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`,
			Failure{Class: Quota, Code: "invalid_request_error", Type: "unknown_error", Message: "Insufficient Balance"},
		},
		{
			"xai key", 400, nil,
			`{"code":"invalid-argument","error":"Incorrect API key provided: na***ys. You can obtain an API key from https://console.x.ai."}`,
			Failure{Class: BadKey, Code: "invalid-argument", Message: "Incorrect API key provided: na***ys. You can obtain an API key from https://console.x.ai."},
		},
		{
			"xai request", 400, nil,
			"{\"code\":\"Client specified an invalid argument\",\"error\":\"The model expects a single `text` element per message.\"}",
			Failure{Class: BadRequest, Code: "Client specified an invalid argument", Message: "The model expects a single `text` element per message."},
		},
		{
			"xai credits", 403, nil,
			`{"code":"permission-denied","error":"Your team 0000 has either used all available credits or reached its monthly spending limit."}`,
			Failure{Class: Quota, Code: "permission-denied", Message: "Your team 0000 has either used all available credits or reached its monthly spending limit."},
		},
		{
			"xai filter", 403, nil,
			`{"code":"permission-denied","error":"Content violates usage guidelines. "}`,
			Failure{Class: ContentFilter, Code: "permission-denied", Message: "Content violates usage guidelines."},
		},
		{
			"openrouter key", 401, nil, `{"error":{"message":"User not found.","code":401}}`,
			Failure{Class: BadKey, Code: "401", Message: "User not found."},
		},
		{
			"openrouter credits", 402, nil,
			`{"error":{"message":"This request requires more credits, or fewer max_tokens.","code":402,"metadata":{"provider_name":null}},"user_id":"user_x"}`,
			Failure{Class: Quota, Code: "402", Message: "This request requires more credits, or fewer max_tokens."},
		},
		{
			"openrouter upstream in words", 429, nil,
			`{"error":{"message":"Provider returned error","code":429,"metadata":{"raw":"z-ai/glm is temporarily rate-limited upstream. Please retry shortly.","provider_name":"BaseTen"}}}`,
			Failure{Class: RateLimit, Code: "429", Message: "z-ai/glm is temporarily rate-limited upstream. Please retry shortly."},
		},
		{
			"openrouter upstream in json", 400, nil,
			`{"error":{"message":"Provider returned error","code":400,"metadata":{"raw":"{\"error\":{\"message\":\"Your input is too much.\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}","provider_name":"OpenAI"}}}`,
			Failure{Class: ContextLength, Code: "400", Param: "messages", Message: "Your input is too much."},
		},
		{
			"openrouter upstream's key is not ours", 502, nil,
			`{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"{\"error\":{\"message\":\"no\",\"code\":\"invalid_api_key\"}}","provider_name":"OpenAI"}}}`,
			Failure{Class: Server, Code: "502", Message: "no"},
		},
		{
			"openrouter moderation", 403, nil,
			`{"error":{"message":"openai/gpt-4 requires moderation on OpenAI. Your input was flagged for \"violence\".","code":403,"metadata":{"reasons":["violence"],"flagged_input":"…","provider_name":"OpenAI"}}}`,
			Failure{Class: ContentFilter, Code: "403", Message: `openai/gpt-4 requires moderation on OpenAI. Your input was flagged for "violence".`},
		},
		{
			"openrouter free limit", 429, nil,
			`{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1788264090000"}}}}`,
			Failure{Class: RateLimit, Code: "429", Message: "Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day", Wait: 90 * time.Second},
		},
		{
			"perplexity key", 401, nil,
			`{"error":{"message":"Invalid API key provided.","type":"invalid_api_key","code":401}}`,
			Failure{Class: BadKey, Code: "401", Type: "invalid_api_key", Message: "Invalid API key provided."},
		},
		{
			"groq too large a request is a rate limit", 413, nil,
			"{\"error\":{\"message\":\"Request too large for model `llama-3.1-8b-instant` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again.\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
			Failure{Class: RateLimit, Code: "rate_limit_exceeded", Type: "tokens", Message: "Request too large for model `llama-3.1-8b-instant` in organization `org_x` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 12328, please reduce your message size and try again."},
		},
		{
			"groq day", 429, nil,
			`{"error":{"message":"Rate limit reached on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s. Need more tokens?","type":"tokens","code":"rate_limit_exceeded"}}`,
			Failure{Class: RateLimit, Code: "rate_limit_exceeded", Type: "tokens", Message: "Rate limit reached on tokens per day (TPD): Limit 100000, Used 97050, Requested 3619. Please try again in 9m38.016s. Need more tokens?", Wait: 9*time.Minute + 38016*time.Millisecond},
		},
		{
			"cerebras rate", 429, nil,
			`{"message":"Requests per minute limit exceeded - too many requests sent.","type":"too_many_requests_error","param":"quota","code":"request_quota_exceeded"}`,
			Failure{Class: RateLimit, Code: "request_quota_exceeded", Type: "too_many_requests_error", Param: "quota", Message: "Requests per minute limit exceeded - too many requests sent."},
		},
		{
			"cerebras queue", 429, nil,
			`{"message":"We're experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}`,
			Failure{Class: Overloaded, Code: "queue_exceeded", Type: "too_many_requests_error", Param: "queue", Message: "We're experiencing high traffic right now! Please try again soon."},
		},
		{
			"fireworks suspended", 412, nil,
			`{"error":{"message":"Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.","param":null,"code":"PRECONDITION_FAILED","type":"error"}}`,
			Failure{Class: Quota, Code: "PRECONDITION_FAILED", Message: "Account x is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."},
		},
		{
			"moonshot balance", 429, nil,
			`{"error":{"message":"Your account org-x <ak-x> is suspended due to insufficient balance, please recharge your account or check your plan and billing details","type":"exceeded_current_quota_error"}}`,
			Failure{Class: Quota, Type: "exceeded_current_quota_error", Message: "Your account org-x <ak-x> is suspended due to insufficient balance, please recharge your account or check your plan and billing details"},
		},
		{
			"moonshot context", 400, nil,
			`{"error":{"message":"Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)","type":"invalid_request_error"}}`,
			Failure{Class: ContextLength, Type: "invalid_request_error", Message: "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)"},
		},
		{
			"zai balance", 429, nil,
			`{"type":"error","error":{"type":"rate_limit_error","code":"1113","message":"[1113][Insufficient balance or no resource package. Please recharge.][2026]"},"request_id":"2026"}`,
			Failure{Class: Quota, Code: "1113", Type: "rate_limit_error", Message: "[1113][Insufficient balance or no resource package. Please recharge.][2026]"},
		},
		{
			"siliconflow balance", 403, nil,
			`{"code":30011,"message":"The selected model requires paid balance. Your paid balance is insufficient. Please top up and try again.","data":null}`,
			Failure{Class: Quota, Code: "30011", Message: "The selected model requires paid balance. Your paid balance is insufficient. Please top up and try again."},
		},
		{
			"hugging face loading", 503, nil,
			`{"error":"Model Qwen/Qwen2-VL-2B-Instruct is currently loading","estimated_time":20.5}`,
			Failure{Class: Overloaded, Message: "Model Qwen/Qwen2-VL-2B-Instruct is currently loading", Wait: 20500 * time.Millisecond},
		},
		{
			"hugging face context", 422, nil,
			"{\"error\":{\"message\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 8740 `inputs` tokens and 500 `max_new_tokens`\",\"http_status_code\":422}}",
			Failure{Class: ContextLength, Message: "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 8740 `inputs` tokens and 500 `max_new_tokens`"},
		},
		{
			"ollama model", 404, nil, `{"error":"model 'llama3' not found, try pulling it first"}`,
			Failure{Class: ModelNotFound, Message: "model 'llama3' not found, try pulling it first"},
		},
		{
			"llama.cpp context", 400, nil,
			`{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}`,
			Failure{Class: ContextLength, Code: "400", Type: "exceed_context_size_error", Message: "the request exceeds the available context size, try increasing it"},
		},
		{
			"nvidia credits", 402, nil,
			`{"type":"urn:kaizen:problem-details:cloud-credits-expired","title":"Payment Required","status":402,"detail":"Account 'x': Cloud credits expired - Please contact NVIDIA representatives"}`,
			Failure{Class: Quota, Type: "urn:kaizen:problem-details:cloud-credits-expired", Message: "Account 'x': Cloud credits expired - Please contact NVIDIA representatives"},
		},
		{
			"deepinfra", 401, nil, `{"detail":{"error":"User is not authenticated"}}`,
			Failure{Class: BadKey, Message: "User is not authenticated"},
		},
		{
			"list of errors", 403, nil, `{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}`,
			Failure{Class: BadKey, Code: "10000", Message: "Authentication error"},
		},
		{
			"error in an error", 402, nil, `{"error":{"error":{"message":"More credits are required.","code":402},"code":402}}`,
			Failure{Class: Quota, Code: "402", Message: "More credits are required."},
		},
		{
			"a gateway that quotes Gemini", 429, nil,
			`{"error":{"message":"{\n  \"error\": {\n    \"code\": 429,\n    \"message\": \"Resource has been exhausted (e.g. check quota).\",\n    \"status\": \"RESOURCE_EXHAUSTED\"\n  }\n}\n","code":429,"status":"Too Many Requests"}}`,
			Failure{Class: RateLimit, Code: "429", Type: "Too Many Requests", Message: "Resource has been exhausted (e.g. check quota)."},
		},
		{
			"a gateway that quotes OpenRouter in a string", 400, nil,
			`{"error":"{\"error\":{\"message\":\"google/gemini-9 is not a valid model ID\",\"code\":400},\"user_id\":\"user_x\"}"}`,
			Failure{Class: ModelNotFound, Message: "google/gemini-9 is not a valid model ID"},
		},
		{
			"deepseek filter", 400, nil, `{"detail":"Content Exists Risk"}`,
			Failure{Class: ContentFilter, Message: "Content Exists Risk"},
		},
		{
			"string", 400, nil, `"Incorrect API key provided: na***ys."`,
			Failure{Class: BadKey, Message: "Incorrect API key provided: na***ys."},
		},
		{
			"groq tool", 400, nil,
			`{"error":{"message":"Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function=read>"}}`,
			Failure{Class: Server, Code: "tool_use_failed", Type: "invalid_request_error", Message: "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."},
		},
	})
}
