package record

import (
	"encoding/json"
	"slices"
)

// Members returns the members of a JSON object as texts, sorted by name. A text is itself,
// null is "", everything else is its JSON. It is how metadata is filtered and grouped.
func Members(object json.RawMessage) (names, texts []string) {
	members := members(object)
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		texts = append(texts, memberText(members[name]))
	}
	return names, texts
}

// Member returns one of the Members, "" when there is none of that name.
func Member(object json.RawMessage, name string) string {
	return memberText(members(object)[name])
}

func members(object json.RawMessage) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if len(object) == 0 || json.Unmarshal(object, &members) != nil {
		return nil
	}
	return members
}

func memberText(value json.RawMessage) string {
	var text string
	if len(value) == 0 || string(value) == "null" {
		return ""
	}
	if value[0] == '"' && json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// mergeObjects returns the members of both objects; over's win.
func mergeObjects(object, over json.RawMessage) json.RawMessage {
	if len(over) == 0 {
		return object
	}
	merged := members(object)
	if merged == nil {
		return over
	}
	for name, value := range members(over) {
		merged[name] = value
	}
	return encodeJSON(merged)
}
