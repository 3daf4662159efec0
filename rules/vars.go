package rules

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/mulligan-gateway/mulligan/llm"
)

// variable is one row of the table of what a rule can name.
type variable struct {
	// name is the variable, or object.field for a field of one of the objects.
	name string
	typ  *cel.Type
	// doc is one or more sentences for docs/rules.md.
	doc string
	// example is a rule that uses the variable and compiles.
	example string
	// get reads the fact. It is called when the first rule names the variable; Facts keeps what
	// it returns. It returns a *types.Err when the fact cannot be read.
	get func(*Facts) ref.Val
}

var (
	jsonMapType   = cel.MapType(cel.StringType, cel.DynType)
	stringMapType = cel.MapType(cel.StringType, cel.StringType)
)

// variables is the table. The part before the dot of a name is an object: objects exist
// because they have fields here.
var variables = []variable{
	{"context", jsonMapType,
		"What the application says about this request: the JSON object in the `X-Deployment-Context` header, merged over the body's member `context`. It is empty when neither is there.",
		`context.tier == "enterprise"`,
		func(f *Facts) ref.Val { return f.jsonRoot(rootContext) }},
	{"metadata", jsonMapType,
		"The body's `metadata`, merged under the JSON object in the `X-Deployment-Metadata` header.",
		`metadata.team == "search"`,
		func(f *Facts) ref.Val { return f.jsonRoot(rootMetadata) }},
	{"inputs", jsonMapType,
		"The prompt variables: the JSON object in the `X-Deployment-Inputs` header, merged over the body's member `inputs`.",
		`"company" in inputs`,
		func(f *Facts) ref.Val { return f.jsonRoot(rootInputs) }},
	{"headers", stringMapType,
		"The request's headers, their names in lower case. A header that was sent more than once has its values joined by `, `. Credentials are never in it.",
		`headers["x-team"] == "search"`,
		func(f *Facts) ref.Val { return f.headerMap() }},

	{"request.endpoint", cel.StringType,
		"The operation that the client called: one of " + quotedList(llm.Endpoints()) + ".",
		`request.endpoint == "chat"`,
		func(f *Facts) ref.Val { return types.String(f.Request.Endpoint) }},
	{"request.model", cel.StringType,
		"The body's `model` as the client wrote it, or the empty string.",
		`request.model.startsWith("gpt-")`,
		func(f *Facts) ref.Val { return types.String(f.Request.Model) }},
	{"request.stream", cel.BoolType,
		"Whether the client asked for a stream of events.",
		`request.stream`,
		func(f *Facts) ref.Val { return types.Bool(f.Request.Stream) }},
	{"request.user", cel.StringType,
		"The body's `user`, or the empty string.",
		`request.user != ""`,
		func(f *Facts) ref.Val { return types.String(f.user()) }},
	{"request.message_count", cel.IntType,
		"How many messages the request has: chat messages, items of a Responses `input`, or prompts and inputs of the other endpoints.",
		`request.message_count > 20`,
		func(f *Facts) ref.Val { return types.Int(f.survey().count) }},
	{"request.last_message", cel.StringType,
		"The text of the last message, whoever wrote it. The text parts of a message with parts are joined by line feeds; images, files and tool calls have no text.",
		`request.last_message.contains("refund")`,
		func(f *Facts) ref.Val { return types.String(f.lastMessage()) }},
	{"request.has_tools", cel.BoolType,
		"Whether the request offers tools (`tools`, or the older `functions`).",
		`request.has_tools`,
		func(f *Facts) ref.Val { return types.Bool(f.hasTools()) }},
	{"request.has_images", cel.BoolType,
		"Whether a message has an image in it.",
		`request.has_images`,
		func(f *Facts) ref.Val { return types.Bool(f.survey().images) }},
	{"request.has_files", cel.BoolType,
		"Whether a message has a file in it that is not an image: a document, audio or video. It is also true for an upload of audio.",
		`request.has_files`,
		func(f *Facts) ref.Val { return types.Bool(f.survey().files) }},
	{"request.max_tokens", cel.IntType,
		"The longest answer that the client wants, in tokens: `max_completion_tokens`, `max_tokens` or `max_output_tokens`, the first that is there. It is 0 when none is.",
		`request.max_tokens > 4000`,
		func(f *Facts) ref.Val { return types.Int(f.maxTokens()) }},
	{"request.input_tokens", cel.IntType,
		"An estimate of the prompt's length in tokens, made from the length of its text: the messages, the instructions, calls of tools and their results, and the tools that are offered. Four bytes of ASCII text or three bytes of other text count as a token, each chat message as four more, and a prompt that is given as token ids as their number. Images, files and the JSON around the text do not count. Expect it to be off by a fifth in either direction, more for languages other than English.",
		`request.input_tokens < 8000`,
		func(f *Facts) ref.Val { return types.Int(f.inputTokens()) }},
	{"request.body_bytes", cel.IntType,
		"The body's length in bytes.",
		`request.body_bytes < 1000000`,
		func(f *Facts) ref.Val { return types.Int(len(f.Request.Doc.Raw)) }},
	{"request.body", cel.DynType,
		"The body itself. It is read only as far as a rule asks. For an upload (a multipart form) it is a map of the form's text fields.",
		`request.body.messages.exists(m, m.role == "tool")`,
		func(f *Facts) ref.Val { return f.body() }},

	{"client.id", cel.StringType,
		"The id of the user that Caddy authenticated (`{http.auth.user.id}`), or the empty string.",
		`client.id == "alice"`,
		func(f *Facts) ref.Val { return types.String(f.Request.Client.ID) }},
	{"client.ip", cel.StringType,
		"The client's address, without port, as Caddy's trusted proxies report it.",
		`client.ip.startsWith("10.")`,
		func(f *Facts) ref.Val { return types.String(f.Request.Client.IP) }},
	{"client.authenticated", cel.BoolType,
		"Whether one of Caddy's authentication providers accepted the client.",
		`client.authenticated`,
		func(f *Facts) ref.Val { return types.Bool(f.Request.Client.Authenticated) }},
	{"client.claims", jsonMapType,
		"What Caddy's authentication knows about the user (`{http.auth.user.*}`), looked up one claim at a time; it cannot be listed or compared.",
		`orValue(client.claims, "role", "") == "admin"`,
		func(f *Facts) ref.Val { return f.claimMap() }},

	{"deployment.key", cel.StringType,
		"The key of the deployment that the client named.",
		`deployment.key == "support-reply"`,
		func(f *Facts) ref.Val { return types.String(f.Deployment) }},
	{"deployment.domain", cel.StringType,
		"The deployment's domain, or the empty string.",
		`deployment.domain == "customer-care"`,
		func(f *Facts) ref.Val { return types.String(f.Domain) }},

	{"now", cel.TimestampType,
		"When the request arrived. Its parts are in UTC unless a time zone is named.",
		`now.getHours("Europe/Berlin") >= 22`,
		func(f *Facts) ref.Val { return types.Timestamp{Time: f.Request.Time.UTC()} }},
}
