// The @orq-ai/node package, nothing changed but its server URL: https://github.com/orq-ai/orq-node
import { Orq } from '@orq-ai/node';
import { Orq as Orq3 } from 'orq-node-3';
import { report } from '../node/report.mjs';

const serverURL = process.env.BASE_URL.replace(/\/v1$/, '');
const options = { serverURL, apiKey: 'unused', environment: 'production', contactId: 'c1' };
const orq = new Orq(options);
const orq3 = new Orq3(options);
const messages = [{ role: 'user', content: 'Hello' }];
const asked = { key: 'assistant', context: { country: 'NLD' }, metadata: { team: 'a' }, messages, invokeOptions: { includeUsage: true } };

const invoked = (r) => ({
  type: r.choices[0].message.type, role: r.choices[0].message.role, said: r.choices[0].message.content.length > 0,
  final: r.isFinal, finish: r.choices[0].finishReason, id: r.id.length,
});

async function streamed(client) {
  let text = '';
  let last;
  for await (const event of await client.deployments.stream(asked)) {
    text += event.data.choices[0].message.content ?? '';
    last = event.data;
  }
  return { said: text.length > 0, final: last.isFinal, finish: last.choices[0].finishReason };
}

async function config(client) {
  const c = await client.deployments.getConfig(asked);
  return { id: c.id.length, messages: c.messages.length, version: c.version.length > 0 };
}

async function failure(promise) {
  try {
    await promise;
  } catch (e) {
    return { status: e.statusCode ?? e.httpMeta?.response.status };
  }
  return { status: 200 };
}

await report({
  invoke: async () => invoked(await orq.deployments.invoke(asked)),
  invoke_3: async () => invoked(await orq3.deployments.invoke(asked)),
  stream: () => streamed(orq),
  stream_3: () => streamed(orq3),
  config: () => config(orq),
  config_3: () => config(orq3),
  async list() {
    const l = await orq.deployments.list({ limit: 50 });
    return { found: l.data.some((d) => d.key === 'assistant') };
  },
  async metrics_3() {
    const { id } = await orq3.deployments.getConfig(asked);
    return orq3.deployments.metrics.create({
      id,
      requestBody: { usage: { promptTokens: 100, completionTokens: 900 }, performance: { latency: 9000 }, feedback: { score: 100 } },
    });
  },
  async feedback() {
    const { id: traceId } = await orq.deployments.invoke(asked);
    const given = await orq.feedback.create({ field: 'rating', value: ['good'], traceId });
    const removed = await orq.feedback.remove({ id: given.id, traceId, product: 'deployments' });
    return { property: given.property, value: given.value[0], same: given.traceId === traceId && removed.id === given.id };
  },
  async feedback_3() {
    const { id: traceId } = await orq3.deployments.invoke(asked);
    const given = await orq3.feedback.create({ field: 'rating', value: ['good'], traceId });
    return { property: given.property, same: given.traceId === traceId };
  },
  unknown_deployment: () => failure(orq.deployments.invoke({ key: 'nobody' })),
  bad_feedback: () => failure(orq.feedback.create({ field: 'rating', value: 'x', traceId: '' })),
});
