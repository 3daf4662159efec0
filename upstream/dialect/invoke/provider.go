package invoke

// providerNames are the kinds of providers by the names that SDKs of the Deployment API know.
// They refuse a reply with any other name, the older one of those that came later too, so only
// names that versions 3.12.1 and 4.15.11 share are here.
var providerNames = map[string]string{
	"openai":      "openai",
	"anthropic":   "anthropic",
	"google":      "google-ai",
	"vertex":      "google",
	"bedrock":     "aws",
	"azure":       "azure",
	"cohere":      "cohere",
	"groq":        "groq",
	"perplexity":  "perplexity",
	"together":    "togetherai",
	"cerebras":    "cerebras",
	"nvidia":      "nvidia",
	"jina":        "jina",
	"huggingface": "huggingface",
}

// ProviderName returns the name that SDKs know for a kind of provider: openailike for those
// that they have no name for.
func ProviderName(kind string) string {
	if name, ok := providerNames[kind]; ok {
		return name
	}
	return "openailike"
}
