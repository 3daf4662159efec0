package upstream

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/chat"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/cohere"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/converse"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/gemini"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/messages"
)

// A stream of a hundred events, nearly all of them a piece of text, as OpenAI sends it and as the
// vendors of other dialects do.
type vendorStream struct {
	begin, end []string
	text       string // with %d for a count that grows and %s for padding, if there are any
}

func (v vendorStream) events() (all []string) {
	all = append(all, v.begin...)
	for i := range 100 - len(v.begin) - len(v.end) {
		text := strings.ReplaceAll(v.text, "%d", fmt.Sprint(10+i))
		all = append(all, strings.ReplaceAll(text, "%s", strings.Repeat(" ", i%12)))
	}
	return append(all, v.end...)
}

// sse frames events as server-sent ones.
func sse(events []string) (all [][]byte) {
	for _, e := range events {
		all = append(all, []byte("data: "+e+"\n\n"))
	}
	return all
}

// framesOf frames events as AWS does; each is its name and its data, with a space between.
func framesOf(b *testing.B, events []string) (all [][]byte) {
	b.Helper()
	for _, e := range events {
		name, data, _ := strings.Cut(e, " ")
		m := eventstream.Message{Payload: []byte(data)}
		for _, h := range [][2]string{{":event-type", name}, {":content-type", "application/json"}, {":message-type", "event"}} {
			m.Headers.Set(h[0], eventstream.StringValue(h[1]))
		}
		var out bytes.Buffer
		if err := eventstream.NewEncoder().Encode(&out, m); err != nil {
			b.Fatal(err)
		}
		all = append(all, out.Bytes())
	}
	return all
}

const (
	openaiHead = `{"id":"chatcmpl-DXs9rRHYdgSwXcNyvnBBMUy0OKZUo","object":"chat.completion.chunk","created":1776006831,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":`
	openaiTail = `,"finish_reason":null}],"usage":null,"obfuscation":"zqD3uTgLa"}`
	geminiTail = `"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":211,"candidatesTokenCount":%d,"totalTokenCount":2%d,"promptTokensDetails":[{"modality":"TEXT","tokenCount":211}],"thoughtsTokenCount":20},"modelVersion":"gemini-3.1-pro-preview","responseId":"VgCzafjWBa_Qz7IP1KnJoQk"}`
)

var vendorStreams = map[string]vendorStream{
	"chat": {
		begin: []string{openaiHead + `{"role":"assistant","content":"","refusal":null}` + openaiTail},
		text:  openaiHead + `{"content":" multiply the numbers"}` + openaiTail,
		end:   []string{strings.Replace(openaiHead+`{}`+openaiTail, `"finish_reason":null`, `"finish_reason":"stop"`, 1), "[DONE]"},
	},
	"messages": {
		begin: []string{
			`{"type":"message_start","message":{"model":"claude-sonnet-4-20250514","id":"msg_01PSvJdjd5keNSD63VHjYzex","type":"message","role":"assistant","content":[],"stop_reason":null,"usage":{"input_tokens":502,"output_tokens":4}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		},
		text: `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" multiply the numbers"}%s}`,
		end: []string{
			`{"type":"content_block_stop","index":0            }`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":137}  }`, `{"type":"message_stop"             }`,
		},
	},
	"gemini": {
		text: `{"candidates":[{"content":{"parts":[{"text":" multiply the numbers"}],` + geminiTail,
		end:  []string{`{"candidates":[{"content":{"parts":[{"text":"."}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":211,"candidatesTokenCount":137}}`},
	},
	"cohere": {
		begin: []string{`{"id":"1","type":"message-start","delta":{"message":{"role":"assistant","content":[]}}}`, `{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}`},
		text:  `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" multiply the numbers"}}}}`,
		end:   []string{`{"type":"content-end","index":0}`, `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":11,"output_tokens":137}}}}`},
	},
	"converse": {
		begin: []string{`messageStart {"p":"abcdefghijklmn","role":"assistant"}`},
		text:  `contentBlockDelta {"contentBlockIndex":0,"delta":{"text":" multiply the numbers"},"p":"abcdefghijk"}`,
		end: []string{
			`contentBlockStop {"contentBlockIndex":0,"p":"abc"}`, `messageStop {"p":"abcdef","stopReason":"end_turn"}`,
			`metadata {"metrics":{"latencyMs":3145},"p":"abc","usage":{"inputTokens":92,"outputTokens":173,"totalTokens":265}}`,
		},
	},
}

// arriving is a stream as it comes over the network: an event at a time.
type arriving struct {
	all [][]byte
	at  int
}

func (p *arriving) Read(b []byte) (int, error) {
	if p.at == len(p.all) {
		return 0, io.EOF
	}
	n := copy(b, p.all[p.at]) // the buffers are larger
	p.at++
	return n, nil
}

// watchAll reads a stream as a reply does, up to what goes to the client.
func watchAll(b *testing.B, src io.Reader, buf []byte) {
	b.Helper()
	s, w := events{src: src, buf: buf}, chat.NewWatcher(false)
	var e dialect.Event
	for {
		for {
			raw, ok := s.next()
			if !ok {
				break
			}
			if raw.dataLines > 0 {
				e = dialect.Event{Name: raw.name, Data: raw.data}
				if err := w.Event(&e); err != nil {
					b.Fatal(err)
				}
			}
			s.accept(&raw)
		}
		s.take()
		if s.eof {
			break
		}
		if err := s.read(); err != nil {
			b.Fatal(err)
		}
	}
	if !w.Signs().Whole {
		b.Fatalf("the stream is not whole: %+v", w.Signs())
	}
}

// A translated stream of a hundred events beside the same one passed through: x-passed is how
// many times as much it costs up to what goes to the client. Sockets and TLS, which cost both
// the same and more than all of this, are left out.
func BenchmarkTranslatedStreamOf100(b *testing.B) {
	passed, buf := sse(vendorStreams["chat"].events()), make([]byte, bufferSize)
	for name, open := range map[string]func() dialect.Stream{
		"messages": messages.New().Stream, "gemini": gemini.New().Stream, "cohere": cohere.NewFor("m").Stream, "converse": converse.NewFor("m").Stream,
	} {
		b.Run(name, func(b *testing.B) {
			stream := sse(vendorStreams[name].events())
			if name == "converse" {
				stream = framesOf(b, vendorStreams[name].events())
			}
			var took, passing time.Duration
			b.ReportAllocs()
			for b.Loop() { // by turns, so that what else the machine does slows both down
				begin := time.Now()
				t := newTranslation(&arriving{all: stream}, open())
				if name == "converse" {
					t.frames = converse.NewFrames(bufio.NewReader(t.in.src))
				}
				watchAll(b, t, buf)
				t.release()
				between := time.Now()
				watchAll(b, &arriving{all: passed}, buf)
				took, passing = took+between.Sub(begin), passing+time.Since(between)
			}
			b.ReportMetric(float64(took)/float64(passing), "x-passed")
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N*100), "ns/event")
			b.ReportMetric(float64(passing.Nanoseconds())/float64(b.N*100), "ns/passed-event")
		})
	}
}
