package metrics

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// other stands for every label value that the config does not know.
const other = "other"

// Labels declares what may be a label value, from one config.
type Labels struct {
	// Deployments maps the key of each deployment to the names of its variants.
	Deployments map[string][]string
	// Targets are the models that may be called.
	Targets []Target
	// Providers maps the name of a provider in the config to its gen_ai.provider.name. A
	// provider that is not in it goes by its own name.
	Providers map[string]string
	// Feedback lists the names that feedback may have.
	Feedback []string
	// Healthy says whether a target, named "provider/model", is awake. It is asked at each
	// scrape, from any goroutine; nil leaves llm_gateway_target_resting without series.
	Healthy func(target string) bool
}

// Target is a model at a provider, by their names in the config.
type Target struct {
	Provider, Model string
}

// maxRetired is how many names of earlier configs stay known. See Allow.
const maxRetired = 1000

// Allow makes a config's names the ones that may be label values; call it when the config
// is loaded, before it serves.
//
// Names of earlier configs stay known, so that a stream which began before a reload is still
// counted under its own. So that a gateway whose config changes for months does not keep every
// name it ever had, at most 1000 retired ones are kept: beyond that the longest retired are
// forgotten and their series removed. A deployment with exchanges in flight is never forgotten.
func Allow(l Labels) { shared.allow(l) }

// name is one known label value: a variant in its deployment, a model in its provider, or a
// name of feedback. An empty inner stands for the deployment or provider alone.
type name struct {
	kind         kind
	outer, inner string
}

type kind uint8

const (
	kindDeployment kind = iota
	kindProvider
	kindFeedback
)

// labelSet is what may be a label value. It is not changed once it is in use.
type labelSet struct {
	config  int               // counts calls of Allow
	known   map[name]int      // the last config that had the name
	genAI   map[string]string // provider to gen_ai.provider.name
	targets []Target          // of the last config, sorted
	healthy func(string) bool
}

func newLabelSet() *labelSet {
	return &labelSet{known: map[name]int{}, genAI: map[string]string{}}
}

// labelState is the label set in use.
type labelState struct {
	allowMu sync.Mutex // held by allow
	labels  atomic.Pointer[labelSet]
}

func (m *meter) allow(l Labels) {
	m.allowMu.Lock()
	defer m.allowMu.Unlock()
	old := m.labels.Load()
	s := &labelSet{
		config:  old.config + 1,
		known:   maps.Clone(old.known),
		genAI:   maps.Clone(old.genAI),
		targets: slices.Clone(l.Targets),
		healthy: l.Healthy,
	}
	s.add(l)
	forgotten := m.forgettable(s)
	for _, n := range forgotten {
		delete(s.known, n)
	}
	for _, n := range forgotten {
		if n.kind == kindProvider && n.inner == "" {
			delete(s.genAI, n.outer)
		}
	}
	m.labels.Store(s)
	m.reset()
	for _, n := range forgotten {
		m.removeSeries(n, old, s)
	}
}

func (s *labelSet) add(l Labels) {
	for deployment, variants := range l.Deployments {
		s.known[name{kindDeployment, deployment, ""}] = s.config
		for _, v := range variants {
			s.known[name{kindDeployment, deployment, v}] = s.config
		}
	}
	for _, t := range l.Targets {
		s.known[name{kindProvider, t.Provider, ""}] = s.config
		s.known[name{kindProvider, t.Provider, t.Model}] = s.config
	}
	for _, f := range l.Feedback {
		s.known[name{kindFeedback, f, ""}] = s.config
	}
	maps.Copy(s.genAI, l.Providers)
	slices.SortFunc(s.targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model))
	})
	s.targets = slices.Compact(s.targets)
}

// forgettable returns the names that have been retired the longest, as many as there are
// beyond maxRetired.
func (m *meter) forgettable(s *labelSet) []name {
	var retired []name
	for n, config := range s.known {
		if config != s.config {
			retired = append(retired, n)
		}
	}
	excess := len(retired) - maxRetired
	if excess <= 0 {
		return nil
	}
	slices.SortFunc(retired, func(a, b name) int {
		return cmp.Or(
			cmp.Compare(s.known[a], s.known[b]),
			cmp.Compare(a.kind, b.kind), cmp.Compare(a.outer, b.outer), cmp.Compare(a.inner, b.inner),
		)
	})
	return slices.DeleteFunc(retired[:excess], func(n name) bool {
		return n.kind == kindDeployment && m.isServing(n.outer)
	})
}

// has says whether a name is known.
func (s *labelSet) has(k kind, outer, inner string) bool {
	_, ok := s.known[name{k, outer, inner}]
	return ok
}

// pair returns the labels for a deployment and its variant, or a provider and its model: as
// they are when known, "" for none, else "other".
func (s *labelSet) pair(k kind, outer, inner string) (string, string) {
	switch {
	case s.has(k, outer, inner):
		return outer, inner
	case s.has(k, outer, ""):
		return outer, orOther(inner)
	default:
		return orOther(outer), orOther(inner)
	}
}

// responseModel returns the label for the model that a provider says has answered.
func (s *labelSet) responseModel(provider, model string) string {
	if model == "" || s.has(kindProvider, provider, model) {
		return model
	}
	return other
}

// genAIProvider returns the gen_ai.provider.name of a provider label.
func (s *labelSet) genAIProvider(provider string) string {
	if n, ok := s.genAI[provider]; ok && n != "" {
		return n
	}
	return provider
}

// orOther returns the label of an unknown value: none stays none.
func orOther(s string) string {
	if s == "" {
		return ""
	}
	return other
}
