package caddymodule

import (
	"errors"
	"testing"
)

func TestConfigErrorReadsFromTheOutsideIn(t *testing.T) {
	cause := errors.New("it is wrong")
	err := located(within(cause, "when"), "Caddyfile:31")
	err = within(within(err, "variant %q", "enterprise"), "deployment %q", "support-reply")
	const want = `Caddyfile:31: deployment "support-reply": variant "enterprise": when: it is wrong`
	if err.Error() != want {
		t.Errorf("got  %s\nwant %s", err, want)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if again := located(err, "Caddyfile:1"); again.Error() != want {
		t.Errorf("the outer position wins: %s", again)
	}
}

func TestConfigErrorWithoutPositionBeginsWithWhatItIsAbout(t *testing.T) {
	if got := located(within(errors.New("no"), "provider %q", "x"), "").Error(); got != `provider "x": no` {
		t.Errorf("got %s", got)
	}
	if located(nil, "Caddyfile:1") != nil || within(nil, "x") != nil {
		t.Error("no error became one")
	}
}

func TestPositionFallsBackToWhatSurroundsIt(t *testing.T) {
	a := &App{Positions: map[string]string{"deployment x": "Caddyfile:3"}}
	if got := a.at("deployment x when", "deployment x"); got != "Caddyfile:3" {
		t.Errorf("got %q", got)
	}
	if got := a.at("deployment y"); got != "" {
		t.Errorf("got %q", got)
	}
}
