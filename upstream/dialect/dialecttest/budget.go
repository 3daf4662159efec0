package dialecttest

import (
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Budget is how many allocations a translation may make.
type Budget struct {
	// Request and Reply are for a small request and a small reply, each with a tool.
	Request, Reply int
	// Stream is for a whole stream of a hundred events, nearly all of them a piece of text.
	Stream int
}

// smallRequest is a request as most are.
const smallRequest = `{"model":"x","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What's the weather in Florence, Italy?"}],"tools":[{"type":"function","function":{"name":"weather","description":"Get weather information for a location","parameters":{"type":"object","properties":{"location":{"type":"string","description":"the city"}},"required":["location"]}}}],"temperature":0.5,"max_tokens":1000,"stream":true}`

// smallReply says what most replies do.
func smallReply() Said {
	return Said{
		Text: "Let me look at the weather in Florence for you.", Finish: "tool_calls", Prompt: 454, Completion: 67,
		Calls: []Called{{ID: "toolu_013SKcEFkzQm5QWtwuZCQKsV", Name: "weather", Input: map[string]any{"location": "Florence, Italy"}}},
	}
}

// hundred is a stream of about a hundred events.
func (p Provider) hundred() []dialect.Event {
	s := Said{Text: "text", Finish: "stop", Prompt: 502, Completion: 137}
	return p.Stream(s, func(text string) (all []string) {
		for range 96 {
			if text != "" {
				all = append(all, " multiply the numbers")
			}
		}
		return all
	})
}

func (p Provider) question() dialect.Question {
	return dialect.Question{Body: []byte(smallRequest), Model: p.Model, Stream: true}
}

// translateAll translates a stream event by event into one buffer, as a reply is read.
func (p Provider) translateAll(t T, events []dialect.Event, b []byte) {
	t.Helper()
	s := p.Translator.Stream()
	for i := range events {
		var err error
		if b, err = s.Event(b[:0], events[i].Name, events[i].Data); err != nil {
			t.Fatalf("%v", err)
		}
	}
	s.End(b[:0])
}

// budget holds the translations to the budget. The race detector allocates, too.
func (p Provider) budget(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	q, reply, events := p.question(), p.Reply(smallReply()), p.hundred()
	buffer := make([]byte, 4096)
	for _, c := range []struct {
		name string
		most int
		run  func()
	}{
		{"a request", p.Budget.Request, func() { must(p.Translator.Request(q)) }},
		{"a reply", p.Budget.Reply, func() { must(p.Translator.Reply(reply)) }},
		{"a stream of 100 events", p.Budget.Stream, func() { p.translateAll(t, events, buffer) }},
	} {
		if n := int(testing.AllocsPerRun(20, c.run)); n > c.most {
			t.Errorf("%s makes %d allocations, and may make %d", c.name, n, c.most)
		} else if c.most > n+n/2+4 {
			t.Errorf("%s may make %d allocations, and makes %d: lower the budget", c.name, c.most, n)
		}
	}
}

func must[V any](_ V, err error) {
	if err != nil {
		panic(err) // what is small and sound is translated
	}
}

// Bench measures the translations of a small request, a small reply and a stream of a hundred
// events. upstream has the benchmark of whole streams beside those that are passed through.
func (p Provider) Bench(b *testing.B) {
	q, reply, events := p.question(), p.Reply(smallReply()), p.hundred()
	buffer := make([]byte, 4096)
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"request", func() { must(p.Translator.Request(q)) }},
		{"reply", func() { must(p.Translator.Reply(reply)) }},
		{"stream-of-100", func() { p.translateAll(b, events, buffer) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.run()
			}
		})
	}
}

// BenchStream measures the translation of a stream, for each of its events.
func BenchStream(b *testing.B, stream []byte, open func() dialect.Stream) {
	b.Helper()
	events := Events(stream)
	var buffer []byte
	b.ReportAllocs()
	for b.Loop() {
		s := open()
		for i := range events {
			var err error
			if buffer, err = s.Event(buffer[:0], events[i].Name, events[i].Data); err != nil {
				b.Fatal(err)
			}
		}
		buffer = s.End(buffer[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(events)), "ns/event")
}
