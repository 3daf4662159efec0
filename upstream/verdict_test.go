package upstream

import (
	"context"
	"testing"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// again, next and stop are rulings that blame nobody, and to blame is to blame the target.
var (
	rulesAgain = ruling{verdict: llm.VerdictAgain}
	rulesNext  = ruling{verdict: llm.VerdictNext}
	rulesStop  = ruling{verdict: llm.VerdictStop}
)

func blamed(r ruling) ruling { r.blame = true; return r }

// says is a fault that a provider reports with a status, 0 for an error in a stream that
// names none.
func says(status int, class failure.Class) *fault {
	return &fault{phase: phaseOutput, kind: kindReported, said: failure.Failure{Status: status, Class: class, Message: "no"}}
}

func TestEveryClassOfFailureHasItsRuling(t *testing.T) {
	// What the operator says beside the defaults, and with all of them taken away.
	usual := []string{"408", "409", "425", "429", "5xx", "timeout", "connect"}
	otherKey := ruling{verdict: llm.VerdictNext, otherKey: true, restKey: restRejected}
	limited := ruling{verdict: llm.VerdictAgain, otherKey: true, restKey: restLimited, blame: true}
	limitedNext := ruling{verdict: llm.VerdictNext, otherKey: true, restKey: restLimited, blame: true}
	roomier := ruling{verdict: llm.VerdictNext, roomier: true}
	for _, c := range []struct {
		class  failure.Class
		status int
		usual  ruling // with the default retry_on
		none   ruling // with an empty one
		all    ruling // with 4xx and 5xx
	}{
		{failure.BadRequest, 400, rulesStop, rulesStop, rulesAgain},
		{failure.BadRequest, 422, rulesStop, rulesStop, rulesAgain},
		{failure.BadRequest, 0, rulesStop, rulesStop, rulesAgain},
		{failure.BadRequest, 409, rulesAgain, rulesStop, rulesAgain},
		{failure.TooLarge, 413, rulesStop, rulesStop, rulesAgain},
		{failure.TooLarge, 0, rulesStop, rulesStop, rulesAgain},
		{failure.ContentFilter, 400, rulesStop, rulesStop, rulesAgain},
		{failure.ContentFilter, 0, rulesStop, rulesStop, rulesAgain},
		{failure.ContextLength, 400, roomier, roomier, roomier},
		{failure.ContextLength, 0, roomier, roomier, roomier},
		{failure.ContextLength, 500, roomier, roomier, roomier},
		{failure.ModelNotFound, 404, rulesNext, rulesNext, rulesAgain},
		{failure.ModelNotFound, 0, rulesNext, rulesNext, rulesAgain},
		{failure.ModelNotFound, 503, rulesNext, rulesNext, rulesNext},
		{failure.BadKey, 401, otherKey, otherKey, otherKey},
		{failure.BadKey, 403, otherKey, otherKey, otherKey},
		{failure.BadKey, 0, otherKey, otherKey, otherKey},
		{failure.Quota, 402, otherKey, otherKey, otherKey},
		{failure.Quota, 429, otherKey, otherKey, otherKey}, // 429 is retried, an empty account is not
		{failure.Quota, 0, otherKey, otherKey, otherKey},
		{failure.RateLimit, 429, limited, limitedNext, limited},
		{failure.RateLimit, 0, limited, limitedNext, limited},
		{failure.Overloaded, 503, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Overloaded, 529, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Overloaded, 429, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Overloaded, 0, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Timeout, 408, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Timeout, 504, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Timeout, 0, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Server, 500, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Server, 424, blamed(rulesNext), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Server, 0, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Unknown, 404, rulesNext, rulesNext, rulesAgain},
		{failure.Unknown, 405, rulesNext, rulesNext, rulesAgain},
		{failure.Unknown, 409, rulesAgain, rulesNext, rulesAgain},
		{failure.Unknown, 425, rulesAgain, rulesNext, rulesAgain},
		{failure.Unknown, 418, rulesStop, rulesStop, rulesAgain},
		{failure.Unknown, 0, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Unknown, 599, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
		{failure.Class("of tomorrow"), 500, blamed(rulesAgain), blamed(rulesNext), blamed(rulesAgain)},
	} {
		f := says(c.status, c.class)
		for _, v := range []struct {
			words []string
			want  ruling
		}{{usual, c.usual}, {nil, c.none}, {[]string{"4xx", "5xx"}, c.all}} {
			if got := judge(f, retryOn(t, v.words...)); got != v.want {
				t.Errorf("%s with %d and retry_on %v: %+v, want %+v", c.class, c.status, v.words, got, v.want)
			}
		}
	}
}

func TestTheOperatorMaySayToRepeatABadRequest(t *testing.T) {
	on := retryOn(t, "400")
	if got := judge(says(400, failure.BadRequest), on); got != rulesAgain {
		t.Errorf("400: %+v", got)
	}
	if got := judge(says(422, failure.BadRequest), on); got != rulesStop {
		t.Errorf("422: %+v", got)
	}
}

func TestEveryKindOfFaultHasItsRuling(t *testing.T) {
	all := []string{"4xx", "5xx", "timeout", "connect"}
	without := func(word string) (words []string) {
		for _, w := range all {
			if w != word {
				words = append(words, w)
			}
		}
		return words
	}
	for _, c := range []struct {
		name  string
		fault fault
		word  string // of retry_on that makes it worth repeating
	}{
		{"no connection", fault{phase: phaseConnect, kind: kindBroken}, "connect"},
		{"a broken connection", fault{phase: phaseHeaders, kind: kindBroken}, "connect"},
		{"a broken reply", fault{phase: phaseOutput, kind: kindBroken}, "connect"},
		{"no first token", fault{kind: kindTimeout, timeout: errFirstToken}, "timeout"},
		{"a silent stream", fault{kind: kindTimeout, timeout: errIdle}, "timeout"},
		{"a long attempt", fault{kind: kindTimeout, timeout: errAttemptTimeout}, "timeout"},
		{"a reply that cannot be read", fault{kind: kindMalformed}, "5xx"},
	} {
		if got := judge(&c.fault, retryOn(t, c.word)); got != blamed(rulesAgain) {
			t.Errorf("%s with retry_on %s: %+v", c.name, c.word, got)
		}
		if got := judge(&c.fault, retryOn(t, without(c.word)...)); got != blamed(rulesNext) {
			t.Errorf("%s without %s: %+v", c.name, c.word, got)
		}
	}
	if got := judge(&fault{kind: kindMalformed}, retryOn(t, "502")); got.verdict != llm.VerdictAgain {
		t.Errorf("what cannot be read counts as 502: %+v", got)
	}
	over := &fault{kind: kindTimeout, timeout: errTimeout}
	if got := judge(over, retryOn(t, all...)); got != rulesStop {
		t.Errorf("the exchange's end: %+v", got)
	}
	gone := &fault{kind: kindCancelled, cause: context.Canceled}
	if got := judge(gone, retryOn(t, all...)); got != rulesStop {
		t.Errorf("a client that has gone: %+v", got)
	}
}
