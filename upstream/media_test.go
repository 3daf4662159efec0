package upstream

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/fetch"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
	"github.com/mulligan-gateway/mulligan/upstream/provider/bedrock"
)

// pictures is a server of an image and a PDF, a fetcher that may reach it, and how often it was asked.
func pictures(t *testing.T) (base string, f *fetch.Fetcher, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/a.png":
			w.Header().Set("Content-Type", "image/png")
			fmt.Fprint(w, "PNG")
		case "/a.pdf":
			w.Header().Set("Content-Type", "application/pdf")
			fmt.Fprint(w, "PDF")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	at := netip.MustParseAddrPort(s.Listener.Addr().String())
	return s.URL, fetch.New(fetch.Config{Timeout: time.Minute, Allowed: func(to netip.AddrPort) bool { return to == at }}), asked
}

// bytesOnly adds a target at Bedrock, whose Converse takes no addresses.
func bytesOnly(b *bed, s *fakellm.Server, f *fetch.Fetcher) *Target {
	b.t.Helper()
	keys := &bedrock.Config{Region: "us-east-1", AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-of-aws"}
	return b.add(provider.Config{Name: fmt.Sprintf("aws%d", len(b.route.Targets)), Kind: provider.KindBedrock, BaseURL: s.URL, AWS: keys, Fetcher: f}, nil)
}

const (
	pngBytes = "UE5H" // PNG in base64
	pdfBytes = "UERG" // PDF in base64
)

// Whichever API the client speaks, a vendor that takes only bytes gets them.
func TestMediaAreFetchedForVendorsThatTakeOnlyBytes(t *testing.T) {
	base, f, _ := pictures(t)
	for name, c := range map[string]struct {
		endpoint   llm.Endpoint
		body       string
		image, pdf string // where they are in what the vendor gets
	}{
		"chat": {llm.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"What is this?"},{"type":"image_url","image_url":{"detail":"auto","url":"` + base + `/a.png"}},{"type":"file","file":{"filename":"a.pdf","file_data":"` + base + `/a.pdf"}}]}]}`,
			"messages.0.content.1.image.source.bytes", "messages.0.content.2.document.source.bytes"},
		"chat, without the object": {llm.Chat, `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"` + base + `/a.png"}]}]}`,
			"messages.0.content.0.image.source.bytes", ""},
		"messages": {llm.Messages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"What?"},{"type":"image","source":{"type":"url","url":"` + base + `/a.png"}},{"type":"document","source":{"type":"url","url":"` + base + `/a.pdf"}}]}]}`,
			"messages.0.content.1.image.source.bytes", "messages.0.content.2.document.source.bytes"},
		"responses": {llm.Responses, `{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"What?"},{"type":"input_image","image_url":"` + base + `/a.png"},{"type":"input_file","file_url":"` + base + `/a.pdf"}]}]}`,
			"messages.0.content.1.image.source.bytes", "messages.0.content.2.document.source.bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", converseReply))
			b := newBed(t, quick())
			bytesOnly(b, s, f)
			o := b.call(t.Context(), c.endpoint, c.body)
			if o.err != nil {
				t.Fatal(o.err)
			}
			r := s.Await(1)
			if got := r.Get(c.image).String(); got != pngBytes {
				t.Errorf("the image is %q in %s", got, r.Body)
			}
			if got := r.Get(c.pdf).String(); c.pdf != "" && got != pdfBytes {
				t.Errorf("the PDF is %q in %s", got, r.Body)
			}
		})
	}
}

// A Claude on Bedrock is asked in the client's own words, which may hold addresses, and takes none.
func TestMediaAreFetchedForClaudeOnBedrock(t *testing.T) {
	base, f, _ := pictures(t)
	s := fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", claudeReply))
	b := newBed(t, quick())
	target := bytesOnly(b, s, f)
	target.Model = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	o := b.call(t.Context(), llm.Messages, `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"`+base+`/a.png"},"cache_control":{"type":"ephemeral"}}]}]}`)
	if o.err != nil {
		t.Fatal(o.err)
	}
	if got := s.Await(1).Get("messages.0.content.0").Raw; got != `{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+pngBytes+`"},"cache_control":{"type":"ephemeral"}}` {
		t.Errorf("the vendor got %s", got)
	}
}

func askAbout(address string) string {
	return `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"` + address + `"}}]}]}`
}

func TestNothingIsFetchedUnlessTheConfigSaysSo(t *testing.T) {
	base, _, asked := pictures(t)
	b := newBed(t, quick())
	bytesOnly(b, fakellm.Start(t), nil)
	o := b.call(t.Context(), llm.Chat, askAbout(base+"/a.png"))
	if code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "messages[0].content[0]") || asked.Load() != 0 {
		t.Errorf("%v, asked %d times", o.err, asked.Load())
	}
}

// What does not come is told in the same words whatever the reason, and whoever takes addresses
// is asked instead.
func TestWhatCannotBeFetchedIsUnsupported(t *testing.T) {
	base, f, _ := pictures(t)
	private := httptest.NewServer(http.NotFoundHandler())
	defer private.Close()
	b := newBed(t, quick())
	bytesOnly(b, fakellm.Start(t), f)
	var told []string
	for _, address := range []string{base + "/none.png", private.URL, "http://169.254.169.254/latest", "http://[::ffff:7f00:1]:1/"} {
		o := b.call(t.Context(), llm.Chat, askAbout(address))
		if code(o.err) != "unsupported_by_provider" || len(o.exchange.Attempts) > 0 {
			t.Fatalf("%s: %v", address, o.err)
		}
		told = append(told, o.err.Error())
	}
	for _, words := range told {
		if words != told[0] || strings.Contains(words, "127.0.0.1") {
			t.Errorf("told %q and %q", told[0], words)
		}
	}
	spare := fakellm.Start(t, fakellm.Answer("A cat."))
	b.add(provider.Config{Name: "spare", Kind: provider.KindCompatible, BaseURL: spare.BaseURL()}, nil)
	if o := b.call(t.Context(), llm.Chat, askAbout(base+"/none.png")); o.err != nil || o.verdicts() != "spare ok" {
		t.Errorf("with another: %v %s", o.err, o.verdicts())
	}
	if got := spare.Await(1).Get("messages.0.content.0.image_url.url").String(); got != base+"/none.png" {
		t.Errorf("the other got %s", got)
	}
}

// What has been fetched for one target is there for the next.
func TestMediaAreFetchedOnce(t *testing.T) {
	base, f, asked := pictures(t)
	b := newBed(t, quick())
	b.route.Policy.Retries = 0
	bytesOnly(b, fakellm.Start(t, fakellm.Raw(http.StatusServiceUnavailable, "application/json", `{"message":"busy"}`)), f)
	bytesOnly(b, fakellm.Start(t, fakellm.Raw(http.StatusOK, "application/json", converseReply)), f)
	body := strings.Replace(askAbout(base+"/a.png"), `[{"type"`, `[{"type":"image_url","image_url":{"url":"`+base+`/a.png"}},{"type"`, 1)
	if o := b.call(t.Context(), llm.Chat, body); o.err != nil || o.verdicts() != "aws0 next, aws1 ok" || asked.Load() != 1 {
		t.Errorf("%v %s, asked %d times", o.err, o.verdicts(), asked.Load())
	}
	many := `{"model":"m","messages":[{"role":"user","content":[` + strings.Repeat(`{"type":"image_url","image_url":{"url":"`+base+`/a.png"}},`, 32) + `{"type":"image_url","image_url":{"url":"` + base + `/a.png"}}]}]}`
	if o := b.call(t.Context(), llm.Chat, many); code(o.err) != "unsupported_by_provider" || !strings.Contains(o.err.Error(), "messages[0].content[32]") {
		t.Errorf("too many: %v", o.err)
	}
}

func FuzzMedia(f *testing.F) {
	f.Add([]byte(askAbout("https://example.com/a.png")), 0)
	f.Add([]byte(`{"messages":[{"content":[{"source":{"type":"url","url":"http://a"}},{"content":[{"image_url":"http:\u002f/b"}]}]}]}`), 1)
	f.Add([]byte(`{"input":[{"content":[{"file_url":"https://c"}]},{"output":[{"image_url":"https://d"}]}]}`), 2)
	f.Fuzz(func(t *testing.T, body []byte, endpoint int) {
		if _, err := llm.ParseJSON(body); err != nil || !gjson.ValidBytes(body) {
			t.Skip("not a request")
		}
		e := []llm.Endpoint{llm.Chat, llm.Messages, llm.Responses}[max(endpoint, -endpoint, 0)%3]
		all := mediaIn(e, body)
		g := make(gathered)
		for _, m := range all {
			g[m.address] = fetch.Medium{Type: "image/png", Data: []byte("PNG")}
		}
		if got, err := g.embed(t.Context(), fetch.New(fetch.Config{}), all, body); err == nil && !gjson.ValidBytes(got) {
			t.Errorf("%s becomes %s", body, got)
		}
	})
}
