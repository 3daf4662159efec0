package query

import (
	"context"
	"fmt"
	"strings"

	"github.com/mulligan-gateway/mulligan/record"
)

// RollupDimensions are the columns that roll-ups and the facts of feedback are kept by. They
// are few, and have few values each.
var RollupDimensions = []string{"deployment", "domain", "variant", "endpoint", "provider", "model", "outcome"}

// Covered says whether a question can be answered from roll-ups: its filter and dimensions
// are about nothing but RollupDimensions and time.
func Covered(q *record.Question) bool {
	for _, d := range q.By {
		switch d {
		case record.ByDeployment, record.ByDomain, record.ByVariant, record.ByModel, record.ByProvider, record.ByEndpoint,
			record.ByOutcome, record.ByMinute, record.ByHour, record.ByDay:
		default:
			return false
		}
	}
	f := &q.Filter
	return len(f.ErrorCodes)+len(f.Clients)+len(f.Metadata)+len(f.Feedback) == 0 &&
		f.MinCostUSD == nil && f.MaxCostUSD == nil && f.MinDuration == nil && f.MaxDuration == nil &&
		f.MinFirstToken == nil && f.MaxFirstToken == nil
}

// AddRollups adds what a table of roll-ups has, whatever the filter says of time. The table is
// SQL that stands after FROM. Its columns are time (the roll-up's start), RollupDimensions,
// requests, errors, fallbacks, the tokens and costs as in Columns, and durations and ttfts.
// The last two are of the type that merge, an aggregate function, makes one
// record.Sketch's bytes of.
func (g *Groups) AddRollups(ctx context.Context, db Database, table, merge string) error {
	sums := []string{
		"requests", "errors", "fallbacks", "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens",
		"reasoning_tokens", "cost_usd", "priced",
	}
	var list []string
	for _, name := range sums {
		added := "sum(" + name + ")"
		if name != "cost_usd" {
			added = db.Int(added)
		}
		list = append(list, added)
	}
	list = append(list, merge+"(durations)", merge+"(ttfts)")
	s := statement{flavour: db.Flavour}
	sql := "SELECT " + g.selectKeys(db, strings.Join(list, ", ")) + " FROM " +
		s.table(g, table, strings.Join(append(sums, "durations", "ttfts"), ", ")) + groupBy(g.keys()) + " HAVING count(*) > 0"
	err := db.Run(ctx, Statement{sql, s.args}, func(scan Scan) error {
		var sum record.Group
		var durations, ttfts []byte
		key, err := g.scan(scan, &sum.Requests, &sum.Errors, &sum.Fallbacks, &sum.Input, &sum.Output,
			&sum.CachedInput, &sum.CacheWrite, &sum.Reasoning, &sum.CostUSD, &sum.Priced, &durations, &ttfts)
		if err != nil {
			return err
		}
		t := g.Tally(key)
		t.Add(&sum)
		if err := t.Durations.MergeEncoded(durations); err != nil {
			return err
		}
		return t.FirstTokens.MergeEncoded(ttfts)
	})
	if err != nil {
		return fmt.Errorf("add up roll-ups: %w", err)
	}
	return nil
}

// AddFacts is AddFeedback for a table that holds feedback beside the time and the
// RollupDimensions of its row. The question must be Covered. The table is SQL that stands
// after FROM; its columns are time (of the row), RollupDimensions, name and value.
func (g *Groups) AddFacts(ctx context.Context, db Database, table string) error {
	s := statement{flavour: db.Flavour}
	from := s.table(g, table, "name, value", s.timeRange(g.question.Filter.Since, g.question.Filter.Until)...)
	return g.countFeedback(ctx, db, Statement{
		"SELECT " + g.selectKeys(db, "name, value, "+db.Int("count(*)")) + " FROM " + from + groupBy(append(g.keys(), "name", "value")),
		s.args,
	})
}

// table selects the keys and more columns from a table, of what the filter lets through
// beside its time. The dimensions of a question that is Covered have no parameters, so those
// of the conditions, which are bound already, come first.
func (s *statement) table(g *Groups, table, more string, conditions ...string) string {
	columns := make([]string, 0, len(g.question.By)+1)
	for i, d := range g.question.By {
		columns = append(columns, s.dimension(d)+" AS "+keyName(i))
	}
	conditions = append(conditions, s.lists(&g.question.Filter)...)
	sql := "(SELECT " + strings.Join(append(columns, more), ", ") + " FROM " + table
	if len(conditions) > 0 {
		sql += " WHERE " + strings.Join(conditions, " AND ")
	}
	return sql + ") AS r"
}
