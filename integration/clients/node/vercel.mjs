// The Vercel AI SDK with @ai-sdk/openai-compatible (chat) or, for the argument "openai", with
// @ai-sdk/openai (responses): https://ai-sdk.dev/providers/openai-compatible-providers
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, embedMany, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';
import { baseURL, deployment, failureOf, question, report, weather } from './report.mjs';

const compatible = (key, options) =>
  createOpenAICompatible({ name: 'mulligan', baseURL, apiKey: 'unused', headers: deployment(key), ...options });
const openai = (key) => createOpenAI({ baseURL, apiKey: 'unused', headers: deployment(key) });

const chatModel = (key, options) => compatible(key, options)('gpt-5-mini');
const responsesModel = (key) => openai(key)('gpt-5-mini');

const tools = {
  weather: tool({
    description: 'The weather in a city',
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => weather(city),
  }),
};

const prompt = 'Say hello.';
const ask = { maxRetries: 0 };

const usageOf = (u) =>
  u.inputTokens === undefined
    ? null
    : {
        input: u.inputTokens,
        output: u.outputTokens,
        cached: u.inputTokenDetails.cacheReadTokens,
        reasoning: u.outputTokenDetails.reasoningTokens,
      };

async function plain(model) {
  const { text, finishReason, response, usage } = await generateText({ ...ask, model, prompt });
  return { text, finish: finishReason, model: response.modelId, usage: usageOf(usage) };
}

async function stream(model) {
  const result = streamText({ ...ask, model, prompt, onError() {} });
  let text = '';
  let pieces = 0;
  for await (const piece of result.textStream) {
    text += piece;
    pieces++;
  }
  const [finish, response, usage] = [await result.finishReason, await result.response, await result.usage];
  return { text, pieces, finish, model: response.modelId, usage: usageOf(usage) };
}

async function toolTurns(result) {
  const [steps, text] = [await result.steps, await result.text];
  return {
    finish: steps[0].finishReason,
    calls: steps[0].toolCalls.map((call) => ({ name: call.toolName, arguments: call.input })),
    text,
  };
}

const withTools = (model) => ({ ...ask, model, prompt: question, tools, stopWhen: stepCountIs(3) });

async function failureOfText(model) {
  const err = await failureOf(generateText({ ...ask, model, prompt }));
  if (!APICallError.isInstance(err)) throw err;
  const { code, type } = JSON.parse(err.responseBody).error;
  return { status: err.statusCode, message: err.message, code, type };
}

const withoutMessage = ({ status, code, type }) => ({ status, code, type });

async function interrupted(model) {
  const result = streamText({ ...ask, model, prompt, onError() {} });
  let text = '';
  let error;
  let finish;
  for await (const part of result.fullStream) {
    if (part.type === 'text-delta') text += part.text;
    if (part.type === 'error') error = part.error;
    if (part.type === 'finish') finish = part.finishReason;
  }
  if (finish !== 'error') throw new Error(`the stream finished with ${finish}`);
  return { text, code: error?.code ?? error?.error?.code ?? String(error?.message ?? error) };
}

async function embeddings(model) {
  const { embeddings: vectors, usage } = await embedMany({ ...ask, model, values: ['one', 'two'] });
  return { vectors, input: usage.tokens };
}

async function headers(model) {
  const { response } = await generateText({ ...ask, model, prompt });
  return {
    trace: response.headers['x-deployment-trace-id']?.length,
    variant: response.headers['x-deployment-variant'],
    model: response.headers['x-deployment-model'],
    attempts: response.headers['x-deployment-attempts'],
  };
}

const failures = (modelOf) => ({
  rejected: () => failureOfText(modelOf('rejecting')),
  unknown_deployment: async () => withoutMessage(await failureOfText(modelOf('nobody'))),
  down: async () => withoutMessage(await failureOfText(modelOf('down'))),
});

const casesOfCompatible = {
  chat: () => plain(chatModel('assistant')),
  headers: () => headers(chatModel('assistant')),
  chat_stream: () => stream(chatModel('assistant')),
  chat_stream_usage: () => stream(chatModel('assistant', { includeUsage: true })),
  tools: async () => toolTurns(await generateText(withTools(chatModel('assistant')))),
  tools_stream: () => toolTurns(streamText(withTools(chatModel('assistant')))),
  ...failures(chatModel),
  interrupted: () => interrupted(chatModel('breaking')),
  embeddings: () => embeddings(compatible('assistant').embeddingModel('text-embedding-3-small')),
};

const casesOfOpenAI = {
  chat: () => plain(openai('assistant').chat('gpt-5-mini')),
  chat_stream_usage: () => stream(openai('assistant').chat('gpt-5-mini')), // it asks for usage by itself
  responses: () => plain(responsesModel('assistant')),
  responses_stream: () => stream(responsesModel('assistant')),
  responses_tools: async () => toolTurns(await generateText(withTools(responsesModel('assistant')))),
  responses_tools_stream: () => toolTurns(streamText(withTools(responsesModel('assistant')))),
  ...failures(responsesModel),
  responses_interrupted: () => interrupted(responsesModel('breaking')),
  embeddings: () => embeddings(openai('assistant').embedding('text-embedding-3-small')),
};

await report(process.argv[2] === 'openai' ? casesOfOpenAI : casesOfCompatible);
