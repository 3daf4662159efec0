package caddymodule

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/record"
)

const (
	// openTimeout bounds how long a config waits for a local store to open.
	openTimeout = 20 * time.Second
	// closeTimeout bounds how long the last user of a recorder waits for its store. What the
	// store has not taken by then is in the spill file.
	closeTimeout = 5 * time.Second
)

// recording is a recorder with its store, which outlives reloads.
type recording struct {
	*record.Recorder
	store *Store
	log   *zap.Logger

	mu      sync.Mutex
	started bool
	first   record.Store // opened by the config that started it, for the recorder to take
}

// recordingKey is the location of a store.
type recordingKey string

// sharedRecording returns the recorder of a store's location, made anew when there is none.
func (h *hold) sharedRecording(s *Store, settings *StoreSettings, log *zap.Logger) (*recording, error) {
	key := recordingKey(s.Location)
	v, _, err := kept.LoadOrNew(key, func() (caddy.Destructor, error) { return newRecording(s, settings, log) })
	if err != nil {
		return nil, err
	}
	h.keys = append(h.keys, key)
	return v.(*recording), nil
}

func newRecording(s *Store, settings *StoreSettings, log *zap.Logger) (*recording, error) {
	r := &recording{store: s, log: log}
	o := record.Options{
		Open: r.open, Retention: settings.retention(), Log: log,
		Count: func(result record.Result, n int) { metrics.Recorded(string(result), n) },
	}
	if settings.Spill >= 0 {
		o.SpillPath, o.SpillBytes = s.Spill, settings.Spill
	}
	var err error
	r.Recorder, err = record.NewRecorder(o)
	return r, err
}

// open returns the store that the config has opened, or opens it.
func (r *recording) open(ctx context.Context) (record.Store, error) {
	r.mu.Lock()
	first := r.first
	r.first = nil
	r.mu.Unlock()
	if first != nil {
		return first, nil
	}
	return r.store.Open(ctx, false)
}

// start begins to write, unless an earlier config has. A store on this machine that does not
// open is an error.
func (r *recording) start(bounds record.Retention) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Retain(bounds)
	if r.started {
		return nil
	}
	if r.store.Local {
		ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
		defer cancel()
		first, err := r.store.Open(ctx, false)
		if err != nil {
			return fmt.Errorf("%w; make its folder writable for Caddy, give it another path, or write store off to keep no records", err)
		}
		r.first = first
	}
	r.started = true
	r.Start()
	return nil
}

// Destruct stores what is not stored yet, and lets go of the store.
func (r *recording) Destruct() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		r.log.Error("closing the store of records", zap.String("store", r.store.Location), zap.Error(err))
	}
	return nil
}

// recordPlan says what is kept of the exchanges of a deployment.
type recordPlan struct {
	bodies  BodiesMode
	maxBody int
	// secrets are the paths of values to mask, below context, inputs and metadata.
	secrets secretPaths
}

// buildRecording prepares the recording of exchanges. Nothing is opened before the app is
// started.
func (a *App) buildRecording(ctx caddy.Context) error {
	if err := a.buildStore(ctx); err != nil {
		return err
	}
	var wrong []error
	a.plan = a.newPlan("")
	a.plans = make(map[string]*recordPlan, len(a.Deployments))
	for key, d := range a.Deployments {
		if d == nil {
			continue
		}
		p := a.newPlan(d.Bodies)
		fail := func(word string, err error) {
			whole := deploymentPosition(key)
			wrong = append(wrong, located(within(within(err, "%s", word), "deployment %q", key), a.at(whole+" "+word, whole)))
		}
		if err := d.Bodies.check(); err != nil {
			fail("bodies", err)
		}
		for _, name := range d.Secrets {
			if err := p.secrets.add(name); err != nil {
				fail("secret", err)
			}
		}
		a.plans[key] = p
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	if a.store == nil || a.withoutSecrets {
		return nil
	}
	var err error
	if a.configVersion, err = a.hash(); err != nil {
		return err
	}
	a.recording, err = a.sharedRecording(a.store, a.settings, ctx.Logger())
	return err
}

func (a *App) newPlan(own BodiesMode) *recordPlan {
	p := &recordPlan{bodies: own, maxBody: a.settings.maxBody()}
	if p.bodies == "" {
		p.bodies = a.settings.Bodies
	}
	if p.bodies == "" || a.store == nil {
		p.bodies = BodiesOff
	}
	return p
}

// planOf returns what is kept of a deployment's exchanges; "" is those of none.
func (a *App) planOf(deployment string) *recordPlan {
	if p, ok := a.plans[deployment]; ok {
		return p
	}
	return a.plan
}

// startRecording begins to write records.
func (a *App) startRecording() error {
	if a.recording == nil {
		return nil
	}
	err := a.recording.start(a.settings.retention())
	return located(within(err, "store %s", a.store.Kind), a.at(storePosition))
}

// Recorder returns what keeps the exchanges, or nil when nothing does.
func (r *runtime) Recorder() *record.Recorder {
	if r.recording == nil {
		return nil
	}
	return r.recording.Recorder
}

// hash returns what tells this config from others in records: the beginning of the SHA-256 of
// its JSON, without where it was written.
func (a *App) hash() (string, error) {
	text, err := json.Marshal(struct {
		Providers   map[string]json.RawMessage
		Models      *Models
		Deployments map[string]*DeploymentConfig
		Store       json.RawMessage
	}{a.Providers, a.Models, a.Deployments, a.Store})
	if err != nil {
		return "", fmt.Errorf("hash the config: %w", err)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8]), nil
}

// secretPaths are the members of context, inputs and metadata whose values are masked.
type secretPaths struct {
	context, inputs, metadata []string
	all                       []string // the same from the body on
}

func (s *secretPaths) none() bool { return len(s.all) == 0 }

// of returns the paths within one of the three.
func (s *secretPaths) of(member string) *[]string {
	switch member {
	case "context":
		return &s.context
	case "inputs":
		return &s.inputs
	case "metadata":
		return &s.metadata
	default:
		return nil
	}
}

// add adds a name such as inputs.card_number.
func (s *secretPaths) add(name string) error {
	member, path, _ := strings.Cut(name, ".")
	list := s.of(member)
	if list == nil || path == "" || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, "..") {
		hint := didYouMean(member, []string{"context", "inputs", "metadata"})
		return fmt.Errorf("%q is not a value of context, inputs or metadata%s; write a name such as inputs.card_number", name, hint)
	}
	*list = append(*list, path)
	s.all = append(s.all, name)
	return nil
}

// answeredBy returns the target whose reply the client got, and whether there is one.
func answeredBy(attempts []llm.Attempt) (*llm.Attempt, bool) {
	for i := len(attempts) - 1; i >= 0; i-- {
		if attempts[i].Verdict == llm.VerdictOK {
			return &attempts[i], true
		}
	}
	return nil, false
}
