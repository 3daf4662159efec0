package upstream

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/upstream/provider"
)

// configured returns a target, named provider/model, of a provider with those keys, as a
// config load makes it.
func configured(t *testing.T, s *State, target string, keys ...string) *Target {
	t.Helper()
	name, model, _ := strings.Cut(target, "/")
	p, err := provider.New(provider.Config{Name: name, Kind: provider.KindCompatible, BaseURL: "http://provider.example.com/v1", Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return NewTarget(s, p, model, nil)
}

// called notes that a target was called, and how that went.
func called(t *testing.T, target *Target, times int, err error) {
	t.Helper()
	target.state.called.Store(true)
	for range times {
		judged, refused := target.state.breaker().Allow()
		if refused != nil {
			t.Fatal(refused)
		}
		judged(err)
	}
}

// healthy checks which names are healthy.
func healthy(t *testing.T, s *State, want map[string]bool) {
	t.Helper()
	for name, ok := range want {
		if s.Healthy(name) != ok {
			t.Errorf("%s is healthy: %t", name, !ok)
		}
	}
}

func TestWhatNobodyKnowsIsHealthy(t *testing.T) {
	s := NewState()
	healthy(t, s, map[string]bool{"openai": true, "openai/gpt-5": true, "": true, "/": true})
	configured(t, s, "openai/gpt-5", "key")
	healthy(t, s, map[string]bool{"openai": true, "openai/gpt-5": true, "openai/other": true})
}

func TestATargetIsHealthyUntilItRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		a, b := configured(t, s, "p/a", "key"), configured(t, s, "p/vendor/b", "key")
		other := configured(t, s, "pp/a", "key")
		called(t, a, 1, nil)
		called(t, b, 1, nil)
		called(t, other, 1, nil)
		if !s.SetRest("p/a", time.Minute) {
			t.Fatal("p/a is not known")
		}
		healthy(t, s, map[string]bool{"p/a": false, "p/vendor/b": true, "p": true, "pp": true, "pp/a": true})
		b.state.rest.extend(time.Now().Add(time.Second), ReasonTold)
		healthy(t, s, map[string]bool{"p/a": false, "p/vendor/b": false, "p": false, "pp": true, "pp/a": true})
		time.Sleep(time.Second)
		healthy(t, s, map[string]bool{"p/a": false, "p/vendor/b": true, "p": true})
	})
}

func TestAProviderIsNotHealthyForTargetsThatWereNeverCalled(t *testing.T) {
	s := NewState()
	a := configured(t, s, "p/a", "key")
	configured(t, s, "p/never", "key")
	called(t, a, 1, nil)
	s.SetRest("p/a", time.Minute)
	healthy(t, s, map[string]bool{"p": false, "p/never": true})
	// One that rests without ever having been called says nothing of the provider.
	s = NewState()
	configured(t, s, "p/a", "key")
	s.SetRest("p/a", time.Minute)
	healthy(t, s, map[string]bool{"p": true, "p/a": false})
}

func TestATargetThatFailsTooOftenIsNotHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		target := configured(t, s, "p/a", "key")
		called(t, target, breakerSample-1, errTargetFailed)
		called(t, target, 100, errNotCounted) // says nothing about it
		healthy(t, s, map[string]bool{"p": true, "p/a": true})
		called(t, target, 1, errTargetFailed)
		healthy(t, s, map[string]bool{"p": false, "p/a": false})
		if left, why := target.resting(time.Now()); left != breakerRest || why != ReasonFailing {
			t.Errorf("it rests for %s because %q", left, why)
		}
		time.Sleep(breakerRest + 1)
		healthy(t, s, map[string]bool{"p": true, "p/a": true}) // one may try it now
		called(t, target, 1, nil)
		if got := s.Status(target).Breaker; got != "closed" {
			t.Errorf("after a success the breaker is %s", got)
		}
	})
}

func TestHalfOfTheRequestsMustFail(t *testing.T) {
	s := NewState()
	target := configured(t, s, "p/a", "key")
	called(t, target, breakerSample, nil)
	called(t, target, breakerSample-1, errTargetFailed)
	healthy(t, s, map[string]bool{"p/a": true})
	called(t, target, 1, errTargetFailed)
	healthy(t, s, map[string]bool{"p/a": false})
}

func TestAProviderIsHealthyWhileOneKeyIsAwake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		target := configured(t, s, "p/a", "key-1", "key-2")
		target.keys[0].rest.extend(time.Now().Add(time.Minute), ReasonRejected)
		healthy(t, s, map[string]bool{"p": true, "p/a": true})
		target.keys[1].rest.extend(time.Now().Add(time.Second), ReasonRejected)
		healthy(t, s, map[string]bool{"p": false, "p/a": false, "p/unknown": false})
		if left, why := target.resting(time.Now()); left != time.Second || why != ReasonRejected {
			t.Errorf("it rests for %s because %q", left, why)
		}
		time.Sleep(time.Second)
		healthy(t, s, map[string]bool{"p": true, "p/a": true})
		if i, _, _ := target.key(time.Now()); i != 1 {
			t.Errorf("key %d is used", i)
		}
	})
}

func TestKeysAreUsedInTurn(t *testing.T) {
	s := NewState()
	target := configured(t, s, "p/a", "key-1", "key-2", "key-3")
	target.keys[1].rest.extend(time.Now().Add(time.Hour), ReasonRejected)
	var used []int
	for range 6 {
		i, left, why := target.key(time.Now())
		if left != 0 || why != "" {
			t.Errorf("key %d rests for %s because %q", i, left, why)
		}
		used = append(used, i)
		target.provider.turn.Add(1)
	}
	for i, want := range []int{0, 2, 2, 0, 2, 2} {
		if used[i] != want {
			t.Fatalf("the keys %v are used", used)
		}
	}
}

func TestRestsSurviveAReload(t *testing.T) {
	s := NewState()
	before := configured(t, s, "p/a", "key-1", "key-2")
	until := time.Now().Add(time.Hour)
	before.keys[0].rest.extend(until, ReasonRejected)
	before.keys[1].rest.extend(until, ReasonTold)
	s.SetRest("p/a", time.Hour)

	// Another order and a new key: what a key has to say goes with the key.
	after := configured(t, s, "p/a", "key-3", "key-2", "key-1")
	var whys []Reason
	for _, k := range after.keys {
		_, why := k.rest.state(time.Now())
		whys = append(whys, why)
	}
	if whys[0] != "" || whys[1] != ReasonTold || whys[2] != ReasonRejected {
		t.Errorf("the keys rest because %q", whys)
	}
	if after.state != before.state || after.provider != before.provider {
		t.Error("target or provider was forgotten")
	}
	if _, why := after.resting(time.Now()); why != ReasonOperator {
		t.Errorf("the target rests because %q", why)
	}
	s.SetRest("p/a", 0)
	healthy(t, s, map[string]bool{"p": true, "p/a": true})
}

func TestKeysThatAConfigNoLongerNamesAreForgotten(t *testing.T) {
	s := NewState()
	until := time.Now().Add(time.Hour)
	old := configured(t, s, "p/a", "key-1", "key-2")
	old.keys[0].rest.extend(until, ReasonRejected)
	old.keys[1].rest.extend(until, ReasonRejected)
	next := configured(t, s, "p/a", "key-3")
	// The config may still be refused, and the old one goes on then.
	healthy(t, s, map[string]bool{"p": false, "p/a": false})
	s.Serve([]*provider.Provider{next.Provider})
	healthy(t, s, map[string]bool{"p": true, "p/a": true})
	if n := len(s.providers["p"].keys); n != 1 {
		t.Errorf("%d keys are kept", n)
	}
	again := configured(t, s, "p/a", "key-1")
	if left, _ := again.keys[0].rest.state(time.Now()); left != 0 {
		t.Error("a key that was gone still rests")
	}
	// The old config's last exchanges keep what they hold.
	if left, _ := old.resting(time.Now()); left == 0 {
		t.Error("the old config forgot its keys")
	}
}

func TestNothingIsKeptOfPassingTargets(t *testing.T) {
	s := NewState()
	p := configured(t, s, "p/a", "key").Provider
	passing := NewPassingTarget(s, p, "made-up", nil)
	if passing.Name() != "p/made-up" || s.SetRest("p/made-up", time.Hour) || len(s.targets) != 1 {
		t.Errorf("%q is kept: %d targets", passing.Name(), len(s.targets))
	}
	if passing.provider != s.providers["p"] || len(passing.keys) != 1 {
		t.Error("it has another provider's keys and budget")
	}
}

func TestAnOperatorPutsTargetsToRestAndWakesThem(t *testing.T) {
	s := NewState()
	if s.SetRest("p/a", time.Hour) || s.SetRest("p/a", 0) {
		t.Error("an unknown target is put to rest")
	}
	target := configured(t, s, "p/a", "key")
	called(t, target, breakerSample, errTargetFailed)
	if !s.SetRest("p/a", time.Hour) || s.Status(target).Why != ReasonOperator {
		t.Errorf("got %+v", s.Status(target))
	}
	if !s.SetRest("p/a", -1) {
		t.Error("it is not known any more")
	}
	if got := s.Status(target); got.Resting || got.Breaker != "closed" {
		t.Errorf("awake it is %+v", got)
	}
}

func TestStatusSaysWhatIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewState()
		target := configured(t, s, "p/a", "key-1", "key-2")
		status := func(want TargetStatus) {
			t.Helper()
			want.Target, want.Keys = "p/a", 2
			if got := s.Status(target); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		status(TargetStatus{Breaker: "closed"})
		for range 2 {
			if !target.enter() {
				t.Fatal("there is no place")
			}
		}
		target.leave()
		target.keys[0].rest.extend(time.Now().Add(time.Minute), ReasonRejected)
		status(TargetStatus{Breaker: "closed", InFlight: 1, KeysResting: 1})
		target.keys[1].rest.extend(time.Now().Add(time.Second), ReasonTold)
		status(TargetStatus{Breaker: "closed", InFlight: 1, KeysResting: 2, Resting: true, Why: ReasonTold, RestsForMS: 1000})
		time.Sleep(time.Minute)
		called(t, target, breakerSample, errTargetFailed)
		status(TargetStatus{Breaker: "open", InFlight: 1, Resting: true, Why: ReasonFailing, RestsForMS: breakerRest.Milliseconds()})
		time.Sleep(breakerRest + 1)
		status(TargetStatus{Breaker: "half-open", InFlight: 1})
		s.SetRest("p/a", time.Hour)
		status(TargetStatus{Breaker: "half-open", InFlight: 1, Resting: true, Why: ReasonOperator, RestsForMS: time.Hour.Milliseconds()})
	})
}

func TestWakingATargetWakesItsProvidersKeys(t *testing.T) {
	s := fakellm.Start(t, fakellm.Error(401, "invalid_api_key", "No."))
	b := newBed(t, quick(), s)
	b.chat(plainBody)
	if b.state.Healthy("p1/m") {
		t.Fatal("a target whose only key was refused is awake")
	}
	if !b.state.SetRest("p1/m", 0) || !b.state.Healthy("p1/m") {
		t.Error("it rests on after an operator has woken it")
	}
}
