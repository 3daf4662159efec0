package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

var updatePlain = flag.Bool("update-plain", false, "write what comes out of a translator of plain replies into its fixtures")

// Plain is a translator under test, of an endpoint that need not have streams.
type Plain struct {
	// New returns the translator for a model.
	New func(model string) dialect.Plain
	// Dir holds its fixtures, each a story in a txtar file:
	//
	//	request → provider request, dropped or refused
	//	provider reply → reply or error
	//	provider stream → stream or stream error, of a dialect that has streams
	//
	// Streams have the data of an event on each line.
	// The request's model is the provider's.
	Dir string
}

// Run runs the fixtures.
func (p Plain) Run(t *testing.T) {
	t.Helper()
	names := p.fixtures(t)
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := &plainFixture{t: t, archive: archive, model: "the-model"}
			p.request(f)
			p.reply(f)
			p.stream(f)
			if *updatePlain {
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func (p Plain) fixtures(tb testing.TB) []string {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(p.Dir, "*.txtar"))
	if err != nil || len(names) == 0 {
		tb.Fatalf("no fixtures in %s: %v", p.Dir, err)
	}
	return names
}

func (p Plain) request(f *plainFixture) {
	body, ok := f.file("request")
	if !ok {
		return
	}
	if model := gjson.Get(body, "model").String(); model != "" {
		f.model = model
	}
	got, err := p.New(f.model).Request(dialect.Question{Body: []byte(body), Model: f.model})
	refused := ""
	if err != nil {
		var u *dialect.UnsupportedError
		var e *llm.Error
		if !errors.As(err, &u) && !errors.As(err, &e) {
			f.t.Errorf("the request is neither unsupported nor the client's fault: %v", err)
		}
		refused = err.Error() + "\n"
	}
	f.check("provider request", indented(f.t, got.Body))
	f.check("dropped", joined(got.Dropped))
	f.check("refused", refused)
}

func (p Plain) reply(f *plainFixture) {
	body, ok := f.file("provider reply")
	if !ok {
		return
	}
	got, err := p.New(f.model).Reply([]byte(body))
	words := ""
	if err != nil {
		words = err.Error() + "\n"
	}
	f.check("reply", indented(f.t, got))
	f.check("error", words)
}

func (p Plain) stream(f *plainFixture) {
	events, ok := f.file("provider stream")
	if !ok {
		return
	}
	to, ok := p.New(f.model).(dialect.Translator)
	if !ok {
		f.t.Fatal("a stream for a dialect without streams")
	}
	s := to.Stream()
	var out []byte
	var err error
	for line := range strings.Lines(events) {
		if out, err = s.Event(out, nil, []byte(strings.TrimSpace(line))); err != nil {
			break
		}
	}
	words := ""
	if err != nil {
		words = err.Error() + "\n"
	} else {
		out = s.End(out)
	}
	var got strings.Builder
	for _, e := range Events(out) {
		if string(e.Data) != "[DONE]" && !json.Valid(e.Data) {
			f.t.Errorf("%q is no event", e.Data)
		}
		got.Write(append(e.Data, '\n'))
	}
	f.check("stream", got.String())
	f.check("stream error", words)
}

type plainFixture struct {
	t       *testing.T
	archive *txtar.Archive
	model   string
}

func (f *plainFixture) file(name string) (string, bool) {
	i := slices.IndexFunc(f.archive.Files, func(file txtar.File) bool { return file.Name == name })
	if i < 0 {
		return "", false
	}
	return string(f.archive.Files[i].Data), true
}

// check compares what came out with what the fixture says; "" is nothing, and no file.
func (f *plainFixture) check(name, got string) {
	f.t.Helper()
	want, there := f.file(name)
	switch {
	case got == want:
	case !*updatePlain:
		f.t.Errorf("%s is\n%swant\n%s", name, got, want)
	case there:
		i := slices.IndexFunc(f.archive.Files, func(file txtar.File) bool { return file.Name == name })
		f.archive.Files[i].Data = []byte(got)
	default:
		f.archive.Files = append(f.archive.Files, txtar.File{Name: name, Data: []byte(got)})
	}
}

func indented(t *testing.T, b []byte) string {
	t.Helper()
	if b == nil {
		return ""
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return strings.TrimRight(out.String(), "\n") + "\n"
}

func joined(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return strings.Join(list, "\n") + "\n"
}

// FuzzRequest translates requests that are made up, from those of the fixtures.
func (p Plain) FuzzRequest(f *testing.F) {
	f.Helper()
	p.seed(f, "request")
	f.Fuzz(func(t *testing.T, body []byte) {
		if _, err := llm.ParseJSON(body); err != nil || !json.Valid(body) {
			t.Skip("not a request")
		}
		before := bytes.Clone(body)
		got, err := p.New("m").Request(dialect.Question{Body: body, Model: "m"})
		var u *dialect.UnsupportedError
		var e *llm.Error
		switch {
		case err == nil && !json.Valid(got.Body):
			t.Errorf("it becomes %q", got.Body)
		case err == nil, errors.As(err, &e):
		case errors.As(err, &u) && u.Field != "" && u.Why != "":
		default:
			t.Errorf("neither a request nor refused: %v", err)
		}
		if !bytes.Equal(before, body) {
			t.Error("the request has been changed")
		}
	})
}

// FuzzReply translates replies that are made up, from those of the fixtures.
func (p Plain) FuzzReply(f *testing.F) {
	f.Helper()
	p.seed(f, "provider reply")
	for _, c := range reported {
		f.Add([]byte(c.data))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		got, err := p.New("m").Reply(body)
		checkError(t, err)
		if err == nil && json.Valid(body) && !json.Valid(got) {
			t.Errorf("it becomes %q", got)
		}
		if !bytes.Equal(before, body) {
			t.Error("the reply has been changed")
		}
	})
}

// FuzzEvents translates streams of three events that are made up, from those of the fixtures:
// what is remembered of one must not harm the next.
func (p Plain) FuzzEvents(f *testing.F) {
	f.Helper()
	for _, name := range p.fixtures(f) {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "provider stream" {
				lines := append(bytes.Split(bytes.TrimSpace(file.Data), []byte("\n")), nil, nil)
				for i := range len(lines) - 2 {
					f.Add(lines[i], lines[i+1], lines[i+2])
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, first, second, third []byte) {
		to, ok := p.New("m").(dialect.Translator)
		if !ok {
			t.Fatal("a dialect without streams")
		}
		s := to.Stream()
		sound := json.Valid(first) && json.Valid(second) && json.Valid(third)
		out := []byte("kept")
		for _, data := range [][]byte{first, second, third} {
			before := bytes.Clone(data)
			var err error
			out, err = s.Event(out, nil, data)
			checkError(t, err)
			if !bytes.Equal(before, data) {
				t.Error("the event has been changed")
			}
		}
		events, ok := bytes.CutPrefix(s.End(out), []byte("kept"))
		if !ok {
			t.Fatalf("%q does not begin with what was there", out)
		}
		for _, e := range Events(events) {
			if sound && string(e.Data) != "[DONE]" && !json.Valid(e.Data) {
				t.Errorf("%s, %s, %s become %s", first, second, third, e.Data)
			}
		}
	})
}

func (p Plain) seed(f *testing.F, section string) {
	f.Helper()
	for _, name := range p.fixtures(f) {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == section {
				f.Add(bytes.TrimSpace(file.Data))
			}
		}
	}
}

// Bench measures the translation of a request and of a reply.
func (p Plain) Bench(b *testing.B, request, reply string) {
	b.Helper()
	to := p.New("m")
	b.Run("request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := to.Request(dialect.Question{Body: []byte(request), Model: "m"}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("reply", func(b *testing.B) {
		b.SetBytes(int64(len(reply)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := to.Reply([]byte(reply)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
