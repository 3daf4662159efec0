package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

func TestAnExchangeThatIsUsedAgainRemembersNothing(t *testing.T) {
	x := newExchange()
	fill(reflect.ValueOf(&x.account).Elem())
	x.r = httptest.NewRequest(http.MethodPost, "/", nil)
	x.estimated, x.committed, x.early = true, true, true
	x.body, x.capture = new(body), new(capture)
	x.request.Model, x.request.Context, x.request.Stream = "m", []byte(`{"a":1}`), true
	x.request.Client.ID = "alice"
	if err := llm.ParseJSONInto(&x.request.Doc, []byte(`{"model":"m"}`)); err != nil {
		t.Fatal(err)
	}
	x.facts.Deployment, x.facts.Domain = "d", "e"
	x.call.Cancel = func(error) {}
	attempts := x.account.Attempts
	if !x.clear() {
		t.Fatal("it is not used again")
	}
	if len(x.account.Attempts) > 0 || len(x.request.Doc.Members) > 0 || !reflect.DeepEqual(attempts[0], llm.Attempt{}) || x.call.Cancel != nil || x.facts.Deployment != "" || x.facts.Domain != "" {
		t.Errorf("it remembers %+v, %+v", attempts, x.facts)
	}
	if x.facts.Request != &x.request || x.call.Request != &x.request || x.call.Exchange != &x.account || x.place.list == nil {
		t.Error("it has lost what it needs")
	}
	// The rest is as it is in an exchange of which nothing is known.
	x.facts, x.call, x.skipped, x.place.list = nil, nil, nil, nil
	x.account.Attempts, x.request.Doc.Members = nil, nil
	if got, want := fmt.Sprintf("%+v", x), fmt.Sprintf("%+v", new(exchange)); got != want {
		t.Errorf("it remembers %s, and a new one is %s", got, want)
	}
}

// fill sets every field of a struct to something.
func fill(v reflect.Value) {
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString("x")
		case reflect.Bool:
			f.SetBool(true)
		case reflect.Int, reflect.Int64:
			f.SetInt(7)
		case reflect.Float64:
			f.SetFloat(7)
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
			if f.Index(0).Kind() == reflect.Struct {
				fill(f.Index(0))
			}
		case reflect.Struct:
			if t, ok := f.Addr().Interface().(*time.Time); ok {
				*t = time.Unix(7, 0)
			} else {
				fill(f)
			}
		}
	}
}

func TestAnExchangeThatSomebodyMayLookAtIsNotUsedAgain(t *testing.T) {
	for name, look := range map[string]func(*exchange){
		"the access log":      func(x *exchange) { x.kept = true },
		"a keepalive's timer": func(x *exchange) { x.keepalive.timer = time.NewTimer(time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			x := newExchange()
			x.account.TraceID = "its own"
			look(x)
			if x.clear() || x.account.TraceID != "its own" {
				t.Error("it is used again")
			}
		})
	}
}
