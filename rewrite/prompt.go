package rewrite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cbroglie/mustache"
	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
)

// prompt is one template of the config, ready to be rendered.
type prompt struct {
	role string
	// text is the rendered text of a template without variables; template is nil then.
	text     string
	template *mustache.Template
	// variables are the names at the top of the context that the template asks for.
	variables []string
}

// compilePrompt parses a mustache template (source: https://mustache.github.io/mustache.5.html).
// Values are put in as they are, without HTML escaping. Partials are refused, since there is
// nothing for them to name.
func compilePrompt(role, text string) (prompt, error) {
	p := prompt{role: role, text: text}
	if !strings.Contains(text, "{{") {
		return p, nil
	}
	t, err := mustache.ParseStringRaw(text, true)
	if err != nil {
		return p, fmt.Errorf("prompt: %w", err)
	}
	if p.variables, err = variablesOf(t.Tags(), nil); err != nil {
		return p, err
	}
	if len(p.variables) == 0 {
		if p.text, err = t.Render(); err != nil {
			return p, fmt.Errorf("prompt: %w", err)
		}
		return p, nil
	}
	p.template = t
	return p, nil
}

// variablesOf collects the names that a template needs: the first part of each dotted name
// outside sections, and the names of the sections. Inside a section a name may be a member
// of what the section is about, so it is not required.
func variablesOf(tags []mustache.Tag, names []string) ([]string, error) {
	for _, tag := range tags {
		name, _, _ := strings.Cut(tag.Name(), ".")
		switch tag.Type() {
		case mustache.Partial:
			return nil, fmt.Errorf("prompt: {{>%s}}: partials are not available in prompts", tag.Name())
		case mustache.Section, mustache.InvertedSection:
			if _, err := variablesOf(tag.Tags(), nil); err != nil {
				return nil, err
			}
		case mustache.Variable:
		default:
			continue
		}
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// values returns the prompt variables of a request: its inputs over the defaults. It
// returns input_missing for a variable of a prompt that has neither.
func (e *Edit) values(req *llm.Request) (map[string]any, error) {
	values := make(map[string]any, len(e.variables))
	inputs := gjson.ParseBytes(req.Inputs)
	for _, name := range e.variables {
		given := inputs.Get(gjson.Escape(name))
		if given.Exists() && given.Type != gjson.Null {
			values[name] = promptValue(given)
			continue
		}
		standard, declared := e.defaults[name]
		if !declared || standard == nil {
			return nil, llm.NewError(llm.CodeInputMissing, fmt.Sprintf(
				"The prompt needs the input %q. Send it in the header X-Deployment-Inputs or in the body's inputs.", name)).WithParam("inputs." + name)
		}
		values[name] = *standard
	}
	return values, nil
}

// promptValue returns an input as a template sees it: text as it is, everything else as its
// JSON, numbers in their own spelling.
func promptValue(r gjson.Result) any {
	switch {
	case r.Type == gjson.String:
		return r.String()
	case r.Type == gjson.Number:
		return json.Number(r.Raw)
	case r.IsArray():
		l := list{}
		for _, item := range r.Array() {
			l = append(l, promptValue(item))
		}
		return l
	case r.IsObject():
		o := object{}
		for name, member := range r.Map() {
			o[name] = promptValue(member)
		}
		return o
	default:
		return r.Value()
	}
}

// list and object print as their JSON where a template names them as a variable, and are
// walked where it names them as a section.
type (
	list   []any
	object map[string]any
)

func (l list) String() string   { return asJSON([]any(l)) }
func (o object) String() string { return asJSON(map[string]any(o)) }

func asJSON(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v) // what gjson has parsed always marshals
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// render returns the prompt's text.
func (p *prompt) render(values map[string]any) (string, error) {
	if p.template == nil {
		return p.text, nil
	}
	text, err := p.template.Render(values)
	if err != nil {
		return "", fmt.Errorf("render prompt: %w", err)
	}
	return text, nil
}

// appendMessage appends the prompt as a message of the chat dialect.
func appendMessage(b []byte, role, text string) []byte {
	b = append(b, `{"role":`...)
	b = llm.AppendString(b, role)
	b = append(b, `,"content":`...)
	b = llm.AppendString(b, text)
	return append(b, '}')
}
