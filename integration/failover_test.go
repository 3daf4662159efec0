package integration

import (
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

const failoverCaddyfile = `{
	{$Global}
	llm_gateway {
		provider first openai_compatible {
			base_url {$First}
			api_key first-key
		}
		provider second openai_compatible {
			base_url {$Second}
			api_key second-key
		}
		models {
			model first/primary {
				input 1
				output 2
			}
			model second/spare {
				input 10
				output 20
			}
		}
		deployment careful {
			retries 2
			backoff 1ms 2ms
			first_token_timeout 3s
			variant default {
				model first/primary
				fallback second/spare
			}
		}
	}
}

{$Site} {
	log
	llm_gateway
}
`

// TestAFailingProviderCostsOnlyTime has a first provider that answers 503 twice and then
// hangs: one request gets the fallback's answer, and the header, the metrics and the access
// log tell the same story.
func TestAFailingProviderCostsOnlyTime(t *testing.T) {
	for name, body := range map[string]string{
		"plain":  `{"messages":[{"role":"user","content":"Hi"}]}`,
		"stream": `{"stream":true,"messages":[{"role":"user","content":"Hi"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			overloaded := fakellm.Error(503, "overloaded", "Try later.")
			first := fakellm.Start(t, overloaded, overloaded, fakellm.Hang())
			second := fakellm.Start(t, fakellm.Answer("Rescued."))
			g := startGateway(t, failoverCaddyfile, map[string]string{"First": first.BaseURL(), "Second": second.BaseURL()})

			before := g.metrics()
			a := g.ask("/chat/completions", "careful", body)
			if a.Status != 200 || a.Err != nil || !strings.Contains(a.Body, "Rescued.") || strings.Contains(a.Body, "error") {
				t.Fatalf("got %d %s, %v", a.Status, a.Body, a.Err)
			}
			if a.Header.Get("X-Deployment-Attempts") != "4" || a.Header.Get("X-Deployment-Model") != "second/spare" {
				t.Errorf("headers: %v", a.Header)
			}
			if first.Count() != 3 || second.Count() != 1 {
				t.Errorf("the providers saw %d and %d requests, want 3 and 1", first.Count(), second.Count())
			}
			<-first.Await(3).Cancelled() // the request that hung was given up

			record := g.accessLog(a.Header.Get("X-Deployment-Trace-Id"))
			for field, want := range map[string]any{
				"attempts": 4.0, "deployment": "careful", "variant": "default", "provider": "second", "model": "spare", "outcome": "ok",
				"stream": name == "stream", "input_tokens": float64(fakellm.DefaultUsage.Input),
				"output_tokens": float64(fakellm.DefaultUsage.Output),
			} {
				if got := gjson.Get(record, "llm."+field).Value(); got != want {
					t.Errorf("access log: llm.%s is %v, want %v", field, got, want)
				}
			}

			after := g.metrics()
			for series, want := range map[string]float64{
				`llm_gateway_requests_total{deployment="careful",model="spare",outcome="ok",provider="second",variant="default"}`: 1,
				`llm_gateway_attempts_total{model="primary",provider="first",verdict="again"}`:                                    2,
				`llm_gateway_attempts_total{model="primary",provider="first",verdict="next"}`:                                     1,
				`llm_gateway_attempts_total{model="spare",provider="second",verdict="ok"}`:                                        1,
			} {
				if got := sample(t, after, series) - sample(t, before, series); got != want {
					t.Errorf("%s grew by %v, want %v", series, got, want)
				}
			}
		})
	}
}
