package ask

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/record"
)

var now = time.Date(2026, 5, 8, 12, 0, 0, 0, time.UTC)

func TestAQuestionIsReadFromItsParameters(t *testing.T) {
	q, err := Stats(map[string][]string{
		"deployment": {"a", "b,c"}, "outcome": {"ok", "timeout"}, "metadata": {"team=x=y", "n=1"},
		"feedback": {"rating", "thumb=true", "score>=3", "score<=4.5"},
		"since":    {"7d"}, "until": {"2026-05-08T11:00:00Z"},
		"min_cost": {"$0.5"}, "max_duration": {"1500ms"}, "min_ttft": {"1w"},
		"by": {"variant,metadata.team", "hour"}, "limit": {"5"},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	truth, three, high, half := "true", 3.0, 4.5, 0.5
	long, week := 1500*time.Millisecond, 7*24*time.Hour
	want := &record.Question{
		Filter: record.Filter{
			Since: now.Add(-week), Until: now.Add(-time.Hour),
			Deployments: []string{"a", "b,c"}, Outcomes: []string{"ok", "timeout"},
			Metadata: map[string]string{"team": "x=y", "n": "1"},
			Feedback: []record.FeedbackFilter{
				{Name: "rating"}, {Name: "thumb", Label: &truth}, {Name: "score", Min: &three}, {Name: "score", Max: &high},
			},
			MinCostUSD: &half, MaxDuration: &long, MinFirstToken: &week,
		},
		By:    []record.Dimension{"variant", "metadata.team", "hour"},
		Limit: 5,
	}
	if !reflect.DeepEqual(q, want) {
		t.Errorf("got\n%+v\nwant\n%+v", q, want)
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for _, c := range []struct{ name, value, says string }{
		{"color", "red", "no such parameter"},
		{"outcome", "good", "client_error"},
		{"metadata", "team", "NAME=VALUE"},
		{"metadata", "=x", "NAME=VALUE"},
		{"feedback", "score>3", "NAME>=NUMBER"},
		{"feedback", "score>=NaN", "not a number"},
		{"feedback", "=x", "names no feedback"},
		{"since", "yesterday", "24h or 7d"},
		{"since", "-1h", "24h or 7d"},
		{"since", "1e99d", "24h or 7d"},
		{"min_cost", "Inf", "not a number"},
		{"max_ttft", "5", "24h or 7d"},
		{"by", "colour", "variant"},
		{"by", "metadata.", "nothing to group by"},
		{"by", "variant,variant", "twice"},
		{"by", "variant,model,hour,client,outcome", "at most 4"},
		{"limit", "0", "1 to 10000"},
		{"limit", "99999999999999999999", "1 to 10000"},
	} {
		_, err := Stats(map[string][]string{c.name: {c.value}}, now)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), c.name+": ") {
			t.Errorf("%s=%s: %v, want it to say %q", c.name, c.value, err, c.says)
		}
	}
	if _, err := Filter(map[string][]string{"since": {"1h", "2h"}}, now); err == nil || !strings.Contains(err.Error(), "once") {
		t.Error(err)
	}
	if _, err := Filter(map[string][]string{"since": {"1h"}, "until": {"2h"}}, now); err == nil || !strings.Contains(err.Error(), "after since") {
		t.Error(err)
	}
	if _, _, err := List(map[string][]string{"by": {"variant"}}, now); err == nil {
		t.Error("a list is not grouped")
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "7d": 168 * time.Hour, "1d12h": 36 * time.Hour, "2w": 336 * time.Hour, "1.5d": 36 * time.Hour, "90s": 90 * time.Second, "0s": 0,
	} {
		if got, err := Duration(text); err != nil || got != want {
			t.Errorf("%s is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "-1d", "NaNd", "1d-2h", "200000d", "h"} {
		if got, err := Duration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestAPageIsAskedForByItsCursor(t *testing.T) {
	_, page, err := List(map[string][]string{"limit": {"10"}, "after": {"x"}}, now)
	if err != nil || page.Limit != 10 || page.After != "x" {
		t.Errorf("%+v %v", page, err)
	}
}

func FuzzFilter(f *testing.F) {
	f.Add("since", "7d")
	f.Add("feedback", "a>=1")
	f.Fuzz(func(t *testing.T, name, value string) {
		if _, err := Stats(map[string][]string{name: {value}}, now); err != nil && err.Error() == "" {
			t.Error("an error says nothing")
		}
	})
}
