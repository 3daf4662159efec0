package integration

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/record"
)

const totalsCaddyfile = `{
	{$Global}
	llm_gateway {
		provider first openai_compatible {
			base_url {$First}
		}
		provider second openai_compatible {
			base_url {$Second}
		}
		models {
			model first/m {
				input 1
				cached_input 0.5
				output 2
			}
			model second/m {
				input 3
				output 4
			}
			model second/unpriced
		}
		store sqlite {
			path {$Path}
		}
		deployment totals {
			retries 0
			variant plain {
				when ` + "`context.v == \"plain\"`" + `
				model first/m
				fallback second/m
			}
			variant default {
				model second/unpriced
			}
		}
	}
}
{$Site} {
	log
	llm_gateway
}
`

// total is what is added up of the exchanges of one kind.
type total struct {
	requests                         int64
	input, output, cached, reasoning int64
	cost                             float64
}

func (t total) equal(u total) bool {
	same := math.Abs(t.cost-u.cost) < 1e-12
	t.cost, u.cost = 0, 0
	return same && t == u
}

// totals are by variant, target and outcome.
type totals map[string]total

func (t totals) add(kind string, more total) {
	sum := t[kind]
	sum.requests += more.requests
	sum.input += more.input
	sum.output += more.output
	sum.cached += more.cached
	sum.reasoning += more.reasoning
	sum.cost += more.cost
	t[kind] = sum
}

// withoutOutcome adds the outcomes up: the metrics of tokens and cost do not tell them apart.
func (t totals) withoutOutcome() totals {
	all := totals{}
	for kind, sum := range t {
		target, _, _ := strings.Cut(kind, " ")
		all.add(target, sum)
	}
	return all
}

// TestMetricsAccessLogAndRecordsAgree has clients get whole answers and streams, answers of a
// fallback, failures, errors of their own, streams that break, and leave in the middle of
// others. Then all three say the same of them, to the token.
func TestMetricsAccessLogAndRecordsAgree(t *testing.T) {
	first, second := fakellm.Start(t), fakellm.Start(t)
	down := fakellm.Error(http.StatusServiceUnavailable, "overloaded", "Later.")
	script := func(q *fakellm.Request) fakellm.Step {
		switch asked := q.Get("messages.0.content").String(); {
		case strings.HasPrefix(asked, "fall") && q.Get("model").String() == "m" && strings.Contains(q.Host, hostOf(first)), asked == "fail":
			return down
		case asked == "wrong":
			return fakellm.Error(http.StatusBadRequest, "bad", "No.")
		case asked == "break":
			return fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello "), fakellm.Cut())
		case asked == "leave":
			return fakellm.Steps(fakellm.Stream(), fakellm.Role(), fakellm.Text("Hello "), fakellm.Hang())
		default:
			return fakellm.Reply{Text: "Hello there", Usage: fakellm.Usage{Input: 10 + q.Number, Output: 20 + q.Number, Cached: 5, Reasoning: 3}}.Step()
		}
	}
	first.Otherwise(script)
	second.Otherwise(script)
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "records.db"))
	g := startGateway(t, totalsCaddyfile, map[string]string{"First": first.BaseURL(), "Second": second.BaseURL(), "Path": path})
	before := scraped(t, g)

	var traces []string
	for _, asked := range []string{"ok", "fall back", "fail", "wrong", "break", "leave"} {
		for _, variant := range []string{"plain", "other"} {
			for _, stream := range []bool{false, true} {
				if !stream && (asked == "break" || asked == "leave") {
					continue
				}
				for range 3 {
					traces = append(traces, g.askTotals(asked, variant, stream))
				}
			}
		}
	}
	logged := totals{}
	for _, id := range traces {
		line := g.accessLog(id)
		l := gjson.Get(line, "llm")
		logged.add(fmt.Sprintf("%s/%s/%s %s", l.Get("variant"), l.Get("provider"), l.Get("model"), l.Get("outcome")), total{
			1, l.Get("input_tokens").Int(), l.Get("output_tokens").Int(), l.Get("cached_tokens").Int(), l.Get("reasoning_tokens").Int(), l.Get("cost_usd").Float(),
		})
	}
	for _, outcome := range []string{"ok", "upstream_error", "client_error", "interrupted", "cancelled"} {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(logged)), func(kind string) bool { return strings.HasSuffix(kind, " "+outcome) }) {
			t.Errorf("nothing ended with %s: %v", outcome, logged)
		}
	}

	var rows []record.Row
	eventually(t, "all records are stored", func() bool {
		rows = storedRows(t, path, &record.Filter{Deployments: []string{"totals"}})
		return len(rows) >= len(traces)
	})
	kept := totals{}
	for i := range rows {
		r := &rows[i]
		kept.add(fmt.Sprintf("%s/%s/%s %s", r.Variant, r.Provider, r.Model, r.Outcome), total{1, r.Input, r.Output, r.CachedInput, r.Reasoning, r.CostUSD})
		if !slices.Contains(traces, r.TraceID) {
			t.Errorf("nobody asked for %s", r.TraceID)
		}
	}
	agree(t, "records and access log", kept, logged)

	counted := scraped(t, g)
	for kind, was := range before {
		counted.add(kind, total{-was.requests, -was.input, -was.output, -was.cached, -was.reasoning, -was.cost})
	}
	requests, used := totals{}, totals{}
	for kind, sum := range counted {
		if strings.Contains(kind, " ") {
			requests[kind] = sum
		} else {
			used[kind] = sum
		}
	}
	onlyRequests, onlyUse := totals{}, totals{}
	for kind, sum := range kept {
		onlyRequests[kind] = total{requests: sum.requests}
	}
	for kind, sum := range kept.withoutOutcome() {
		if sum.requests = 0; sum != (total{}) {
			onlyUse[kind] = sum
		}
	}
	agree(t, "metrics and records", requests, onlyRequests)
	agree(t, "metrics and records", used, onlyUse)
	if len(onlyUse) < 3 {
		t.Errorf("only %v used anything", onlyUse)
	}
}

func agree(t *testing.T, who string, got, want totals) {
	t.Helper()
	if !maps.EqualFunc(got, want, total.equal) {
		t.Errorf("%s do not agree:\n%+v\nand\n%+v", who, got, want)
	}
}

func hostOf(s *fakellm.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// askTotals asks, and returns the exchange's trace id. Who leaves does so after the first
// bytes.
func (g *gateway) askTotals(asked, variant string, stream bool) string {
	t := g.t
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	body := fmt.Sprintf(`{"stream":%t,"stream_options":{"include_usage":true},"context":{"v":%q},"messages":[{"role":"user","content":%q}]}`, stream, variant, asked)
	if !stream {
		body = strings.Replace(body, `"stream_options":{"include_usage":true},`, "", 1)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.baseURL()+"/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Deployment-Key", "totals")
	resp, err := sharedClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if asked == "leave" {
		if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
			t.Fatal(err)
		}
		leave()
	} else if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get("X-Deployment-Trace-Id")
}

// scraped returns what the metrics say of the deployment: how many requests ended how, by
// "variant/provider/model outcome", and what they used, by "variant/provider/model".
func scraped(t *testing.T, g *gateway) totals {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(g.metrics()))
	if err != nil {
		t.Fatal(err)
	}
	all := totals{}
	for _, name := range []string{"llm_gateway_requests_total", "llm_gateway_tokens_total", "llm_gateway_cost_usd_total"} {
		for _, m := range families[name].GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["deployment"] != "totals" {
				continue
			}
			kind := labels["variant"] + "/" + labels["provider"] + "/" + labels["model"]
			value := m.GetCounter().GetValue()
			switch name {
			case "llm_gateway_requests_total":
				all.add(kind+" "+labels["outcome"], total{requests: int64(value)})
			case "llm_gateway_cost_usd_total":
				all.add(kind, total{cost: value})
			default:
				n := int64(value)
				all.add(kind, map[string]total{
					"input": {input: n}, "output": {output: n}, "cached_input": {cached: n}, "reasoning": {reasoning: n},
				}[labels["type"]])
			}
		}
	}
	return all
}
