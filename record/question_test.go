package record

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	_ "github.com/mulligan-gateway/mulligan/internal/rapidseed" // the same inputs in each run
)

func TestDimensionsAreAClosedSet(t *testing.T) {
	for _, d := range []Dimension{ByVariant, ByMinute, ByConfigVersion, "metadata.a.b", "feedback.rating", "metadata. "} {
		if !d.Valid() {
			t.Errorf("%q is refused", d)
		}
	}
	for _, d := range []Dimension{"", "Variant", "metadata", "metadata.", "feedback.", "time", "trace_id", "variant; --"} {
		if d.Valid() {
			t.Errorf("%q is a dimension", d)
		}
	}
}

func TestBoundsHaveDefaults(t *testing.T) {
	if n, err := (&Question{}).Groups(); n != 1000 || err != nil {
		t.Errorf("a question asks for %d groups (%v)", n, err)
	}
	if n, err := (Page{}).Size(); n != 50 || err != nil {
		t.Errorf("a page has %d rows (%v)", n, err)
	}
	if n, err := (Page{Limit: 1000}).Size(); n != 1000 || err != nil {
		t.Errorf("a page has %d rows (%v)", n, err)
	}
	if _, err := (Page{Limit: 1001}).Size(); !errors.Is(err, ErrBadQuestion) {
		t.Errorf("a page that is too long is %v", err)
	}
}

func TestACursorIsItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cursor{Time: time.UnixMicro(rapid.Int64().Draw(t, "time")).UTC(), TraceID: rapid.String().Draw(t, "trace")}
		got, err := ParseCursor(c.String())
		if err != nil || !got.Time.Equal(c.Time) || got.TraceID != c.TraceID {
			t.Errorf("%+v becomes %+v (%v)", c, got, err)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(Cursor{TraceID: "x"}.String())
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCursor(text); err != nil && !errors.Is(err, ErrBadQuestion) {
			t.Errorf("%q is %+v, %v", text, c, err)
		}
	})
}

func TestMembersAreTexts(t *testing.T) {
	object := []byte(`{"b":true,"a":"x","n":4.50,"o":{"k":[1,"y"]},"z":null}`)
	names, texts := Members(object)
	want := map[string]string{"a": "x", "b": "true", "n": "4.50", "o": `{"k":[1,"y"]}`, "z": ""}
	if len(names) != len(want) || names[0] != "a" || names[4] != "z" {
		t.Fatalf("the names are %q", names)
	}
	for i, name := range names {
		if texts[i] != want[name] || Member(object, name) != want[name] {
			t.Errorf("%q is %q and %q, want %q", name, texts[i], Member(object, name), want[name])
		}
	}
	if Member(nil, "a") != "" || Member([]byte("[]"), "a") != "" || Member(object, "missing") != "" {
		t.Error("what is not there has a text")
	}
}
