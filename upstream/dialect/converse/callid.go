package converse

import (
	"hash/fnv"
	"strconv"
	"strings"
)

// How long the id of a call may be, and what Mistral's models want.
// Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolUseBlock.html;
// Mistral's is seen in real replies, and in its error: "Tool call id was … but must be a-z, A-Z,
// 0-9, with a length of 9".
const (
	maxID     = 64
	mistralID = 9
)

// callID makes the id of a call what Bedrock takes: letters, digits, _ and -. Ids of other
// vendors have more, or are longer, and become the same in the call and in its result.
func (r *request) callID(id string) string {
	if r.model.vendor == mistral {
		if len(id) == mistralID && strings.Map(letter, id) == id {
			return id
		}
		return digest(id, mistralID)
	}
	clean := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || letter(c) == c {
			return c
		}
		return '_'
	}, id)
	if len(clean) > maxID {
		const kept = maxID - 1 - 12
		clean = clean[:kept] + "_" + digest(id, 12)
	}
	return clean
}

// letter keeps ASCII letters and digits, and drops what is neither.
func letter(c rune) rune {
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
		return c
	}
	return -1
}

// digest returns n letters and digits, at most 12, that stand for an id.
func digest(id string, n int) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it cannot fail
	text := strconv.FormatUint(h.Sum64(), 36)
	return strings.Repeat("0", max(0, n-len(text))) + text[max(0, len(text)-n):]
}
