package agenthost

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mabus-project/mabus/services/agenthost/mailbox"
)

// AnswersSent waits until no answer to a session is on its way: one that is asked for again meanwhile is not sent twice.
func (s *Service) AnswersSent(ctx context.Context) error { return s.asks.wait(ctx) }

// FailingShare is the share of errors that is told of an agent some time after its only messages, all of which failed.
func FailingShare(failed int, idle time.Duration) float64 {
	var l load
	for range failed {
		l.handled(time.Millisecond, errors.New("broken"))
	}
	return l.failing(time.Duration(l.ended.Load()) + idle)
}

// TouchWhileLetGo has an agent be used just when it is let go as idle, many times, and returns how often it was in the list once only
// after that, as it should be.
func TouchWhileLetGo(times int) (listed int) {
	for range times {
		t := newTeller()
		t.began = t.began.Add(-time.Hour)
		h := &hosted{box: mailbox.New(1, 1, func(message) bool { return true }, func(message) {}), done: make(chan struct{})}
		t.touch(h)
		h.load.used.Store(0) // so that it has been idle for an hour
		var both sync.WaitGroup
		both.Go(func() { t.touch(h) })
		both.Go(func() { t.collect(true) })
		both.Wait()
		if h.load.listed.Load() && len(t.used) == 1 {
			listed++
		}
	}
	return listed
}
