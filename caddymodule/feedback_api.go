package caddymodule

import (
	"encoding/json"
	"net/http"

	"github.com/mulligan-gateway/mulligan/record"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/invoke"
)

// sdkFeedback is what SDKs of the Deployment API send and are answered.
type sdkFeedback struct {
	ID       string        `json:"id"`
	Property string        `json:"property"`
	Value    *record.Value `json:"value"`
	TraceID  string        `json:"trace_id"`
	Product  string        `json:"product"`
}

// defaultProduct is the product of feedback that names none.
const defaultProduct = "deployments"

// serveSDKFeedback answers POST /v2/feedback. Members that it does not know are left out.
func (s *site) serveSDKFeedback(w http.ResponseWriter, r *http.Request) {
	lease := s.app.acquire()
	defer lease.release()
	f, product, err := s.readSDKFeedback(r)
	if err == nil {
		err = s.keepFeedback(r, f)
	}
	if err != nil {
		writeSDKError(w, err)
		return
	}
	said := sdkFeedback{ID: f.ID, Property: f.Name, Value: &f.Value, TraceID: f.TraceID, Product: product}
	if said.ID == "" {
		said.ID = nameIDPrefix + f.Name // which takes it back
	}
	writeValue(w, said)
}

func (s *site) readSDKFeedback(r *http.Request) (*record.Feedback, string, error) {
	doc, err := objectIn(r, s.maxBody)
	if err != nil {
		return nil, "", err
	}
	f, product := new(record.Feedback), ""
	if err := readTexts(doc, map[string]*string{"trace_id": &f.TraceID, "property": &f.Name, "id": &f.ID, "product": &product}); err != nil {
		return nil, "", err
	}
	raw, ok := doc.Get("value")
	if !ok {
		return nil, "", invalid("value", "is missing: send a number, a string or a list of strings")
	}
	if err := json.Unmarshal(raw, &f.Value); err != nil {
		return nil, "", invalid("value", "cannot be read: %v", err)
	}
	f.Value = s.app.Feedback.fit(f.Name, f.Value)
	if product, err = checkProduct(product); err != nil {
		return nil, "", err
	}
	return f, product, s.checkFeedback(f, "property")
}

// fit makes a value what its declaration says, where SDKs have no other way to say it: they send
// a choice of one as a list, and have no booleans.
func (f *FeedbackConfig) fit(name string, v record.Value) record.Value {
	if f == nil || f.Names[name] == nil {
		return v
	}
	switch want := f.Names[name].Type; {
	case want == record.ValueText && v.Kind == record.ValueList && len(v.Texts) == 1:
		return record.Text(v.Texts[0])
	case want == record.ValueList && v.Kind == record.ValueText:
		return record.List(v.Texts...)
	case want == record.ValueBool && v.Kind == record.ValueNumber && (v.Number == 0 || v.Number == 1):
		return record.Bool(v.Number == 1)
	default:
		return v
	}
}

func checkProduct(product string) (string, error) {
	if product == "" {
		return defaultProduct, nil
	}
	return product, checkLine("product", product, maxFeedbackName)
}

// serveSDKRemoval answers POST /v2/feedback/remove.
func (s *site) serveSDKRemoval(w http.ResponseWriter, r *http.Request) {
	lease := s.app.acquire()
	defer lease.release()
	said, err := s.removeSDKFeedback(r)
	if err != nil {
		writeSDKError(w, err)
		return
	}
	writeValue(w, said)
}

// sdkRemoval is what SDKs are answered to a removal.
type sdkRemoval struct {
	ID      string `json:"id"`
	TraceID string `json:"trace_id"`
	Product string `json:"product"`
}

func (s *site) removeSDKFeedback(r *http.Request) (*sdkRemoval, error) {
	doc, err := objectIn(r, s.maxBody)
	if err != nil {
		return nil, err
	}
	var said sdkRemoval
	if err := readTexts(doc, map[string]*string{"id": &said.ID, "trace_id": &said.TraceID, "product": &said.Product}); err != nil {
		return nil, err
	}
	if said.Product, err = checkProduct(said.Product); err != nil {
		return nil, err
	}
	f := &record.Feedback{ID: said.ID, TraceID: said.TraceID, Removed: true, Value: record.Bool(false)}
	if err := checkRemoval(f); err != nil {
		return nil, err
	}
	return &said, s.keepFeedback(r, f)
}

// writeSDKError answers an error as SDKs of the Deployment API read it.
func writeSDKError(w http.ResponseWriter, err error) {
	e := asError(err)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", e.RetryAfterSeconds())
	}
	writeJSON(w, e.Status, invoke.AppendError(nil, e))
}
