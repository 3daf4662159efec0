package provider

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/provider/demo"
)

//go:embed docs.md.tmpl
var docsTemplate string

// docsKind is one row of the vendor table as docs.md.tmpl shows it.
type docsKind struct {
	Dialect, SignIn                      string
	Kind, Title, Source, BaseURL, KeyEnv string
	Endpoints, Drops, Note               string
}

// docsModel is one model of the demo.
type docsModel struct{ Usage, Does string }

// docsPage is what docs.md.tmpl is given.
type docsPage struct {
	Kinds                                []docsKind
	Models                               []docsModel
	OwnHeaders, ReplyHeaders, RateLimits string
	UserAgent, CompatibleKind            string
}

// Docs returns docs/providers.md, made from the vendor table and the demo's models.
func Docs() []byte {
	page := docsPage{
		OwnHeaders: quoted(ownHeaders), ReplyHeaders: quoted(replyHeaders), RateLimits: rateLimitPrefix, UserAgent: userAgent,
		CompatibleKind: KindCompatible,
	}
	for _, v := range vendors {
		page.Kinds = append(page.Kinds, v.docs())
	}
	for _, m := range demo.Models() {
		page.Models = append(page.Models, docsModel{Usage: quoted(strings.Split(m.Usage, ", ")), Does: m.Does})
	}
	var b bytes.Buffer
	if err := template.Must(template.New("providers").Parse(docsTemplate)).Execute(&b, page); err != nil {
		panic(fmt.Sprintf("provider: write documentation: %v", err)) // the template and the tables are ours
	}
	return b.Bytes()
}

func (v *Vendor) docs() docsKind {
	d := docsKind{
		Kind: v.Kind, Title: v.Title, Source: v.Source, BaseURL: "`" + v.BaseURL + "`", KeyEnv: "`" + v.KeyEnv + "`",
		Drops: quoted(v.Drops), Note: v.Note, Dialect: "OpenAI's", SignIn: "`Authorization: Bearer KEY`",
	}
	if own := v.Dialects[v.Endpoints[0]]; own != "" {
		d.Dialect = own
	}
	if v.KeyHeader != "" {
		d.SignIn = "`" + v.KeyHeader + ": KEY`"
	}
	if v.KeyEnv == "" {
		d.KeyEnv = "none needed"
	}
	switch v.Kind {
	case KindBedrock:
		d.BaseURL, d.KeyEnv, d.SignIn = "`https://bedrock-runtime.REGION.amazonaws.com`", "`AWS_BEARER_TOKEN_BEDROCK`", "AWS Signature Version 4, or `Authorization: Bearer KEY`"
	case KindVertex:
		d.BaseURL, d.KeyEnv, d.SignIn = "`https://LOCATION-aiplatform.googleapis.com/v1`", "`GOOGLE_APPLICATION_CREDENTIALS`", "a token of Google Cloud, or `X-Goog-Api-Key: KEY`"
	case KindAzure:
		d.BaseURL, d.SignIn = "`base_url` is required", "`Api-Key: KEY`, or a token of Entra ID"
	case KindCompatible:
		d.BaseURL, d.KeyEnv = "`base_url` is required", "as the server needs it"
	case KindDemo:
		d.BaseURL = "inside Mulligan"
	}
	if d.Endpoints = names(v.Endpoints); len(v.Endpoints) == len(openAIEndpoints()) {
		d.Endpoints = "all of OpenAI's, rerank"
	}
	return d
}

func names(endpoints []llm.Endpoint) string {
	all := make([]string, len(endpoints))
	for i, e := range endpoints {
		all[i] = string(e)
	}
	return strings.Join(all, ", ")
}

// quoted returns words as code, "none" for none.
func quoted(words []string) string {
	if len(words) == 0 {
		return "none"
	}
	return "`" + strings.Join(words, "`, `") + "`"
}
