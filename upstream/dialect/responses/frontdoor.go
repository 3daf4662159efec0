package responses

import (
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/hub"
)

// frontDoor implements dialect.FrontDoor. It remembers nothing between a request and its
// reply, so what a reply has to know of the request stands in the names that the provider sees:
// see freeformInput and namespaceMark.
type frontDoor struct{}

// NewFrontDoor returns what translates responses into chat, and replies back. It serves
// POST /v1/responses for providers that only speak chat.
//
// Values are copied as the bytes they came in, so that numbers and texts stay what they are.
// What has no counterpart and changes what is asked is refused, as a *dialect.UnsupportedError;
// what is only a hint is left out and named in Dropped. Members that neither API is known to
// have are passed on: the provider refuses what it does not know, and names it.
//
// Sources: https://platform.openai.com/docs/api-reference/responses,
// https://platform.openai.com/docs/api-reference/responses-streaming,
// https://platform.openai.com/docs/guides/migrate-to-responses,
// https://platform.openai.com/docs/api-reference/chat.
func NewFrontDoor() dialect.FrontDoor { return frontDoor{} }

var _ dialect.FrontDoor = frontDoor{}

// namespaceMark stands between the namespace and the name of a tool in the one name that chat
// has for both. Coding agents put the tools of their MCP servers into namespaces, and want
// their calls back with the namespace beside the name
// (source: https://platform.openai.com/docs/guides/function-calling, namespaces).
const namespaceMark = "_-_"

// maxToolName is how long a tool's name may be in chat.
// Source: https://platform.openai.com/docs/api-reference/chat/create (tools).
const maxToolName = 64

// joinName returns the name that chat has for a tool, inside a JSON string; why says why there
// is none.
func joinName(namespace, name gjson.Result) (joined, why string) {
	joined = hub.Inside(name)
	if joined == "" {
		return "", "is missing"
	}
	if strings.Contains(joined, namespaceMark) {
		return "", "holds " + namespaceMark + ", which the gateway uses itself"
	}
	space := hub.Inside(namespace)
	if space == "" {
		return joined, ""
	}
	if strings.Contains(space, namespaceMark) {
		return "", "is in a namespace that holds " + namespaceMark + ", which the gateway uses itself"
	}
	if joined = space + namespaceMark + joined; len(joined) > maxToolName {
		return "", "is longer with its namespace than the 64 characters that chat has for a name"
	}
	return joined, ""
}

// splitName is the reverse of joinName.
func splitName(joined string) (namespace, name string) {
	if namespace, name, ok := strings.Cut(joined, namespaceMark); ok && namespace != "" && name != "" {
		return namespace, name
	}
	return "", joined
}
