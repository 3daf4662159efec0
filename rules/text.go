package rules

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"

	"github.com/mulligan-gateway/mulligan/llm"
)

// maxText is how long a value in an explanation may be, in bytes.
const maxText = 200

// shorten cuts a text that is too long at a character, and ends it with an ellipsis. The
// text returned is a copy that may outlive the request.
func shorten(s string) string {
	if len(s) <= maxText {
		return strings.Clone(s)
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// jsonText returns a value as JSON for people, cut short where it is long.
func jsonText(v ref.Val) string {
	if s, ok := v.(types.String); ok {
		return string(llm.AppendString(nil, shorten(string(s))))
	}
	return shorten(string(appendJSON(nil, v)))
}

// appendJSON appends a value as JSON, and stops early where it gets longer than is shown.
func appendJSON(b []byte, v ref.Val) []byte {
	if len(b) > maxText {
		return b
	}
	switch v := v.(type) {
	case types.String:
		return llm.AppendString(b, shorten(string(v)))
	case types.Bool, types.Int, types.Uint:
		return fmt.Append(b, v.Value())
	case types.Double:
		return strconv.AppendFloat(b, float64(v), 'g', -1, 64)
	case types.Null:
		return append(b, "null"...)
	case types.Timestamp:
		return llm.AppendString(b, v.UTC().Format(time.RFC3339Nano))
	case types.Duration:
		return llm.AppendString(b, v.String())
	case *jsonObject:
		return append(b, v.raw...)
	case *jsonList:
		return append(b, v.raw...)
	case traits.Mapper:
		return appendMap(b, v)
	case traits.Lister:
		return appendList(b, v)
	default:
		return llm.AppendString(b, typeName(v))
	}
}

func appendMap(b []byte, m traits.Mapper) []byte {
	b = append(b, '{')
	first := true
	for it := m.Iterator(); it.HasNext() == types.True && len(b) <= maxText; first = false {
		key := it.Next()
		if !first {
			b = append(b, ',')
		}
		b = llm.AppendString(b, fmt.Sprint(key.Value()))
		b = append(b, ':')
		b = appendJSON(b, m.Get(key))
	}
	return append(b, '}')
}

func appendList(b []byte, l traits.Lister) []byte {
	b = append(b, '[')
	first := true
	for it := l.Iterator(); it.HasNext() == types.True && len(b) <= maxText; first = false {
		if !first {
			b = append(b, ',')
		}
		b = appendJSON(b, it.Next())
	}
	return append(b, ']')
}
