package storetest

import (
	"slices"

	"github.com/mulligan-gateway/mulligan/record"
)

// matches says whether a filter lets a row through of which that was said.
func matches(f *record.Filter, r *record.Row, said []record.Feedback) bool {
	if !f.Since.IsZero() && r.Time.Before(f.Since) || !f.Until.IsZero() && !r.Time.Before(f.Until) {
		return false
	}
	for _, list := range []struct {
		allowed []string
		is      string
		clean   func(string) string
	}{
		{f.Deployments, r.Deployment, record.CleanName}, {f.Domains, r.Domain, record.CleanName},
		{f.Variants, r.Variant, record.CleanName}, {f.Models, r.Target(), record.CleanTarget},
		{f.Providers, r.Provider, record.CleanName}, {f.Endpoints, string(r.Endpoint), record.CleanName},
		{f.Outcomes, string(r.Outcome), record.CleanName}, {f.ErrorCodes, r.ErrorCode, record.CleanName},
		{f.Clients, r.ClientID, record.CleanName},
	} {
		meant := func(s string) bool { return list.clean(s) == list.is }
		if len(list.allowed) > 0 && !slices.ContainsFunc(list.allowed, meant) {
			return false
		}
	}
	for name, text := range f.Metadata {
		if record.Member(r.Metadata, record.CleanText(name)) != record.CleanText(text) {
			return false
		}
	}
	for i := range f.Feedback {
		if !slices.ContainsFunc(said, func(s record.Feedback) bool { return saidSo(&f.Feedback[i], &s) }) {
			return false
		}
	}
	return inRanges(f, r)
}

func saidSo(f *record.FeedbackFilter, said *record.Feedback) bool {
	v := said.Value
	switch {
	case said.Name != record.CleanName(f.Name),
		f.Label != nil && !slices.Contains(v.Labels(), record.CleanText(*f.Label)),
		f.Min != nil && (!v.Numeric() || v.Number < *f.Min),
		f.Max != nil && (!v.Numeric() || v.Number > *f.Max):
		return false
	default:
		return true
	}
}

func inRanges(f *record.Filter, r *record.Row) bool {
	switch {
	case (f.MinCostUSD != nil || f.MaxCostUSD != nil) && !r.Priced,
		f.MinCostUSD != nil && r.CostUSD < *f.MinCostUSD,
		f.MaxCostUSD != nil && r.CostUSD > *f.MaxCostUSD,
		f.MinDuration != nil && r.Duration.Micros() < f.MinDuration.Microseconds(),
		f.MaxDuration != nil && r.Duration.Micros() > f.MaxDuration.Microseconds(),
		(f.MinFirstToken != nil || f.MaxFirstToken != nil) && r.FirstToken == 0,
		f.MinFirstToken != nil && r.FirstToken.Micros() < f.MinFirstToken.Microseconds(),
		f.MaxFirstToken != nil && r.FirstToken.Micros() > f.MaxFirstToken.Microseconds():
		return false
	default:
		return true
	}
}
