package demo

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// Limits on what a small request can ask for.
const (
	maxInputs     = 2048    // OpenAI's own limit on a list
	maxDimensions = 4096    // of one vector
	maxNumbers    = 1 << 20 // in all vectors
)

// defaultDimensions is the length of an embedding when the request names none.
const defaultDimensions = 64

// inputs returns the texts of a request. A list of numbers is one input, of tokens, and a
// list of objects is one, of parts.
func (q *question) inputs() ([]gjson.Result, *reply) {
	input := q.body.Get("input")
	first := input.Get("0")
	if !input.IsArray() || !first.Exists() || first.Type == gjson.Number || first.IsObject() {
		return []gjson.Result{input}, nil
	}
	if input.Get("#").Int() > maxInputs {
		return nil, tooMuch("The demo does not take that many inputs at once.")
	}
	return input.Array(), nil
}

// embeddings answers with a unit vector made from each input's text, so that the same text
// always has the same vector.
func (q *question) embeddings() *reply {
	items, refused := q.inputs()
	if refused != nil {
		return refused
	}
	dimensions := int(q.body.Get("dimensions").Int())
	if dimensions <= 0 {
		dimensions = defaultDimensions
	}
	if dimensions > maxDimensions || len(items)*dimensions > maxNumbers {
		return tooMuch("The demo does not make vectors that long.")
	}
	data := make([]any, len(items))
	tokens := 0
	for i, item := range items {
		tokens += max(words(item.String()), 1)
		v := vector(item.String(), dimensions)
		var embedding any = v
		if q.body.Get("encoding_format").String() == "base64" {
			raw := make([]byte, 0, 4*len(v))
			for _, f := range v {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
			}
			embedding = base64.StdEncoding.EncodeToString(raw)
		}
		data[i] = object{"object": "embedding", "index": i, "embedding": embedding}
	}
	return jsonReply(object{
		"object": "list", "model": q.model, "data": data,
		"usage": object{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

func vector(text string, dimensions int) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash's Write never fails
	state, sum := h.Sum64()|1, 0.0
	values := make([]float64, dimensions)
	for i := range values {
		// xorshift64 (Marsaglia, 2003): any sequence does that is the same everywhere.
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		values[i] = float64(int64(state)) / math.MaxInt64
		sum += values[i] * values[i]
	}
	v := make([]float32, dimensions)
	for i := range v {
		v[i] = float32(values[i] / math.Sqrt(sum))
	}
	return v
}

// moderation finds nothing wrong with any input.
func (q *question) moderation() *reply {
	items, refused := q.inputs()
	if refused != nil {
		return refused
	}
	results := make([]any, len(items))
	for i := range results {
		results[i] = object{"flagged": false, "categories": object{"violence": false}, "category_scores": object{"violence": 0}}
	}
	return jsonReply(object{"id": "modr-demo", "model": q.model, "results": results})
}

// pixel is a PNG of one transparent pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

func (q *question) image() *reply {
	in := q.promptWords()
	return jsonReply(object{
		"created": created, "data": []any{object{"b64_json": pixel}},
		"usage": object{"input_tokens": in, "output_tokens": 1, "total_tokens": in + 1},
	})
}

// speech answers with a tenth of a second of silence: 8 kHz, mono, 8 bits, in a WAV file.
func (q *question) speech() *reply {
	const rate, samples = 8000, 800
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+samples)
	b = append(b, "WAVEfmt "...)
	b = binary.LittleEndian.AppendUint32(b, 16)
	b = binary.LittleEndian.AppendUint16(b, 1) // PCM
	b = binary.LittleEndian.AppendUint16(b, 1) // mono
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, rate) // bytes per second
	b = binary.LittleEndian.AppendUint16(b, 1)    // bytes per frame
	b = binary.LittleEndian.AppendUint16(b, 8)    // bits per sample
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, samples)
	for range samples {
		b = append(b, 0x80)
	}
	return newReply("audio/wav", b)
}

func (q *question) transcription() *reply {
	return jsonReply(object{
		"text":  "This is a transcription by " + q.model + " of the built-in demo.",
		"usage": object{"type": "duration", "seconds": 1},
	})
}

// rerank scores each document by the share of the query's words that it holds, the best first.
func (q *question) rerank() *reply {
	if q.body.Get("documents.#").Int() > maxInputs {
		return tooMuch("The demo does not take that many documents at once.")
	}
	query := wordSet(q.body.Get("query").String())
	type result struct {
		Index int     `json:"index"`
		Score float64 `json:"relevance_score"`
	}
	results := []result{}
	q.body.Get("documents").ForEach(func(_, d gjson.Result) bool {
		text := d.String()
		if d.IsObject() {
			text = d.Get("text").String()
		}
		found := 0
		for word := range wordSet(text) {
			if query[word] {
				found++
			}
		}
		results = append(results, result{len(results), float64(found) / float64(max(len(query), 1))})
		return true
	})
	slices.SortStableFunc(results, func(a, b result) int { return cmp.Compare(b.Score, a.Score) })
	if top := int(q.body.Get("top_n").Int()); top > 0 && top < len(results) {
		results = results[:top]
	}
	return jsonReply(object{"id": "rerank-demo", "model": q.model, "results": results, "usage": object{"total_tokens": len(query)}})
}

// wordSet returns the words of a text, in lower case and without punctuation around them.
func wordSet(text string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(strings.ToLower(text)) {
		if word = strings.Trim(word, ".,;:!?\"'()"); word != "" {
			set[word] = true
		}
	}
	return set
}
