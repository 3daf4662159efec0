package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// The years that every store and RFC 3339 can hold.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
)

const (
	// maxDepth is how deep objects may nest in metadata, which databases bound too.
	maxDepth = 100
	// maxTokens and maxCost are more than any exchange can use.
	maxTokens = 1_000_000_000_000
	maxCost   = 1e12
)

// Clean returns the batch in the form in which every store can keep it, and leaves b as it
// is. Rows that are clean already are in both. Stores begin their Write with it, so that all
// of them hold the same:
//
//   - texts are valid UTF-8 without NUL: what is not is U+FFFD,
//   - ids, names and what else is looked up are at most 256 bytes long (see CleanName),
//   - times are in UTC, to the microsecond, of the years 1 to 9999,
//   - lists of a row are empty rather than nil,
//   - costs are at most 10¹² USD, and 0 where Priced is false; tokens are 0 to 10¹², so that sums
//     of them do not overflow; durations are not negative,
//   - JSON objects have sorted, unique members; what is no object, or nests deeper than 100
//     levels, is nil.
//
// Feedback whose value no JSON can hold (NaN, infinities, unknown kinds) is left out.
func (b *Batch) Clean() *Batch {
	clean := &Batch{
		Rows:        make([]*Row, len(b.Rows)),
		Completions: make([]*Completion, len(b.Completions)),
		Feedback:    make([]*Feedback, 0, len(b.Feedback)),
	}
	for i, r := range b.Rows {
		clean.Rows[i] = r.clean()
	}
	for i, c := range b.Completions {
		clean.Completions[i] = c.clean()
	}
	for _, f := range b.Feedback {
		if f, ok := f.clean(); ok {
			clean.Feedback = append(clean.Feedback, f)
		}
	}
	return clean
}

// CleanText returns valid UTF-8 without NUL, which PostgreSQL can't keep
// (source: https://www.postgresql.org/docs/current/datatype-character.html).
func CleanText(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // U+FFFD for each byte, as encoding/json does it
	}
	return s
}

// maxName is how many bytes a name may have. Databases bound what an index can hold.
const maxName = 256

// CleanName returns a clean text of at most 256 bytes: of a longer one the beginning, and a
// digest of the whole, so that two that differ stay two.
func CleanName(s string) string {
	s = CleanText(s)
	if len(s) <= maxName {
		return s
	}
	digest := sha256.Sum256([]byte(s))
	mark := "…" + hex.EncodeToString(digest[:16])
	return strings.ToValidUTF8(s[:maxName-len(mark)], "") + mark
}

// CleanTarget returns a clean "provider/model".
func CleanTarget(s string) string {
	provider, model, ok := strings.Cut(s, "/")
	if !ok {
		return CleanName(s)
	}
	return CleanName(provider) + "/" + CleanName(model)
}

func (c *Completion) clean() *Completion {
	k := *c
	k.ID, k.TraceID, k.Time = CleanName(c.ID), CleanName(c.TraceID), cleanTime(c.Time)
	k.Usage.clean()
	k.CostUSD, k.Priced = cleanCost(c.CostUSD, c.Priced)
	k.FirstToken, k.Duration = cleanMillis(c.FirstToken), cleanMillis(c.Duration)
	k.Metadata, k.Bodies = cleanObject(c.Metadata), c.Bodies.clean()
	return &k
}

func (f *Feedback) clean() (*Feedback, bool) {
	c := *f
	c.Time, c.Metadata = cleanTime(f.Time), cleanObject(f.Metadata)
	for _, s := range []*string{&c.ID, &c.TraceID, &c.Name, &c.ClientID} {
		*s = CleanName(*s)
	}
	c.Comment = CleanText(f.Comment)
	c.Value.Texts = slices.Clone(f.Value.Texts)
	for i := range c.Value.Texts {
		c.Value.Texts[i] = CleanText(c.Value.Texts[i])
	}
	_, err := c.Value.MarshalJSON()
	return &c, err == nil
}

func cleanTime(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Microsecond)
	switch {
	case t.Before(earliest):
		return earliest
	case t.After(latest):
		return latest
	default:
		return t
	}
}

func (u *Usage) clean() {
	for _, n := range []*int64{
		&u.Input, &u.Output, &u.CachedInput, &u.CacheWrite, &u.Reasoning, &u.InputAudio, &u.OutputAudio,
	} {
		*n = min(max(*n, 0), maxTokens)
	}
}

func cleanCost(usd float64, priced bool) (float64, bool) {
	if !priced || math.IsNaN(usd) || math.Abs(usd) > maxCost {
		return 0, false
	}
	return usd, true
}

func cleanMillis(m Millis) Millis { return FromMicros(max(m.Micros(), 0)) }

// cleanObject returns a JSON object with sorted, unique members, or nil for what is none.
func cleanObject(text json.RawMessage) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	if isPlain(text) {
		return text[:len(text):len(text)]
	}
	return rewriteObject(text)
}

// rewriteObject is cleanObject for what may not be clean yet.
func rewriteObject(text json.RawMessage) json.RawMessage {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var members map[string]any
	if decoder.Decode(&members) != nil || members == nil || decoder.More() {
		return nil
	}
	clean, ok := cleanJSON(members, maxDepth)
	if !ok {
		return nil
	}
	return encodeJSON(clean)
}

// cleanJSON cleans the texts of what a decoder gave, and says whether it fits in depth.
func cleanJSON(value any, depth int) (any, bool) {
	if depth < 0 {
		return nil, false
	}
	switch v := value.(type) {
	case string:
		return CleanText(v), true
	case []any:
		for i := range v {
			element, ok := cleanJSON(v[i], depth-1)
			if !ok {
				return nil, false
			}
			v[i] = element
		}
	case map[string]any:
		names := slices.Sorted(maps.Keys(v)) // so that of two names that clean makes equal always the same one wins
		for _, name := range names {
			member, ok := cleanJSON(v[name], depth-1)
			if !ok {
				return nil, false
			}
			delete(v, name)
			v[CleanText(name)] = member
		}
	}
	return value, true
}

// encodeJSON writes what a decoder gave, without escapes that only HTML needs.
func encodeJSON(value any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil // what was decoded can be encoded
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
