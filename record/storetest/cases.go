package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/record"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// row returns a row of a trace id, some seconds after noon.
func row(id string, seconds int) *record.Row {
	return &record.Row{
		TraceID: id, Time: noon.Add(time.Duration(seconds) * time.Second), Deployment: "support", Variant: "A", Endpoint: llm.Chat,
		Provider: "openai", Model: "gpt", Outcome: llm.OutcomeOK, Status: 200, Usage: record.Usage{Input: 10, Output: 5, Known: true},
		CostUSD: 0.25, Priced: true, Duration: record.Millis(time.Second), FirstToken: record.Millis(200 * time.Millisecond),
		Attempts: []record.Attempt{{Provider: "openai", Model: "gpt", Status: 200, Verdict: llm.VerdictOK}}, Dropped: []string{},
	}
}

func rows(list ...*record.Row) *record.Batch               { return &record.Batch{Rows: list} }
func feedback(list ...*record.Feedback) *record.Batch      { return &record.Batch{Feedback: list} }
func completions(list ...*record.Completion) *record.Batch { return &record.Batch{Completions: list} }
func rating(id string, n float64, s int) *record.Feedback {
	return &record.Feedback{TraceID: id, Name: "rating", Value: record.Number(n), Time: noon.Add(time.Duration(s) * time.Second)}
}

// sameAll compares everything that can be asked of some trace ids.
func (p *pair) sameAll(ids ...string) {
	p.t.Helper()
	for _, id := range ids {
		p.sameRow(id)
	}
	p.sameList(&record.Filter{}, 2)
	for _, by := range [][]record.Dimension{
		nil, {record.ByVariant}, {record.ByDay, record.ByModel}, {record.ByMinute}, {record.ByClient}, {record.ByFeedback + "rating", record.ByOutcome},
	} {
		p.sameAnswer(&record.Question{By: by})
	}
	p.sound()
}

// total asks for one group of everything.
func (p *pair) total() record.Group {
	p.t.Helper()
	answer, err := p.store.Stats(context.Background(), &record.Question{})
	if err != nil {
		p.t.Fatalf("ask for everything: %v", err)
	}
	if len(answer.Groups) == 0 {
		return record.Group{}
	}
	return answer.Groups[0]
}

func testIdempotence(t *testing.T, p *pair) {
	r := row("one", 0)
	r.Bodies = &record.Bodies{Request: `{"a":1}`, Response: "data: x\n\n"}
	batch := &record.Batch{
		Rows:        []*record.Row{r, row("two", 1), row("one", 0)},
		Completions: []*record.Completion{{ID: "c", TraceID: "two", Time: noon, Usage: record.Usage{Output: 7}}},
		Feedback:    []*record.Feedback{rating("one", 4, 9), rating("one", 4, 9)},
	}
	for range 3 {
		p.write(batch)
		p.sameAll("one", "two", "three")
	}
	if g := p.total(); g.Requests != 2 || g.Output != 17 || len(g.Feedback) != 1 || g.Feedback[0].Count != 1 {
		t.Errorf("three writes of one batch count as %+v", g)
	}
}

func testFirstRowStays(t *testing.T, p *pair) {
	p.write(rows(row("one", 0)))
	other := row("one", 0)
	other.Variant, other.Input = "B", 1000
	p.write(rows(other))
	p.sameAll("one")
	if g := p.total(); g.Requests != 1 || g.Input != 10 {
		t.Errorf("a second row counts: %+v", g)
	}
}

func testFeedbackEitherWay(t *testing.T, p *pair) {
	p.write(feedback(rating("early", 1, 5)))
	p.write(rows(row("early", 0), row("late", 1), row("along", 2)))
	p.write(feedback(rating("late", 5, 6)))
	p.write(&record.Batch{Rows: []*record.Row{row("same", 3)}, Feedback: []*record.Feedback{rating("same", 3, 4)}})
	p.sameAll("early", "late", "along", "same")
	if g := p.total(); len(g.Feedback) != 1 || g.Feedback[0].Count != 3 || *g.Feedback[0].Mean != 3 {
		t.Errorf("the feedback is %+v", g.Feedback)
	}
}

func testLaterFeedbackHolds(t *testing.T, p *pair) {
	p.write(rows(row("one", 0)))
	named := func(n float64, s int) *record.Feedback {
		f := rating("one", n, s)
		f.ID, f.Name = "mine", fmt.Sprint("name ", n)
		return f
	}
	p.write(feedback(rating("one", 2, 20), named(2, 20)))
	p.write(feedback(rating("one", 1, 10), named(1, 10))) // older
	p.write(feedback(rating("one", 3, 20), named(3, 20))) // not later
	p.sameAll("one")
	if g := p.total(); *g.Feedback[1].Mean != 2 || g.Feedback[0].Name != "name 2" {
		t.Errorf("the feedback is %+v", g.Feedback)
	}
	p.write(feedback(rating("one", 4, 21), named(4, 21), rating("other", 4, 21)))
	p.sameAll("one", "other")
	if g := p.total(); *g.Feedback[1].Mean != 4 || g.Feedback[0].Name != "name 4" || g.Feedback[1].Count != 1 {
		t.Errorf("the feedback is %+v", g.Feedback)
	}
}

func testRemovedFeedback(t *testing.T, p *pair) {
	removed := rating("one", 0, 20)
	removed.Removed = true
	p.write(rows(row("one", 0)))
	p.write(feedback(removed))
	p.write(feedback(rating("one", 5, 10))) // older than its removal
	p.sameAll("one")
	if g := p.total(); g.Feedback != nil {
		t.Errorf("what was taken back is %+v", g.Feedback)
	}
	p.write(feedback(rating("one", 5, 30)))
	p.sameAll("one")
	if g := p.total(); len(g.Feedback) != 1 {
		t.Error("feedback that was given anew is not there")
	}
	again := *removed
	again.Time = noon.Add(time.Minute)
	p.write(feedback(&again))
	label := "5"
	p.sameList(&record.Filter{Feedback: []record.FeedbackFilter{{Name: "rating", Label: &label}}}, 5)
	p.sameAll("one")
}

func testUnmatchedFeedback(t *testing.T, p *pair) {
	removed := rating("ghost-3", 1, 5)
	removed.Removed = true
	p.write(rows(row("one", 0)))
	p.write(feedback(rating("ghost-1", 1, 0), rating("ghost-2", 1, 3600), removed, rating("one", 1, 0)))
	p.sameAll("one", "ghost-1")
	for _, c := range []struct {
		since, until time.Time
		want         int64
	}{
		{want: 2},
		{since: noon, until: noon.Add(time.Hour), want: 1},
		{since: noon.Add(time.Microsecond), want: 1},
		{since: noon.Add(time.Hour), want: 1},
		{until: noon, want: 0},
	} {
		q := &record.Question{Filter: record.Filter{Since: c.since, Until: c.until, Variants: []string{"none"}}}
		p.sameAnswer(q)
		answer, err := p.store.Stats(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if answer.Unmatched != c.want || len(answer.Groups) != 0 {
			t.Errorf("from %v to %v: %d unmatched in %d groups, want %d in none", c.since, c.until, answer.Unmatched, len(answer.Groups), c.want)
		}
	}
	if _, err := p.store.Get(context.Background(), "ghost-1"); !errors.Is(err, record.ErrNotFound) {
		t.Errorf("a row with nothing but feedback is %v", err)
	}
}

func testCompletions(t *testing.T, p *pair) {
	asked := func(id string) *record.Row {
		r := row(id, 0)
		r.Usage, r.CostUSD, r.Priced, r.Duration, r.FirstToken = record.Usage{}, 0, false, 0, 0
		r.Metadata = []byte(`{"plan":"<pro>","a":1}`)
		return r
	}
	completion := func(id, trace string, s int) *record.Completion {
		return &record.Completion{
			ID: id, TraceID: trace, Time: noon.Add(time.Duration(s) * time.Second), Usage: record.Usage{Input: 100, Output: 10, Known: true},
			CostUSD: 0.5, Priced: true, Duration: record.Millis(s) * record.Millis(time.Second), FirstToken: record.Millis(time.Millisecond),
			Metadata: fmt.Appendf(nil, `{"by":%q,"a":%d}`, id, s), Bodies: &record.Bodies{Request: id},
		}
	}
	p.write(completions(completion("c1", "early", 3)))
	p.write(rows(asked("early"), asked("late"), asked("never")))
	p.write(completions(completion("c3", "late", 5), completion("c2", "late", 2))) // the later one first
	p.write(completions(completion("c3", "late", 5), completion("c4", "ghost", 1)))
	p.write(feedback(rating("late", 2, 9)))
	p.sameAll("early", "late", "never")
	g := p.total()
	if g.Input != 300 || g.Priced != 2 || g.Duration == nil || g.CostUSD != 1.5 {
		t.Errorf("three completions count as %+v", g)
	}
	entry, err := p.store.Get(context.Background(), "late")
	if err != nil {
		t.Fatal(err)
	}
	if entry.Duration != record.Millis(2*time.Second) || string(entry.Metadata) != `{"a":5,"by":"c3","plan":"<pro>"}` || entry.Bodies.Request != "c2" {
		t.Errorf("the completed row is %s", text(entry))
	}
	p.write(completions(completion("c0", "late", 1)))
	p.sameAll("late")
}

func testPaging(t *testing.T, p *pair) {
	const n = 25
	var first []*record.Row
	for i := range n {
		first = append(first, row(fmt.Sprintf("row-%02d", i), 10*(i/4))) // four of one time each
	}
	p.write(rows(first...))
	var seen []string
	for page := (record.Page{Limit: 3}); ; {
		listing, err := p.store.List(context.Background(), &record.Filter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for i := range listing.Rows {
			seen = append(seen, listing.Rows[i].TraceID)
		}
		if page.After = listing.Next; page.After == "" {
			break
		}
		p.write(rows(row(fmt.Sprintf("newer-%02d", len(seen)), 1000+len(seen))))
	}
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("row-%02d", n-1-i))
	}
	if !slices.Equal(seen, want) {
		t.Errorf("pages show %q, want %q", seen, want)
	}
	p.sameList(&record.Filter{Since: noon.Add(10 * time.Second), Until: noon.Add(40 * time.Second)}, 5)
}

var hostile = []string{
	"'; DROP TABLE rows; --", `"quoted"`, "a\x00b", "bad \xff\xfe utf-8", "😀 e\u0301", strings.Repeat("long ", 10_000), "%_\\", "$1 ? :x @y",
	"{{x}}", "line\r\nbreak\t", `\u0000`, "\u2028", "' OR '1'='1", "NULL", "0x1F", "\x1f",
}

func testHostileTexts(t *testing.T, p *pair) {
	for i, s := range hostile {
		r := row(fmt.Sprintf("%d %s", i, s), i)
		for _, field := range []*string{
			&r.Deployment, &r.Domain, &r.Variant, &r.Rule, &r.ConfigVersion, &r.ClientID, &r.Requested, &r.Provider, &r.Model,
			&r.ResponseModel, &r.ErrorCode, &r.FinishReason, (*string)(&r.Endpoint), (*string)(&r.Outcome),
		} {
			*field = s
		}
		r.Attempts = []record.Attempt{{Provider: s, Model: s, ErrorCode: s, Error: s, Verdict: llm.Verdict(s)}}
		r.Dropped = []string{s}
		r.Bodies = &record.Bodies{Request: s, Response: s}
		member := text(map[string]any{s: s, "plain": []string{s}})
		r.Metadata, r.Context, r.Inputs = []byte(member), []byte(member), []byte(member)
		f := rating(r.TraceID, 1, i)
		f.ID, f.Name, f.Value, f.Comment, f.ClientID, f.Metadata = s, s, record.List(s, "x"), s, s, []byte(member)
		c := &record.Completion{ID: r.TraceID, TraceID: r.TraceID, Time: noon, Metadata: []byte(member)}
		p.write(&record.Batch{Rows: []*record.Row{r}, Feedback: []*record.Feedback{f}, Completions: []*record.Completion{c}})

		p.sameRow(r.TraceID)
		label := s
		for _, filter := range []record.Filter{
			{Deployments: []string{s}, Domains: []string{s}, Variants: []string{s}, Models: []string{s + "/" + s}, Clients: []string{s}},
			{Providers: []string{s}, Endpoints: []string{s}, Outcomes: []string{s}, ErrorCodes: []string{s}},
			{Metadata: map[string]string{s: s}},
			{Feedback: []record.FeedbackFilter{{Name: s, Label: &label}}},
		} {
			p.sameList(&filter, 3)
			listing, err := p.store.List(context.Background(), &filter, record.Page{})
			if err != nil || len(listing.Rows) != 1 {
				t.Errorf("the row of %.40q is found %d times (%v)", s, len(listing.Rows), err)
			}
		}
		for _, by := range [][]record.Dimension{
			{record.ByMetadata + record.Dimension(s)}, {record.ByFeedback + record.Dimension(s)}, {record.ByVariant, record.ByModel},
		} {
			p.sameAnswer(&record.Question{By: by})
		}
	}
	p.sound()
}

func testNoNumbers(t *testing.T, p *pair) {
	for i, n := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e300} {
		r := row(fmt.Sprint("row ", i), i)
		r.CostUSD, r.Input, r.Duration = n, math.MaxInt64, record.Millis(math.MinInt64)
		c := &record.Completion{ID: fmt.Sprint(i), TraceID: r.TraceID, Time: noon, CostUSD: n, Priced: true, Usage: record.Usage{Input: math.MaxInt64}}
		p.write(&record.Batch{Rows: []*record.Row{r}, Completions: []*record.Completion{c}, Feedback: []*record.Feedback{rating(r.TraceID, n, i)}})
		p.sameAll(r.TraceID)
	}
	if g := p.total(); g.CostUSD != 0 || g.Requests != 4 || len(g.Feedback) != 1 || g.Feedback[0].Count != 1 {
		t.Errorf("numbers that are none count as %+v", g)
	}
}

func testSmallNumbers(t *testing.T, p *pair) {
	numbers := []float64{0, math.SmallestNonzeroFloat64, 1.7401162994210553e-308, 0x1p-1022, 1e-17, 0.1, 0.25}
	for i, n := range numbers {
		r := row(fmt.Sprint("row ", i), i)
		r.CostUSD = n
		p.write(&record.Batch{Rows: []*record.Row{r}, Feedback: []*record.Feedback{rating(r.TraceID, n, i), rating(r.TraceID+" below", -n, i)}})
	}
	for i, n := range numbers {
		p.sameList(&record.Filter{MinCostUSD: &n}, 10)
		p.sameList(&record.Filter{MaxCostUSD: &n}, 10)
		p.sameList(&record.Filter{Feedback: []record.FeedbackFilter{{Name: "rating", Min: &n}}}, 10)
		below := -n
		p.sameList(&record.Filter{Feedback: []record.FeedbackFilter{{Name: "rating", Max: &below}}}, 10)
		listing, err := p.store.List(context.Background(), &record.Filter{MinCostUSD: &n}, record.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(listing.Rows) != len(numbers)-i {
			t.Errorf("%d rows cost at least %g", len(listing.Rows), n)
		}
	}
}

func testTimes(t *testing.T, p *pair) {
	zone := time.FixedZone("east", 3600*5+1800)
	for i, at := range []time.Time{
		{}, time.Date(1905, 6, 30, 23, 59, 59, 999_999_999, zone), time.Unix(-1, 0), time.Unix(0, 0), noon.Add(time.Nanosecond).In(zone),
		time.Date(2262, 4, 12, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(30_000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		r := row(fmt.Sprint("row ", i), 0)
		r.Time = at
		f := rating(r.TraceID, 1, 0)
		f.Time = at
		ghost := *f
		ghost.TraceID += " ghost"
		p.write(&record.Batch{Rows: []*record.Row{r}, Feedback: []*record.Feedback{f, &ghost}})
		p.sameRow(r.TraceID)
		p.sameAnswer(&record.Question{Filter: record.Filter{Since: at}, By: []record.Dimension{record.ByVariant}})
		p.sameAnswer(&record.Question{Filter: record.Filter{Until: at.Add(time.Nanosecond)}, By: []record.Dimension{record.ByHour}})
	}
	p.sameAll()
	if g := p.total(); g.Requests != 8 {
		t.Errorf("%d of 8 rows are there", g.Requests)
	}
}

func testMetadata(t *testing.T, p *pair) {
	objects := []string{
		`{"a.b":"x","a":{"b":"y"},"q\"":"z","it's":"w","[0]":"v","$":"u","":"t"}`, `{"n":4.50,"big":123456789012345678901234567890,"yes":true,"no":null}`,
		`{"dup":1,"dup":2}`, `{"list":[1, 2],"o":{"z":1,"a":"<&>"}}`, `not json`, `[1]`, `"text"`, `null`, strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300),
		`{"esc":"\u0000x\ud800"}`, `{"😀":"😀","\n":"\t"}`,
	}
	members := map[string][]string{
		"a.b": {"x"}, "a": {`{"b":"y"}`}, `q"`: {"z"}, "it's": {"w"}, "[0]": {"v"}, "$": {"u"}, "n": {"4.50", "4.5"},
		"big": {"123456789012345678901234567890"}, "yes": {"true", "1"}, "no": {"null", ""}, "dup": {"1", "2"}, "list": {"[1,2]", "[1, 2]"},
		"o": {`{"a":"<&>","z":1}`}, "esc": {"\uFFFDx\uFFFD"}, "😀": {"😀"}, "\n": {"\t"}, "missing": {""},
	}
	for i, object := range objects {
		r := row(fmt.Sprint("row ", i), i)
		r.Metadata = []byte(object)
		p.write(rows(r))
		p.sameRow(r.TraceID)
	}
	for name, texts := range members {
		p.sameAnswer(&record.Question{By: []record.Dimension{record.ByMetadata + record.Dimension(name)}})
		for i, value := range texts {
			f := record.Filter{Metadata: map[string]string{name: value}}
			p.sameList(&f, 50)
			if i > 0 {
				continue
			}
			if listing, err := p.store.List(context.Background(), &f, record.Page{}); err != nil || (name != "dup" && name != "no" && len(listing.Rows) == 0) {
				t.Errorf("metadata %q = %q finds no row (%v)", name, value, err)
			}
		}
	}
}

func testBadQuestions(t *testing.T, p *pair) {
	p.write(rows(row("one", 0)))
	ctx := context.Background()
	for _, q := range []*record.Question{
		{By: []record.Dimension{"nonsense"}}, {By: []record.Dimension{"metadata."}}, {By: []record.Dimension{"1; DROP TABLE rows"}},
		{By: slices.Repeat([]record.Dimension{record.ByVariant}, 5)}, {Limit: -1}, {Limit: 10_001},
	} {
		if _, err := p.store.Stats(ctx, q); !errors.Is(err, record.ErrBadQuestion) {
			t.Errorf("%s: got %v", text(q), err)
		}
	}
	for _, page := range []record.Page{{Limit: -1}, {Limit: 1001}, {After: "nonsense"}, {After: "!"}, {After: "MTIz"}} {
		if _, err := p.store.List(ctx, &record.Filter{}, page); !errors.Is(err, record.ErrBadQuestion) {
			t.Errorf("%+v: got %v", page, err)
		}
	}
}

func testEmpty(t *testing.T, p *pair) {
	p.sameAll("none")
	p.write(&record.Batch{})
	p.prune(record.Retention{Age: time.Hour, Now: noon})
	if g := p.total(); g.Requests != 0 {
		t.Errorf("an empty store has %+v", g)
	}
	if err := p.store.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if err := p.store.Close(); err != nil {
		t.Errorf("close again: %v", err)
	}
}
