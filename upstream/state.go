package upstream

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// State is what is known about providers, their keys and targets: who rests, how much of a
// retry budget is spent, how many requests are in flight. It is keyed by the names in the
// config and by digests of keys, and outlives a config: what a reload does not rename is not
// forgotten. It is safe for concurrent use.
type State struct {
	mu        sync.RWMutex
	providers map[string]*providerState
	targets   map[string]*targetState
}

// NewState returns a state that knows nothing yet.
func NewState() *State {
	return &State{providers: make(map[string]*providerState), targets: make(map[string]*targetState)}
}

// Destruct implements caddy.Destructor; there is nothing to close.
func (s *State) Destruct() error { return nil }

// Healthy says whether a provider ("openai") or a target ("openai/gpt-5") is awake. A target
// rests when it is put to rest, fails too often, or none of its provider's keys is awake. A
// provider rests when none of its keys is awake, or all of its targets that were ever called
// rest. What nobody knows is awake.
func (s *State) Healthy(name string) bool {
	now := time.Now()
	providerName, _, isTarget := strings.Cut(name, "/")
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p := s.providers[providerName]; p != nil && p.asleep(now) {
		return false
	}
	if isTarget {
		t := s.targets[name]
		return t == nil || !t.asleep(now)
	}
	known, asleep := 0, 0
	for name, t := range s.targets {
		if strings.HasPrefix(name, providerName+"/") && t.called.Load() {
			known++
			if t.asleep(now) {
				asleep++
			}
		}
	}
	return known == 0 || asleep < known
}

// SetRest puts a target to rest for a time, or wakes it for 0, and says whether it is known.
// To wake it is to forget its failures, and those of its provider's keys.
func (s *State) SetRest(target string, d time.Duration) bool {
	providerName, _, _ := strings.Cut(target, "/")
	s.mu.RLock()
	t, p := s.targets[target], s.providers[providerName]
	s.mu.RUnlock()
	if t == nil {
		return false
	}
	if d <= 0 {
		t.rest.wake()
		t.resetBreaker()
		p.wakeKeys()
		return true
	}
	t.rest.extend(time.Now().Add(d), ReasonOperator)
	return true
}

// TargetStatus is what is known of a target, for people.
type TargetStatus struct {
	// Target is provider/model.
	Target string `json:"target"`
	// Resting says whether it is left alone; Why says for what reason and RestsForMS for how
	// long in milliseconds, as far as that is known.
	Resting    bool   `json:"resting"`
	Why        Reason `json:"why,omitempty"`
	RestsForMS int64  `json:"rests_for_ms,omitempty"`
	// Breaker is closed, open or half-open.
	Breaker string `json:"breaker"`
	// InFlight is how many requests are at the target's provider now.
	InFlight int64 `json:"in_flight"`
	// Keys is how many keys the provider has, and KeysResting how many of them rest.
	Keys        int `json:"keys"`
	KeysResting int `json:"keys_resting"`
}

// Status returns what is known of a target.
func (s *State) Status(t *Target) TargetStatus {
	now := time.Now()
	st := TargetStatus{Target: t.Name(), Breaker: t.state.breaker().State().String(), InFlight: t.provider.inFlight.Load(), Keys: len(t.keys)}
	for _, k := range t.keys {
		if left, _ := k.rest.state(now); left > 0 {
			st.KeysResting++
		}
	}
	left, why := t.resting(now)
	if why == "" {
		return st
	}
	st.Resting, st.Why, st.RestsForMS = true, why, left.Milliseconds()
	return st
}

// providerState is what is known about an account.
type providerState struct {
	budget   budget
	inFlight atomic.Int64
	turn     atomic.Uint32 // whose turn it is among the keys

	mu   sync.Mutex
	keys map[keyDigest]*keyState
	live []*keyState // of the last config
}

// keyDigest stands for a key, so that the state holds none.
type keyDigest [sha256.Size]byte

// keyState is what is known about one key.
type keyState struct{ rest rest }

// targetState is what is known about a model at a provider.
type targetState struct {
	rest   rest
	called atomic.Bool
	cb     atomic.Pointer[breaker]
}

func (t *targetState) breaker() *breaker { return t.cb.Load() }

// resetBreaker forgets the target's failures.
func (t *targetState) resetBreaker() { t.cb.Store(newBreaker()) }

func newTargetState() *targetState {
	t := &targetState{}
	t.resetBreaker()
	return t
}

func (t *targetState) asleep(now time.Time) bool {
	left, _ := t.rest.state(now)
	return left > 0 || t.breaker().State() == gobreaker.StateOpen
}

func (p *providerState) wakeKeys() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.live {
		k.rest.wake()
	}
}

// asleep says whether the account has no key that is awake.
func (p *providerState) asleep(now time.Time) bool {
	p.mu.Lock()
	keys := p.live
	p.mu.Unlock()
	return len(keys) > 0 && !slices.ContainsFunc(keys, func(k *keyState) bool {
		left, _ := k.rest.state(now)
		return left == 0
	})
}

// provider returns the state of an account and of its keys, in the order of the config.
func (s *State) provider(p *provider.Provider) (*providerState, []*keyState) {
	s.mu.Lock()
	ps := s.providers[p.Name()]
	if ps == nil {
		ps = &providerState{keys: make(map[keyDigest]*keyState)}
		s.providers[p.Name()] = ps
	}
	s.mu.Unlock()

	ps.mu.Lock()
	defer ps.mu.Unlock()
	states := make([]*keyState, 0, len(p.Keys()))
	for _, key := range p.Keys() {
		digest := keyDigest(sha256.Sum256([]byte(key)))
		k := ps.keys[digest]
		if k == nil {
			k = &keyState{}
			ps.keys[digest] = k
		}
		states = append(states, k)
	}
	if ps.live == nil {
		ps.live = states
	}
	return ps, states
}

// Serve says that a config with these providers serves from now on. Until it is called, what a
// new config has is known beside what the running one has, since it may still be refused; then
// keys that are in it no more are forgotten.
func (s *State) Serve(providers []*provider.Provider) {
	for _, p := range providers {
		ps, states := s.provider(p)
		ps.mu.Lock()
		maps.DeleteFunc(ps.keys, func(_ keyDigest, k *keyState) bool { return !slices.Contains(states, k) })
		ps.live = states
		ps.mu.Unlock()
	}
}

// target returns the state of a target.
func (s *State) target(name string) *targetState {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.targets[name]
	if t == nil {
		t = newTargetState()
		s.targets[name] = t
	}
	return t
}
