// @langchain/openai: https://docs.langchain.com/oss/javascript/integrations/chat/openai
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { z } from 'zod';
import { baseURL, deployment, failureOf, question, report, weather } from './report.mjs';

const llmOf = (key, options) =>
  new ChatOpenAI({
    model: 'gpt-5-mini',
    apiKey: 'unused',
    configuration: { baseURL, defaultHeaders: deployment(key) },
    maxRetries: 0,
    ...options,
  });

const weatherTool = tool(({ city }) => weather(city), {
  name: 'weather',
  description: 'The weather in a city',
  schema: z.object({ city: z.string() }),
});

const usageOf = (u) => ({
  input: u.input_tokens,
  output: u.output_tokens,
  cached: u.input_token_details.cache_read,
  reasoning: u.output_token_details.reasoning,
});

async function collect(stream) {
  let whole;
  let pieces = 0;
  for await (const chunk of stream) {
    whole = whole ? whole.concat(chunk) : chunk;
    if (chunk.text) pieces++;
  }
  return { whole, pieces };
}

async function chatStream(options) {
  const { whole, pieces } = await collect(await llmOf('assistant', options).stream('Say hello.'));
  return {
    text: whole.text,
    pieces,
    finish: whole.response_metadata.finish_reason,
    model: whole.response_metadata.model_name,
    usage: whole.usage_metadata ? usageOf(whole.usage_metadata) : null,
  };
}

async function toolTurns(ask, options) {
  const llm = llmOf('assistant', options).bindTools([weatherTool]);
  const history = [new HumanMessage(question)];
  const first = await ask(llm, history);
  history.push(first);
  for (const call of first.tool_calls) {
    history.push(new ToolMessage({ tool_call_id: call.id, content: await weatherTool.invoke(call.args) }));
  }
  const last = await llm.invoke(history);
  return {
    finish: first.response_metadata.finish_reason,
    calls: first.tool_calls.map((call) => ({ name: call.name, arguments: call.args })),
    text: last.text,
  };
}

const plainly = (llm, history) => llm.invoke(history);
const streamed = async (llm, history) => (await collect(await llm.stream(history))).whole;

async function failureOfChat(key) {
  const err = await failureOf(llmOf(key).invoke('Say hello.'));
  // LangChain adds a link to the message, on a line of its own.
  return { status: err.status, message: err.message.split('\n')[0].replace(/^\d+ /, ''), code: err.code, type: err.type };
}

async function interrupted(options) {
  let text = '';
  const err = await failureOf(
    (async () => {
      for await (const chunk of await llmOf('breaking', options).stream('Say hello.')) text += chunk.text;
    })(),
  );
  return { text, code: err.code };
}

const withoutMessage = ({ status, code, type }) => ({ status, code, type });

await report({
  async chat() {
    const answer = await llmOf('assistant').invoke('Say hello.');
    return {
      text: answer.text,
      finish: answer.response_metadata.finish_reason,
      model: answer.response_metadata.model_name,
      usage: usageOf(answer.usage_metadata),
    };
  },

  chat_stream: () => chatStream({ streamUsage: false }),
  chat_stream_usage: () => chatStream({}), // LangChain asks for usage unless told otherwise

  tools: () => toolTurns(plainly),
  tools_stream: () => toolTurns(streamed),

  rejected: () => failureOfChat('rejecting'),
  unknown_deployment: async () => withoutMessage(await failureOfChat('nobody')),
  down: async () => withoutMessage(await failureOfChat('down')),

  interrupted: () => interrupted({}),
  responses_interrupted: () => interrupted({ useResponsesApi: true }),

  async embeddings() {
    const embeddings = new OpenAIEmbeddings({
      model: 'text-embedding-3-small',
      apiKey: 'unused',
      configuration: { baseURL, defaultHeaders: deployment('assistant') },
      maxRetries: 0,
    });
    return { vectors: await embeddings.embedDocuments(['one', 'two']) };
  },

  async responses() {
    const answer = await llmOf('assistant', { useResponsesApi: true }).invoke('Say hello.');
    return {
      text: answer.text,
      status: answer.response_metadata.status,
      model: answer.response_metadata.model_name,
      usage: usageOf(answer.usage_metadata),
    };
  },

  async responses_stream() {
    const { whole, pieces } = await collect(await llmOf('assistant', { useResponsesApi: true }).stream('Say hello.'));
    return {
      text: whole.text,
      pieces,
      status: whole.response_metadata.status,
      model: whole.response_metadata.model_name,
      usage: usageOf(whole.usage_metadata),
    };
  },

  async responses_tools() {
    const { calls, text } = await toolTurns(plainly, { useResponsesApi: true });
    return { calls, text };
  },

  async responses_tools_stream() {
    const { calls, text } = await toolTurns(streamed, { useResponsesApi: true });
    return { calls, text };
  },
});
