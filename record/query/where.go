package query

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// target is "provider/model" that answered, "" without a provider.
const target = "CASE WHEN provider = '' THEN '' ELSE provider || '/' || model END"

// where returns the condition that a filter is, "1 = 1" for one that lets everything through.
func (s *statement) where(f *record.Filter) string {
	conditions := append(s.timeRange(f.Since, f.Until), s.lists(f)...)
	for _, name := range slices.Sorted(maps.Keys(f.Metadata)) {
		member := s.flavour.Member(s.bind(record.CleanText(name)))
		conditions = append(conditions, member+" = "+s.bind(record.CleanText(f.Metadata[name])))
	}
	for i := range f.Feedback {
		conditions = append(conditions, s.feedback(&f.Feedback[i]))
	}
	conditions = append(conditions, s.ranges(f)...)
	if len(conditions) == 0 {
		return "1 = 1"
	}
	return strings.Join(conditions, " AND ")
}

// timeRange returns the conditions for since ≤ time < until.
func (s *statement) timeRange(since, until time.Time) []string {
	var conditions []string
	if !since.IsZero() {
		conditions = append(conditions, "time >= "+s.bind(ceilMicro(since)))
	}
	if !until.IsZero() {
		conditions = append(conditions, "time < "+s.bind(ceilMicro(until)))
	}
	return conditions
}

// ceilMicro returns the first microsecond that is not before t.
func ceilMicro(t time.Time) int64 {
	us := t.UnixMicro()
	if time.UnixMicro(us).Before(t) {
		us++
	}
	return us
}

func (s *statement) lists(f *record.Filter) []string {
	var conditions []string
	for _, list := range []struct {
		expression string
		values     []string
		clean      func(string) string
	}{
		{"deployment", f.Deployments, record.CleanName}, {"domain", f.Domains, record.CleanName},
		{"variant", f.Variants, record.CleanName}, {target, f.Models, record.CleanTarget},
		{"provider", f.Providers, record.CleanName}, {"endpoint", f.Endpoints, record.CleanName},
		{"outcome", f.Outcomes, record.CleanName}, {"error_code", f.ErrorCodes, record.CleanName},
		{"client_id", f.Clients, record.CleanName},
	} {
		if len(list.values) == 0 {
			continue
		}
		placeholders := make([]string, len(list.values))
		for i, value := range list.values {
			placeholders[i] = s.bind(list.clean(value))
		}
		conditions = append(conditions, list.expression+" IN ("+strings.Join(placeholders, ", ")+")")
	}
	return conditions
}

func (s *statement) feedback(f *record.FeedbackFilter) string {
	conditions := []string{"removed = 0", "name = " + s.bind(record.CleanName(f.Name))}
	if f.Label != nil {
		conditions = append(conditions, s.flavour.HasLabel(s.bind(record.CleanText(*f.Label))))
	}
	if f.Min != nil {
		conditions = append(conditions, "number >= "+s.bindFloat(*f.Min))
	}
	if f.Max != nil {
		conditions = append(conditions, "number <= "+s.bindFloat(*f.Max))
	}
	return "trace_id IN (SELECT trace_id FROM " + s.flavour.Feedback + " WHERE " + strings.Join(conditions, " AND ") + ")"
}

func (s *statement) ranges(f *record.Filter) []string {
	var conditions []string
	if f.MinCostUSD != nil || f.MaxCostUSD != nil {
		conditions = append(conditions, "priced = 1")
	}
	if f.MinCostUSD != nil {
		conditions = append(conditions, "cost_usd >= "+s.bindFloat(*f.MinCostUSD))
	}
	if f.MaxCostUSD != nil {
		conditions = append(conditions, "cost_usd <= "+s.bindFloat(*f.MaxCostUSD))
	}
	if f.MinDuration != nil {
		conditions = append(conditions, "duration_us >= "+s.bind(f.MinDuration.Microseconds()))
	}
	if f.MaxDuration != nil {
		conditions = append(conditions, "duration_us <= "+s.bind(f.MaxDuration.Microseconds()))
	}
	if f.MinFirstToken != nil || f.MaxFirstToken != nil {
		conditions = append(conditions, "ttft_us > 0")
	}
	if f.MinFirstToken != nil {
		conditions = append(conditions, "ttft_us >= "+s.bind(f.MinFirstToken.Microseconds()))
	}
	if f.MaxFirstToken != nil {
		conditions = append(conditions, "ttft_us <= "+s.bind(f.MaxFirstToken.Microseconds()))
	}
	return conditions
}

// failed is 1 for rows that record.Row.Failed is true for.
const failed = "CASE WHEN outcome IN ('" + string(llm.OutcomeOK) + "', '" + string(llm.OutcomeCancelled) + "') THEN 0 ELSE 1 END"
