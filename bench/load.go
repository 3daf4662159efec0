package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// serveLoad is the load process: it serves the provider, prints its address, and then
// does one job per line of in, writing one result per line to out, until in ends.
func serveLoad(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Close below
	defer server.Close()
	fmt.Fprintln(out, listener.Addr())

	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}
	jobs, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var j job
		if err := jobs.Decode(&j); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		n, err := work(client, j)
		r := result{Requests: n}
		if err != nil {
			r.Error = err.Error()
		}
		if err := results.Encode(r); err != nil {
			return err
		}
	}
}

const streamEvents = 100

var (
	plainReply = []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"bench","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("an answer of some length, ", 25) + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":100,"total_tokens":110}}`)
	chunk = []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{"content":"a few words "},"finish_reason":null}]}` + "\n\n")
	last  = []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n")
	usage = []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"bench","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":100,"total_tokens":110}}` + "\n\n")
	done  = []byte("data: [DONE]\n\n")
)

// answer is the provider: a plain reply, or a stream of one flushed write per event.
func answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(plainReply) // the clients count what arrives
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	for range streamEvents {
		_, _ = w.Write(chunk)
		_ = out.Flush()
	}
	_, _ = w.Write(last)
	if bytes.Contains(body, []byte(`"include_usage":true`)) {
		_, _ = w.Write(usage)
	}
	_, _ = w.Write(done)
}

// work sends requests over j.Connections connections for j.Duration and returns how many
// were answered. The first wrong answer ends it.
func work(client *http.Client, j job) (int, error) {
	var s scenario
	for _, s = range scenarios {
		if s.name == j.Scenario {
			break
		}
	}
	var (
		answered atomic.Int64
		failed   atomic.Pointer[error]
		wg       sync.WaitGroup
		end      = time.Now().Add(j.Duration)
	)
	for range j.Connections {
		wg.Go(func() {
			for time.Now().Before(end) && failed.Load() == nil {
				if err := request(client, j, s); err != nil {
					failed.Store(&err)
					return
				}
				answered.Add(1)
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return int(answered.Load()), nil
}

func request(client *http.Client, j job, s scenario) error {
	req, err := http.NewRequest(http.MethodPost, j.URL+"/v1/chat/completions", bytes.NewReader(s.body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range j.Header {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	switch {
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("status %d: %s", res.StatusCode, body)
	case !s.stream && !bytes.Equal(body, plainReply):
		return fmt.Errorf("the reply is not the provider's: %s", body)
	case s.stream && (bytes.Count(body, chunk) != streamEvents || !bytes.HasSuffix(body, append(last[:len(last):len(last)], done...))):
		return fmt.Errorf("the stream is not the provider's: %s", body)
	}
	return nil
}
