package integration

import (
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
)

// spans records what a gateway with the directive test_tracing traces. It stands in for
// Caddy's own tracing, whose exporter would need a collector: the span in the request's
// context is all that Mulligan sees of either.
var spans = tracetest.NewSpanRecorder()

var testTracer = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")

func init() {
	caddy.RegisterModule(tracing{})
	httpcaddyfile.RegisterHandlerDirective("test_tracing", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		h.Next()
		return tracing{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("test_tracing", httpcaddyfile.After, "tracing")
}

type tracing struct{}

func (tracing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_tracing", New: func() caddy.Module { return new(tracing) }}
}

func (tracing) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	ctx, span := testTracer.Start(r.Context(), "request")
	defer span.End()
	return next.ServeHTTP(w, r.WithContext(ctx))
}

// TestSpansTellTheSameStory follows one exchange whose first provider fails: a span for the
// choice of the variant and one for each attempt, below the request's own.
func TestSpansTellTheSameStory(t *testing.T) {
	overloaded := fakellm.Error(503, "overloaded", "Try later.")
	first := fakellm.Start(t, overloaded, overloaded, fakellm.Hang())
	second := fakellm.Start(t, fakellm.Answer("Rescued."))
	spans.Reset()
	g := startGateway(t, `{
	{$Global}
	llm_gateway {
		provider first openai_compatible {
			base_url {$First}
		}
		provider second openai_compatible {
			base_url {$Second}
		}
		models {
			activate first/primary second/spare
		}
		deployment careful {
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
	test_tracing
	llm_gateway
}
`, map[string]string{"First": first.BaseURL(), "Second": second.BaseURL()})

	a := g.ask("/chat/completions", "careful", `{"stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	if a.Status != 200 || a.Header.Get("X-Deployment-Attempts") != "4" {
		t.Fatalf("got %d %v", a.Status, a.Header)
	}
	g.accessLog(a.Header.Get("X-Deployment-Trace-Id")) // from then on the request is over

	var names, verdicts []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
		members := map[string]string{}
		for _, kv := range s.Attributes() {
			members[string(kv.Key)] = kv.Value.String()
		}
		switch s.Name() {
		case "request":
			for name, want := range map[string]string{
				"mulligan.trace_id": a.Header.Get("X-Deployment-Trace-Id"), "mulligan.outcome": "ok",
				"mulligan.attempts": "4", "mulligan.target": "second/spare",
			} {
				if members[name] != want {
					t.Errorf("the request's span has %s %q, want %q", name, members[name], want)
				}
			}
		case "select_variant":
			if members["mulligan.variant"] != "default" {
				t.Errorf("the variant's span has %v", members)
			}
		default:
			verdicts = append(verdicts, members["mulligan.target"]+" "+members["mulligan.attempt.verdict"])
			if members["mulligan.attempt.verdict"] == "ok" && members["gen_ai.usage.output_tokens"] == "" {
				t.Errorf("the span of the attempt that answered has no usage: %v", members)
			}
		}
		if s.Name() != "request" && !s.Parent().IsValid() {
			t.Errorf("%s has no parent", s.Name())
		}
	}
	want := []string{"first/primary again", "first/primary again", "first/primary next", "second/spare ok"}
	if len(names) != 6 || text(verdicts) != text(want) {
		t.Errorf("spans %v with verdicts %v, want %v", names, verdicts, want)
	}
}
