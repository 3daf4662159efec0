// Package dialect holds what the wire formats share. A dialect is a folder below it: pure
// functions on bytes, no I/O. A Watcher looks at a provider's reply on its way past and
// gathers what accounting and failover need to know of it, without changing what the client
// gets, but for what Mulligan itself has asked for.
package dialect

import (
	"errors"
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
	"github.com/mulligan-gateway/mulligan/upstream/dialect/failure"
)

// Watcher reads one reply of a provider in one dialect. It belongs to one reply.
//
// Reply and Event return a *ReportedError for a reply that is an error in the dialect, and
// ErrMalformed for bytes that are not of the dialect at all.
type Watcher interface {
	// Reply reads a plain reply, which is whole.
	Reply(body []byte) error
	// Event reads the next event of a stream.
	Event(e *Event) error
	// Signs is what has been gathered so far.
	Signs() *Signs
	// AppendEnd appends what the end of a stream lacks, if the stream is whole without it.
	AppendEnd(b []byte) []byte
	// AppendError appends the event that ends a stream with an error.
	AppendError(b []byte, e *llm.Error) []byte
}

// Runner is a Watcher that can read several events at once.
type Runner interface {
	Watcher
	// Run reads as many of the events at the begin of a stream as the client is to see unchanged
	// and as are told apart by little but their text, and returns how many bytes these are. It
	// reads nothing before the first meaningful output.
	Run(stream []byte) int
}

// Event is an event of a stream. Name and Data belong to the reader of the stream and are
// gone after the next event.
type Event struct {
	Name, Data []byte

	// Output is set when the event holds meaningful output: something of the answer, or its
	// end, rather than a role, an empty delta or a sign of life. It is the first such event of a
	// stream that matters; behind it Output says nothing.
	Output bool
	// Drop is set when the client is not to see the event.
	Drop bool
	// CutFrom and CutTo delimit bytes of Data that the client is not to see; equal for none.
	CutFrom, CutTo int
}

// Signs is what a reply says of itself.
type Signs struct {
	Usage llm.Usage
	// Beginning says that Usage is from the begin of a stream, and that the output is not in it.
	Beginning bool
	Finish    string // the first choice's finish reason, in OpenAI's words
	ID, Model string
	// Text is the length of the output so far in bytes, for an estimate where a provider
	// reports no usage.
	Text int
	// Whole says that the stream has come to its end in the dialect's own way, so that nothing
	// of the answer is missing.
	Whole bool
	// Last says that the event which ends streams of the dialect has come, after which
	// nothing follows.
	Last bool
}

// ErrMalformed is returned for a reply or an event that cannot be read.
var ErrMalformed = errors.New("the provider's reply is malformed")

// ReportedError is an error that a provider reports inside a reply whose status is a success.
type ReportedError struct{ Failure failure.Failure }

// Error returns the provider's words.
func (e *ReportedError) Error() string { return e.Failure.Message }

// ReadError returns a *ReportedError for JSON that says an error, and nil for any other: see
// failure.ReadEvent.
func ReadError(data []byte) error {
	if f, failed := failure.ReadEvent(data); failed {
		return &ReportedError{Failure: f}
	}
	return nil
}

// Read reads a reply, or the data of an event, into d. Its error is ErrMalformed for what is no
// JSON object, and a *ReportedError for one that says an error.
func Read(d *llm.Document, data []byte) error {
	if llm.ParseReplyInto(d, data) != nil {
		return ErrMalformed
	}
	return ReadError(data)
}

// NamedError returns a *ReportedError for an event that is an error by its name, whatever its
// data say, and nil for any other.
func (e *Event) NamedError() error {
	if string(e.Name) != "error" {
		return nil
	}
	if err := ReadError(e.Data); err != nil {
		return err
	}
	return &ReportedError{Failure: failure.Read(0, nil, e.Data, time.Time{})}
}
