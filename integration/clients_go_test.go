package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
	"github.com/tidwall/gjson"
)

const (
	sdkModel     = "gpt-5-mini"
	sdkQuestion  = "How is the weather in Oslo and Bergen?"
	sdkSayHello  = "Say hello."
	sdkToolReply = ": -3 degrees"
)

// sdk goes through the cases with openai-go (https://github.com/openai/openai-go).
type sdk struct {
	t       *testing.T
	baseURL string
	openai.Client
}

func (s sdk) of(deployment string) openai.Client {
	return openai.NewClient(
		option.WithBaseURL(s.baseURL),
		option.WithAPIKey("unused"),
		option.WithHeader("X-Deployment-Key", deployment),
		option.WithMaxRetries(0),
	)
}

func TestOpenAIForGo(t *testing.T) { openAIForGo(t, openAI) }

func openAIForGo(t *testing.T, v vendor) {
	t.Helper()
	g, provider := stage(t, v)
	s := sdk{t: t, baseURL: g.baseURL()}
	s.Client = s.of("assistant")

	c := client{house: v, spelling: map[string]any{
		"responses.finish": nil, "responses_stream.finish": nil,
		"responses_tools.finish": nil, "responses_tools_stream.finish": nil,
	}}
	if v.code == nil {
		c.spelling["rejected.code"] = "" // is a string here
	}
	got := make(map[string]object)
	for _, step := range []struct {
		name string
		run  func(context.Context) (object, error)
	}{
		{"chat", s.chat},
		{"headers", s.headers},
		{"chat_stream", func(ctx context.Context) (object, error) { return s.chatStream(ctx, false) }},
		{"chat_stream_usage", func(ctx context.Context) (object, error) { return s.chatStream(ctx, true) }},
		{"tools", s.tools},
		{"tools_stream", s.toolsStream},
		{"rejected", func(ctx context.Context) (object, error) { return s.failure(ctx, "rejecting") }},
		{"unknown_deployment", func(ctx context.Context) (object, error) { return s.quietFailure(ctx, "nobody") }},
		{"down", func(ctx context.Context) (object, error) { return s.quietFailure(ctx, "down") }},
		{"interrupted", s.interrupted},
		{"embeddings", s.embeddings},
		{"responses", s.responses},
		{"responses_stream", s.responsesStream},
		{"responses_interrupted", s.responsesInterrupted},
		{"responses_tools", s.responsesTools},
		{"responses_tools_stream", s.responsesToolsStream},
		{"models", s.models},
	} {
		if step.name == "embeddings" && slices.Contains(otherDialects, v) {
			continue
		}
		c.cases = append(c.cases, step.name)
		members, err := step.run(t.Context())
		if e := new(openai.Error); errors.As(err, &e) {
			err = fmt.Errorf("%w: %s", err, e.Message)
		}
		if err != nil {
			t.Errorf("%s: %v", step.name, err)
			continue
		}
		got[step.name] = decoded(t, members)
	}
	c.check(t, got, provider)
}

// decoded returns the members as if they had come as JSON, so that all clients compare alike.
func decoded(t *testing.T, members object) object {
	t.Helper()
	var o object
	if err := json.Unmarshal([]byte(text(members)), &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func hello() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    sdkModel,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(sdkSayHello)},
	}
}

func usageOf(u openai.CompletionUsage) object {
	return object{
		"input": u.PromptTokens, "output": u.CompletionTokens,
		"cached": u.PromptTokensDetails.CachedTokens, "reasoning": u.CompletionTokensDetails.ReasoningTokens,
	}
}

func (s sdk) chat(ctx context.Context) (object, error) {
	c, err := s.Chat.Completions.New(ctx, hello())
	if err != nil {
		return nil, err
	}
	return object{"text": c.Choices[0].Message.Content, "finish": c.Choices[0].FinishReason, "model": c.Model, "usage": usageOf(c.Usage)}, nil
}

func (s sdk) headers(ctx context.Context) (object, error) {
	var resp *http.Response
	if _, err := s.Chat.Completions.New(ctx, hello(), option.WithResponseInto(&resp)); err != nil {
		return nil, err
	}
	return headersOf(resp.Header), nil
}

func headersOf(h http.Header) object {
	return object{
		"trace": len(h.Get("X-Deployment-Trace-Id")), "variant": h.Get("X-Deployment-Variant"),
		"model": h.Get("X-Deployment-Model"), "attempts": h.Get("X-Deployment-Attempts"),
	}
}

func (s sdk) chatStream(ctx context.Context, usage bool) (object, error) {
	params := hello()
	if usage {
		params.StreamOptions.IncludeUsage = openai.Bool(true)
	}
	stream := s.Chat.Completions.NewStreaming(ctx, params)
	said, pieces, got := "", 0, object{"usage": nil}
	for stream.Next() {
		chunk := stream.Current()
		got["model"] = chunk.Model
		if chunk.JSON.Usage.Valid() {
			got["usage"] = usageOf(chunk.Usage)
		}
		for _, choice := range chunk.Choices {
			said += choice.Delta.Content
			if choice.Delta.Content != "" {
				pieces++
			}
			if choice.FinishReason != "" {
				got["finish"] = choice.FinishReason
			}
		}
	}
	got["text"], got["pieces"] = said, pieces
	return got, stream.Err()
}

func askWeather() openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    sdkModel,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(sdkQuestion)},
		Tools: []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name:        "weather",
			Description: openai.String("The weather in a city"),
			Parameters:  weatherParameters(),
		})},
	}
}

func weatherParameters() map[string]any {
	return map[string]any{
		"type":       "object",
		"properties": map[string]any{"city": map[string]string{"type": "string"}},
		"required":   []string{"city"},
	}
}

func (s sdk) tools(ctx context.Context) (object, error) {
	params := askWeather()
	c, err := s.Chat.Completions.New(ctx, params)
	if err != nil {
		return nil, err
	}
	return s.afterTools(ctx, params, c.Choices[0])
}

func (s sdk) toolsStream(ctx context.Context) (object, error) {
	params := askWeather()
	stream := s.Chat.Completions.NewStreaming(ctx, params)
	var whole openai.ChatCompletionAccumulator
	for stream.Next() {
		if !whole.AddChunk(stream.Current()) {
			return nil, errors.New("a chunk does not belong to the others")
		}
	}
	if err := stream.Err(); err != nil {
		return nil, err
	}
	return s.afterTools(ctx, params, whole.Choices[0])
}

// afterTools answers the calls of the first turn and returns what both turns were.
func (s sdk) afterTools(ctx context.Context, params openai.ChatCompletionNewParams, first openai.ChatCompletionChoice) (object, error) {
	params.Messages = append(params.Messages, first.Message.ToParam())
	var calls []object
	for _, call := range first.Message.ToolCalls {
		city, err := cityOf(call.Function.Arguments)
		if err != nil {
			return nil, err
		}
		calls = append(calls, object{"name": call.Function.Name, "arguments": object{"city": city}})
		params.Messages = append(params.Messages, openai.ToolMessage(city+sdkToolReply, call.ID))
	}
	last, err := s.Chat.Completions.New(ctx, params)
	if err != nil {
		return nil, err
	}
	return object{"finish": first.FinishReason, "calls": calls, "text": last.Choices[0].Message.Content}, nil
}

func cityOf(arguments string) (string, error) {
	var args struct{ City string }
	err := json.Unmarshal([]byte(arguments), &args)
	return args.City, err
}

func (s sdk) failure(ctx context.Context, deployment string) (object, error) {
	c := s.of(deployment)
	_, err := c.Chat.Completions.New(ctx, hello())
	var e *openai.Error
	if !errors.As(err, &e) {
		return nil, err
	}
	return object{"status": e.StatusCode, "message": e.Message, "code": e.Code, "type": e.Type}, nil
}

func (s sdk) quietFailure(ctx context.Context, deployment string) (object, error) {
	got, err := s.failure(ctx, deployment)
	delete(got, "message")
	return got, err
}

func (s sdk) interrupted(ctx context.Context) (object, error) {
	c := s.of("breaking")
	stream := c.Chat.Completions.NewStreaming(ctx, hello())
	said := ""
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			said += choice.Delta.Content
		}
	}
	return brokenOff(said, stream.Err())
}

// brokenOff is what a stream that ended in an error event has got.
func brokenOff(said string, err error) (object, error) {
	var broken *ssestream.StreamError
	if !errors.As(err, &broken) {
		return nil, fmt.Errorf("after %q the stream ended without an error event: %w", said, err)
	}
	return object{"text": said, "code": gjson.GetBytes(broken.Event.Data, "error.code").String()}, nil
}

func (s sdk) embeddings(ctx context.Context) (object, error) {
	e, err := s.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: openai.EmbeddingModelTextEmbedding3Small,
		Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}},
	})
	if err != nil {
		return nil, err
	}
	var vectors [][]float64
	for _, d := range e.Data {
		vectors = append(vectors, d.Embedding)
	}
	return object{"vectors": vectors, "input": e.Usage.PromptTokens}, nil
}

func (s sdk) models(ctx context.Context) (object, error) {
	var ids []string
	pages := s.Models.ListAutoPaging(ctx)
	for pages.Next() {
		ids = append(ids, pages.Current().ID)
	}
	return object{"ids": ids}, pages.Err()
}

func responseOf(r *responses.Response) object {
	return object{"text": r.OutputText(), "status": r.Status, "model": r.Model, "usage": object{
		"input": r.Usage.InputTokens, "output": r.Usage.OutputTokens,
		"cached": r.Usage.InputTokensDetails.CachedTokens, "reasoning": r.Usage.OutputTokensDetails.ReasoningTokens,
	}}
}

func helloResponse() responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: sdkModel,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(sdkSayHello)},
	}
}

func (s sdk) responses(ctx context.Context) (object, error) {
	r, err := s.Responses.New(ctx, helloResponse())
	if err != nil {
		return nil, err
	}
	return responseOf(r), nil
}

// lastResponse reads a stream to its end and returns the response that its last event
// carries, and the pieces of text.
func (s sdk) lastResponse(ctx context.Context, params responses.ResponseNewParams) (*responses.Response, []string, error) {
	stream := s.Responses.NewStreaming(ctx, params)
	var (
		pieces []string
		last   *responses.Response
	)
	for stream.Next() {
		switch event := stream.Current(); event.Type {
		case "response.output_text.delta":
			pieces = append(pieces, event.Delta)
		case "response.completed":
			last = &event.Response
		}
	}
	if stream.Err() == nil && last == nil {
		return nil, nil, errors.New("the stream ended without response.completed")
	}
	return last, pieces, stream.Err()
}

func (s sdk) responsesStream(ctx context.Context) (object, error) {
	r, pieces, err := s.lastResponse(ctx, helloResponse())
	if err != nil {
		return nil, err
	}
	got := responseOf(r)
	got["pieces"] = len(pieces)
	return got, nil
}

func (s sdk) responsesInterrupted(ctx context.Context) (object, error) {
	c := s.of("breaking")
	stream := c.Responses.NewStreaming(ctx, helloResponse())
	said := ""
	for stream.Next() {
		if event := stream.Current(); event.Type == "response.output_text.delta" {
			said += event.Delta
		}
	}
	return brokenOff(said, stream.Err())
}

func askWeatherResponse() responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model: sdkModel,
		Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(sdkQuestion)},
		Tools: []responses.ToolUnionParam{{OfFunction: &responses.FunctionToolParam{
			Name: "weather", Description: openai.String("The weather in a city"), Parameters: weatherParameters(),
		}}},
	}
}

func (s sdk) responsesTools(ctx context.Context) (object, error) {
	r, err := s.Responses.New(ctx, askWeatherResponse())
	if err != nil {
		return nil, err
	}
	return s.afterResponseTools(ctx, r)
}

func (s sdk) responsesToolsStream(ctx context.Context) (object, error) {
	r, _, err := s.lastResponse(ctx, askWeatherResponse())
	if err != nil {
		return nil, err
	}
	return s.afterResponseTools(ctx, r)
}

func (s sdk) afterResponseTools(ctx context.Context, first *responses.Response) (object, error) {
	input := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage(sdkQuestion, responses.EasyInputMessageRoleUser)}
	var (
		calls   []object
		results responses.ResponseInputParam
	)
	for _, item := range first.Output {
		if item.Type != "function_call" {
			continue
		}
		call := item.AsFunctionCall()
		city, err := cityOf(call.Arguments)
		if err != nil {
			return nil, err
		}
		calls = append(calls, object{"name": call.Name, "arguments": object{"city": city}})
		input = append(input, responses.ResponseInputItemParamOfFunctionCall(call.Arguments, call.CallID, call.Name))
		result := responses.ResponseInputItemParamOfFunctionCallOutput(city + sdkToolReply)
		result.OfFunctionCallOutput.CallID = openai.String(call.CallID)
		results = append(results, result)
	}
	params := askWeatherResponse()
	params.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: append(input, results...)}
	last, err := s.Responses.New(ctx, params)
	if err != nil {
		return nil, err
	}
	return object{"calls": calls, "text": last.OutputText()}, nil
}
