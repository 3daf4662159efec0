package integration

import (
	"slices"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// vendor is what answers the clients.
type vendor struct {
	name                 string
	kind, settings, base string
	// reasoning is how many tokens of reasoning it tells of.
	reasoning float64
	// code and errorType are how a client of OpenAI's finds the vendor's 400.
	code, errorType any
	// counts says that it counts the tokens of a prompt; for the others the gateway estimates them.
	counts bool
}

// The vendors. chatOnly serves neither the Responses API nor Anthropic's: clients of those are
// answered by way of its chat, as they are by all vendors below it.
var (
	openAI      = vendor{"OpenAI", "openai_compatible", "", v1, float64(fakellm.DefaultUsage.Reasoning), "unsupported_value", "invalid_request_error", false}
	chatOnly    = vendor{"ChatOnly", "nvidia", "", v1, float64(fakellm.DefaultUsage.Reasoning), "unsupported_value", "invalid_request_error", false}
	ofAnthropic = vendor{"Anthropic", "anthropic", "", v1, float64(fakellm.DefaultUsage.Reasoning), nil, "invalid_request_error", true}
	ofGoogle    = vendor{"Google", "google", "", "/v1beta", float64(fakellm.DefaultUsage.Reasoning), nil, "INVALID_ARGUMENT", true}
	ofBedrock   = vendor{"Bedrock", "bedrock", "region us-east-1", "", 0, nil, "ValidationException", false}
	ofCohere    = vendor{"Cohere", "cohere", "", "/v2", 0, nil, "invalid_request_error", false}
)

// otherDialects are the vendors that do not speak OpenAI's dialect.
var otherDialects = []vendor{ofAnthropic, ofGoogle, ofBedrock, ofCohere}

// noEmbeddings are the cases of a client without that of embeddings, which is not for vendors
// of other dialects here.
func noEmbeddings(cases []string) []string {
	return slices.DeleteFunc(slices.Clone(cases), func(name string) bool { return name == "embeddings" })
}

// Clients of OpenAI's know nothing of other dialects: all their cases are the same with
// whatever answers.

func TestClientsOfOpenAIWithEveryVendor(t *testing.T) {
	for _, v := range otherDialects {
		for name, run := range map[string]func(*testing.T, vendor){
			"Go": openAIForGo, "Node": openAIForNode, "Python": openAIForPython,
			"VercelCompatible": vercelWithOpenAICompatible, "VercelOpenAI": vercelWithOpenAI,
		} {
			t.Run(name+"/"+v.name, func(t *testing.T) { run(t, v) })
		}
	}
}
