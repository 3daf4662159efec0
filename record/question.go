package record

import "strings"

// Dimension is what rows are grouped by: one of the constants, or a prefix constant with a
// name after it.
type Dimension string

// The dimensions.
const (
	ByDeployment    Dimension = "deployment"
	ByDomain        Dimension = "domain"
	ByVariant       Dimension = "variant"
	ByModel         Dimension = "model" // "provider/model" that answered
	ByProvider      Dimension = "provider"
	ByEndpoint      Dimension = "endpoint"
	ByOutcome       Dimension = "outcome"
	ByErrorCode     Dimension = "error_code"
	ByClient        Dimension = "client"
	ByConfigVersion Dimension = "config_version"
	ByMinute        Dimension = "minute" // RFC 3339 in UTC, of the start of the minute
	ByHour          Dimension = "hour"
	ByDay           Dimension = "day"

	// ByMetadata with a member's name after it groups by its value as a text, "" when it is
	// missing.
	ByMetadata Dimension = "metadata."
	// ByFeedback with a name after it groups by the feedback's labels; a row without such
	// feedback is in the group "", and one with several labels in several groups.
	ByFeedback Dimension = "feedback."
)

// Dimensions returns the constants, in the order in which they are documented.
func Dimensions() []Dimension {
	return []Dimension{
		ByDeployment, ByDomain, ByVariant, ByModel, ByProvider, ByEndpoint, ByOutcome, ByErrorCode, ByClient,
		ByConfigVersion, ByMinute, ByHour, ByDay, ByMetadata, ByFeedback,
	}
}

// Valid says whether d is a dimension.
func (d Dimension) Valid() bool {
	if _, ok := d.MetadataKey(); ok {
		return true
	}
	if _, ok := d.FeedbackName(); ok {
		return true
	}
	for _, known := range Dimensions() {
		if d == known {
			return d != ByMetadata && d != ByFeedback
		}
	}
	return false
}

// MetadataKey returns the member that a dimension of metadata is about.
func (d Dimension) MetadataKey() (string, bool) { return d.after(ByMetadata) }

// FeedbackName returns the feedback that a dimension of feedback is about.
func (d Dimension) FeedbackName() (string, bool) { return d.after(ByFeedback) }

func (d Dimension) after(prefix Dimension) (string, bool) {
	name, ok := strings.CutPrefix(string(d), string(prefix))
	return name, ok && name != ""
}

// Question asks for numbers about the rows that a filter lets through.
type Question struct {
	Filter Filter
	// By are at most four dimensions; none asks for one group of everything.
	By []Dimension
	// Limit is how many groups at most, those with most requests, of equals the first by key:
	// 1 to 10,000. Default: 1000.
	Limit int
}

// Answer is what a question's answer is made of.
type Answer struct {
	By []Dimension `json:"by"`
	// Groups are sorted by requests, most first, then by key. Time dimensions sort by time
	// first. There is none without rows.
	Groups []Group `json:"groups"`
	// Truncated says that there were more groups than the limit.
	Truncated bool `json:"truncated"`
	// Unmatched is how much feedback, given in the question's time range, belongs to no row.
	// It does not depend on the filter's other fields, which only rows have.
	Unmatched int64 `json:"unmatched_feedback"`
}

// Group is the numbers of the rows that have the same values of the dimensions.
type Group struct {
	// Key holds the values, in the order of the question's dimensions.
	Key []string `json:"key"`

	Requests  int64 `json:"requests"`
	Errors    int64 `json:"errors"`    // see Row.Failed
	Fallbacks int64 `json:"fallbacks"` // see Row.Fallback

	Input       int64 `json:"input_tokens"`
	Output      int64 `json:"output_tokens"`
	CachedInput int64 `json:"cached_tokens"`
	CacheWrite  int64 `json:"cache_write_tokens"`
	Reasoning   int64 `json:"reasoning_tokens"`

	CostUSD float64 `json:"cost_usd"`
	// Priced is how many rows have a cost.
	Priced int64 `json:"priced"`

	// Duration is over rows whose outcome is ok and whose duration is known, FirstToken over
	// those of them that had output. Both are nil without such rows.
	Duration   *Quantiles `json:"duration_ms,omitempty"`
	FirstToken *Quantiles `json:"ttft_ms,omitempty"`

	// Feedback is by name, sorted.
	Feedback []FeedbackStats `json:"feedback,omitempty"`
}

// Quantiles are within 1 % of the exact ones (see Sketch).
type Quantiles struct {
	P50 Millis `json:"p50"`
	P95 Millis `json:"p95"`
	P99 Millis `json:"p99"`
}

// FeedbackStats are the numbers of one name of feedback in a group.
type FeedbackStats struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
	// Mean is over numbers and booleans, nil without any. Low and High are its 95 %
	// confidence interval, nil with fewer than two values (see FeedbackTally.Stats).
	Mean *float64 `json:"mean,omitempty"`
	Low  *float64 `json:"low,omitempty"`
	High *float64 `json:"high,omitempty"`
	// Labels counts the values' labels, the 20 most frequent.
	Labels []LabelCount `json:"labels,omitempty"`
}

// LabelCount is how often a label was given.
type LabelCount struct {
	Label string `json:"label"`
	Count int64  `json:"count"`
}
