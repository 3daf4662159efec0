package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// deploymentScope is a deployment while it is parsed.
type deploymentScope struct {
	app *App
	key string
	*DeploymentConfig
}

func (s *deploymentScope) settings() *Settings { return &s.Settings }

func (s *deploymentScope) mark(word, at string) {
	s.app.mark(deploymentPosition(s.key)+" "+word, at)
}

var deploymentWords = words[*deploymentScope]{
	"domain": {args: "NAME", least: 1, most: 1, set: func(s *deploymentScope, l line) error {
		s.Domain = l.args[0]
		return nil
	}},
	"bodies": {args: "off|on|redacted", least: 1, most: 1, set: func(s *deploymentScope, l line) error {
		s.Bodies = BodiesMode(l.args[0])
		s.mark(l.word, l.at)
		return nil
	}},
	"secret": {args: "NAME…", least: 1, most: -1, many: true, set: func(s *deploymentScope, l line) error {
		s.Secrets = append(s.Secrets, l.args...)
		s.mark(l.word, l.at)
		return nil
	}},
	"variant": {args: "NAME { … }", least: 1, most: 1, many: true, block: (*deploymentScope).variant},
	"expect":  {args: "VARIANT `JSON`", least: 2, most: -1, many: true, set: (*deploymentScope).expect},
}.with(settingsWords[*deploymentScope]())

// deployment parses deployment KEY { … }.
func (a *App) deployment(l line, d *caddyfile.Dispenser) error {
	key := l.args[0]
	name := deploymentPosition(key)
	if before, twice := a.Positions[name]; twice {
		return fmt.Errorf("deployment %q is already defined at %s", key, before)
	}
	s := &deploymentScope{app: a, key: key, DeploymentConfig: new(DeploymentConfig)}
	a.mark(name, l.at)
	if err := blockOf(d, "a deployment", deploymentWords, s); err != nil {
		return within(err, "deployment %q", key)
	}
	if a.Deployments == nil {
		a.Deployments = make(map[string]*DeploymentConfig)
	}
	a.Deployments[key] = s.DeploymentConfig
	return nil
}

// expect parses expect VARIANT JSON.
func (s *deploymentScope) expect(l line) error {
	if len(l.args) > 2 {
		return errors.New("the sample is more than one word; put it into backticks")
	}
	sample := json.RawMessage(l.args[1])
	if !json.Valid(sample) {
		return fmt.Errorf("the sample of %s is not JSON; write an object in backticks, such as `{\"context\":{\"tier\":\"gold\"}}`", l.args[0])
	}
	s.app.mark(expectPosition(s.key, len(s.Expect)), l.at)
	s.Expect = append(s.Expect, Expectation{Variant: l.args[0], Sample: sample})
	return nil
}

// variant parses variant NAME { … }.
func (s *deploymentScope) variant(l line, d *caddyfile.Dispenser) error {
	name := l.args[0]
	position := variantPosition(s.key, name)
	if before, twice := s.app.Positions[position]; twice {
		return fmt.Errorf("variant %q is already defined at %s; give one of them another name", name, before)
	}
	v := &variantScope{app: s.app, position: position, VariantConfig: &VariantConfig{Name: name}}
	s.app.mark(position, l.at)
	if err := blockOf(d, "a variant", variantWords, v); err != nil {
		return within(err, "variant %q", name)
	}
	s.Variants = append(s.Variants, v.VariantConfig)
	return nil
}
