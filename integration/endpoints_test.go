package integration

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

const endpointsCaddyfile = `{
	{$Global}
	llm_gateway {
		provider house openai_compatible {
			base_url {$House}
			api_key house-key
		}
		models {
			model house/served {
				input 1
				output 2
			}
		}
		deployment anything {
			variant default {
				model house/served
			}
		}
	}
}

{$Site} {
	llm_gateway
}
`

// TestEveryEndpointIsPassedOn sends to each endpoint what its clients send: the provider
// gets the same bytes but for the model, and the client the provider's own bytes.
func TestEveryEndpointIsPassedOn(t *testing.T) {
	provider := fakellm.Start(t)
	provider.Always(fakellm.Answer("Hello there"))
	g := startGateway(t, endpointsCaddyfile, map[string]string{"House": provider.BaseURL()})

	for endpoint, c := range map[llm.Endpoint]struct{ body, want string }{
		llm.Chat:        {`{"model":"mine","messages":[{"role":"user","content":"Hi"}],"x_unknown":1.50}`, `"Hello there"`},
		llm.Completions: {`{"model":"mine","prompt":"Hi","x_unknown":1.50}`, `"Hello there"`},
		llm.Embeddings:  {`{"model":"mine","input":["a","b"],"x_unknown":1.50}`, `1.125`},
		llm.Responses:   {`{"model":"mine","input":"Hi","x_unknown":1.50}`, `"Hello there"`},
		llm.Moderations: {`{"model":"mine","input":"violence","x_unknown":1.50}`, `"flagged":true`},
		llm.Images:      {`{"model":"mine","prompt":"a cat","x_unknown":1.50}`, `"b64_json"`},
		llm.Speech:      {`{"model":"mine","input":"Hi","voice":"alloy","x_unknown":1.50}`, string(fakellm.SpeechBytes)},
		llm.Rerank:      {`{"model":"mine","query":"q","documents":["a","b"],"x_unknown":1.50}`, `"relevance_score"`},
	} {
		t.Run(string(endpoint), func(t *testing.T) {
			before := provider.Count()
			a := g.ask(endpoint.Path(), "anything", c.body)
			if a.Status != 200 || a.Err != nil || !strings.Contains(a.Body, c.want) {
				t.Fatalf("got %d %q, %v; want %q in it", a.Status, a.Body, a.Err, c.want)
			}
			r := provider.Await(before + 1)
			if want := strings.Replace(c.body, `"mine"`, `"served"`, 1); string(r.Body) != want || r.Endpoint != endpoint {
				t.Errorf("the provider got %s %s\nwant %s", r.Path, r.Body, want)
			}
		})
	}
}

func TestUploadsArePassedOn(t *testing.T) {
	provider := fakellm.Start(t)
	provider.Always(fakellm.Answer("Hello there"))
	g := startGateway(t, endpointsCaddyfile, map[string]string{"House": provider.BaseURL()})
	sound := strings.Repeat("\x00\xffsound\r\n--", 10_000)

	for _, endpoint := range []llm.Endpoint{llm.Transcriptions, llm.Translations} {
		t.Run(string(endpoint), func(t *testing.T) {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, err := form.CreateFormFile("file", "a.mp3")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = part.Write([]byte(sound))
			_ = form.WriteField("model", "mine")
			_ = form.WriteField("language", "nb")
			_ = form.Close()

			before := provider.Count()
			a := g.send(request{path: endpoint.Path(), deployment: "anything", contentType: form.FormDataContentType(), body: body.String()})
			if a.Status != 200 || a.Err != nil || !strings.Contains(a.Body, `"Hello there"`) {
				t.Fatalf("got %d %q, %v", a.Status, a.Body, a.Err)
			}
			r := provider.Await(before + 1)
			if r.Endpoint != endpoint || r.Model() != "served" || r.Field("language") != "nb" || r.Field("file") != sound {
				t.Errorf("the provider got %s, model %q, language %q, %d bytes of file", r.Path, r.Model(), r.Field("language"), len(r.Field("file")))
			}
		})
	}
}
