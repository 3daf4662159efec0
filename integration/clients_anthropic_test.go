package integration

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/tidwall/gjson"
)

// claude goes through the cases with anthropic-sdk-go
// (https://github.com/anthropics/anthropic-sdk-go).
type claude struct{ origin string }

func (c claude) of(deployment string) anthropic.Client {
	return anthropic.NewClient(
		option.WithoutEnvironmentDefaults(),
		option.WithBaseURL(c.origin),
		option.WithAPIKey("unused"),
		option.WithHeader("X-Deployment-Key", deployment),
		option.WithMaxRetries(0),
	)
}

// anthropicsCases are what Anthropic's clients go through.
var anthropicsCases = []string{
	"chat", "headers", "chat_stream_usage", "tools", "tools_stream", "rejected", "unknown_deployment", "down", "interrupted", "count",
}

// anthropicsSpelling is what all of Anthropic's clients make of the cases.
func anthropicsSpelling() map[string]any {
	return map[string]any{
		"chat.finish": "end_turn", "chat_stream_usage.finish": "end_turn", "tools.finish": "tool_use", "tools_stream.finish": "tool_use",
		"rejected.code": nil, "unknown_deployment.code": nil, "down.code": nil, "interrupted.code": nil,
		"rejected.type": "invalid_request_error", "unknown_deployment.type": "not_found_error", "down.type": "api_error",
	}
}

// TestClientsOfAnthropicWithEveryVendor has Anthropic itself answer its clients, whose bytes pass
// as they are, and the others by way of chat.
func TestClientsOfAnthropicWithEveryVendor(t *testing.T) {
	for _, v := range []vendor{openAI, ofAnthropic, ofGoogle, ofBedrock, ofCohere} {
		for name, run := range map[string]func(*testing.T, vendor){"Go": anthropicForGo, "Node": anthropicForNode} {
			t.Run(name+"/"+v.name, func(t *testing.T) { run(t, v) })
		}
	}
}

func anthropicForNode(t *testing.T, v vendor) {
	t.Helper()
	runScript(t, nodeScript("anthropic.mjs"), client{house: v, cases: anthropicsCases, spelling: anthropicsSpelling()})
}

func anthropicForGo(t *testing.T, v vendor) {
	t.Helper()
	g, provider := stage(t, v)
	s := claude{origin: g.URL}
	steps := map[string]func(context.Context) (object, error){
		"chat": s.chat, "headers": s.headers, "chat_stream_usage": s.stream, "tools": s.tools, "tools_stream": s.toolsStream,
		"rejected":           func(ctx context.Context) (object, error) { return s.failure(ctx, "rejecting") },
		"unknown_deployment": func(ctx context.Context) (object, error) { return s.quietFailure(ctx, "nobody") },
		"down":               func(ctx context.Context) (object, error) { return s.quietFailure(ctx, "down") },
		"interrupted":        s.interrupted,
		"count":              s.count,
	}
	got := make(map[string]object)
	for _, name := range anthropicsCases {
		members, err := steps[name](t.Context())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got[name] = decoded(t, members)
	}
	client{house: v, cases: anthropicsCases, spelling: anthropicsSpelling()}.check(t, got, provider)
}

func helloClaude() anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model: sdkModel, MaxTokens: 1024,
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(sdkSayHello))},
	}
}

// messageOf is what a message says. Anthropic counts what was read from a cache beside the input.
func messageOf(m *anthropic.Message) object {
	u := m.Usage
	return object{"text": wordsOf(m), "finish": m.StopReason, "model": m.Model, "usage": object{
		"input":  u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens,
		"output": u.OutputTokens, "cached": u.CacheReadInputTokens,
		"reasoning": u.OutputTokensDetails.ThinkingTokens,
	}}
}

func wordsOf(m *anthropic.Message) string {
	var said strings.Builder
	for _, block := range m.Content {
		said.WriteString(block.Text)
	}
	return said.String()
}

func (c claude) chat(ctx context.Context) (object, error) {
	client := c.of("assistant")
	m, err := client.Messages.New(ctx, helloClaude())
	if err != nil {
		return nil, err
	}
	return messageOf(m), nil
}

func (c claude) headers(ctx context.Context) (object, error) {
	var resp *http.Response
	client := c.of("assistant")
	if _, err := client.Messages.New(ctx, helloClaude(), option.WithResponseInto(&resp)); err != nil {
		return nil, err
	}
	return headersOf(resp.Header), nil
}

// gather reads a stream to its end, and counts the pieces of its text.
func (c claude) gather(ctx context.Context, deployment string, params anthropic.MessageNewParams) (*anthropic.Message, int, error) {
	client := c.of(deployment)
	stream := client.Messages.NewStreaming(ctx, params)
	var (
		m      anthropic.Message
		pieces int
	)
	for stream.Next() {
		event := stream.Current()
		if event.Delta.Text != "" {
			pieces++
		}
		if err := m.Accumulate(event); err != nil {
			return nil, 0, err
		}
	}
	return &m, pieces, stream.Err()
}

func (c claude) stream(ctx context.Context) (object, error) {
	m, pieces, err := c.gather(ctx, "assistant", helloClaude())
	if err != nil {
		return nil, err
	}
	got := messageOf(m)
	got["pieces"] = pieces
	return got, nil
}

func askClaudeWeather() anthropic.MessageNewParams {
	p := helloClaude()
	p.Messages = []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(sdkQuestion))}
	p.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
		Name: "weather", Description: anthropic.String("The weather in a city"), InputSchema: anthropic.ToolInputSchemaParam{
			Properties: map[string]any{"city": map[string]string{"type": "string"}}, Required: []string{"city"},
		},
	}}}
	return p
}

func (c claude) tools(ctx context.Context) (object, error) {
	client := c.of("assistant")
	first, err := client.Messages.New(ctx, askClaudeWeather())
	if err != nil {
		return nil, err
	}
	return c.afterTools(ctx, first)
}

func (c claude) toolsStream(ctx context.Context) (object, error) {
	first, _, err := c.gather(ctx, "assistant", askClaudeWeather())
	if err != nil {
		return nil, err
	}
	return c.afterTools(ctx, first)
}

// afterTools answers the calls of the first turn and returns what both turns were.
func (c claude) afterTools(ctx context.Context, first *anthropic.Message) (object, error) {
	var (
		calls   []object
		results []anthropic.ContentBlockParamUnion
	)
	for _, block := range first.Content {
		if block.Type != "tool_use" {
			continue
		}
		city, err := cityOf(string(block.Input))
		if err != nil {
			return nil, err
		}
		calls = append(calls, object{"name": block.Name, "arguments": object{"city": city}})
		results = append(results, anthropic.NewToolResultBlock(block.ID, city+sdkToolReply, false))
	}
	params := askClaudeWeather()
	params.Messages = append(params.Messages, first.ToParam(), anthropic.NewUserMessage(results...))
	client := c.of("assistant")
	last, err := client.Messages.New(ctx, params)
	if err != nil {
		return nil, err
	}
	return object{"finish": first.StopReason, "calls": calls, "text": wordsOf(last)}, nil
}

func (c claude) count(ctx context.Context) (object, error) {
	var resp *http.Response
	asked := askClaudeWeather()
	client := c.of("assistant")
	n, err := client.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{
		Model: asked.Model, Messages: asked.Messages,
		Tools: []anthropic.MessageCountTokensToolUnionParam{{OfTool: asked.Tools[0].OfTool}},
	}, option.WithResponseInto(&resp))
	if err != nil {
		return nil, err
	}
	return object{"tokens": n.InputTokens, "estimated": resp.Header.Get("X-Deployment-Estimated") == "true"}, nil
}

func (c claude) failure(ctx context.Context, deployment string) (object, error) {
	client := c.of(deployment)
	_, err := client.Messages.New(ctx, helloClaude())
	var e *anthropic.Error
	if !errors.As(err, &e) {
		return nil, fmt.Errorf("no error of the API: %w", err)
	}
	return object{"status": e.StatusCode, "message": gjson.Get(e.RawJSON(), "error.message").String(), "type": e.Type()}, nil
}

func (c claude) quietFailure(ctx context.Context, deployment string) (object, error) {
	got, err := c.failure(ctx, deployment)
	delete(got, "message")
	return got, err
}

func (c claude) interrupted(ctx context.Context) (object, error) {
	m, _, err := c.gather(ctx, "breaking", helloClaude())
	if err == nil || m == nil {
		return nil, fmt.Errorf("the stream ended without an error event: %w", err)
	}
	return object{"text": wordsOf(m)}, nil
}
