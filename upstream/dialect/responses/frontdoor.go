package responses

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
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
	joined = inside(name)
	if joined == "" {
		return "", "is missing"
	}
	if strings.Contains(joined, namespaceMark) {
		return "", "holds " + namespaceMark + ", which the gateway uses itself"
	}
	space := inside(namespace)
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

// present says whether a member is there and says something: null is how many clients leave
// a member out.
func present(v gjson.Result) bool { return v.Exists() && v.Type != gjson.Null }

// inside returns a JSON string as it stands between its quotes, and "" for any other value.
func inside(v gjson.Result) string {
	if v.Type != gjson.String || len(v.Raw) < 2 {
		return ""
	}
	return v.Raw[1 : len(v.Raw)-1]
}

// stringOr returns a value as it stands when it is a string, else otherwise.
func stringOr(v gjson.Result, otherwise string) string {
	if v.Type == gjson.String {
		return v.Raw
	}
	return otherwise
}

// comma appends a comma unless what is before it opens a list or an object, or is nothing.
func comma(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] != '[' && b[n-1] != '{' {
		return append(b, ',')
	}
	return b
}

// member appends a member of an object, whose value is JSON.
func member(b []byte, name, value string) []byte {
	b = append(comma(b), '"')
	b = append(b, name...)
	b = append(b, `":`...)
	return append(b, value...)
}

// quoted appends a member of an object, whose value is what stands inside a JSON string.
func quoted(b []byte, name string, value []byte) []byte {
	b = append(comma(b), '"')
	b = append(b, name...)
	b = append(b, `":"`...)
	return append(append(b, value...), '"')
}

// list appends a member that is a list of what has commas between it, unless it is empty.
func list(b []byte, name string, elements []byte) []byte {
	if len(elements) == 0 {
		return b
	}
	b = append(member(b, name, "["), elements...)
	return append(b, ']')
}

// elements calls f with each element of a list and its index, until it fails.
func elements(list gjson.Result, f func(i int, v gjson.Result) error) error {
	if !list.IsArray() {
		return nil
	}
	var err error
	i := 0
	list.ForEach(func(_, v gjson.Result) bool {
		err = f(i, v)
		i++
		return err == nil
	})
	return err
}

// unsupported returns the refusal of a member.
func unsupported(field, why string) error { return &dialect.UnsupportedError{Field: field, Why: why} }

// indexed returns the name of an element of a list, such as tools[3].
func indexed(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// drops is the names of what is left out, each once.
type drops []string

func (d *drops) add(name string) {
	if !slices.Contains(*d, name) {
		*d = append(*d, name)
	}
}
