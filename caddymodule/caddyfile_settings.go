package caddymodule

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/mulligan-gateway/mulligan/upstream"
)

// scope is a block that may hold settings: a deployment or a variant.
type scope interface {
	settings() *Settings
	// mark keeps where a word of the block was written.
	mark(word, at string)
}

// settingsWords are the words that a deployment and a variant share.
func settingsWords[T scope]() words[T] {
	duration := func(field func(*Settings) **caddy.Duration) word[T] {
		return word[T]{args: "DURATION", least: 1, most: 1, set: func(t T, l line) error {
			d, err := parseDuration(l.args[0])
			*field(t.settings()) = &d
			return err
		}}
	}
	return words[T]{
		"retries": {args: "COUNT", least: 1, most: 1, set: func(t T, l line) error {
			n, err := parseCount(l.args[0])
			t.settings().Retries = &n
			return err
		}},
		"retry_on": {args: "STATUS|5xx|timeout|connect…", least: 1, most: -1, set: func(t T, l line) error {
			t.settings().RetryOn = l.args
			t.mark(l.word, l.at)
			return nil
		}},
		"retry_budget": {args: "PERCENT%", least: 1, most: 1, set: func(t T, l line) error {
			p, err := parsePercent(l.args[0])
			t.settings().RetryBudget = &p
			return err
		}},
		"backoff": {args: "FIRST MOST", least: 2, most: 2, set: func(t T, l line) error {
			first, err := parseDuration(l.args[0])
			if err != nil {
				return err
			}
			most, err := parseDuration(l.args[1])
			t.settings().Backoff = &Backoff{First: first, Most: most}
			t.mark(l.word, l.at)
			return err
		}},
		"timeout":             duration(func(s *Settings) **caddy.Duration { return &s.Timeout }),
		"attempt_timeout":     duration(func(s *Settings) **caddy.Duration { return &s.AttemptTimeout }),
		"first_token_timeout": duration(func(s *Settings) **caddy.Duration { return &s.FirstTokenTimeout }),
		"idle_timeout":        duration(func(s *Settings) **caddy.Duration { return &s.IdleTimeout }),
		"keepalive":           duration(func(s *Settings) **caddy.Duration { return &s.Keepalive }),
		"continue_streams": {args: "on|off", least: 1, most: 1, set: func(t T, l line) error {
			on, err := onOff(l.args[0])
			t.settings().ContinueStreams = &on
			return err
		}},
		"on_rule_error": {args: "skip|fail", least: 1, most: 1, set: func(t T, l line) error {
			t.settings().OnRuleError = OnRuleError(l.args[0])
			t.mark(l.word, l.at)
			return nil
		}},
	}
}

// parseDuration reads a duration as Caddy writes them; none is 0, which is no bound.
func parseDuration(s string) (caddy.Duration, error) {
	if s == "none" {
		return 0, nil
	}
	d, err := caddy.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write one such as 250ms, 15s or 2m", s)
	}
	if d < 0 {
		return 0, errors.New("a duration cannot be negative")
	}
	return caddy.Duration(d), nil
}

func parseCount(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a whole number of 0 or more", s)
	}
	return n, nil
}

func parsePercent(s string) (float64, error) {
	number, ok := strings.CutSuffix(s, "%")
	p, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(p >= 0) {
		return 0, fmt.Errorf("%q is not a percentage; write one such as 20%%", s)
	}
	return p, nil
}

// check refuses settings that make no sense, and names the word that is at fault.
func (s *Settings) check() (word string, err error) {
	for _, bound := range []struct {
		word string
		d    *caddy.Duration
	}{
		{"timeout", s.Timeout}, {"attempt_timeout", s.AttemptTimeout},
		{"first_token_timeout", s.FirstTokenTimeout}, {"idle_timeout", s.IdleTimeout},
		{"keepalive", s.Keepalive},
	} {
		if bound.d != nil && *bound.d < 0 {
			return bound.word, errors.New("a duration cannot be negative")
		}
	}
	if s.Retries != nil && *s.Retries < 0 {
		return "retries", errors.New("the number cannot be negative")
	}
	if s.RetryBudget != nil && *s.RetryBudget < 0 {
		return "retry_budget", errors.New("the percentage cannot be negative")
	}
	if s.Backoff != nil && (s.Backoff.First < 0 || s.Backoff.Most < s.Backoff.First) {
		return "backoff", fmt.Errorf("the first wait, %s, is longer than the most, %s; write the shorter one first",
			time.Duration(s.Backoff.First), time.Duration(s.Backoff.Most))
	}
	if len(s.RetryOn) > 0 {
		if _, err := upstream.ParseRetryOn(s.RetryOn); err != nil {
			return "retry_on", err
		}
	}
	if s.OnRuleError != "" && s.OnRuleError != OnRuleErrorSkip && s.OnRuleError != OnRuleErrorFail {
		return "on_rule_error", fmt.Errorf("%q is neither skip nor fail", s.OnRuleError)
	}
	return "", nil
}
