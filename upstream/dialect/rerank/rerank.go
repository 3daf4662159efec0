// Package rerank is the form of rankings that Cohere and Jina share, the hub of that endpoint:
// reading its requests for dialects that put them differently (Read), and what replies lack
// that clients know (Named, AddDocuments).
//
// Sources: https://docs.cohere.com/reference/rerank, https://jina.ai/reranker (API).
package rerank

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect"
)

// Request is a request to rank documents.
type Request struct {
	// Query is a JSON string, and so is each of the Documents.
	Query     string
	Documents []string
	// Top is how many results are wanted, a JSON number; "" for all.
	Top string
	// Own are the vendor's own members of the request, by the names that Read was given.
	Own map[string]gjson.Result
	// Dropped lists the members that nobody has a word for.
	Dropped []string
}

// Read reads a request for a vendor that takes texts, called by its name in what is refused.
// own names members of the vendor's own that clients may send. return_documents is not among
// what is dropped: see AddDocuments. Its error is an *dialect.UnsupportedError for what is no
// text, and an *llm.Error for a request without query or documents.
func Read(body []byte, vendor string, own ...string) (*Request, error) {
	r := &Request{Own: make(map[string]gjson.Result, len(own))}
	var query, documents gjson.Result
	var err error
	gjson.ParseBytes(body).ForEach(func(name, value gjson.Result) bool {
		switch name.Str {
		case "model", "stream", "return_documents":
			return true
		case "query":
			query = value
			return true
		case "documents":
			documents = value
			return true
		}
		switch {
		case value.Type == gjson.Null:
		case name.Str == "top_n" && value.Type == gjson.Number:
			r.Top = value.Raw
		case name.Str == "top_n", name.Str == "rank_fields": // which say what is ranked
			err = &dialect.UnsupportedError{Field: name.Str, Why: "cannot be said to " + vendor}
		case slices.Contains(own, name.Str):
			r.Own[name.Str] = value
		default:
			r.Dropped = append(r.Dropped, name.String())
		}
		return err == nil
	})
	if err != nil {
		return nil, err
	}
	if !query.Exists() || !documents.IsArray() {
		return nil, llm.NewError(llm.CodeInvalidJSON, "The body needs a query, which is a text, and documents, a list of texts.").WithParam("query")
	}
	if query.Type != gjson.String {
		return nil, &dialect.UnsupportedError{Field: "query", Why: "is not a text, and " + vendor + " takes texts"}
	}
	r.Query = query.Raw
	documents.ForEach(func(_, v gjson.Result) bool {
		text := v
		if v.IsObject() {
			text = v.Get("text")
		}
		if text.Type != gjson.String {
			field := "documents[" + strconv.Itoa(len(r.Documents)) + "]"
			err = &dialect.UnsupportedError{Field: field, Why: "is not a text, and " + vendor + " takes texts"}
		}
		r.Documents = append(r.Documents, text.Raw)
		return err == nil
	})
	return r, err
}

// Named returns a reply with the model in it, unless it says one. A reply without results is
// malformed, or a *dialect.ReportedError.
func Named(reply []byte, model string) ([]byte, error) {
	var d llm.Document
	if err := dialect.Read(&d, reply); err != nil {
		return nil, err
	}
	if results, _ := d.Get("results"); len(results) == 0 || results[0] != '[' {
		return nil, dialect.ErrMalformed
	}
	if d.Find("model") != nil {
		return reply, nil
	}
	b := append(make([]byte, 0, len(reply)+len(model)+16), reply[:d.Open+1]...)
	b = llm.AppendString(append(b, `"model":`...), model)
	b = append(b, ',') // there are results behind it
	return append(b, reply[d.Open+1:]...), nil
}

// AddDocuments returns a reply whose results hold the documents that they are about, as a
// client has asked with return_documents: not every provider gives them back. documents is the
// request's list. Results that have a document keep it, and what is no reply of rerank is
// returned as it is. A text is given back as {"text": …}, and an object as it is.
func AddDocuments(reply, documents []byte) ([]byte, error) {
	results := gjson.GetBytes(reply, "results")
	if !results.IsArray() {
		return reply, nil
	}
	list := gjson.ParseBytes(documents).Array()
	var out []byte
	copied := 0
	results.ForEach(func(_, v gjson.Result) bool {
		at := v.Get("index")
		i := int(at.Num)
		if !v.IsObject() || v.Get("document").Exists() || at.Type != gjson.Number || i < 0 || i >= len(list) || float64(i) != at.Num {
			return true
		}
		brace := v.Index + len(v.Raw) - 1
		if v.Index <= copied || brace >= len(reply) || reply[brace] != '}' {
			return true // a reply of which gjson cannot say where its parts are
		}
		if out == nil {
			out = make([]byte, 0, len(reply)+len(documents))
		}
		out = append(append(out, reply[copied:brace]...), `,"document":`...)
		if document := list[i]; document.Type == gjson.String {
			out = append(append(append(out, `{"text":`...), document.Raw...), '}')
		} else {
			out = append(out, document.Raw...)
		}
		copied = brace
		return true
	})
	if out == nil {
		return reply, nil
	}
	return bytes.Join([][]byte{out, reply[copied:]}, nil), nil
}
