package storetest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"time"

	"pgregory.net/rapid"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// The generators draw from few values, so that rows meet in groups, feedback meets rows, and
// keys meet keys. Times lie within a few days, many on the borders of minutes and days.

var start = time.Date(2026, 2, 27, 22, 58, 30, 0, time.UTC)

var (
	genTime = rapid.Custom(func(t *rapid.T) time.Time {
		at := start.Add(time.Duration(rapid.IntRange(0, 3*24*60).Draw(t, "minute")) * time.Minute)
		return at.Add(rapid.SampledFrom([]time.Duration{
			0, time.Microsecond, -time.Microsecond, 30 * time.Second, -30 * time.Second, 1234567890, 17*time.Second + 999,
		}).Draw(t, "offset"))
	})
	genTrace   = rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprintf("0199f000-0000-7000-8000-%012d", n) })
	genName    = rapid.SampledFrom([]string{"", "a", "b", "support-reply", "it's", `q"uote`, "日本", "x y", "%_", "A"})
	genFew     = rapid.SampledFrom([]string{"", "a", "b", "it's"})
	genOutcome = rapid.SampledFrom([]llm.Outcome{
		llm.OutcomeOK, llm.OutcomeOK, llm.OutcomeOK, llm.OutcomeClientError, llm.OutcomeUpstreamError, llm.OutcomeTimeout,
		llm.OutcomeCancelled, llm.OutcomeInterrupted, llm.OutcomeRefused,
	})
	genMillis   = rapid.Map(rapid.IntRange(0, 30_000_000), func(us int) record.Millis { return record.FromMicros(int64(us)) })
	genMaybe    = rapid.OneOf(rapid.Just(record.Millis(0)), genMillis)
	genTokens   = rapid.Int64Range(0, 5000)
	genMetadata = rapid.SampledFrom([]json.RawMessage{
		nil, []byte(`{}`), []byte(`{"plan":"pro","n":4.50}`), []byte(`{"plan":"free","flag":true}`), []byte(`{"plan":null}`),
		[]byte(`{"plan":["x",{"b":1,"a":2}],"a.b":"dotted","q\"uote":"quoted","it's":"\u00e9"}`), []byte(`{"plan":{"b":1, "a":"<x>"}}`),
		[]byte(`{"n":1e3,"":"nameless","$":"dollar"}`),
	})
	genMember = rapid.SampledFrom([]string{"plan", "n", "flag", "a.b", `q"uote`, "it's", "$", "missing"})
	genValue  = rapid.SampledFrom([]record.Value{
		record.Bool(true), record.Bool(false), record.Number(1), record.Number(4.5), record.Number(-3), record.Number(1e6),
		record.Text("good"), record.Text(""), record.Text("it's"), record.List("good", "a"), record.List("a", "a", "b"), record.List(),
	})
)

var genUsage = rapid.Custom(func(t *rapid.T) record.Usage {
	return record.Usage{
		Input: genTokens.Draw(t, "input"), Output: genTokens.Draw(t, "output"), CachedInput: genTokens.Draw(t, "cached"),
		CacheWrite: genTokens.Draw(t, "cache write"), Reasoning: genTokens.Draw(t, "reasoning"), InputAudio: genTokens.Draw(t, "audio"),
		Known: rapid.Bool().Draw(t, "known"), Estimated: rapid.Bool().Draw(t, "estimated"),
	}
})

var genBodies = rapid.Custom(func(t *rapid.T) *record.Bodies {
	if rapid.Bool().Draw(t, "no bodies") {
		return nil
	}
	return &record.Bodies{Request: genName.Draw(t, "request"), Response: "{}", Truncated: rapid.Bool().Draw(t, "truncated")}
})

// rowTime is the time of the row of a trace id, which has no other.
func rowTime(traceID string) time.Time {
	digest := fnv.New64a()
	digest.Write([]byte(traceID))
	offsets := []time.Duration{0, time.Microsecond, -time.Microsecond, 30 * time.Second, -30 * time.Second, 1234567890, 17*time.Second + 999}
	n := digest.Sum64()
	return start.Add(time.Duration(n%(3*24*60)) * time.Minute).Add(offsets[n/(3*24*60)%uint64(len(offsets))])
}

var genRow = rapid.Custom(func(t *rapid.T) *record.Row {
	trace := genTrace.Draw(t, "trace")
	r := &record.Row{
		TraceID: trace, Time: rowTime(trace),
		Deployment: genName.Draw(t, "deployment"), Domain: genFew.Draw(t, "domain"), Variant: genFew.Draw(t, "variant"),
		Rule: genName.Draw(t, "rule"), ConfigVersion: genFew.Draw(t, "config"), ClientID: genName.Draw(t, "client"),
		Endpoint:  rapid.SampledFrom([]llm.Endpoint{llm.Chat, llm.Embeddings}).Draw(t, "endpoint"),
		Requested: genName.Draw(t, "requested"), Provider: genFew.Draw(t, "provider"), Model: genFew.Draw(t, "model"),
		ResponseModel: genName.Draw(t, "response model"), Stream: rapid.Bool().Draw(t, "stream"),
		Outcome: genOutcome.Draw(t, "outcome"), Status: 200, ErrorCode: genFew.Draw(t, "code"), FinishReason: "stop",
		Fallback: rapid.Bool().Draw(t, "fallback"), Continued: rapid.IntRange(0, 2).Draw(t, "continued"),
		Usage:   genUsage.Draw(t, "usage"),
		CostUSD: float64(rapid.IntRange(0, 1000).Draw(t, "cost")) / 1e4, Priced: rapid.Bool().Draw(t, "priced"),
		FirstToken: genMaybe.Draw(t, "first token"), Duration: genMaybe.Draw(t, "duration"), Upstream: genMillis.Draw(t, "upstream"),
		Metadata: genMetadata.Draw(t, "metadata"), Context: genMetadata.Draw(t, "context"), Bodies: genBodies.Draw(t, "bodies"),
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "attempts") {
		r.Attempts = append(r.Attempts, record.Attempt{
			Provider: "p", Model: genFew.Draw(t, "attempted"), Start: record.FromMicros(int64(i)), Duration: genMillis.Draw(t, "took"),
			Status: 500, Verdict: llm.VerdictNext, Error: genName.Draw(t, "error"),
		})
		r.Dropped = append(r.Dropped, genName.Draw(t, "dropped"))
	}
	return r
})

var genFeedback = rapid.Custom(func(t *rapid.T) *record.Feedback {
	return &record.Feedback{
		ID:      rapid.SampledFrom([]string{"", "", "id-1", "id-2"}).Draw(t, "id"),
		TraceID: genTrace.Draw(t, "trace"), Name: rapid.SampledFrom([]string{"rating", "rating", "thumb", "it's"}).Draw(t, "name"),
		Value: genValue.Draw(t, "value"), Comment: genName.Draw(t, "comment"), Metadata: genMetadata.Draw(t, "metadata"),
		Time: genTime.Draw(t, "time"), ClientID: genFew.Draw(t, "client"), Removed: rapid.IntRange(0, 4).Draw(t, "removed") == 0,
	}
})

var genCompletion = rapid.Custom(func(t *rapid.T) *record.Completion {
	return &record.Completion{
		ID:      fmt.Sprintf("completion-%02d", rapid.IntRange(0, 30).Draw(t, "id")),
		TraceID: genTrace.Draw(t, "trace"), Time: genTime.Draw(t, "time"), Usage: genUsage.Draw(t, "usage"),
		CostUSD: float64(rapid.IntRange(0, 1000).Draw(t, "cost")) / 1e4, Priced: rapid.Bool().Draw(t, "priced"),
		FirstToken: genMaybe.Draw(t, "first token"), Duration: genMaybe.Draw(t, "duration"),
		Metadata: genMetadata.Draw(t, "metadata"), Bodies: genBodies.Draw(t, "bodies"),
	}
})

var genBatch = rapid.Custom(func(t *rapid.T) *record.Batch {
	return &record.Batch{
		Rows:        rapid.SliceOfN(genRow, 0, 25).Draw(t, "rows"),
		Completions: rapid.SliceOfN(genCompletion, 0, 6).Draw(t, "completions"),
		Feedback:    rapid.SliceOfN(genFeedback, 0, 12).Draw(t, "feedback"),
	}
})

// list draws what a filter allows: mostly nothing, which allows everything.
func list(t *rapid.T, name string, texts *rapid.Generator[string]) []string {
	if rapid.IntRange(0, 5).Draw(t, "filter by "+name) > 0 {
		return nil
	}
	return rapid.SliceOfN(texts, 1, 3).Draw(t, name)
}

// bound draws a bound of a range: mostly none.
func bound[V any](t *rapid.T, name string, values *rapid.Generator[V]) *V {
	if rapid.IntRange(0, 8).Draw(t, "bound "+name) > 0 {
		return nil
	}
	v := values.Draw(t, name)
	return &v
}

var genFilter = rapid.Custom(func(t *rapid.T) record.Filter {
	f := record.Filter{
		Deployments: list(t, "deployment", genName), Domains: list(t, "domain", genFew), Variants: list(t, "variant", genFew),
		Models:    list(t, "model", rapid.SampledFrom([]string{"", "a/b", "a/", "it's/a", "b/it's"})),
		Providers: list(t, "provider", genFew), Endpoints: list(t, "endpoint", rapid.Just("chat")),
		Outcomes:   list(t, "outcome", rapid.SampledFrom([]string{"ok", "timeout"})),
		ErrorCodes: list(t, "code", genFew), Clients: list(t, "client", genName),
	}
	if since := bound(t, "since", genTime); since != nil {
		f.Since = *since
	}
	if until := bound(t, "until", genTime); until != nil {
		f.Until = *until
	}
	cost := rapid.Float64Range(0, 0.1)
	seconds := rapid.Map(rapid.IntRange(0, 30_000), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond })
	f.MinCostUSD, f.MaxCostUSD = bound(t, "cost above", cost), bound(t, "cost below", cost)
	f.MinDuration, f.MaxDuration = bound(t, "longer", seconds), bound(t, "shorter", seconds)
	f.MinFirstToken, f.MaxFirstToken = bound(t, "later", seconds), bound(t, "sooner", seconds)
	if rapid.IntRange(0, 5).Draw(t, "filter by metadata") == 0 {
		f.Metadata = map[string]string{
			genMember.Draw(t, "member"): rapid.SampledFrom([]string{"pro", "", "4.50", "true", `["x",{"a":2,"b":1}]`, "quoted", "dotted"}).Draw(t, "text"),
		}
	}
	if rapid.IntRange(0, 5).Draw(t, "filter by feedback") == 0 {
		f.Feedback = []record.FeedbackFilter{{
			Name:  rapid.SampledFrom([]string{"rating", "thumb", "it's"}).Draw(t, "feedback"),
			Label: bound(t, "label", rapid.SampledFrom([]string{"true", "4.5", "good", "", "it's"})),
			Min:   bound(t, "least", rapid.Float64Range(-5, 5)), Max: bound(t, "most", rapid.Float64Range(-5, 5)),
		}}
	}
	return f
})

var genDimension = rapid.Custom(func(t *rapid.T) record.Dimension {
	d := rapid.SampledFrom(record.Dimensions()).Draw(t, "dimension")
	switch d {
	case record.ByMetadata:
		return d + record.Dimension(genMember.Draw(t, "member"))
	case record.ByFeedback:
		return d + record.Dimension(rapid.SampledFrom([]string{"rating", "thumb", "it's", "none"}).Draw(t, "feedback"))
	default:
		return d
	}
})

var genQuestion = rapid.Custom(func(t *rapid.T) *record.Question {
	q := &record.Question{By: rapid.SliceOfN(genDimension, 0, record.MaxDimensions).Draw(t, "by")}
	if rapid.Bool().Draw(t, "filtered") {
		q.Filter = genFilter.Draw(t, "filter")
	}
	if rapid.Bool().Draw(t, "limited") {
		q.Limit = rapid.IntRange(1, 8).Draw(t, "limit")
	}
	return q
})

// genCovered draws questions that roll-ups may answer: of deployments, outcomes and time only.
var genCovered = rapid.Custom(func(t *rapid.T) *record.Question {
	q := &record.Question{By: rapid.SliceOfN(rapid.SampledFrom([]record.Dimension{
		record.ByVariant, record.ByModel, record.ByOutcome, record.ByMinute, record.ByHour, record.ByDay, record.ByEndpoint,
	}), 0, 3).Draw(t, "by")}
	if rapid.Bool().Draw(t, "since") {
		q.Filter.Since = genTime.Draw(t, "first")
	}
	if rapid.Bool().Draw(t, "until") {
		q.Filter.Until = genTime.Draw(t, "last")
	}
	q.Filter.Deployments = list(t, "deployment", genName)
	q.Filter.Models = list(t, "model", rapid.SampledFrom([]string{"", "a/b", "b/it's"}))
	return q
})
