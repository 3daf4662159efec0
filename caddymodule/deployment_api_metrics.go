package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/redact"
)

// maxReportedTokens is the most tokens that a client is believed to have used at once.
const maxReportedTokens = 1 << 40

// serveMetrics answers POST /v2/deployments/{id}/metrics: what came of an exchange whose provider
// the caller asked itself. Each report adds to the exchange's record, and the answer is the same
// whether there is one or not.
func (s *site) serveMetrics(w http.ResponseWriter, r *http.Request) {
	lease := s.app.acquire()
	defer lease.release()
	traceID := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, deploymentPrefix), metricsSuffix)
	err := s.complete(r, traceID)
	if err != nil {
		writeSDKError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, []byte(`{"success":true}`))
}

// complete reads a report and keeps it.
func (s *site) complete(r *http.Request, traceID string) error {
	sent, err := readBody(r, s.maxBody)
	if err != nil {
		return err
	}
	defer sent.release()
	if _, err := llm.ParseJSON(sent.bytes); err != nil {
		return err
	}
	body := gjson.ParseBytes(sent.bytes)
	c, err := readCompletion(body)
	if err != nil {
		return err
	}
	c.TraceID = traceID
	score, err := readScore(body, traceID)
	if err != nil {
		return err
	}
	if err := checkLine("id", traceID, maxFeedbackTrace); err != nil {
		return err
	}
	if score == nil {
		return s.keepCompletion(r, body, c)
	}
	if err := s.app.Feedback.accept(score.Name, score.Value); err != nil {
		return invalid("feedback.score", "is not taken: %v", err)
	}
	if err := s.keepCompletion(r, body, c); err != nil {
		return err
	}
	return s.keepFeedback(r, score)
}

// keepCompletion prices a completion as its exchange's model is priced, and keeps it.
func (s *site) keepCompletion(r *http.Request, body gjson.Result, c *record.Completion) error {
	var row *record.Row
	if err := s.durably(r, func(ctx context.Context, rec *record.Recorder) error {
		if e := s.entry(ctx, c.TraceID); e != nil {
			row = &e.Row
		} else if rec.Flush(ctx) == nil { // it may be on its way to the store
			if e := s.entry(ctx, c.TraceID); e != nil {
				row = &e.Row
			}
		}
		if row != nil {
			s.app.price(row, c)
			c.Bodies = s.app.reportedBodies(row.Deployment, body)
		}
		kept := *c
		return rec.Complete(ctx, &kept)
	}); err != nil {
		return err
	}
	if row != nil && c.Known {
		metrics.Completed(&llm.Exchange{
			Deployment: row.Deployment, Variant: row.Variant, Provider: row.Provider, Model: row.Model,
			Usage: llm.Usage{Input: c.Input, Output: c.Output, CachedInput: c.CachedInput, Reasoning: c.Reasoning, Known: true},
			Cost:  llm.Cost{USD: c.CostUSD, Priced: c.Priced},
		})
	}
	return nil
}

// price says what a completion cost, by the garden's prices of the row's model.
func (a *App) price(row *record.Row, c *record.Completion) {
	m, ok := a.Garden().Find(row.Target())
	if !ok || !c.Known {
		return
	}
	cost := m.Cost(llm.Usage{Input: c.Input, Output: c.Output, CachedInput: c.CachedInput, Reasoning: c.Reasoning, Known: true})
	c.CostUSD, c.Priced = cost.USD, cost.Priced
}

// readCompletion reads what a report says, without feedback and bodies.
func readCompletion(body gjson.Result) (*record.Completion, error) {
	c := &record.Completion{ID: newTraceID(), Time: time.Now()}
	if usage := body.Get("usage"); usage.Exists() && usage.Type != gjson.Null {
		var err error
		c.Known = true
		for name, into := range map[string]*int64{"prompt_tokens": &c.Input, "completion_tokens": &c.Output} {
			if *into, err = reportedTokens("usage."+name, usage.Get(name), true); err != nil {
				return nil, err
			}
		}
		if c.CachedInput, err = reportedTokens("usage.prompt_tokens_details.cached_tokens", usage.Get("prompt_tokens_details.cached_tokens"), false); err != nil {
			return nil, err
		}
		if c.Reasoning, err = reportedTokens("usage.completion_tokens_details.reasoning_tokens", usage.Get("completion_tokens_details.reasoning_tokens"), false); err != nil {
			return nil, err
		}
		if c.CachedInput > c.Input || c.Reasoning > c.Output {
			return nil, invalid("usage", "has parts that are more than the whole")
		}
	}
	if performance := body.Get("performance"); performance.Exists() && performance.Type != gjson.Null {
		var err error
		if c.Duration, err = reportedMillis("performance.latency", performance.Get("latency"), true); err != nil {
			return nil, err
		}
		if c.FirstToken, err = reportedMillis("performance.time_to_first_token", performance.Get("time_to_first_token"), false); err != nil {
			return nil, err
		}
	}
	if metadata := body.Get("metadata"); metadata.Exists() && metadata.Type != gjson.Null {
		c.Metadata = slices.Clone(json.RawMessage(metadata.Raw))
		if err := checkMetadata(c.Metadata); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func reportedTokens(param string, v gjson.Result, required bool) (int64, error) {
	if (!v.Exists() || v.Type == gjson.Null) && !required {
		return 0, nil
	}
	if v.Type != gjson.Number || v.Num != math.Trunc(v.Num) || !(v.Num >= 0 && v.Num <= maxReportedTokens) {
		return 0, invalid(param, "is not a number of tokens")
	}
	return v.Int(), nil
}

func reportedMillis(param string, v gjson.Result, required bool) (record.Millis, error) {
	if (!v.Exists() || v.Type == gjson.Null) && !required {
		return 0, nil
	}
	const day = 24 * 60 * 60 * 1000.0
	if v.Type != gjson.Number || !(v.Num >= 0 && v.Num <= 30*day) {
		return 0, invalid(param, "is not a number of milliseconds")
	}
	return record.FromMicros(int64(v.Num * 1000)), nil
}

// readScore returns the feedback of a report, or nil when there is none.
func readScore(body gjson.Result, traceID string) (*record.Feedback, error) {
	feedback := body.Get("feedback")
	if !feedback.Exists() || feedback.Type == gjson.Null {
		return nil, nil //nolint:nilnil // see above
	}
	score := feedback.Get("score")
	if score.Type != gjson.Number || math.IsInf(score.Num, 0) {
		return nil, invalid("feedback.score", "is not a number")
	}
	return &record.Feedback{TraceID: traceID, Name: "score", Value: record.Number(score.Num)}, nil
}

// reportedBodies returns the messages and choices of a report, where the deployment's bodies are
// kept. Those of a deployment with secrets are not: their values are not known any more.
func (a *App) reportedBodies(deployment string, body gjson.Result) *record.Bodies {
	plan := a.planOf(deployment)
	messages, choices := body.Get("messages").Raw, body.Get("choices").Raw
	if plan.bodies == BodiesOff || !plan.secrets.none() || messages == "" && choices == "" {
		return nil
	}
	b := &record.Bodies{Redacted: plan.bodies == BodiesRedacted}
	for _, part := range []struct {
		into *string
		text string
	}{
		{&b.Request, fmt.Sprintf(`{"messages":%s}`, orEmpty(messages))},
		{&b.Response, fmt.Sprintf(`{"choices":%s}`, orEmpty(choices))},
	} {
		var cut bool
		if *part.into, cut = redact.Cut([]byte(part.text), plan.maxBody); cut && b.Redacted {
			*part.into = redact.DropHalf(*part.into)
		}
		b.Truncated = b.Truncated || cut
	}
	return b
}

func orEmpty(list string) string {
	if list == "" {
		return "[]"
	}
	return list
}
