// Package rewrite makes a variant's request of a client's: it replaces the model, puts
// prompts before the client's messages, sets parameters, and takes out what is not the
// provider's business. It works on bytes, as splices between slices of the client's body,
// so everything that is not edited survives as it came.
package rewrite

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Config is what a variant says about the requests to one of its targets.
type Config struct {
	// Model is the model's id at the provider.
	Model string
	// System is a prompt template that goes before everything, "" for none.
	System string
	// Messages are prompt templates that go between System and the client's messages.
	Messages []Message
	// Inputs declares prompt variables with their defaults; nil stands for none, so that the
	// request has to give the variable.
	Inputs map[string]*string
	// Params are top-level members of the body. TargetParams are those of one target; they
	// beat both Params and the client's.
	Params, TargetParams []Param
	// OverrideParams says that Params beat the client's, not only fill in what is not there.
	OverrideParams bool
	// Drop lists top-level members that the provider must not see.
	Drop []string
	// ForceUsage says that a stream's usage is asked for when the client did not ask.
	ForceUsage bool
}

// Message is a prompt template with the role that says it.
type Message struct {
	Role, Text string
}

// Param is a top-level member of the body.
type Param struct {
	Name  string
	Value json.RawMessage
}

// reserved are the members that are not parameters, with what to write instead.
var reserved = map[string]string{
	"model":    "name the model with `model` or `fallback`",
	"messages": "write messages with `system` and `message`",
	"stream":   "the client decides whether it streams",
	"context":  "context is what the client sends for rules",
	"inputs":   "give defaults of prompt variables with `input`",
	// Mulligan asks for usage itself, and takes it out again where the client did not ask.
	"stream_options": "usage is always accounted, and the client decides whether it sees it",
}

// aliases lists members that are one setting under several names, of which a body may hold
// only one (source: https://platform.openai.com/docs/api-reference/chat/create, max_tokens).
var aliases = [][]string{{"max_tokens", "max_completion_tokens"}}

// namesOf returns the names of the setting that has the name given.
func namesOf(name string) []string {
	for _, group := range aliases {
		if slices.Contains(group, name) {
			return group
		}
	}
	return []string{name}
}

func checkParams(params []Param) error {
	for i, p := range params {
		if instead, ok := reserved[p.Name]; ok {
			return fmt.Errorf("params: %s cannot be a parameter: %s", p.Name, instead)
		}
		if !json.Valid(p.Value) {
			return fmt.Errorf("params: the value of %s is not JSON: %s", p.Name, p.Value)
		}
		for _, other := range params[:i] {
			if slices.Contains(namesOf(p.Name), other.Name) {
				return fmt.Errorf("params: %s and %s are the same parameter: leave one of them out", other.Name, p.Name)
			}
		}
	}
	return nil
}
