package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// variantScope is a variant while it is parsed.
type variantScope struct {
	app      *App
	position string
	*VariantConfig
}

func (s *variantScope) settings() *Settings { return &s.Settings }

func (s *variantScope) mark(word, at string) { s.app.mark(s.position+" "+word, at) }

var variantWords = words[*variantScope]{
	"when": {args: "`CEL`", least: 1, most: -1, set: func(s *variantScope, l line) error {
		if len(l.args) > 1 {
			return errors.New("the rule is more than one word; put it into backticks: when `context.tier == \"gold\"`")
		}
		s.When = l.args[0]
		s.mark(l.word, l.at)
		return nil
	}},
	"model": {args: "PROVIDER/MODEL", least: 1, most: 1, set: func(s *variantScope, l line) error {
		s.Model = l.args[0]
		s.mark(l.word, l.at)
		return nil
	}},
	"fallback": {args: "PROVIDER/MODEL { … }", least: 1, most: 1, many: true, block: (*variantScope).fallback},
	"system": {args: "TEXT", least: 1, most: -1, set: func(s *variantScope, l line) error {
		if len(l.args) > 1 {
			return errors.New("the text is more than one word; put it into quotes")
		}
		s.System = l.args[0]
		s.mark(l.word, l.at)
		return nil
	}},
	"message": {args: "ROLE TEXT", least: 2, most: -1, many: true, set: (*variantScope).message},
	"input":   {args: "NAME [DEFAULT]", least: 1, most: -1, many: true, set: (*variantScope).input},
	"params": {many: true, block: func(s *variantScope, l line, d *caddyfile.Dispenser) error {
		s.mark(l.word, l.at)
		return parseParams(d, &s.Params)
	}},
	"override_params": {args: "on|off", least: 1, most: 1, set: func(s *variantScope, l line) error {
		on, err := onOff(l.args[0])
		s.OverrideParams = &on
		return err
	}},
}.with(settingsWords[*variantScope]())

var fallbackWords = words[*Fallback]{
	"params": {many: true, block: func(f *Fallback, _ line, d *caddyfile.Dispenser) error {
		return parseParams(d, &f.Params)
	}},
}

// fallback parses fallback MODEL { params { … } }.
func (s *variantScope) fallback(l line, d *caddyfile.Dispenser) error {
	f := &Fallback{Model: l.args[0]}
	s.mark("fallback "+f.Model, l.at)
	s.Fallbacks = append(s.Fallbacks, f)
	return within(blockOf(d, "a fallback", fallbackWords, f), "fallback %s", f.Model)
}

// message parses message ROLE TEXT.
func (s *variantScope) message(l line) error {
	if len(l.args) > 2 {
		return errors.New("the text is more than one word; put it into quotes")
	}
	m := Message{Role: l.args[0], Text: l.args[1]}
	s.Messages = append(s.Messages, m)
	s.mark(fmt.Sprintf("message %d", len(s.Messages)), l.at)
	return m.check()
}

// roles are the roles that a prompt's messages may have.
var roles = []string{"system", "developer", "user", "assistant"}

func (m *Message) check() error {
	for _, r := range roles {
		if m.Role == r {
			return nil
		}
	}
	return fmt.Errorf("%q is not a role%s; the roles are %s", m.Role, didYouMean(m.Role, roles), list(roles))
}

// input parses input NAME [DEFAULT].
func (s *variantScope) input(l line) error {
	name := l.args[0]
	if _, twice := s.Inputs[name]; twice {
		return fmt.Errorf("%q is already declared", name)
	}
	if len(l.args) > 2 {
		return errors.New("the default is more than one word; put it into quotes")
	}
	if s.Inputs == nil {
		s.Inputs = make(map[string]*string)
	}
	s.Inputs[name] = nil
	if len(l.args) == 2 {
		s.Inputs[name] = &l.args[1]
	}
	return nil
}

// parseParams parses params { NAME VALUE … } into a map that may hold some already.
func parseParams(d *caddyfile.Dispenser, into *map[string]json.RawMessage) error {
	if *into == nil {
		*into = make(map[string]json.RawMessage)
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name, at := d.Val(), here(d)
		if _, twice := (*into)[name]; twice {
			return located(fmt.Errorf("params: %s is already set", name), at)
		}
		value, err := paramValue(d)
		if err == nil {
			err = nothingLeft(d, name)
		}
		if err != nil {
			return located(within(within(err, "%s", name), "params"), at)
		}
		(*into)[name] = value
	}
	return nil
}

// paramValue reads the value that follows a parameter's name. What is in double quotes is
// text; what is in backticks is JSON; a bare word or a heredoc is JSON if it can be read as
// such, else text.
func paramValue(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, errors.New("write a name and a value, such as temperature 0.2; an object or a list goes into backticks")
	}
	text, raw := d.Val(), d.ValRaw()
	if d.CountRemainingArgs() > 0 {
		return nil, errors.New("there is more than one value; put text into quotes, and an object or a list into backticks")
	}
	quote := byte(0)
	if d.Token().Quoted() && len(raw) == len(text)+2 {
		quote = raw[0]
	}
	switch {
	case quote == '"':
		return json.Marshal(text)
	case json.Valid([]byte(text)):
		return json.RawMessage(text), nil
	case quote == '`':
		return nil, errors.New("what is in backticks is not JSON; correct it, or put text into double quotes")
	case text != "" && (text[0] == '{' || text[0] == '['):
		return nil, errors.New("the value begins like JSON and is none; correct it, or put text into double quotes")
	default:
		return json.Marshal(text)
	}
}
