package failure

import (
	"testing"
	"time"
)

func TestReadEventReadsErrorsInsideA200(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       Failure
	}{
		{
			"openai chat", `{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":null}}`,
			Failure{Class: Server, Type: "server_error", Message: "The server had an error while processing your request."},
		},
		{
			"openai responses", `{"type":"error","code":"ERR_SOMETHING","message":"Something went wrong","param":null,"sequence_number":1}`,
			Failure{Class: Unknown, Code: "ERR_SOMETHING", Message: "Something went wrong"},
		},
		{
			"openai responses with an object",
			`{"type":"error","sequence_number":2,"error":{"type":"tokens","code":"rate_limit_exceeded","message":"Request too large for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Requested 35364.","param":null}}`,
			Failure{Class: RateLimit, Code: "rate_limit_exceeded", Type: "tokens", Message: "Request too large for gpt-4.1 in organization org-x on tokens per min (TPM): Limit 30000, Requested 35364."},
		},
		{
			"openai response.failed",
			`{"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","object":"response","status":"failed","error":{"code":"rate_limit_exceeded","message":"Rate limit reached. Please try again in 11.054s. Visit us."},"output":[]}}`,
			Failure{Class: RateLimit, Code: "rate_limit_exceeded", Message: "Rate limit reached. Please try again in 11.054s. Visit us.", Wait: 11054 * time.Millisecond},
		},
		{
			"openai response.failed for no reason", `{"type":"response.failed","response":{"status":"failed","error":null}}`,
			Failure{Class: Server, Message: "The provider reported an error without a message."},
		},
		{
			"openai plain response", `{"id":"resp_1","object":"response","status":"failed","error":{"code":"invalid_prompt","message":"Invalid prompt: your prompt was flagged."},"output":[]}`,
			Failure{Class: ContentFilter, Code: "invalid_prompt", Message: "Invalid prompt: your prompt was flagged."},
		},
		{
			"openai plain response for no reason", `{"id":"resp_1","object":"response","status":"failed","error":null}`,
			Failure{Class: Server, Message: "The provider reported an error without a message."},
		},
		{
			"anthropic", `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
			Failure{Class: Overloaded, Type: "overloaded_error", Message: "Overloaded"},
		},
		{
			"groq",
			`{"error":{"message":"Tool call validation failed","type":"invalid_request_error","code":"tool_use_failed","failed_generation":"<function>","status_code":400}}`,
			Failure{Status: 400, Class: Server, Code: "tool_use_failed", Type: "invalid_request_error", Message: "Tool call validation failed"},
		},
		{
			"openrouter", `{"id":"gen-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}],"error":{"code":502,"message":"Provider disconnected"}}`,
			Failure{Status: 502, Class: Server, Code: "502", Message: "Provider disconnected"},
		},
		{
			"openrouter in a choice", `{"id":"gen-1","choices":[{"index":0,"error":{"code":429,"message":"Slow down"},"finish_reason":"error"}]}`,
			Failure{Status: 429, Class: RateLimit, Code: "429", Message: "Slow down"},
		},
		{
			"openrouter with a word", `{"id":"gen-1","error":{"code":"server_error","message":"Provider disconnected unexpectedly"},"choices":[]}`,
			Failure{Class: Server, Code: "server_error", Message: "Provider disconnected unexpectedly"},
		},
		{
			"gemini", `{"error": {"code": 429, "message": "Resource exhausted.", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]}}`,
			Failure{Status: 429, Class: RateLimit, Code: "429", Type: "RESOURCE_EXHAUSTED", Message: "Resource exhausted.", Wait: 34400 * time.Millisecond},
		},
		{
			"gemini interactions", `{"event_type":"error","error":{"code":"not_found","message":"Failed to get completed interaction: Result not found."}}`,
			Failure{Class: Unknown, Code: "not_found", Message: "Failed to get completed interaction: Result not found."},
		},
		{
			"mistral", `{"object":"error","message":"Service tier capacity exceeded for this model.","type":"invalid_request_error","param":null,"code":null}`,
			Failure{Class: Overloaded, Type: "invalid_request_error", Message: "Service tier capacity exceeded for this model."},
		},
		{
			"hugging face", `{"error":"Request failed during generation: Server error: CUDA out of memory","error_type":"generation"}`,
			Failure{Class: Unknown, Type: "generation", Message: "Request failed during generation: Server error: CUDA out of memory"},
		},
		{"ollama", `{"error":"an error was encountered while running the model"}`, Failure{Class: Unknown, Message: "an error was encountered while running the model"}},
		{"flag", `{"error":true,"message":"out of capacity, at capacity"}`, Failure{Class: Overloaded, Message: "out of capacity, at capacity"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ReadEvent([]byte(tt.data))
			if !ok || got != tt.want {
				t.Errorf("got  %+v, %t\nwant %+v", got, ok, tt.want)
			}
		})
	}
}

func TestReadEventIsFalseForWhatIsNoError(t *testing.T) {
	for _, data := range []string{
		``, ` `, `[DONE]`, `null`, `[]`, `"error"`, `error`, `{`, `{"error":null}`, `{"error":""}`, `{"error":{}}`, `{"error":[]}`, `{"error":false}`, `{"error":0}`,
		`{"id":"resp_1","object":"response","status":"completed","error":null}`,
		`{"object":"chat.completion","error":null,"choices":[]}`,
		`{"choices":[{"delta":{"content":"{\"error\":{\"message\":\"as the model writes\"}}"}}]}`,
		`{"choices":[{"delta":{"content":"it failed with \"type\":\"error\""},"error":null}]}`,
		`{"type":"response.web_search_call.failed","item_id":"ws_1"}`,
		`{"type":"response.output_item.done","item":{"type":"mcp_call","error":"the tool failed"}}`,
		`{"type":"content_block_start","content_block":{"type":"web_search_tool_result","content":{"type":"web_search_tool_result_error","error_code":"too_many_requests"}}}`,
		`{"id":"batch_1","object":"batch","status":"failed","errors":{"data":[]}}`,
		`{"choices":[],"providerMetadata":{"gateway":{"attempts":[{"success":false,"error":"no"}]}}}`,
	} {
		if f, ok := ReadEvent([]byte(data)); ok {
			t.Errorf("%s is read as %+v", data, f)
		}
	}
}

func TestReadEventCostsNothingForOrdinaryEvents(t *testing.T) {
	data := []byte(`{"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}`)
	if n := testing.AllocsPerRun(100, func() { ReadEvent(data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestReadExceptionKnowsBedrocksNames(t *testing.T) {
	for _, tt := range []struct {
		name, payload string
		want          Failure
	}{
		{"validationException", `{"message":"The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum"}`, Failure{Class: ContextLength, Message: "The model returned the following errors: prompt is too long: 200049 tokens > 200000 maximum"}},
		{"validationException", `{"message":"Malformed input request"}`, Failure{Class: BadRequest, Message: "Malformed input request"}},
		{"throttlingException", `{"message":"Too many tokens, please wait before trying again."}`, Failure{Class: RateLimit, Message: "Too many tokens, please wait before trying again."}},
		{"internalServerException", `{"message":"oh"}`, Failure{Class: Server, Message: "oh"}},
		{"serviceUnavailableException", `{"message":"oh"}`, Failure{Class: Server, Message: "oh"}},
		{"modelStreamErrorException", `{"message":"oh","originalStatusCode":429,"originalMessage":"slow"}`, Failure{Status: 429, Class: RateLimit, Message: "oh"}},
		{"modelTimeoutException", ``, Failure{Class: Timeout, Message: "The provider reported an error without a message."}},
	} {
		tt.want.Type = tt.name
		if got := ReadException(tt.name, []byte(tt.payload)); got != tt.want {
			t.Errorf("got  %+v\nwant %+v", got, tt.want)
		}
	}
}
