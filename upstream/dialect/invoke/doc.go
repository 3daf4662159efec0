// Package invoke is the Deployment API as orq's SDKs speak it: requests that name a deployment
// and bring what its variant leaves open, and replies in a shape of their own, plain or as a
// stream. Like every dialect it is pure functions on bytes; the hub is OpenAI's chat.
//
// Sources: the types of https://www.npmjs.com/package/@orq-ai/node, versions 4.15.11 and 3.12.1,
// which check every reply against a schema, and https://docs.orq.ai/docs/deployments.
package invoke
