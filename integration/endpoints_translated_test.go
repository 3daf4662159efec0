package integration

import (
	"context"
	"net/http"
	"slices"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const translatedCaddyfile = `{
	{$Global}
	llm_gateway {
		provider google {
			base_url {$House}
			api_key house-key
		}
		provider cohere {
			base_url {$House}
			api_key house-key
		}
		provider groq {
			base_url {$House}
			api_key house-key
		}
		models {
			model google/m
			model cohere/m
			model groq/m
		}
		deployment google {
			variant default {
				model google/m
			}
		}
		deployment cohere {
			variant default {
				model cohere/m
			}
		}
		deployment groq {
			variant default {
				model groq/m
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

// The vendors' own clients use the endpoints that are translated, and read what they get: vectors
// in either encoding, completions by way of chat, and numbers of tokens, counted and estimated.
func TestClientsOfTranslatedEndpoints(t *testing.T) {
	provider := fakellm.Start(t)
	reply := func(body string) { provider.Always(fakellm.Raw(http.StatusOK, "application/json", body)) }
	g := startGateway(t, translatedCaddyfile, map[string]string{"House": provider.BaseURL()})
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	of := func(deployment string) openai.Client {
		return openai.NewClient(option.WithBaseURL(g.baseURL()), option.WithAPIKey("unused"), option.WithHeader("X-Deployment-Key", deployment), option.WithMaxRetries(0))
	}

	for deployment, body := range map[string]string{
		"google": `{"embeddings":[{"values":[0.5,-1]}],"usageMetadata":{"promptTokenCount":7}}`,
		"cohere": `{"id":"1","embeddings":{"float":[[0.5,-1]]},"meta":{"billed_units":{"input_tokens":7}}}`,
	} {
		reply(body)
		client := of(deployment)
		e, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{
			Model: "m", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"hi"}}, EncodingFormat: openai.EmbeddingNewParamsEncodingFormatFloat,
		})
		if err != nil || len(e.Data) != 1 || !slices.Equal(e.Data[0].Embedding, []float64{0.5, -1}) || e.Usage.PromptTokens != 7 {
			t.Errorf("%s: %+v %v", deployment, e, err)
		}
	}

	provider.Always(fakellm.Answer("Hello there"))
	client := of("groq")
	c, err := client.Completions.New(ctx, openai.CompletionNewParams{Model: "m", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Say hello.")}})
	if err != nil || len(c.Choices) != 1 || c.Choices[0].Text != "Hello there" || c.Choices[0].FinishReason != "stop" {
		t.Errorf("completion: %+v %v", c, err)
	}
	stream := client.Completions.NewStreaming(ctx, openai.CompletionNewParams{Model: "m", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Say hello.")}})
	said := ""
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			said += choice.Text
		}
	}
	if stream.Err() != nil || said != "Hello there" {
		t.Errorf("completion, streamed: %q %v", said, stream.Err())
	}

	reply(`{"totalTokens":14}`)
	count := func(deployment string) int64 {
		t.Helper()
		client := anthropic.NewClient(anthropicoption.WithBaseURL(g.URL), anthropicoption.WithAPIKey("unused"),
			anthropicoption.WithHeader("X-Deployment-Key", deployment), anthropicoption.WithMaxRetries(0))
		n, err := client.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{
			Model: "m", Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("How is the weather in Oslo?"))},
		})
		if err != nil {
			t.Errorf("count: %v", err)
			return 0
		}
		return n.InputTokens
	}
	if n := count("google"); n != 14 {
		t.Errorf("counted %d", n)
	}
	if n := count("groq"); n < 5 || n > 30 {
		t.Errorf("estimated %d", n)
	}
}
