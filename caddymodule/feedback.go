package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/metrics"
	"github.com/mulligan-gateway/mulligan/record"
)

// What feedback may be long, in characters, and in bytes for bodies and metadata.
const (
	maxFeedbackBody    = 128 << 10
	maxFeedbackTrace   = 128
	maxFeedbackID      = 128
	maxFeedbackName    = 64
	maxFeedbackLabel   = 256
	maxFeedbackText    = 16 << 10 // a correction is a whole answer
	maxFeedbackLabels  = 50
	maxFeedbackComment = 4 << 10
	maxFeedbackObject  = 8 << 10
)

// nameIDPrefix begins the id of feedback that was given none: its name follows. So feedback is
// taken back by id wherever an id is asked for.
const nameIDPrefix = "name:"

// serveFeedback answers POST and DELETE /v1/feedback.
func (s *site) serveFeedback(w http.ResponseWriter, r *http.Request) {
	lease := s.app.acquire()
	defer lease.release()
	var f *record.Feedback
	var err error
	if r.Method == http.MethodDelete {
		f, err = s.readRemoval(r)
	} else {
		f, err = s.readFeedback(r)
	}
	if err == nil {
		err = s.keepFeedback(r, f)
	}
	if err != nil {
		writeError(w, asError(err))
		return
	}
	if f.Removed {
		writeValue(w, removedFeedback{ID: f.ID, TraceID: f.TraceID, Name: f.Name, Removed: true})
		return
	}
	f.ClientID = "" // who gave it knows
	writeValue(w, f)
}

type removedFeedback struct {
	ID      string `json:"id,omitempty"`
	TraceID string `json:"trace_id"`
	Name    string `json:"name,omitempty"`
	Removed bool   `json:"removed"`
}

// keepFeedback returns when the feedback is durable. The answer is the same whether its exchange
// is known or not, so that nobody learns of exchanges by giving feedback.
func (s *site) keepFeedback(r *http.Request, f *record.Feedback) error {
	f.Time = time.Now()
	f.ClientID = clientOf(r).ID
	if err := s.durably(r, func(ctx context.Context, rec *record.Recorder) error { given := *f; return rec.Give(ctx, &given) }); err != nil {
		return err
	}
	if f.Removed {
		return nil
	}
	deployment, variant := s.whose(r.Context(), f.TraceID)
	metrics.FeedbackGiven(deployment, variant, f.Name)
	metrics.Evaluated(r.Context(), f.TraceID, evaluation(f))
	return nil
}

// keepTimeout bounds how long somebody waits for what was given to be durable.
const keepTimeout = 15 * time.Second

// durably hands something to the recorder and waits for it to be kept.
func (s *site) durably(r *http.Request, keep func(context.Context, *record.Recorder) error) error {
	rec := s.app.Recorder()
	if rec == nil {
		return llm.NewError(llm.CodeRecordsUnavailable,
			"This gateway keeps no records, so it can keep no feedback. The operator turns them on with store in the llm_gateway block.")
	}
	// A client that leaves after it has sent its feedback has given it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), keepTimeout)
	defer cancel()
	if err := keep(ctx, rec); err != nil {
		return llm.NewError(llm.CodeRecordsUnavailable,
			"It could not be kept, as the store of records is not available. Send it again later.").WithRetryAfter(5 * time.Second).WithCause(err)
	}
	return nil
}

// whose returns the deployment and the variant of an exchange, "" when it is not known.
func (s *site) whose(ctx context.Context, traceID string) (deployment, variant string) {
	e := s.entry(ctx, traceID)
	if e == nil {
		return "", ""
	}
	return e.Deployment, e.Variant
}

// entry returns the record of an exchange, or nil when it is not known.
func (s *site) entry(ctx context.Context, traceID string) *record.Entry {
	rec := s.app.Recorder()
	if rec == nil {
		return nil
	}
	store, err := rec.Store()
	if err != nil {
		return nil
	}
	e, err := store.Get(ctx, traceID)
	if err != nil {
		return nil
	}
	return e
}

// evaluation returns feedback in OpenTelemetry's words.
func evaluation(f *record.Feedback) *metrics.Evaluation {
	e := &metrics.Evaluation{Name: f.Name, Explanation: f.Comment}
	if f.Value.Numeric() {
		e.Score = &f.Value.Number
	} else {
		e.Label = strings.Join(f.Value.Texts, ", ")
	}
	return e
}

// feedbackMembers are the members of a feedback's body.
var feedbackMembers = []string{"trace_id", "name", "value", "comment", "metadata", "id"}

// readFeedback reads the body of POST /v1/feedback.
func (s *site) readFeedback(r *http.Request) (*record.Feedback, error) {
	doc, err := objectIn(r, s.maxBody)
	if err != nil {
		return nil, err
	}
	for i := range doc.Members {
		if name := doc.Members[i].Name; !slices.Contains(feedbackMembers, name) {
			return nil, invalid(truncate(name), "is no member of feedback%s; they are %s", didYouMean(name, feedbackMembers), list(feedbackMembers))
		}
	}
	f := new(record.Feedback)
	if err := readTexts(doc, map[string]*string{"trace_id": &f.TraceID, "name": &f.Name, "comment": &f.Comment, "id": &f.ID}); err != nil {
		return nil, err
	}
	if raw, ok := doc.Get("metadata"); ok && string(raw) != "null" {
		f.Metadata = slices.Clone(raw)
	}
	raw, ok := doc.Get("value")
	if !ok {
		return nil, invalid("value", "is missing: send a boolean, a number, a string or a list of strings")
	}
	if err := json.Unmarshal(raw, &f.Value); err != nil {
		return nil, invalid("value", "cannot be read: %v", err)
	}
	return f, s.checkFeedback(f, "name")
}

// readRemoval reads what DELETE /v1/feedback takes back: trace_id with id or name, as parameters
// of the address or as members of the body.
func (s *site) readRemoval(r *http.Request) (*record.Feedback, error) {
	f := &record.Feedback{Removed: true, Value: record.Bool(false)}
	into := map[string]*string{"trace_id": &f.TraceID, "id": &f.ID, "name": &f.Name}
	for name, text := range into {
		*text = r.URL.Query().Get(name)
	}
	if r.ContentLength != 0 {
		doc, err := objectIn(r, s.maxBody)
		if err != nil {
			return nil, err
		}
		if err := readTexts(doc, into); err != nil {
			return nil, err
		}
	}
	return f, checkRemoval(f)
}

// objectIn reads a body that is one JSON object.
func objectIn(r *http.Request, most int64) (*llm.Document, error) {
	b, err := readBody(r, min(most, maxFeedbackBody))
	if err != nil {
		return nil, err
	}
	defer b.release()
	doc, err := llm.ParseJSON(slices.Clone(b.bytes))
	if err != nil {
		return nil, err
	}
	return &doc, nil
}

// readTexts reads members that are texts, or not there.
func readTexts(doc *llm.Document, into map[string]*string) error {
	for name, text := range into {
		raw, ok := doc.Get(name)
		if !ok || string(raw) == "null" {
			continue
		}
		if *text, ok = doc.String(name); !ok {
			return invalid(name, "is not a string")
		}
	}
	return nil
}

// checkFeedback says what is wrong with feedback. name is what the API calls its name.
func (s *site) checkFeedback(f *record.Feedback, name string) error {
	if err := checkTrace(f); err != nil {
		return err
	}
	if err := checkLine(name, f.Name, maxFeedbackName); err != nil {
		return err
	}
	if f.ID == nameIDPrefix+f.Name {
		f.ID = ""
	}
	if strings.HasPrefix(f.ID, nameIDPrefix) {
		return invalid("id", "begins with %q, which stands for feedback of that name. Send another id, or none", nameIDPrefix)
	}
	if err := checkText("comment", f.Comment, maxFeedbackComment); err != nil {
		return err
	}
	if err := checkMetadata(f.Metadata); err != nil {
		return err
	}
	if err := checkValue(f.Value); err != nil {
		return err
	}
	if err := s.app.Feedback.accept(f.Name, f.Value); err != nil {
		return invalid("value", "is not taken: %v", err)
	}
	return nil
}

// checkRemoval says what is wrong with what is to be taken back.
func checkRemoval(f *record.Feedback) error {
	if err := checkTrace(f); err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(f.ID, nameIDPrefix); ok {
		f.ID, f.Name = "", name
	}
	if f.ID != "" {
		return nil
	}
	if f.Name == "" {
		return invalid("id", "is missing: send the id that the feedback was given, or its name")
	}
	return checkLine("name", f.Name, maxFeedbackName)
}

func checkTrace(f *record.Feedback) error {
	if err := checkLine("trace_id", f.TraceID, maxFeedbackTrace); err != nil {
		return err
	}
	if f.ID == "" {
		return nil
	}
	return checkLine("id", f.ID, maxFeedbackID)
}

func checkValue(v record.Value) error {
	if len(v.Texts) > maxFeedbackLabels {
		return invalid("value", "has %d texts and may have %d", len(v.Texts), maxFeedbackLabels)
	}
	for _, text := range v.Texts {
		if v.Kind == record.ValueList {
			if err := checkLine("value", text, maxFeedbackLabel); err != nil {
				return err
			}
			continue
		}
		if err := checkText("value", text, maxFeedbackText); err != nil {
			return err
		}
	}
	return nil
}

func checkMetadata(raw json.RawMessage) error {
	switch {
	case raw == nil:
		return nil
	case raw[0] != '{':
		return invalid("metadata", "is not a JSON object")
	case len(raw) > maxFeedbackObject:
		return invalid("metadata", "has %d bytes and may have %d", len(raw), maxFeedbackObject)
	case strings.Contains(string(raw), `\u0000`):
		return invalid("metadata", "holds the character U+0000, which cannot be kept")
	}
	return nil
}

// checkLine refuses what is no short text of one line.
func checkLine(param, text string, most int) error {
	if text == "" {
		return invalid(param, "is missing")
	}
	if strings.ContainsFunc(text, unicode.IsControl) {
		return invalid(param, "holds control characters")
	}
	return checkText(param, text, most)
}

// checkText refuses what is too long or holds control characters that no text needs.
func checkText(param, text string, most int) error {
	if n := utf8.RuneCountInString(text); n > most {
		return invalid(param, "has %d characters and may have %d", n, most)
	}
	if !utf8.ValidString(text) {
		return invalid(param, "is not UTF-8")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\n\r\t", r) }) {
		return invalid(param, "holds control characters")
	}
	return nil
}

// invalid returns the error of a member that is not what it should be.
func invalid(param, format string, args ...any) *llm.Error {
	return llm.NewError(llm.CodeInvalidFeedback, param+" "+fmt.Sprintf(format, args...)+".").WithParam(param)
}
