package rules

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"cel.dev/cel-go/cel"
)

//go:embed docs.md.tmpl
var docsTemplate string

// docsRow is one variable or function as docs.md.tmpl shows it.
type docsRow struct{ Name, Anchor, Type, Usage, Doc, Example string }

// docsPage is what docs.md.tmpl is given.
type docsPage struct {
	Variables, Functions                      []docsRow
	Credentials, CredentialWords              string
	MaxSource, MaxNodes, MaxNesting, MaxLoops int
	CostLimit                                 int
}

// Docs returns docs/rules.md, made from the tables of variables and functions.
func Docs() []byte {
	page := docsPage{
		Credentials: quotedList(credentialHeaders), CredentialWords: quotedList(credentialWords),
		MaxSource: maxSourceLength, MaxNodes: maxNodes, MaxNesting: maxNesting, MaxLoops: maxComprehension,
		CostLimit: DefaultCostLimit,
	}
	for _, v := range variables {
		page.Variables = append(page.Variables, docsRow{
			// A heading's anchor on GitHub keeps letters, digits, hyphens and underscores.
			Name: v.name, Anchor: strings.ReplaceAll(v.name, ".", ""), Type: typeText(v.typ), Doc: v.doc, Example: v.example,
		})
	}
	for _, fn := range functions {
		page.Functions = append(page.Functions, docsRow{
			Name: fn.name, Usage: quotedList(fn.usages), Doc: fn.doc, Example: fn.example,
		})
	}
	var b bytes.Buffer
	if err := template.Must(template.New("rules").Parse(docsTemplate)).Execute(&b, page); err != nil {
		panic(fmt.Sprintf("rules: write documentation: %v", err)) // the template and the tables are ours
	}
	return b.Bytes()
}

// typeText returns a type as rules know it.
func typeText(t *cel.Type) string {
	if t == cel.TimestampType {
		return "timestamp"
	}
	return t.String()
}

func quotedList[S ~string](words []S) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = "`" + string(word) + "`"
	}
	return strings.Join(quoted, ", ")
}
