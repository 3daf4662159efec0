package responses

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3/packages/ssestream"
	openai "github.com/openai/openai-go/v3/responses"
	"github.com/tidwall/gjson"
	"golang.org/x/tools/txtar"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/dialecttest"
)

// sdkStream reads events as OpenAI's SDK does.
func sdkStream(events []byte) *ssestream.Stream[openai.ResponseStreamEventUnion] {
	response := &http.Response{
		Header: http.Header{"Content-Type": {"text/event-stream"}},
		Body:   io.NopCloser(bytes.NewReader(events)),
	}
	return ssestream.NewStream[openai.ResponseStreamEventUnion](ssestream.NewDecoder(response), nil)
}

// hubStreams returns the streams of the fixtures, by their names.
func hubStreams(t *testing.T) map[string][]byte {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", "door", "stream*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			if file.Name == "hub stream" {
				all[strings.TrimSuffix(filepath.Base(path), ".txtar")] = file.Data
			}
		}
	}
	if len(all) == 0 {
		t.Fatal("no fixture has a stream")
	}
	return all
}

func TestOpenAIsSDKReadsTheEvents(t *testing.T) {
	for name, hub := range hubStreams(t) {
		events, err := dialecttest.Feed(NewFrontDoor().Events(), dialecttest.Events(hub))
		if err != nil || name == "stream_cut" {
			continue // these do not end, and are looked at in their fixtures
		}
		var gathered openai.ResponseAccumulator
		var last openai.ResponseStreamEventUnion
		stream := sdkStream(events)
		for stream.Next() {
			last = stream.Current()
			if last.AsAny() == nil {
				t.Errorf("%s: the SDK does not know %s", name, last.RawJSON())
			}
			var server openai.ResponsesServerEventUnion
			if err := json.Unmarshal([]byte(last.RawJSON()), &server); err != nil {
				t.Fatalf("%s: %s: %v", name, last.RawJSON(), err)
			}
			if err := gathered.AddEvent(server); err != nil {
				t.Fatalf("%s: %s: %v", name, last.RawJSON(), err)
			}
		}
		if err := stream.Err(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if kind := last.Type; kind != "response.completed" && kind != "response.incomplete" {
			t.Errorf("%s ends with %s", name, kind)
		}
		whole, err := gathered.ReconstructedResponse()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if whole.OutputText() != gathered.Snapshot().OutputText() {
			t.Errorf("%s: the deltas say %q and the response %q", name, gathered.Snapshot().OutputText(), whole.OutputText())
		}
		for i, item := range gathered.Snapshot().Output {
			final := whole.Output[i]
			if item.ItemID != final.ID || item.Type != final.Type || item.CallID != final.CallID || item.Name != final.Name ||
				item.Arguments != final.Arguments.OfString || item.Input != final.Input {
				t.Errorf("%s: the events say %+v and the response %s", name, item, final.RawJSON())
			}
		}
	}
}

func TestAnAnswerHasTheMembersThatOpenAIsSDKRequires(t *testing.T) {
	body, err := NewFrontDoor().Answer([]byte(smallAnswer))
	if err != nil {
		t.Fatal(err)
	}
	var got openai.Response
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	j := got.JSON
	for name, there := range map[string]bool{
		"id": j.ID.Valid(), "created_at": j.CreatedAt.Valid(), "metadata": j.Metadata.Valid(), "model": j.Model.Valid(),
		"object": j.Object.Valid(), "output": j.Output.Valid(), "parallel_tool_calls": j.ParallelToolCalls.Valid(),
		"temperature": j.Temperature.Valid(), "tool_choice": j.ToolChoice.Valid(), "tools": j.Tools.Valid(), "top_p": j.TopP.Valid(),
		"status": j.Status.Valid(), "usage": j.Usage.Valid(), "cached_tokens": got.Usage.InputTokensDetails.JSON.CachedTokens.Valid(),
		"error": gjson.GetBytes(body, "error").Exists(), "incomplete_details": gjson.GetBytes(body, "incomplete_details").Exists(),
		"instructions": gjson.GetBytes(body, "instructions").Exists(),
	} {
		if !there {
			t.Errorf("%s is missing in %s", name, body)
		}
	}
	if got.Status != "completed" || len(got.Output) != 2 || got.Output[1].AsFunctionCall().CallID != "call_1" || got.Usage.TotalTokens != 521 {
		t.Errorf("%s", body)
	}
}

func TestTheErrorEventsAreReadByTheSDKAndByAgents(t *testing.T) {
	for _, began := range []bool{false, true} {
		s := &events{}
		var b []byte
		if began {
			var err error
			if b, err = s.Event(nil, nil, []byte(`{"id":"1","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"I"}}]}`)); err != nil {
				t.Fatal(err)
			}
		}
		e := &llm.Error{Status: 502, Type: "server_error", Code: "stream_interrupted", Message: "It \"broke\".\n"}
		b = s.AppendError(b, e)
		if !began && !bytes.Equal(b, AppendErrorEvent(nil, e)) {
			t.Errorf("%s", b)
		}
		stream := sdkStream(b)
		for stream.Next() { // reads up to the error
		}
		if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "broke") {
			t.Errorf("the SDK reads %v", err)
		}
		blocks := bytes.Split(bytes.TrimSpace(b), []byte("\n\n"))
		_, data, _ := bytes.Cut(blocks[len(blocks)-1], []byte("\ndata: "))
		var failed openai.ResponseFailedEvent
		if err := json.Unmarshal(data, &failed); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		if failed.Type != "response.failed" || failed.SequenceNumber != int64(len(blocks)-1) || failed.Response.Status != "failed" ||
			failed.Response.Error.Message != e.Message || string(failed.Response.Error.Code) != e.Code {
			t.Errorf("%s", data)
		}
		if s.End(nil) != nil {
			t.Error("a stream that has failed ends again")
		}
	}
}

func TestAnErrorIsOpenAIsEnvelope(t *testing.T) {
	e := llm.NewError(llm.CodeUpstreamBusy, "Wait.")
	if got, want := string(NewFrontDoor().AppendError([]byte("x"), e)), "x"+string(e.AppendJSON(nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
