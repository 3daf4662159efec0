package upstream

import (
	"testing"
	"testing/synctest"
	"time"
)

// resting checks how long something still rests.
func resting(t *testing.T, r *rest, left time.Duration, why Reason) {
	t.Helper()
	if gotLeft, gotWhy := r.state(time.Now()); gotLeft != left || gotWhy != why {
		t.Errorf("it rests for %s because %q, want %s because %q", gotLeft, gotWhy, left, why)
	}
}

// extend puts something to rest for a time from now.
func extend(r *rest, d time.Duration, why Reason) { r.extend(time.Now().Add(d), why) }

func TestARestIsExtendedAndNeverShortened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rest
		resting(t, &r, 0, "")
		extend(&r, time.Minute, ReasonRejected)
		resting(t, &r, time.Minute, ReasonRejected)
		extend(&r, time.Second, ReasonTold)
		resting(t, &r, time.Minute, ReasonRejected)
		extend(&r, time.Minute, ReasonTold)
		resting(t, &r, time.Minute, ReasonRejected)
		extend(&r, time.Hour, ReasonTold)
		resting(t, &r, time.Hour, ReasonTold)
		time.Sleep(time.Hour - time.Nanosecond)
		resting(t, &r, 1, ReasonTold)
		time.Sleep(time.Nanosecond)
		resting(t, &r, 0, "")
		extend(&r, time.Second, ReasonRejected)
		resting(t, &r, time.Second, ReasonRejected)
	})
}

func TestTheOperatorsWordStandsAgainstAllOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rest
		extend(&r, time.Hour, ReasonTold)
		extend(&r, time.Minute, ReasonOperator) // the operator alone may shorten
		resting(t, &r, time.Minute, ReasonOperator)
		for _, why := range []Reason{ReasonTold, ReasonRejected, ReasonFailing} {
			extend(&r, time.Hour, why)
			resting(t, &r, time.Minute, ReasonOperator)
		}
		extend(&r, time.Second, ReasonOperator)
		resting(t, &r, time.Second, ReasonOperator)
		time.Sleep(time.Second)
		resting(t, &r, 0, "")
		extend(&r, time.Minute, ReasonTold) // the word is over
		resting(t, &r, time.Minute, ReasonTold)
	})
}

func TestWakingEndsEveryRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, why := range []Reason{ReasonTold, ReasonRejected, ReasonFailing, ReasonOperator} {
			var r rest
			extend(&r, time.Hour, why)
			r.wake()
			resting(t, &r, 0, "")
			extend(&r, time.Second, ReasonTold)
			resting(t, &r, time.Second, ReasonTold)
		}
	})
}

func TestOnlyWhatIsKnownForSureBinds(t *testing.T) {
	for why, want := range map[Reason]bool{ReasonTold: true, ReasonOperator: true, ReasonRejected: false, ReasonFailing: false, "": false} {
		if why.binding() != want {
			t.Errorf("%q binds: %t", why, !want)
		}
	}
}
