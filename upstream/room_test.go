package upstream

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/mulligan-gateway/mulligan/internal/fakellm"
	"github.com/mulligan-gateway/mulligan/llm"
)

func TestAWatchdogWhoseTimerHasFiredIsNotQuiet(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		do     func(*watched)
		quiet  bool
	}{
		"nothing happened":                     {Policy{}, func(*watched) {}, true},
		"the output came in time":              {Policy{FirstToken: second}, func(w *watched) { w.next(time.Minute) }, true},
		"it has bitten":                        {Policy{FirstToken: second}, func(w *watched) { w.after(second, errFirstToken) }, false},
		"it was woken too early, and slept on": {Policy{FirstToken: second}, func(w *watched) { w.next(time.Hour); w.after(2*second, nil) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := watch(t, c.policy, 0)
				c.do(w)
				w.dog.stop()
				if w.dog.quiet() != c.quiet {
					t.Errorf("it is quiet: %t", !c.quiet)
				}
			})
		})
	}
}

// The timer fires when the owner stops it: fire has begun, or is about to.
func TestAWatchdogThatIsStoppedWhileItsTimerFiresIsNotQuiet(t *testing.T) {
	var dog watchdog
	dog.timer = time.AfterFunc(0, func() {})
	for dog.timer.Stop() { // until it has fired
		dog.timer.Reset(0)
	}
	dog.running = true
	dog.stop()
	if dog.quiet() {
		t.Error("it is taken for quiet")
	}
}

func TestAQuietWatchdogWatchesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, Policy{FirstToken: second}, 0)
		w.dog.stop()
		timer := w.dog.timer
		w.after(time.Minute, nil)
		again := &w.dog
		*again = watchdog{timer: timer, cancel: w.dog.cancel}
		again.start(time.Now(), &Policy{FirstToken: 3 * second}, time.Time{})
		w.after(3*second-1, nil)
		w.after(1, errFirstToken)
	})
}

func TestARoomIsNotClearedUnderAnOpenReply(t *testing.T) {
	b := newBed(t, quick(), fakellm.Start(t, fakellm.Answer("hi")))
	var room Room
	req := requestOf(t, llm.Chat, plainBody)
	reply, err := b.route.Do(t.Context(), &Call{
		Room: &room, Request: req, Exchange: &llm.Exchange{Start: time.Now()},
		Body: func(int) (llm.Payload, []string, error) { return llm.Payload{Parts: [][]byte{req.Doc.Raw}}, nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if room.Clear() {
		t.Error("it is cleared while the reply is open")
	}
	reply.Close()
	if !room.Clear() {
		t.Error("it is not cleared when the reply is closed")
	}
}
