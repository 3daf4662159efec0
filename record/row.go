package record

import (
	"encoding/json"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// Row is what is kept of one exchange. Its JSON is what the command line exports, the HTTP
// API answers and the spill file holds. The names are those of the access log where both
// have the thing; times are RFC 3339 in UTC, durations milliseconds.
type Row struct {
	TraceID string    `json:"trace_id"` // UUIDv7; one row each
	Time    time.Time `json:"time"`     // when the request arrived, to the microsecond

	Deployment string `json:"deployment"`
	Domain     string `json:"domain"`
	Variant    string `json:"variant"`
	// Rule is the condition that chose the variant, "" for a variant without one.
	Rule string `json:"rule"`
	// ConfigVersion is the hash of the config that was in force.
	ConfigVersion string `json:"config_version"`
	ClientID      string `json:"client_id"`

	Endpoint llm.Endpoint `json:"endpoint"`
	// Requested is the model that the client named. Provider and Model are what answered, or
	// were tried last; ResponseModel is what the answer itself says.
	Requested     string `json:"requested_model"`
	Provider      string `json:"provider"`
	Model         string `json:"model"`
	ResponseModel string `json:"response_model"`
	Stream        bool   `json:"stream"`

	Outcome      llm.Outcome `json:"outcome"`
	Status       int         `json:"status"`
	ErrorCode    string      `json:"error_code"`
	FinishReason string      `json:"finish_reason"`
	Attempts     []Attempt   `json:"attempts"`
	// Fallback says that another target than the variant's first one answered.
	Fallback bool `json:"fallback"`
	// Continued is how often a broken stream was gone on with by another target.
	Continued int `json:"continued"`
	// Dropped lists the members of the request that the provider was not sent.
	Dropped []string `json:"dropped"`

	Usage
	// CostUSD is 0 where Priced is false.
	CostUSD float64 `json:"cost_usd"`
	Priced  bool    `json:"priced"`

	// FirstToken is 0 when there was no output, Duration when it is not known.
	FirstToken Millis `json:"ttft_ms"`
	Duration   Millis `json:"duration_ms"`
	Upstream   Millis `json:"upstream_ms"`
	Overhead   Millis `json:"overhead_ms"`

	// Metadata, Context and Inputs are JSON objects, or nil; secret values are masked.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Context  json.RawMessage `json:"context,omitempty"`
	Inputs   json.RawMessage `json:"inputs,omitempty"`

	// Bodies is nil unless the deployment says that bodies are kept.
	Bodies *Bodies `json:"bodies,omitempty"`
}

// Usage is what an answer used, in tokens, with the meaning of llm.Usage: Input includes
// CachedInput and CacheWrite, and Output includes Reasoning.
type Usage struct {
	Input       int64 `json:"input_tokens"`
	Output      int64 `json:"output_tokens"`
	CachedInput int64 `json:"cached_tokens"`
	CacheWrite  int64 `json:"cache_write_tokens"`
	Reasoning   int64 `json:"reasoning_tokens"`
	InputAudio  int64 `json:"input_audio_tokens"`
	OutputAudio int64 `json:"output_audio_tokens"`
	// Known says that the provider reported usage, Estimated that Mulligan estimated it.
	Known     bool `json:"usage_known"`
	Estimated bool `json:"usage_estimated"`
}

// Attempt is one request to one provider.
type Attempt struct {
	Provider string `json:"provider"`
	Model    string `json:"model"`
	// Start is the time since the row's own.
	Start     Millis      `json:"start_ms"`
	Duration  Millis      `json:"duration_ms"`
	Status    int         `json:"status"` // the provider's, 0 when there was none
	Verdict   llm.Verdict `json:"verdict"`
	ErrorCode string      `json:"error_code,omitempty"`
	// Error is the failure's text without secrets.
	Error string `json:"error,omitempty"`
}

// Bodies are what the client sent and what it got, as far as the size cap allows. A stream's
// response is its events as they were sent.
type Bodies struct {
	Request  string `json:"request"`
	Response string `json:"response"`
	// Truncated says that one of them was longer than the cap.
	Truncated bool `json:"truncated"`
	// Redacted says that patterns of personal data were replaced. Who hands bodies to a Recorder
	// sets it to have them replaced.
	Redacted bool `json:"redacted"`
}

// Failed says whether the row counts as an error: everything but an answer that the client
// got whole, or left.
func (r *Row) Failed() bool {
	return r.Outcome != llm.OutcomeOK && r.Outcome != llm.OutcomeCancelled
}

// Target returns "provider/model", or "" when no provider was chosen.
func (r *Row) Target() string {
	if r.Provider == "" {
		return ""
	}
	return r.Provider + "/" + r.Model
}
