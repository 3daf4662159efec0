package storetest

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/mulligan-gateway/mulligan/record"
)

// fill gives every field of a struct a value that is not its zero value, so that a field that
// a store forgets is noticed on the day on which it is added.
func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		field := v.Field(i)
		name := v.Type().Field(i).Name
		switch field.Interface().(type) {
		case json.RawMessage:
			field.SetBytes([]byte(`{"` + name + `":1}`))
			continue
		case record.Millis:
			field.SetInt(int64(record.FromMicros(int64(1000 + i))))
			continue
		case record.Value, []record.Attempt, *record.Bodies:
			continue // by hand
		}
		switch field.Kind() {
		case reflect.String:
			field.SetString(name)
		case reflect.Int, reflect.Int64:
			field.SetInt(int64(1 + i))
		case reflect.Float64:
			field.SetFloat(0.5)
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Struct:
			if field.Type() == reflect.TypeFor[record.Usage]() {
				fill(t, field)
			} else {
				field.Set(reflect.ValueOf(noon))
			}
		case reflect.Slice:
			field.Set(reflect.ValueOf([]string{name}))
		default:
			t.Fatalf("no value is known for the field %s", name)
		}
	}
}

func testEveryField(t *testing.T, p *pair) {
	r, a, bodies := &record.Row{}, record.Attempt{}, &record.Bodies{}
	for _, v := range []any{r, &a, bodies} {
		fill(t, reflect.ValueOf(v).Elem())
	}
	r.Attempts, r.Bodies = []record.Attempt{a, {Provider: "second"}}, bodies
	f := &record.Feedback{}
	fill(t, reflect.ValueOf(f).Elem())
	f.TraceID, f.Value, f.Removed = r.TraceID, record.List("a", "b"), false
	c := &record.Completion{}
	fill(t, reflect.ValueOf(c).Elem())
	c.TraceID = "completed"

	bare := row(c.TraceID, 0)
	p.write(&record.Batch{Rows: []*record.Row{r, bare}, Feedback: []*record.Feedback{f}, Completions: []*record.Completion{c}})
	p.sameAll(r.TraceID, c.TraceID)
	got, err := p.store.Get(context.Background(), r.TraceID)
	if err != nil {
		t.Fatal(err)
	}
	if want := (record.Entry{Row: *r, Feedback: []record.Feedback{*f}}); !reflect.DeepEqual(*got, want) {
		t.Errorf("a full row comes back as\n%swant\n%s", text(got), text(want))
	}
}
