package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
)

// App is Mulligan, the LLM gateway: the providers that it may call, the models that may be
// used, and the deployments that clients name. What a site serves of them is the business
// of the HTTP handler llm_gateway.
//
// The JSON is the Caddyfile's tree with one field per word; words that may be repeated are
// plural. Everything is checked when the config is loaded, without calling anybody.
type App struct {
	// Providers are vendor accounts by name. The kind of each is the name of a module in
	// llm_gateway.providers. Default: none.
	Providers map[string]json.RawMessage `json:"providers,omitempty" caddy:"namespace=llm_gateway.providers inline_key=kind"`

	// Models is the model garden: nothing outside it is ever called. Default: empty.
	Models *Models `json:"models,omitempty"`

	// Deployments are what clients name, by key. Default: none.
	Deployments map[string]*DeploymentConfig `json:"deployments,omitempty"`

	// Store is where a record of each exchange is kept: any module of llm_gateway.stores.
	// Default: sqlite with its file records.db.
	Store json.RawMessage `json:"store,omitempty" caddy:"namespace=llm_gateway.stores inline_key=kind"`

	// Feedback says which feedback is taken. Default: any.
	Feedback *FeedbackConfig `json:"feedback,omitempty"`

	// Positions says where in the Caddyfile each named thing was written, such as
	// "deployment support-reply variant enterprise when": "Caddyfile:31". The Caddyfile
	// adapter fills it in, and it is read only to say where an error is. Default: none.
	Positions map[string]string `json:"positions,omitempty"`

	// withoutSecrets builds the app for the command line, which calls nobody: keys need not be
	// set, no transport is built, and expectations need not hold, since why they do not is
	// what the command line is asked.
	withoutSecrets bool
	// withStore builds the store all the same, for those who ask it.
	withStore bool

	runtime
}

// Models is the model garden of a config.
type Models struct {
	// Activate lists the models of the built-in catalog that may be used, as provider/model
	// with the provider's name in this config. In a pattern * stands for any characters.
	// Default: none.
	Activate []string `json:"activate,omitempty"`

	// Custom are models, by provider/model, whose prices and limits this config knows
	// itself. They are activated, and win over the built-in catalog. Default: none.
	Custom map[string]*ModelConfig `json:"custom,omitempty"`
}

// ModelConfig says what a model costs, in US dollars per million tokens, and how much it
// takes, in tokens.
type ModelConfig struct {
	// Input is the price of input tokens. Default: unknown, and the model is unpriced.
	Input *float64 `json:"input,omitempty"`

	// CachedInput is the price of input tokens that the provider read from its cache.
	// Default: the price of input tokens.
	CachedInput *float64 `json:"cached_input,omitempty"`

	// CacheWrite is the price of input tokens that the provider wrote to its cache.
	// Default: the price of input tokens.
	CacheWrite *float64 `json:"cache_write,omitempty"`

	// CacheHour is the price of input tokens that the provider wrote to its cache for an hour.
	// Default: 1.6 times cache_write, as at Anthropic.
	CacheHour *float64 `json:"cache_write_1h,omitempty"`

	// Output is the price of output tokens. Default: unknown, and the model is unpriced.
	Output *float64 `json:"output,omitempty"`

	// ReasoningOutput is the price of output tokens spent on reasoning.
	// Default: the price of output tokens.
	ReasoningOutput *float64 `json:"reasoning_output,omitempty"`

	// InputAudio is the price of input tokens of audio. Default: the price of input tokens.
	InputAudio *float64 `json:"input_audio,omitempty"`

	// OutputAudio is the price of output tokens of audio.
	// Default: the price of output tokens.
	OutputAudio *float64 `json:"output_audio,omitempty"`

	// ContextWindow is how many tokens input and output may have together.
	// Default: unknown.
	ContextWindow int64 `json:"context_window,omitempty"`

	// MaxOutput is how many tokens an answer may have. Default: unknown.
	MaxOutput int64 `json:"max_output,omitempty"`
}

// DeploymentConfig is a key that clients name, and the variants that may answer for it.
type DeploymentConfig struct {
	// Domain groups deployments, for rules and metrics. Default: none.
	Domain string `json:"domain,omitempty"`

	// Bodies says whether the bodies of its requests and responses are kept in records: off, on,
	// or redacted. Default: what the store says.
	Bodies BodiesMode `json:"bodies,omitempty"`

	// Secrets are values that records show as ***: members of context, inputs and metadata,
	// such as inputs.card_number. Default: none.
	Secrets []string `json:"secrets,omitempty"`

	Settings

	// Variants are asked in this order; the first whose rule is true answers. One without a
	// rule always answers and must be the last. Default: none, which is an error.
	Variants []*VariantConfig `json:"variants,omitempty"`

	// Expect lists samples and the variant that must answer each. A config whose
	// expectations do not hold is refused. Default: none.
	Expect []Expectation `json:"expect,omitempty"`
}

// VariantConfig is one way to answer: a rule that says when, a model with fallbacks, and
// what is edited in the request.
type VariantConfig struct {
	// Name names the variant within its deployment. It is required.
	Name string `json:"name,omitempty"`

	// When is the rule, a boolean CEL expression. Default: none, and the variant always
	// answers.
	When string `json:"when,omitempty"`

	// Model is the target that is tried first, as provider/model. It is required.
	Model string `json:"model,omitempty"`

	// Fallbacks are tried in this order when the model does not answer. Default: none.
	Fallbacks []*Fallback `json:"fallbacks,omitempty"`

	// System is a mustache template that is put before the client's messages as the system
	// prompt. Default: none.
	System string `json:"system,omitempty"`

	// Messages are put before the client's messages, after System. Default: none.
	Messages []Message `json:"messages,omitempty"`

	// Inputs declares prompt variables: the default of each, or null for one that the
	// request must bring. A variable that a prompt uses and that is not declared is required
	// too. Default: none.
	Inputs map[string]*string `json:"inputs,omitempty"`

	// Params are top-level members of the request body, JSON values by name. Default: none.
	Params map[string]json.RawMessage `json:"params,omitempty"`

	// OverrideParams says that Params beat what the client sent; otherwise they fill in what
	// the client left out. Default: true.
	OverrideParams *bool `json:"override_params,omitempty"`

	Settings
}

// Fallback is a target that is tried after others have failed.
type Fallback struct {
	// Model is the target, as provider/model. It is required.
	Model string `json:"model,omitempty"`

	// Params are top-level members of the request body for this target. They beat the
	// variant's params and the client's. Default: none.
	Params map[string]json.RawMessage `json:"params,omitempty"`
}

// Message is one message of a prompt.
type Message struct {
	// Role is system, developer, user or assistant. It is required.
	Role string `json:"role,omitempty"`

	// Text is a mustache template. Default: empty.
	Text string `json:"text,omitempty"`
}

// Expectation says which variant must answer a sample.
type Expectation struct {
	// Variant is the name of the variant that must answer. It is required.
	Variant string `json:"variant,omitempty"`

	// Sample is a request body, any member of which may be left out; context, inputs and
	// metadata are members. Beside them it may hold endpoint, headers, client, now and
	// resting. Default: {}.
	Sample json.RawMessage `json:"sample,omitempty"`
}

// Settings say how hard to try. They stand in a deployment or in a variant, whose own win.
type Settings struct {
	// Retries is how many extra attempts the same target gets. Default: 2.
	Retries *int `json:"retries,omitempty"`

	// RetryOn lists what is worth an extra attempt: statuses such as 503, the class 5xx,
	// timeout, and connect. Default: 408 409 425 429 5xx timeout connect.
	RetryOn []string `json:"retry_on,omitempty"`

	// RetryBudget bounds the extra attempts, in percent of the requests to a provider, with
	// a floor of a few. Default: 20.
	RetryBudget *float64 `json:"retry_budget,omitempty"`

	// Backoff is the wait between attempts, with full jitter. A provider's Retry-After wins.
	// Default: 250ms to 8s.
	Backoff *Backoff `json:"backoff,omitempty"`

	// Timeout bounds the whole exchange, waits included; 0 is no bound. Default: 10m.
	Timeout *caddy.Duration `json:"timeout,omitempty"`

	// AttemptTimeout bounds one attempt, to the end of its reply. Default: none.
	AttemptTimeout *caddy.Duration `json:"attempt_timeout,omitempty"`

	// FirstTokenTimeout bounds the time until the first meaningful output; 0 is no bound.
	// Default: 60s.
	FirstTokenTimeout *caddy.Duration `json:"first_token_timeout,omitempty"`

	// IdleTimeout bounds the time between two chunks of a stream; 0 is no bound.
	// Default: 60s.
	IdleTimeout *caddy.Duration `json:"idle_timeout,omitempty"`

	// ContinueStreams says that a chat stream which breaks is gone on with by the next target
	// from the text so far, which that target gets as a prefilled answer. It is for models that
	// continue such an answer, and for answers that are text alone. Default: false.
	ContinueStreams *bool `json:"continue_streams,omitempty"`

	// Keepalive sends a comment into a stream that has been silent for that long, also before
	// its first output; the status is then 200 before it is known whether anybody answers.
	// Default: 0, never.
	Keepalive *caddy.Duration `json:"keepalive,omitempty"`

	// OnRuleError says what a rule that fails does: skip counts the failure and asks the
	// next rule, fail ends the request with rule_error. Default: skip.
	OnRuleError OnRuleError `json:"on_rule_error,omitempty"`
}

// Backoff bounds the wait between attempts on one target.
type Backoff struct {
	// First is the longest wait before the first extra attempt; it doubles with each one
	// after. Default: 250ms.
	First caddy.Duration `json:"first,omitempty"`

	// Most is the longest wait. Default: 8s.
	Most caddy.Duration `json:"most,omitempty"`
}

// OnRuleError is what a rule that fails does.
type OnRuleError string

// The values of on_rule_error.
const (
	OnRuleErrorSkip OnRuleError = "skip"
	OnRuleErrorFail OnRuleError = "fail"
)

// over returns s with what it leaves unsaid taken from under.
func (s Settings) over(under Settings) Settings {
	s.Retries = orElse(s.Retries, under.Retries)
	s.RetryBudget = orElse(s.RetryBudget, under.RetryBudget)
	s.Backoff = orElse(s.Backoff, under.Backoff)
	s.Timeout = orElse(s.Timeout, under.Timeout)
	s.AttemptTimeout = orElse(s.AttemptTimeout, under.AttemptTimeout)
	s.FirstTokenTimeout = orElse(s.FirstTokenTimeout, under.FirstTokenTimeout)
	s.IdleTimeout = orElse(s.IdleTimeout, under.IdleTimeout)
	s.ContinueStreams = orElse(s.ContinueStreams, under.ContinueStreams)
	s.Keepalive = orElse(s.Keepalive, under.Keepalive)
	if len(s.RetryOn) == 0 {
		s.RetryOn = under.RetryOn
	}
	if s.OnRuleError == "" {
		s.OnRuleError = under.OnRuleError
	}
	return s
}

func orElse[T any](own, other *T) *T {
	if own != nil {
		return own
	}
	return other
}
