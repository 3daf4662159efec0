package failure

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// noon is the time at which the tests happen.
var noon = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// header builds a header of pairs.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// Bodies as vendors send them; names of organisations, keys and requests are changed.
func TestReadUnderstandsTheFirstDialects(t *testing.T) {
	readAll(t, []readTest{
		{
			"openai key", 401, nil,
			`{"error":{"message":"Incorrect API key provided: sk-pr***abcd. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","code":"invalid_api_key","param":null},"status":401}`,
			Failure{Class: BadKey, Code: "invalid_api_key", Type: "invalid_request_error", Message: "Incorrect API key provided: sk-pr***abcd. You can find your API key at https://platform.openai.com/account/api-keys."},
		},
		{
			"openai context", 400, nil,
			`{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}`,
			Failure{Class: ContextLength, Code: "context_length_exceeded", Type: "invalid_request_error", Param: "input", Message: "Your input exceeds the context window of this model. Please adjust your input and try again."},
		},
		{
			"openai quota", 429, header("Retry-After", "7"),
			`{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`,
			Failure{Class: Quota, Code: "insufficient_quota", Type: "insufficient_quota", Message: "You exceeded your current quota, please check your plan and billing details.", Wait: 7 * time.Second},
		},
		{
			"openai quota by type alone", 429, nil,
			`{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":null}}`,
			Failure{Class: Quota, Type: "insufficient_quota", Message: "You exceeded your current quota, please check your plan and billing details."},
		},
		{
			"openai prepaid", 429, nil,
			`{"error":{"message":"No credits remain.","type":"insufficient_quota","param":null,"code":"credit_balance_exhausted"}}`,
			Failure{Class: Quota, Code: "credit_balance_exhausted", Type: "insufficient_quota", Message: "No credits remain."},
		},
		{
			"openai rate", 429, nil,
			`{"error":{"message":"Rate limit reached for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 1501. Please try again in 1.002s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`,
			Failure{Class: RateLimit, Code: "rate_limit_exceeded", Type: "tokens", Message: "Rate limit reached for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 1501. Please try again in 1.002s.", Wait: 1002 * time.Millisecond},
		},
		{
			"openai overloaded", 503, nil,
			`{"error":{"message":"The engine is currently overloaded, please try again later","type":"service_unavailable_error","param":null,"code":null}}`,
			Failure{Class: Overloaded, Type: "service_unavailable_error", Message: "The engine is currently overloaded, please try again later"},
		},
		{
			"openai model", 404, nil,
			`{"error":{"message":"The model 'gpt-9' does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}`,
			Failure{Class: ModelNotFound, Code: "model_not_found", Type: "invalid_request_error", Message: "The model 'gpt-9' does not exist or you do not have access to it."},
		},
		{
			"openai path", 404, nil,
			`{"error":{"message":"Invalid URL (POST /v1/v1/chat/completions)","type":"invalid_request_error","param":null,"code":null}}`,
			Failure{Class: Unknown, Type: "invalid_request_error", Message: "Invalid URL (POST /v1/v1/chat/completions)"},
		},
		{
			"openai role", 400, nil,
			`{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","type":"invalid_request_error","param":"messages[0].role","code":"unsupported_value"}}`,
			Failure{Class: BadRequest, Code: "unsupported_value", Type: "invalid_request_error", Param: "messages[0].role", Message: "Unsupported value: 'messages[0].role' does not support 'system' with this model."},
		},
		{
			"openai country", 403, nil,
			`{"error":{"code":"unsupported_country_region_territory","message":"Country, region, or territory not supported","param":null,"type":"request_forbidden"}}`,
			Failure{Class: BadKey, Code: "unsupported_country_region_territory", Type: "request_forbidden", Message: "Country, region, or territory not supported"},
		},
		{
			"anthropic context", 400, nil,
			`{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 213462 tokens > 200000 maximum"},"request_id":"req_1"}`,
			Failure{Class: ContextLength, Type: "invalid_request_error", Message: "prompt is too long: 213462 tokens > 200000 maximum"},
		},
		{
			"anthropic key", 401, nil,
			`{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}`,
			Failure{Class: BadKey, Type: "authentication_error", Message: "invalid x-api-key"},
		},
		{
			"anthropic credit", 400, nil,
			`{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}`,
			Failure{Class: Quota, Type: "invalid_request_error", Message: "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."},
		},
		{
			"anthropic spend limit", 429, nil,
			`{"type":"error","error":{"type":"rate_limit_error","message":"This organization has reached its monthly limit.","details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}`,
			Failure{Class: Quota, Type: "rate_limit_error", Message: "This organization has reached its monthly limit."},
		},
		{
			"anthropic overloaded", 529, nil,
			`{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
			Failure{Class: Overloaded, Type: "overloaded_error", Message: "Overloaded"},
		},
		{
			"anthropic too large", 413, nil,
			`{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}`,
			Failure{Class: TooLarge, Type: "request_too_large", Message: "Request exceeds the maximum size"},
		},
		{
			"anthropic model", 404, nil,
			`{"type":"error","error":{"type":"not_found_error","message":"model: claude-9"}}`,
			Failure{Class: ModelNotFound, Type: "not_found_error", Message: "model: claude-9"},
		},
		{
			"anthropic filter", 400, nil,
			`{"type":"error","error":{"type":"invalid_request_error","message":"Output blocked by content filtering policy"}}`,
			Failure{Class: ContentFilter, Type: "invalid_request_error", Message: "Output blocked by content filtering policy"},
		},
		{
			"azure key", 401, nil,
			`{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint."}}`,
			Failure{Class: BadKey, Code: "401", Message: "Access denied due to invalid subscription key or wrong API endpoint."},
		},
		{
			"azure rate", 429, header("Retry-After", "28"),
			`{"error":{"code":"429","message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-05-01-preview have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds."}}`,
			Failure{Class: RateLimit, Code: "429", Message: "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-05-01-preview have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 86400 seconds.", Wait: 28 * time.Second},
		},
		{
			"azure filter", 400, nil,
			`{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}`,
			Failure{Class: ContentFilter, Code: "content_filter", Param: "prompt", Message: "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."},
		},
		{
			"azure filter by its inner code alone", 400, nil,
			`{"error":{"code":"BadRequest","message":"Refused.","innererror":{"code":"ResponsibleAIPolicyViolation"}}}`,
			Failure{Class: ContentFilter, Code: "BadRequest", Message: "Refused."},
		},
		{
			"azure deployment", 404, nil,
			`{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}`,
			Failure{Class: ModelNotFound, Code: "DeploymentNotFound", Message: "The API deployment for this resource does not exist."},
		},
		{
			"azure path", 404, nil,
			`{"error":{"code":"404","message": "Resource not found"}}`,
			Failure{Class: Unknown, Code: "404", Message: "Resource not found"},
		},
		{
			"gemini key", 400, nil,
			`{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}}]}}`,
			Failure{Class: BadKey, Code: "400", Type: "INVALID_ARGUMENT", Message: "API key not valid. Please pass a valid API key."},
		},
		{
			"gemini rate in the words of a quota", 429, nil,
			`{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. \n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count, limit: 4000000\nPlease retry in 47.434392449s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.4s"}]}}`,
			Failure{Class: RateLimit, Code: "429", Type: "RESOURCE_EXHAUSTED", Message: "You exceeded your current quota, please check your plan and billing details. * Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_paid_tier_input_token_count, limit: 4000000 Please retry in 47.434392449s.", Wait: 34400 * time.Millisecond},
		},
		{
			"gemini array", 400, nil,
			"[{\n  \"error\": {\n    \"code\": 400,\n    \"message\": \"The input token count (1196265) exceeds the maximum number of tokens allowed (1048575).\",\n    \"status\": \"INVALID_ARGUMENT\"\n  }\n}\n]",
			Failure{Class: ContextLength, Code: "400", Type: "INVALID_ARGUMENT", Message: "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."},
		},
		{
			"gemini overloaded", 503, nil,
			`{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}`,
			Failure{Class: Overloaded, Code: "503", Type: "UNAVAILABLE", Message: "The model is overloaded. Please try again later."},
		},
		{
			"gemini model", 404, nil,
			`{"error":{"code":404,"message":"models/gemini-9 is not found for API version v1beta, or is not supported for generateContent.","status":"NOT_FOUND"}}`,
			Failure{Class: ModelNotFound, Code: "404", Type: "NOT_FOUND", Message: "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."},
		},
		{
			"gemini place", 400, nil,
			`{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`,
			Failure{Class: BadKey, Code: "400", Type: "FAILED_PRECONDITION", Message: "User location is not supported for the API use."},
		},
		{
			"bedrock key", 403, header("X-Amzn-Errortype", "UnrecognizedClientException:http://internal.amazon.com/coral/com.amazon.coral.service/"),
			`{"message":"The security token included in the request is invalid."}`,
			Failure{Class: BadKey, Type: "UnrecognizedClientException", Message: "The security token included in the request is invalid."},
		},
		{
			"bedrock context", 400, header("X-Amzn-Errortype", "ValidationException"),
			`{"message":"Input is too long for requested model."}`,
			Failure{Class: ContextLength, Type: "ValidationException", Message: "Input is too long for requested model."},
		},
		{
			"bedrock throttling that sounds like context", 429, header("X-Amzn-Errortype", "ThrottlingException"),
			`{"message":"Too many tokens, please wait before trying again."}`,
			Failure{Class: RateLimit, Type: "ThrottlingException", Message: "Too many tokens, please wait before trying again."},
		},
		{
			"bedrock capital", 400, nil,
			`{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"The security token included in the request is expired"}`,
			Failure{Class: BadKey, Type: "ExpiredTokenException", Message: "The security token included in the request is expired"},
		},
		{
			"bedrock model", 400, nil,
			`{"message":"The provided model identifier is invalid."}`,
			Failure{Class: ModelNotFound, Message: "The provided model identifier is invalid."},
		},
	})
}

type readTest struct {
	name   string
	status int
	header http.Header
	body   string
	want   Failure // its status is the reply's
}

func readAll(t *testing.T, tests []readTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
			tt.want.Status = tt.status
			if got := Read(tt.status, tt.header, []byte(tt.body), noon); got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}
