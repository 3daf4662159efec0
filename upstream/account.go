package upstream

import (
	"time"

	"github.com/mulligan-gateway/mulligan/llm"
)

// account returns the attempt's row in the exchange.
func (a *attempt) account() *llm.Attempt { return &a.loop.call.Exchange.Attempts[a.record] }

// accepted notes that the first meaningful output is in hand.
func (a *attempt) accepted() {
	x := a.loop.call.Exchange
	a.account().Verdict = llm.VerdictOK
	if x.FirstToken == 0 {
		x.FirstToken = a.settled.Sub(x.Start)
	}
}

// noteFault notes why the attempt failed, or why its reply broke later.
func (a *attempt) noteFault(f *fault) {
	r := a.account()
	r.ErrorCode = f.code()
	message := f.Error()
	switch {
	case f.kind == kindReported:
		message = f.said.Message
	case f.cause != nil:
		message += ": " + f.cause.Error()
	}
	r.ErrorMessage = a.target.scrub(message, "")
}

// close closes the account of the attempt that answered, when its reply is over.
func (a *attempt) close() {
	if a.closed {
		return
	}
	a.closed = true
	r := &a.reply
	if r.fault != nil {
		a.noteFault(r.fault)
		if ruling := judge(r.fault, &a.loop.policy().RetryOn); ruling.blame {
			a.blame()
		}
	}
	defer a.finish() // whatever becomes of the account, its place is given back
	a.charge()
}

// charge accounts for what a reply has used, as far as it came.
func (a *attempt) charge() {
	signs, x := a.reply.watcher.Signs(), a.loop.call.Exchange
	usage := signs.Usage
	switch {
	case !usage.Known:
		usage = a.estimate()
	case signs.Beginning:
		usage.Output, usage.Estimated = max(usage.Output, a.estimate().Output), true
	}
	cost := a.target.Entry.Cost(usage)
	if a.loop.charged { // another one has answered the beginning
		usage, cost = x.Usage.Plus(usage), x.Cost.Plus(cost)
	}
	a.loop.charged = true
	x.Usage, x.Cost = usage, cost
	x.FinishReason, x.ResponseID, x.ResponseModel = signs.Finish, signs.ID, signs.Model
}

// blame counts a failure after the target had been taken for well.
func (a *attempt) blame() {
	if judged, err := a.target.state.breaker().Allow(); err == nil {
		judged(errTargetFailed)
	}
}

// bytesPerToken is how many bytes of text are a token, roughly, in English
// (source: https://help.openai.com/en/articles/4936856-what-are-tokens-and-how-to-count-them).
const bytesPerToken = 4

// estimate returns the usage of a conversation or of embeddings whose provider reports none,
// because it never does or because its answer was cut short.
func (a *attempt) estimate() llm.Usage {
	switch a.loop.call.Request.Endpoint {
	case llm.Chat, llm.Completions, llm.Responses, llm.Messages, llm.Embeddings:
	default:
		return llm.Usage{}
	}
	u := llm.Usage{Estimated: true}
	u.Output = int64(a.reply.watcher.Signs().Text+bytesPerToken-1) / bytesPerToken
	if a.loop.call.InputTokens != nil {
		u.Input = a.loop.call.InputTokens()
	}
	return u
}

// finish ends the attempt: nothing of it runs or is held any more.
func (a *attempt) finish() {
	r := a.account()
	r.Status = a.status
	r.Duration = time.Since(r.Start)
	a.dog.stop()
	a.end()
	a.finished = true
	a.target.leave()
	if a.endSpan != nil {
		a.endSpan(r)
	}
}
