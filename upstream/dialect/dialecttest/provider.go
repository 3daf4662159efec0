package dialecttest

import (
	"net/url"
	"strconv"
	"testing"

	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// T is what tests and properties have in common.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Provider is a dialect that providers speak, under test. Run is the contract that every one of
// them keeps; the fuzz targets and benchmarks are beside it.
//
// What the vendor's own JSON means is told by the functions: they read and write it with
// encoding/json, so that they share nothing with the translation.
type Provider struct {
	// Translator makes replies that all come at one time and with one id.
	Translator dialect.Translator
	// New returns the one for a model, of dialects whose replies say it; nil for others.
	New func(model string) dialect.Translator
	// Model is the model of fixtures that name none, and of the properties.
	Model string
	// Dir holds the fixtures:
	//
	//	settings           model=… max=… stream, in one line, max being the model's longest answer
	//	request            what the hub asks
	//	provider request   what the provider gets
	//	dropped            the hints that are left out, one a line
	//	unsupported        the refusal, instead of a provider request
	//	provider reply     what the provider answers, plain
	//	reply              what the hub gets
	//	error              the error, instead of a reply
	//	provider stream    what the provider answers, in events
	//	stream             what the hub gets, until there is an error
	//	stream error       the error
	Dir string

	// Asked reads the conversation in a request of the vendor's.
	Asked func(t T, body []byte) []Turn
	// Reply writes the vendor's plain reply that says s.
	Reply func(s Said) []byte
	// Stream writes the events that say s, texts in pieces as cut cuts them.
	Stream func(s Said, cut func(text string) []string) []dialect.Event
	// ReplySays and StreamSays read what the vendor says.
	ReplySays  func(t T, body []byte) Said
	StreamSays func(t T, events []dialect.Event) Said

	// Unsigned says that thoughts have no signature, and go back without one.
	Unsigned bool

	// Budget is what the translations may allocate.
	Budget Budget

	// Speaks says of a recorded exchange whether it is of this dialect, by its URL, and why not
	// where one might think so.
	Speaks func(u *url.URL) (speaks bool, why string)
	// Events reads a recorded stream that is not one of server-sent events; nil if there are none.
	Events func(t T, body []byte) []dialect.Event
}

// Run checks the contract.
func (p Provider) Run(t *testing.T) {
	t.Helper()
	t.Run("fixtures", p.fixtures)
	t.Run("a conversation is asked as it was said", p.conversations)
	t.Run("a reply is heard as it was said, whole and in pieces", p.replies)
	t.Run("an answer goes back as it came", p.answersBack)
	t.Run("events that are cut are malformed and nothing else", p.cut)
	t.Run("hostile", p.hostile)
	t.Run("allocations", p.budget)
	t.Run("supported", p.supported)
	t.Run("recordings are heard as they were said", p.recordings)
}

func (p Provider) fixtures(t *testing.T) {
	eachFixture(t, p.Dir, func(f *fixture) {
		model, to := f.settings["model"], p.Translator
		if model == "" {
			model = p.Model
		}
		if p.New != nil {
			to = p.New(model)
		}
		if body, ok := f.get("request"); ok {
			limit, _ := strconv.ParseInt(f.settings["max"], 10, 64)
			_, stream := f.settings["stream"]
			got, err := to.Request(dialect.Question{Body: body, Model: model, MaxOutput: limit, Stream: stream})
			f.asked("provider request", got, err)
		}
		if body, ok := f.get("provider reply"); ok {
			got, err := to.Reply(body)
			f.check("reply", got)
			f.check("error", []byte(failed(f.t, err)))
		}
		if body, ok := f.get("provider stream"); ok {
			got, err := Feed(to.Stream(), Events(body))
			f.check("stream", got)
			f.check("stream error", []byte(failed(f.t, err)))
			if _, broken := f.get("stream error"); !broken && err == nil && len(got) > 0 {
				checkChunks(t, got)
			}
		}
	})
}

// Feed gives events to what translates a stream, to their end or until there is an error.
func Feed(s dialect.Stream, events []dialect.Event) (got []byte, err error) {
	for _, e := range events {
		if got, err = s.Event(got, e.Name, e.Data); err != nil {
			return got, err
		}
	}
	return s.End(got), nil
}
