package provider

import (
	"net/http"
	"slices"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/azure"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
	"github.com/mulligan-gateway/mulligan/upstream/provider/vertex"
)

// Claude is at each of the clouds, and there it can be asked in its own dialect. Bodies are
// Anthropic's but for what each cloud wants to be otherwise.
var claudeEndpoints = []llm.Endpoint{llm.Chat, llm.Messages}

// everywhere returns the same for each endpoint of Claude.
func everywhere[T any](v T) map[llm.Endpoint]T {
	return map[llm.Endpoint]T{llm.Chat: v, llm.Messages: v}
}

// vertexFamilies are the models of Vertex AI that are not Google's own
// (sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude,
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/mistral,
// https://docs.cloud.google.com/vertex-ai/generative-ai/docs/maas/call-open-model-apis).
var vertexFamilies = []Family{
	{
		Has: vertex.IsClaude, Endpoints: claudeEndpoints, Dialects: map[llm.Endpoint]string{llm.Chat: DialectMessages},
		ModelPaths: everywhere[ModelPath](vertex.Claude), Wire: vertex.Bare, Bodies: everywhere(versioned("vertex-2023-10-16")),
	},
	{
		Has: vertex.IsMistral, Endpoints: []llm.Endpoint{llm.Chat},
		ModelPaths: map[llm.Endpoint]ModelPath{llm.Chat: vertex.Mistral}, Wire: vertex.Bare,
	},
	{
		Has: vertex.IsOpen, Endpoints: []llm.Endpoint{llm.Chat}, Paths: map[llm.Endpoint]string{llm.Chat: "/endpoints/openapi/chat/completions"},
	},
}

// streamsOfAWS is the media type of streams in AWS's frames.
const streamsOfAWS = "application/vnd.amazon.eventstream"

// bedrockFamilies are the models of Bedrock that are asked in their own dialect when a client
// speaks it, and those that do not converse. Everything else goes by Converse
// (sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html,
// model-parameters-titan-embed-text.html and model-parameters-embed.html beside it,
// https://docs.aws.amazon.com/bedrock/latest/userguide/rerank-supported.html).
var bedrockFamilies = []Family{
	{
		Has: bedrock.IsClaude, Endpoints: claudeEndpoints, Streams: streamsOfAWS,
		Dialects:   map[llm.Endpoint]string{llm.Chat: DialectConverse},
		ModelPaths: map[llm.Endpoint]ModelPath{llm.Chat: bedrock.Converse, llm.Messages: bedrock.Invoke},
		Bodies:     map[llm.Endpoint]func([]byte, string) ([]byte, error){llm.Messages: versioned("bedrock-2023-05-31", "stream")},
	},
	invoked(bedrock.IsTitanEmbed, llm.Embeddings, DialectTitan, nil),
	// The bodies are Cohere's own but for the model, and a ranking says its version.
	invoked(bedrock.IsCohereEmbed, llm.Embeddings, DialectCohere, func(body []byte, _ string) ([]byte, error) {
		const types = "embedding_types"
		return edited(body, []string{"model", types}, `"`+types+`":["float"]`)
	}),
	invoked(bedrock.IsCohereRerank, llm.Rerank, DialectCohere, func(body []byte, _ string) ([]byte, error) {
		return edited(body, []string{"model"}, `"api_version":2`)
	}),
}

// invoked returns the family of models of Bedrock that serve one endpoint, by InvokeModel.
func invoked(has func(string) bool, e llm.Endpoint, dialect string, body func([]byte, string) ([]byte, error)) Family {
	f := Family{
		Has: has, Endpoints: []llm.Endpoint{e}, Dialects: map[llm.Endpoint]string{e: dialect},
		ModelPaths: map[llm.Endpoint]ModelPath{e: bedrock.Invoke},
	}
	if body != nil {
		f.Bodies = map[llm.Endpoint]func([]byte, string) ([]byte, error){e: body}
	}
	return f
}

// azureFamilies are the models of Azure that do not speak OpenAI's dialect. Their deployments are
// named by the account's config
// (source: https://learn.microsoft.com/en-us/azure/foundry/foundry-models/how-to/use-foundry-models-claude).
var azureFamilies = []Family{{
	Has: azure.IsClaude, Endpoints: claudeEndpoints, Dialects: map[llm.Endpoint]string{llm.Chat: DialectMessages},
	Paths: everywhere(azure.ClaudePath), Header: http.Header{HeaderAnthropicVersion: {"2023-06-01"}}, Bodies: everywhere(withModel),
}}

// versioned returns what makes a body of Anthropic's Messages one for a cloud that has the model
// in its path, and wants a version in the body.
func versioned(version string, drop ...string) func(body []byte, model string) ([]byte, error) {
	drop = append(drop, "model", "anthropic_version")
	return func(body []byte, _ string) ([]byte, error) {
		return edited(body, drop, `"anthropic_version":"`+version+`"`)
	}
}

// withModel returns a body whose model is the one that is given.
func withModel(body []byte, model string) ([]byte, error) {
	return edited(body, []string{"model"}, `"model":`+string(llm.AppendString(nil, model)))
}

// edited returns a JSON object without some of its members, and with another one, written as
// "name":value, behind the rest.
func edited(body []byte, drop []string, add string) ([]byte, error) {
	d, err := llm.ParseJSON(body)
	if err != nil {
		return nil, err
	}
	out := append(make([]byte, 0, len(body)+len(add)+2), '{')
	for i := range d.Members {
		if m := &d.Members[i]; !slices.Contains(drop, m.Name) {
			out = append(append(out, body[m.NameStart:m.ValueEnd]...), ',')
		}
	}
	return append(append(out, add...), '}'), nil
}
