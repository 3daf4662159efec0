package integration

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/record/sqlite"
)

// keptIn returns a path for a store of records, and how what a gateway has kept there is read,
// once the gateway has written it.
func keptIn(t *testing.T) (path string, entry func(traceID string) *record.Entry) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "records.db")
	return path, func(traceID string) *record.Entry {
		t.Helper()
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		var last error
		for giveUp := time.Now().Add(patience); time.Now().Before(giveUp); <-look.C {
			s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, ReadOnly: true})
			if err != nil {
				last = err
				continue
			}
			e, err := s.Get(context.Background(), traceID)
			s.Close()
			if err == nil {
				return e
			}
			last = err
		}
		t.Fatalf("no record of %s: %v", traceID, last)
		return nil
	}
}

const recordsCaddyfile = `{
	{$Global}
	llm_gateway {
		provider one openai_compatible {
			base_url {$One}
		}
		provider two openai_compatible {
			base_url {$Two}
		}
		models {
			model one/m {
				input 1
				output 2
			}
			model two/m {
				input 1
				output 2
			}
		}
		store sqlite {
			path {$Path}
			bodies {$Bodies}
			max_body 2KiB
		}
		deployment answers {
			domain care
			retries 0
			secret inputs.card_number context.email metadata.phone
			variant gold {
				when ` + "`context.tier == \"gold\"`" + `
				model one/m
				fallback two/m
				system "Card {{card_number}}"
				input card_number "none"
			}
			variant default {
				model two/m
			}
		}
		deployment silent {
			bodies off
			variant default {
				model two/m
			}
		}
	}
}
{$Site} {
	log
	llm_gateway
}
`

func startRecording(t *testing.T, bodies string) (*gateway, *fakellm.Server, *fakellm.Server, func(string) *record.Entry) {
	t.Helper()
	one, two := fakellm.Start(t), fakellm.Start(t)
	path, entry := keptIn(t)
	g := startGateway(t, recordsCaddyfile, map[string]string{
		"One": one.BaseURL(), "Two": two.BaseURL(), "Path": filepath.ToSlash(path), "Bodies": bodies,
	})
	return g, one, two, entry
}

const secretChat = `{"messages":[{"role":"user","content":"My card is 4111 1111 1111 1111, mail me at jo@example.com"}],` +
	`"inputs":{"card_number":"5500-0000-0000-0004"},"metadata":{"phone":"+31 20 123 4567","team":"a"},"context":{"tier":"gold","email":"jo@example.com"}}`

func TestARecordSaysWhatHappened(t *testing.T) {
	g, one, two, entry := startRecording(t, "off")
	one.Always(fakellm.Error(503, "overloaded", "Later."))
	two.Always(fakellm.Answer("Hello"))
	a := g.ask("/chat/completions", "answers", secretChat)
	if a.Status != 200 {
		t.Fatal(a.Status, a.Body)
	}
	id := a.Header.Get("X-Deployment-Trace-Id")
	e := entry(id)
	if e.TraceID != id || e.Deployment != "answers" || e.Domain != "care" || e.Variant != "gold" || e.Rule != `context.tier == "gold"` ||
		e.Provider != "two" || e.Model != "m" || !e.Fallback || e.Status != 200 || e.Outcome != "ok" || e.Endpoint != "chat" ||
		len(e.ConfigVersion) != 16 || !e.Known || e.Input == 0 || !e.Priced || e.CostUSD <= 0 {
		t.Errorf("the record: %+v", e.Row)
	}
	if len(e.Attempts) != 2 || e.Attempts[0].Verdict != "next" || e.Attempts[0].Status != 503 || e.Attempts[1].Verdict != "ok" ||
		e.Attempts[1].Start < e.Attempts[0].Start || e.Attempts[1].Duration <= 0 {
		t.Errorf("its attempts: %+v", e.Attempts)
	}
	if e.Duration <= 0 || e.FirstToken <= 0 || e.Upstream <= 0 {
		t.Errorf("its times: %+v", e.Row)
	}
	if age := time.Since(e.Time); age < 0 || age > time.Minute {
		t.Errorf("its time is %s ago", age)
	}
	if e.Bodies != nil {
		t.Errorf("bodies are off, and there is %+v", e.Bodies)
	}
	for what, got := range map[string]json.RawMessage{
		`{"card_number":"***"}`:         e.Inputs,
		`{"phone":"***","team":"a"}`:    e.Metadata,
		`{"email":"***","tier":"gold"}`: e.Context,
	} {
		var members map[string]string
		if err := json.Unmarshal(got, &members); err != nil {
			t.Error(err)
		}
		if sorted, _ := json.Marshal(members); string(sorted) != what {
			t.Errorf("there is %s, want %s", sorted, what)
		}
	}
}

func TestBodiesAreKeptOnlyWhereTheConfigSaysSo(t *testing.T) {
	g, one, two, entry := startRecording(t, "on")
	one.Always(fakellm.Answer("Hello jo@example.com, card 5500-0000-0000-0004"))
	two.Always(fakellm.Answer("Hello"))
	b := entry(g.ask("/chat/completions", "answers", secretChat).Header.Get("X-Deployment-Trace-Id")).Bodies
	if b == nil || b.Redacted || b.Truncated || !strings.Contains(b.Request, "4111 1111 1111 1111") || !strings.Contains(b.Response, `"Hello ***, card ***"`) {
		t.Fatalf("bodies: %+v", b)
	}
	for _, secret := range []string{"5500-0000-0000-0004", "+31 20 123 4567", "jo@example.com"} {
		if strings.Contains(b.Request+b.Response, secret) {
			t.Errorf("the bodies show %s: %+v", secret, b)
		}
	}
	if !json.Valid([]byte(b.Request)) || !json.Valid([]byte(b.Response)) {
		t.Errorf("no JSON any more: %+v", b)
	}
	if b := entry(g.ask("/chat/completions", "silent", plainChat).Header.Get("X-Deployment-Trace-Id")).Bodies; b != nil {
		t.Errorf("bodies of a deployment that says off: %+v", b)
	}
	long := `{"stream":true,"messages":[{"role":"user","content":"` + strings.Repeat("é", 2000) + `"}]}`
	b = entry(g.ask("/chat/completions", "answers", long).Header.Get("X-Deployment-Trace-Id")).Bodies
	if !b.Truncated || len(b.Request) > 2<<10 || len(b.Request) < 2<<10-4 || strings.Contains(b.Request, "\uFFFD") || !strings.HasPrefix(b.Response, "data: ") {
		t.Errorf("a long one: %d bytes, %+v", len(b.Request), b)
	}
}

func TestRedactedBodiesHoldNoPatterns(t *testing.T) {
	g, _, two, entry := startRecording(t, "redacted")
	two.Always(fakellm.Answer("Write to ann@example.com or call +31 20 123 4567"))
	body := `{"messages":[{"role":"user","content":"My card is 4111 1111 1111 1111, my key sk-proj-abcdefghijklmnopqrstuvwx"}]}`
	b := entry(g.ask("/chat/completions", "answers", body).Header.Get("X-Deployment-Trace-Id")).Bodies
	if b == nil || !b.Redacted || !strings.Contains(b.Request, "My card is [CARD], my key [KEY]") || !strings.Contains(b.Response, "Write to [EMAIL] or call [PHONE]") {
		t.Errorf("bodies: %+v", b)
	}
}
