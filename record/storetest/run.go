package storetest

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
	"github.com/mulligan-gateway/mulligan/record"
)

// Open returns a new, empty store. It closes itself at the end of the test.
type Open func(t *testing.T) record.Store

// Run tests a store against the contract. One store at a time is open.
func Run(t *testing.T, open Open) {
	t.Run("answers as memory does", func(t *testing.T) { testAgainstMemory(t, open) })
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.test(t, &pair{t: t, store: open(t), want: NewMemory()})
		})
	}
}

// cases are the promises of record.Store, one by one.
var cases = []struct {
	name string
	test func(t *testing.T, p *pair)
}{
	{"every field comes back", testEveryField},
	{"a batch that is written again changes nothing", testIdempotence},
	{"of two rows with one trace id the first stays", testFirstRowStays},
	{"feedback joins its row whichever comes first", testFeedbackEitherWay},
	{"of two pieces of feedback the later one holds", testLaterFeedbackHolds},
	{"feedback that is taken back does not come back", testRemovedFeedback},
	{"feedback without a row is unmatched", testUnmatchedFeedback},
	{"completions add to their row in any order", testCompletions},
	{"paging is stable while rows are written", testPaging},
	{"texts come back as they were", testHostileTexts},
	{"numbers that are none are not kept", testNoNumbers},
	{"numbers are compared however small", testSmallNumbers},
	{"times before 1970 and far ahead are kept", testTimes},
	{"metadata is found by name and text", testMetadata},
	{"bad questions say what is wrong", testBadQuestions},
	{"an empty store answers", testEmpty},
	{"age decides what is pruned", testRetentionByAge},
	{"size decides what is pruned", testRetentionBySize},
	{"writers and askers do not disturb each other", testConcurrency},
	{"a batch that fails leaves nothing", testCancelledWrite},
}

// testAgainstMemory writes random batches, some of them again, and asks random questions. Each
// round opens a store of its own.
func testAgainstMemory(t *testing.T, open Open) {
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		if rounds++; rounds > 1 && testing.Short() {
			return
		}
		store := open(t)
		defer store.Close()
		p := &pair{t: rt, store: store, want: NewMemory()}
		batches := rapid.SliceOfN(genBatch, 1, 4).Draw(rt, "batches")
		for _, i := range rapid.Permutation(append(indexes(batches), indexes(batches)...)).Draw(rt, "order") {
			p.write(batches[i])
		}
		for range 6 {
			p.sameAnswer(genQuestion.Draw(rt, "question"))
			p.sameAnswer(genCovered.Draw(rt, "covered question"))
			f := genFilter.Draw(rt, "filter")
			p.sameList(&f, rapid.IntRange(1, 20).Draw(rt, "page size"))
			p.sameRow(genTrace.Draw(rt, "row"))
		}
		p.sound()
		p.prune(record.Retention{Age: 36 * 3600e9, Now: genTime.Draw(rt, "now")})
		p.sameAnswer(genCovered.Draw(rt, "question after pruning"))
		p.sameAnswer(genQuestion.Draw(rt, "question after pruning"))
		p.sound()
	})
}

func indexes[E any](list []E) []int {
	all := make([]int, len(list))
	for i := range all {
		all[i] = i
	}
	return all
}

func (p *pair) prune(r record.Retention) {
	p.t.Helper()
	want, err := p.want.Prune(context.Background(), r)
	if err != nil {
		p.t.Fatalf("memory: %v", err)
	}
	got, err := p.store.Prune(context.Background(), r)
	if err != nil {
		p.t.Fatalf("prune: %v", err)
	}
	p.same("what was pruned", got, want)
}
