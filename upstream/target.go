package upstream

import (
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/catalog"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// Target is a model at a provider. It is immutable but for the state behind it.
type Target struct {
	Provider *provider.Provider
	// Model is the model's id at the provider.
	Model string
	// Entry is what the model garden knows of the model.
	Entry *catalog.Model

	name     string
	state    *targetState
	provider *providerState
	keys     []*keyState // at the same index as Provider.Keys
	chat     knownWay    // how it is asked most
}

// knownWay is what Target.way returns, found out at load.
type knownWay struct {
	way way
	ok  bool
}

// NewTarget returns a target whose state is kept in s under its name. It is for targets that
// a config names, of which there are so many and no more.
func NewTarget(s *State, p *provider.Provider, model string, entry *catalog.Model) *Target {
	t := newTarget(s, p, model, entry)
	t.state = s.target(t.name)
	return t
}

// NewPassingTarget returns a target of which nothing is kept: for a model that a client
// names and only a wildcard admits, so that clients cannot fill the memory with names.
func NewPassingTarget(s *State, p *provider.Provider, model string, entry *catalog.Model) *Target {
	t := newTarget(s, p, model, entry)
	t.state = newTargetState()
	return t
}

func newTarget(s *State, p *provider.Provider, model string, entry *catalog.Model) *Target {
	t := &Target{Provider: p, Model: model, Entry: entry, name: p.Name() + "/" + model}
	t.provider, t.keys = s.provider(p)
	t.findChat()
	return t
}

// findChat finds out how the target is asked in chat.
func (t *Target) findChat() { t.chat.way, t.chat.ok = t.findWay(llm.Chat) }

// Name returns "provider/model".
func (t *Target) Name() string { return t.name }

// window returns how many tokens the model takes, 0 when that is not known.
func (t *Target) window() int64 {
	if t.Entry == nil {
		return 0
	}
	return t.Entry.ContextWindow
}

// resting returns why the target is to be left alone and for how long, "" when it is awake.
// How long a failing target rests is not known exactly.
func (t *Target) resting(now time.Time) (time.Duration, Reason) {
	if left, why := t.state.rest.state(now); left > 0 {
		return left, why
	}
	if _, left, why := t.key(now); left > 0 {
		return left, why
	}
	if t.state.breaker().State() == gobreaker.StateOpen {
		return breakerRest, ReasonFailing
	}
	return 0, ""
}

// key returns the index of the key whose turn it is among those that are awake. When none is
// awake, it returns the one that wakes first, how long that takes, and why it rests.
func (t *Target) key(now time.Time) (index int, left time.Duration, why Reason) {
	n := len(t.keys)
	if n == 1 {
		left, why = t.keys[0].rest.state(now)
		return 0, left, why
	}
	turn := int(t.provider.turn.Load() % uint32(n)) //nolint:gosec // n is a handful
	first, shortest := 0, time.Duration(0)
	for i := range n {
		at := (turn + i) % n
		left, reason := t.keys[at].rest.state(now)
		if left == 0 {
			return at, 0, ""
		}
		if shortest == 0 || left < shortest {
			first, shortest, why = at, left, reason
		}
	}
	return first, shortest, why
}

// enter takes a place at the provider, and says whether there was one.
func (t *Target) enter() bool {
	n := t.provider.inFlight.Add(1)
	if most := t.Provider.MaxInFlight(); most > 0 && n > int64(most) {
		t.provider.inFlight.Add(-1)
		return false
	}
	return true
}

// leave gives the place back.
func (t *Target) leave() { t.provider.inFlight.Add(-1) }
