// The openai package: https://github.com/openai/openai-node
import OpenAI from 'openai';
import { baseURL, deployment, failureOf, messages, question, report, weather } from './report.mjs';

const clientOf = (key) => new OpenAI({ baseURL, apiKey: 'unused', defaultHeaders: deployment(key), maxRetries: 0 });
const client = clientOf('assistant');
const model = 'gpt-5-mini';

const parameters = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const tools = [{ type: 'function', function: { name: 'weather', description: 'The weather in a city', parameters } }];

const usageOf = (u) => ({
  input: u.prompt_tokens,
  output: u.completion_tokens,
  cached: u.prompt_tokens_details.cached_tokens,
  reasoning: u.completion_tokens_details?.reasoning_tokens ?? 0,
});
const responseUsageOf = (u) => ({
  input: u.input_tokens,
  output: u.output_tokens,
  cached: u.input_tokens_details.cached_tokens,
  reasoning: u.output_tokens_details.reasoning_tokens,
});
const failure = ({ status, message, code, type }) => ({ status, message: message.replace(/^\d+ /, ''), code, type });

async function chatStream(options) {
  const stream = await client.chat.completions.create({ model, messages, stream: true, ...options });
  const got = { text: '', pieces: 0, finish: null, model: null, usage: null };
  for await (const chunk of stream) {
    got.model = chunk.model;
    if (chunk.usage) got.usage = usageOf(chunk.usage);
    const [choice] = chunk.choices;
    if (choice?.delta.content) {
      got.text += choice.delta.content;
      got.pieces++;
    }
    if (choice?.finish_reason) got.finish = choice.finish_reason;
  }
  return got;
}

/** Answers the calls of an assistant message and returns what the model says then. */
async function afterTools(history, message) {
  const results = message.tool_calls.map((call) => ({
    role: 'tool',
    tool_call_id: call.id,
    content: weather(JSON.parse(call.function.arguments).city),
  }));
  const completion = await client.chat.completions.create({ model, messages: [...history, message, ...results], tools });
  return completion.choices[0].message.content;
}

const callsOf = (message) =>
  message.tool_calls.map((call) => ({ name: call.function.name, arguments: JSON.parse(call.function.arguments) }));

const responseTools = [{ type: 'function', name: 'weather', description: 'The weather in a city', parameters, strict: true }];

async function responseTurns(first) {
  const calls = first.output.filter((item) => item.type === 'function_call');
  const results = calls.map((call) => ({
    type: 'function_call_output',
    call_id: call.call_id,
    output: weather(JSON.parse(call.arguments).city),
  }));
  const input = [{ role: 'user', content: question }, ...first.output, ...results];
  const last = await client.responses.create({ model, input, tools: responseTools });
  return {
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) })),
    text: last.output_text,
  };
}

await report({
  async chat() {
    const { choices, model: answered, usage } = await client.chat.completions.create({ model, messages });
    return { text: choices[0].message.content, finish: choices[0].finish_reason, model: answered, usage: usageOf(usage) };
  },

  async headers() {
    const { response } = await client.chat.completions.create({ model, messages }).withResponse();
    return {
      trace: response.headers.get('x-deployment-trace-id')?.length,
      variant: response.headers.get('x-deployment-variant'),
      model: response.headers.get('x-deployment-model'),
      attempts: response.headers.get('x-deployment-attempts'),
    };
  },

  chat_stream: () => chatStream({}),
  chat_stream_usage: () => chatStream({ stream_options: { include_usage: true } }),

  async tools() {
    const history = [{ role: 'user', content: question }];
    const { choices } = await client.chat.completions.create({ model, messages: history, tools });
    return { finish: choices[0].finish_reason, calls: callsOf(choices[0].message), text: await afterTools(history, choices[0].message) };
  },

  async tools_stream() {
    const history = [{ role: 'user', content: question }];
    const stream = client.chat.completions.stream({ model, messages: history, tools });
    const { choices } = await stream.finalChatCompletion();
    return { finish: choices[0].finish_reason, calls: callsOf(choices[0].message), text: await afterTools(history, choices[0].message) };
  },

  async rejected() {
    const err = await failureOf(clientOf('rejecting').chat.completions.create({ model, messages }));
    if (!(err instanceof OpenAI.BadRequestError)) throw err;
    return failure(err);
  },

  async unknown_deployment() {
    const err = await failureOf(clientOf('nobody').chat.completions.create({ model, messages }));
    if (!(err instanceof OpenAI.NotFoundError)) throw err;
    const { status, code, type } = failure(err);
    return { status, code, type };
  },

  async down() {
    const err = await failureOf(clientOf('down').chat.completions.create({ model, messages }));
    if (!(err instanceof OpenAI.InternalServerError)) throw err;
    const { status, code, type } = failure(err);
    return { status, code, type };
  },

  async interrupted() {
    const stream = await clientOf('breaking').chat.completions.create({ model, messages, stream: true });
    let text = '';
    const err = await failureOf(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })(),
    );
    return { text, code: err.code };
  },

  async embeddings() {
    const { data, usage } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['one', 'two'] });
    return { vectors: data.map((d) => d.embedding), input: usage.prompt_tokens };
  },

  async responses() {
    const response = await client.responses.create({ model, input: 'Say hello.' });
    return { text: response.output_text, status: response.status, model: response.model, usage: responseUsageOf(response.usage) };
  },

  async responses_stream() {
    const stream = await client.responses.create({ model, input: 'Say hello.', stream: true });
    const got = { text: '', pieces: 0 };
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') {
        got.text += event.delta;
        got.pieces++;
      }
      if (event.type === 'response.completed') {
        got.status = event.response.status;
        got.model = event.response.model;
        got.usage = responseUsageOf(event.response.usage);
      }
    }
    return got;
  },

  async responses_interrupted() {
    const stream = await clientOf('breaking').responses.create({ model, input: 'Say hello.', stream: true });
    let text = '';
    const err = await failureOf(
      (async () => {
        for await (const event of stream) if (event.type === 'response.output_text.delta') text += event.delta;
      })(),
    );
    return { text, code: err.code };
  },

  async responses_tools() {
    return responseTurns(await client.responses.create({ model, input: question, tools: responseTools }));
  },

  async responses_tools_stream() {
    return responseTurns(await client.responses.stream({ model, input: question, tools: responseTools }).finalResponse());
  },

  async models() {
    const ids = [];
    for await (const m of client.models.list()) ids.push(m.id);
    return { ids };
  },
});
