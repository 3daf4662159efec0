// The @anthropic-ai/sdk package: https://github.com/anthropics/anthropic-sdk-typescript
import Anthropic from '@anthropic-ai/sdk';
import { baseURL, deployment, failureOf, messages, question, report, weather } from './report.mjs';

// Anthropic's clients put the version into their paths.
const origin = baseURL.replace(/\/v1$/, '');
const clientOf = (key) => new Anthropic({ baseURL: origin, apiKey: 'unused', defaultHeaders: deployment(key), maxRetries: 0 });
const client = clientOf('assistant');
const model = 'claude-sonnet-4-5';
const max_tokens = 1024;

const tools = [
  {
    name: 'weather',
    description: 'The weather in a city',
    input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
];

// Anthropic counts what was read from a cache beside the input.
const usageOf = (u) => ({
  input: u.input_tokens + u.cache_read_input_tokens + u.cache_creation_input_tokens,
  output: u.output_tokens,
  cached: u.cache_read_input_tokens,
  reasoning: u.output_tokens_details?.thinking_tokens ?? 0,
});
const textOf = (message) => message.content.map((block) => block.text ?? '').join('');
const failure = ({ status, error }) => ({ status, message: error.error.message, type: error.error.type });

/** Answers the calls of a message and returns what both turns were. */
async function afterTools(first) {
  const calls = first.content.filter((block) => block.type === 'tool_use');
  const results = calls.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: weather(call.input.city) }));
  const last = await client.messages.create({
    model,
    max_tokens,
    tools,
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: first.content },
      { role: 'user', content: results },
    ],
  });
  return { finish: first.stop_reason, calls: calls.map((call) => ({ name: call.name, arguments: call.input })), text: textOf(last) };
}

const asked = { model, max_tokens, tools, messages: [{ role: 'user', content: question }] };

await report({
  async chat() {
    const message = await client.messages.create({ model, max_tokens, messages });
    return { text: textOf(message), finish: message.stop_reason, model: message.model, usage: usageOf(message.usage) };
  },

  async headers() {
    const { response } = await client.messages.create({ model, max_tokens, messages }).withResponse();
    return {
      trace: response.headers.get('x-deployment-trace-id')?.length,
      variant: response.headers.get('x-deployment-variant'),
      model: response.headers.get('x-deployment-model'),
      attempts: response.headers.get('x-deployment-attempts'),
    };
  },

  async chat_stream_usage() {
    let pieces = 0;
    const stream = client.messages.stream({ model, max_tokens, messages }).on('text', () => pieces++);
    const message = await stream.finalMessage();
    return { text: textOf(message), finish: message.stop_reason, model: message.model, pieces, usage: usageOf(message.usage) };
  },

  tools: async () => afterTools(await client.messages.create(asked)),
  tools_stream: async () => afterTools(await client.messages.stream(asked).finalMessage()),

  async count() {
    const { model, tools, messages } = asked;
    const { data, response } = await client.messages.countTokens({ model, tools, messages }).withResponse();
    return { tokens: data.input_tokens, estimated: response.headers.get('x-deployment-estimated') === 'true' };
  },

  async rejected() {
    return failure(await failureOf(clientOf('rejecting').messages.create({ model, max_tokens, messages })));
  },
  async unknown_deployment() {
    const { status, type } = failure(await failureOf(clientOf('nobody').messages.create({ model, max_tokens, messages })));
    return { status, type };
  },
  async down() {
    const { status, type } = failure(await failureOf(clientOf('down').messages.create({ model, max_tokens, messages })));
    return { status, type };
  },

  async interrupted() {
    let text = '';
    const stream = clientOf('breaking').messages.stream({ model, max_tokens, messages }).on('text', (piece) => (text += piece));
    await failureOf(stream.finalMessage());
    return { text };
  },
});
