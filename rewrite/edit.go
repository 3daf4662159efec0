package rewrite

import (
	"fmt"
	"slices"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Edit is a Config made ready. It is immutable and safe for concurrent use.
type Edit struct {
	model      []byte // as a JSON string
	modelText  string
	prompts    []prompt // the system prompt first
	variables  []string // of all prompts
	defaults   map[string]*string
	params     []param
	drop       []string
	forceUsage bool
}

// param is a parameter made ready.
type param struct {
	name  string
	value []byte
	// names are all names of the setting, this one included.
	names []string
	// override says that it replaces what the client sent.
	override bool
}

// Compile checks a config and makes it ready. Its errors say which part is wrong and what to
// do; they begin with the word of the config that they are about.
func Compile(c Config) (*Edit, error) {
	e := &Edit{
		model: llm.AppendString(nil, c.Model), modelText: c.Model,
		defaults: c.Inputs, forceUsage: c.ForceUsage,
	}
	if err := e.compilePrompts(c); err != nil {
		return nil, err
	}
	for _, params := range [][]Param{c.Params, c.TargetParams} {
		if err := checkParams(params); err != nil {
			return nil, err
		}
	}
	for _, p := range c.TargetParams {
		e.params = append(e.params, param{p.Name, p.Value, namesOf(p.Name), true})
	}
	for _, p := range c.Params {
		beaten := slices.ContainsFunc(c.TargetParams, func(t Param) bool {
			return slices.Contains(namesOf(p.Name), t.Name)
		})
		if !beaten {
			e.params = append(e.params, param{p.Name, p.Value, namesOf(p.Name), c.OverrideParams})
		}
	}
	// What the operator sets is sent, whatever is known of the provider.
	e.drop = slices.DeleteFunc(slices.Clone(c.Drop), func(name string) bool {
		return slices.ContainsFunc(e.params, func(p param) bool { return p.name == name })
	})
	return e, nil
}

func (e *Edit) compilePrompts(c Config) error {
	if c.System != "" {
		p, err := compilePrompt("system", c.System)
		if err != nil {
			return fmt.Errorf("system: %w", err)
		}
		e.prompts = append(e.prompts, p)
	}
	for i, m := range c.Messages {
		p, err := compilePrompt(m.Role, m.Text)
		if err != nil {
			return fmt.Errorf("message %d: %w", i+1, err)
		}
		e.prompts = append(e.prompts, p)
	}
	for _, p := range e.prompts {
		for _, name := range p.variables {
			if !slices.Contains(e.variables, name) {
				e.variables = append(e.variables, name)
			}
		}
	}
	// An input that is declared without a default is required, whether a prompt names it or not.
	for name, standard := range c.Inputs {
		if standard == nil && !slices.Contains(e.variables, name) {
			e.variables = append(e.variables, name)
		}
	}
	slices.Sort(e.variables)
	return nil
}

// Apply returns the request as the target is sent it, and the members that were dropped
// because the target's provider does not know them. The payload shares the bytes of the
// request's body. Errors are *llm.Error: input_missing for a prompt variable without a
// value, and a client's error for a body that prompts cannot be put into.
func (e *Edit) Apply(req *llm.Request) (llm.Payload, []string, error) {
	texts, err := e.render(req)
	if err != nil {
		return llm.Payload{}, nil, err
	}
	if req.Doc.IsForm() {
		payload, dropped := e.applyForm(&req.Doc)
		return payload, dropped, nil
	}
	s := splice{doc: &req.Doc}
	s.set("model", e.model)
	s.remove("context")
	s.remove("inputs")
	var dropped []string
	for _, name := range e.drop {
		if s.remove(name) {
			dropped = append(dropped, name)
		}
	}
	for i := range e.params {
		e.params[i].apply(&s, req)
	}
	if e.forceUsage && req.Stream && !req.WantsUsage && takesUsage(req.Endpoint) {
		if err := s.askForUsage(); err != nil {
			return llm.Payload{}, nil, err
		}
	}
	if err := e.insertPrompts(&s, req, texts); err != nil {
		return llm.Payload{}, nil, err
	}
	return llm.Payload{ContentType: req.Doc.ContentType, Parts: s.parts()}, dropped, nil
}

// takesUsage says whether streams of an endpoint are asked for usage by stream_options. The
// others say it unasked.
func takesUsage(e llm.Endpoint) bool { return e == llm.Chat || e == llm.Completions }

func (e *Edit) render(req *llm.Request) ([]string, error) {
	if len(e.variables) == 0 && len(e.prompts) == 0 {
		return nil, nil
	}
	var values map[string]any
	if len(e.variables) > 0 {
		var err error
		if values, err = e.values(req); err != nil {
			return nil, err
		}
	}
	texts := make([]string, len(e.prompts))
	for i := range e.prompts {
		text, err := e.prompts[i].render(values)
		if err != nil {
			return nil, err
		}
		texts[i] = text
	}
	return texts, nil
}

// apply sets the parameter, unless the client's own counts. A setting that has several
// names is there under one of them afterwards.
func (p *param) apply(s *splice, req *llm.Request) {
	if len(p.names) > 1 && req.Endpoint != llm.Chat {
		s.setParam(p.name, p.value, p.override)
		return
	}
	there := slices.ContainsFunc(p.names, func(name string) bool { return s.doc.Find(name) != nil })
	if there && (!p.override || p.yields(req)) {
		return
	}
	for _, name := range p.names {
		if name != p.name {
			s.remove(name)
		}
	}
	s.set(p.name, p.value)
}

// yields says whether the request insists on a value of its own.
func (p *param) yields(req *llm.Request) bool {
	return slices.ContainsFunc(p.names, func(name string) bool { return slices.Contains(req.Insists, name) })
}
