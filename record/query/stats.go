package query

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

// sums are what is added up of a group's rows, in the order in which Tally.scanSums reads
// them. The first is the count.
var sums = []Column{
	{"1", Integer}, {failed, Integer}, {"fallback", Integer},
	{"input_tokens", Integer}, {"output_tokens", Integer}, {"cached_tokens", Integer},
	{"cache_write_tokens", Integer}, {"reasoning_tokens", Integer},
	{"cost_usd", Float}, {"priced", Integer},
}

// Stats answers Store.Stats from the rows alone.
func Stats(ctx context.Context, db Database, q *record.Question) (*record.Answer, error) {
	groups, err := NewGroups(q)
	if err != nil {
		return nil, err
	}
	if err := groups.AddMost(ctx, db); err != nil {
		return nil, err
	}
	if err := groups.AddFeedback(ctx, db); err != nil {
		return nil, err
	}
	return groups.Answer()
}

// AddMost finds the question's groups with most requests and their numbers, all but feedback.
func (g *Groups) AddMost(ctx context.Context, db Database) error {
	return g.add(ctx, db, addition{filter: &g.question.Filter, limit: g.limit + 1})
}

// AddRows adds the numbers of the rows of a part of the question's time, all but feedback.
func (g *Groups) AddRows(ctx context.Context, db Database, since, until time.Time) error {
	part := g.question.Filter
	part.Since, part.Until = since, until
	return g.add(ctx, db, addition{filter: &part})
}

// addition is which rows are added; limit bounds how many groups, 0 for all.
type addition struct {
	filter *record.Filter
	limit  int
}

func (g *Groups) add(ctx context.Context, db Database, a addition) error {
	s := statement{flavour: db.Flavour}
	list := make([]string, len(sums))
	for i, c := range sums {
		list[i] = "coalesce(sum(" + c.Name + "), 0)"
		if c.Kind == Integer {
			list[i] = db.Int(list[i])
		}
	}
	list[0] += " AS n"
	sql := "SELECT " + g.selectKeys(db, strings.Join(list, ", ")) + " FROM " + s.source(g.question.By, a.filter, rowColumns) +
		groupBy(g.keys()) + " ORDER BY " + strings.Join(append([]string{"n DESC"}, g.keys()...), ", ")
	if a.limit > 0 {
		sql += " LIMIT " + strconv.Itoa(a.limit)
	}
	err := db.Run(ctx, Statement{sql, s.args}, func(scan Scan) error {
		var sum record.Group
		key, err := g.scan(scan, &sum.Requests, &sum.Errors, &sum.Fallbacks, &sum.Input, &sum.Output,
			&sum.CachedInput, &sum.CacheWrite, &sum.Reasoning, &sum.CostUSD, &sum.Priced)
		if err != nil || sum.Requests == 0 {
			return err
		}
		g.Tally(key).Add(&sum)
		return nil
	})
	if err != nil {
		return fmt.Errorf("count records: %w", err)
	}
	if err := g.addBuckets(ctx, db, a, "duration"); err != nil {
		return err
	}
	return g.addBuckets(ctx, db, a, "ttft")
}

// rowColumns are the columns that are added up.
const rowColumns = "outcome, fallback, input_tokens, output_tokens, cached_tokens, cache_write_tokens, " +
	"reasoning_tokens, cost_usd, priced, ttft_us, ttft_bucket, duration_us, duration_bucket"

// addBuckets counts the rows in each bucket of a duration: "duration" or "ttft".
func (g *Groups) addBuckets(ctx context.Context, db Database, a addition, name string) error {
	s := statement{flavour: db.Flavour}
	bucket := name + "_bucket"
	sql := "SELECT " + g.selectKeys(db, db.Int(bucket)+", "+db.Int("count(*)")) + " FROM " + s.source(g.question.By, a.filter, rowColumns) +
		" WHERE outcome = '" + string(llm.OutcomeOK) + "' AND " + name + "_us > 0" + groupBy(append(g.keys(), bucket))
	err := db.Run(ctx, Statement{sql, s.args}, func(scan Scan) error {
		var bucket, n int64
		key, err := g.scan(scan, &bucket, &n)
		if err != nil {
			return err
		}
		if t := g.Known(key); t != nil {
			t.sketch(name).Add(int(bucket), n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count durations: %w", err)
	}
	return nil
}

// AddFeedback adds the feedback of the groups that are there, and what is unmatched. It
// belongs after what adds rows.
func (g *Groups) AddFeedback(ctx context.Context, db Database) error {
	s := statement{flavour: db.Flavour}
	sql := "SELECT " + g.selectKeys(db, "name, value, "+db.Int("count(*)")) + " FROM " + s.source(g.question.By, &g.question.Filter, "") +
		" " + db.InnerJoin + " (SELECT trace_id, name, value FROM " + db.Feedback + " WHERE removed = 0) AS f USING (trace_id)" +
		groupBy(append(g.keys(), "name", "value"))
	return g.countFeedback(ctx, db, Statement{sql, s.args})
}

// countFeedback adds what a statement counts: a group's key, name, value, how often.
func (g *Groups) countFeedback(ctx context.Context, db Database, s Statement) error {
	err := db.Run(ctx, s, func(scan Scan) error {
		var name, text string
		var n int64
		key, err := g.scan(scan, &name, &text, &n)
		if err != nil {
			return err
		}
		var value record.Value
		if err := value.UnmarshalJSON([]byte(text)); err != nil {
			return fmt.Errorf("read the value %q of feedback: %w", text, err)
		}
		if t := g.Known(key); t != nil {
			t.Feedback.Add(name, value, n)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count feedback: %w", err)
	}
	g.unmatched, err = unmatched(ctx, db, g.question.Filter.Since, g.question.Filter.Until)
	return err
}

// unmatched returns how much feedback that was given in a time range belongs to no row. Zero
// times are no bounds.
func unmatched(ctx context.Context, db Database, since, until time.Time) (int64, error) {
	var n int64
	s := statement{flavour: db.Flavour}
	conditions := append(s.timeRange(since, until), "removed = 0", db.Unmatched)
	sql := "SELECT " + db.Int("count(*)") + " FROM " + db.Feedback + " WHERE " + strings.Join(conditions, " AND ")
	err := db.Run(ctx, Statement{sql, s.args}, func(scan Scan) error { return scan(&n) })
	if err != nil {
		return 0, fmt.Errorf("count unmatched feedback: %w", err)
	}
	return n, nil
}

// source returns what stands after FROM: the rows that a filter lets through, as a table r
// with the columns trace_id, k0 and so on for the dimensions, and those of more. A row stands
// there once for each of the labels that it is grouped by.
func (s *statement) source(by []record.Dimension, f *record.Filter, more string) string {
	return "(" + s.labelled(by, len(by)-1, func() string {
		columns := []string{"trace_id"}
		for i, d := range by {
			if _, ok := d.FeedbackName(); !ok {
				columns = append(columns, s.dimension(d)+" AS "+keyName(i))
			}
		}
		if more != "" {
			columns = append(columns, more)
		}
		return "SELECT " + strings.Join(columns, ", ") + " FROM " + s.flavour.Rows + " WHERE " + s.where(f)
	}, more) + ") AS r"
}

// labelled joins the labels of the dimensions of feedback up to the i-th with the rows.
func (s *statement) labelled(by []record.Dimension, i int, rows func() string, more string) string {
	for ; i >= 0; i-- {
		if _, ok := by[i].FeedbackName(); ok {
			break
		}
	}
	if i < 0 {
		return rows()
	}
	columns := []string{"trace_id"}
	for j, d := range by {
		if _, feedback := d.FeedbackName(); !feedback || j < i {
			columns = append(columns, keyName(j))
		}
	}
	columns = append(columns, "coalesce(label, '') AS "+keyName(i))
	if more != "" {
		columns = append(columns, more)
	}
	name, _ := by[i].FeedbackName()
	inner := s.labelled(by, i-1, rows, more)
	return "SELECT " + strings.Join(columns, ", ") + " FROM (" + inner + ") AS r " + s.flavour.LeftJoin +
		" (" + s.flavour.Labels(s.bind(record.CleanName(name))) + ") AS l USING (trace_id)"
}

// dimension returns the expression that rows are grouped by.
func (s *statement) dimension(d record.Dimension) string {
	if key, ok := d.MetadataKey(); ok {
		return s.flavour.Member(s.bind(record.CleanText(key)))
	}
	if unit := Unit(d); unit > 0 {
		u := s.flavour.Int(strconv.FormatInt(unit, 10)) // rounds down also before 1970, where % is negative
		return "time - ((time % " + u + ") + " + u + ") % " + u
	}
	switch d {
	case record.ByModel:
		return target
	case record.ByClient:
		return "client_id"
	default:
		return string(d) // deployment, domain, variant, provider, endpoint, outcome, error_code, config_version
	}
}

// Unit returns how many microseconds long the groups of a dimension of time are, 0 for
// another dimension.
func Unit(d record.Dimension) int64 {
	switch d {
	case record.ByMinute:
		return time.Minute.Microseconds()
	case record.ByHour:
		return time.Hour.Microseconds()
	case record.ByDay:
		return 24 * time.Hour.Microseconds()
	default:
		return 0
	}
}

func keyName(i int) string { return "k" + strconv.Itoa(i) }

func groupBy(columns []string) string {
	if len(columns) == 0 {
		return ""
	}
	return " GROUP BY " + strings.Join(columns, ", ")
}
