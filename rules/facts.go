package rules

import (
	"encoding/json"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Facts is what rules know of one request. The zero value of everything but Request is
// usable; Request must be set. What rules find out is kept for the rules that follow, so
// Facts belongs to one request and one goroutine, and the request must not change under it.
type Facts struct {
	Request *llm.Request
	// Deployment and Domain are the key and the domain of the deployment.
	Deployment, Domain string
	// Healthy answers healthy(): false while a provider ("openai") or a target
	// ("openai/gpt-5") rests. Nil says that nothing rests.
	Healthy func(target string) bool

	compiler *Compiler // of the rules that asked; see use
	spent    uint64    // what the rule that is asked has cost so far
	values   []ref.Val // of rows, by index; nil for those that nobody asked for
	objects  []object
	roots    [rootCount]jsonObject
	headers  headerMap
	claims   claimMap
	messages survey
}

var _ cel.Activation = (*Facts)(nil)

// use makes the facts ready for a rule of a compiler. What another compiler's rules found out
// is forgotten, since compilers may differ in what they hide.
func (f *Facts) use(c *Compiler) {
	if f.compiler == nil {
		f.compiler = c
	}
	if f.compiler != c {
		*f = Facts{Request: f.Request, Deployment: f.Deployment, Domain: f.Domain, Healthy: f.Healthy, compiler: c}
	}
	f.spent = 0
}

// Reset makes the facts those of another request, which their Request points to from now on.
// It keeps the memory of those that every rule may ask for.
func (f *Facts) Reset() {
	// What is not in use is not written to, since that costs more than it seems while garbage is
	// collected.
	f.Deployment, f.Domain, f.Healthy, f.compiler, f.spent = "", "", nil, nil, 0
	clear(f.values)
	for i := range f.roots {
		if f.roots[i].from != nil {
			f.roots[i].reset()
		}
	}
	if f.headers.from != nil {
		f.headers = headerMap{}
	}
	if f.claims.from != nil {
		f.claims = claimMap{}
	}
	if f.messages.done {
		f.messages = survey{}
	}
}

// credentials returns the names of further headers that carry credentials.
func (f *Facts) credentials() []string {
	if f.compiler == nil {
		return nil
	}
	return f.compiler.options.CredentialHeaders
}

// rows is all variables, those that rules cannot name included.
var rows = slices.Concat(variables, hiddenVariables)

// value returns a row's value, which is read once. An error is made anew for each rule,
// because CEL writes into it where in the rule it came up.
func (f *Facts) value(row int) ref.Val {
	if f.values == nil {
		f.values = make([]ref.Val, len(rows))
	}
	if v := f.values[row]; v != nil {
		return v
	}
	v := rows[row].get(f)
	if !types.IsError(v) {
		f.values[row] = v
	}
	return v
}

// getter is how to read a variable that is not a field.
type getter struct {
	name string
	get  func(*Facts) ref.Val
}

// getters are those of all such variables.
var getters = makeGetters()

func makeGetters() []getter {
	var all []getter
	for i := range rows {
		if !strings.Contains(rows[i].name, ".") {
			all = append(all, getter{rows[i].name, func(f *Facts) ref.Val { return f.value(i) }})
		}
	}
	for i, o := range objects {
		all = append(all, getter{o.name, func(f *Facts) ref.Val { return f.object(i) }})
	}
	return all
}

// getterOf returns how to read a variable, or nil when there is none of that name. There are so
// few that going through them is faster than a map.
func getterOf(name string) func(*Facts) ref.Val {
	for i := range getters {
		if getters[i].name == name {
			return getters[i].get
		}
	}
	return nil
}

// ResolveName returns the value of a variable. It implements cel.Activation; what a rule
// does not name is not read.
func (f *Facts) ResolveName(name string) (any, bool) {
	get := getterOf(name)
	if get == nil {
		return nil, false
	}
	return get(f), true
}

// Parent implements cel.Activation: there are no further variables.
func (f *Facts) Parent() cel.Activation { return nil }

func (f *Facts) object(i int) *object {
	if f.objects == nil {
		f.objects = make([]object, len(objects))
		for i, typ := range objects {
			f.objects[i] = object{typ: typ, facts: f}
		}
	}
	return &f.objects[i]
}

// root is one of the JSON objects that belong to a request.
type root int

const (
	rootContext root = iota
	rootMetadata
	rootInputs
	rootBody
	rootCount
)

// jsonRoot returns context, metadata or inputs. What is there but is no JSON object is an
// error that names it.
func (f *Facts) jsonRoot(which root) ref.Val {
	raw, name := f.rawRoot(which)
	o := &f.roots[which]
	o.from = o
	switch {
	case len(raw) == 0:
		o.raw = "{}"
	case raw[0] == '{':
		o.raw = text(raw)
	default:
		return types.NewErr("%s is not a JSON object", name)
	}
	return o
}

func (f *Facts) rawRoot(which root) (json.RawMessage, string) {
	switch which {
	case rootContext:
		return f.Request.Context, "context"
	case rootMetadata:
		return f.Request.Metadata, "metadata"
	default:
		return f.Request.Inputs, "inputs"
	}
}

// body returns the body as a map, found through the document's index.
func (f *Facts) body() ref.Val {
	o := &f.roots[rootBody]
	o.from = o
	if doc := &f.Request.Doc; doc.IsForm() {
		o.raw = formFields(doc)
	} else {
		o.raw, o.doc = text(doc.Raw), doc
	}
	return o
}

// headerMap returns the headers.
func (f *Facts) headerMap() ref.Val {
	f.headers.from, f.headers.facts = &f.headers, f
	return &f.headers
}

// claimMap returns the claims.
func (f *Facts) claimMap() ref.Val {
	f.claims.from, f.claims.facts = &f.claims, f
	return &f.claims
}

// formFields returns the text fields of a form as a JSON object. Files are left out: their
// bytes are no text.
func formFields(doc *llm.Document) string {
	b := []byte{'{'}
	for i := range doc.Members {
		m := &doc.Members[i]
		if m.File {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = llm.AppendString(b, m.Name)
		b = append(b, ':')
		b = llm.AppendString(b, text(doc.Raw[m.ValueStart:m.ValueEnd]))
	}
	return text(append(b, '}'))
}

func (f *Facts) user() string {
	user, _ := f.Request.Doc.String("user")
	return user
}

// subject is who a rollout is about when the rule does not say: the authenticated client,
// else the user that the application names, else this one exchange.
func (f *Facts) subject() string {
	if id := f.Request.Client.ID; id != "" {
		return id
	}
	if user := f.user(); user != "" {
		return user
	}
	return f.Request.TraceID
}

// hasTools says whether the request offers tools. functions is what tools were called
// before November 2023.
func (f *Facts) hasTools() bool {
	for _, name := range []string{"tools", "functions"} {
		if raw, ok := f.Request.Doc.Get(name); ok && len(raw) > 1 && raw[0] == '[' &&
			strings.TrimLeft(text(raw[1:]), " \t\r\n") != "]" {
			return true
		}
	}
	return false
}

// maxTokens returns the first limit on the answer's length that is there, or 0.
// max_completion_tokens replaced max_tokens in chat; Responses has max_output_tokens.
func (f *Facts) maxTokens() int64 {
	for _, name := range []string{"max_completion_tokens", "max_tokens", "max_output_tokens"} {
		raw, ok := f.Request.Doc.Get(name)
		if !ok || f.Request.Doc.IsForm() {
			continue
		}
		if r := gjson.Parse(text(raw)); r.Type == gjson.Number {
			return r.Int()
		}
	}
	return 0
}

func (f *Facts) healthy(target string) bool { return f.Healthy == nil || f.Healthy(target) }
