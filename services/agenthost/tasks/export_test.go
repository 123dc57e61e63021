package tasks

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

// Small are bounds that a test can reach.
type Small struct {
	Waiting     uint64
	ResultBytes int64
	AckWait     time.Duration
	Recheck     time.Duration
	IdleQueue   time.Duration
}

// Backoff is the wait before the attempt after the given one.
var Backoff = backoff

// OpenSmall is Open with some bounds made small; what is zero stays as it is.
func OpenSmall(ctx context.Context, conn *rpc.Conn, b Small) (*Store, error) {
	c := bounds{MaxWaiting, MaxResultBytes, AckWait, recheck, IdleQueue}
	if b.Waiting > 0 {
		c.waiting = b.Waiting
	}
	if b.ResultBytes > 0 {
		c.resultBytes = b.ResultBytes
	}
	if b.AckWait > 0 {
		c.ackWait = b.AckWait
	}
	if b.Recheck > 0 {
		c.recheck = b.Recheck
	}
	if b.IdleQueue > 0 {
		c.idleQueue = b.IdleQueue
	}
	return open(ctx, conn, c)
}

// AnswerAndDie is Answer by a process that dies before it lets the task go on.
func (s *Store) AnswerAndDie(ctx context.Context, id string, answer []byte) error {
	known, err := s.questions(ctx, id)
	if err != nil {
		return err
	}
	known.open().Answer = answer
	_, err = s.saveQuestions(ctx, id, known)
	return err
}

// RequeueAndDie is Answer by a process that dies between the task's two places.
func (s *Store) RequeueAndDie(ctx context.Context, id string, answer []byte) error {
	if err := s.AnswerAndDie(ctx, id, answer); err != nil {
		return err
	}
	for { // it may just be looked at again, and then be put aside once more or go on by itself
		m, err := s.read(ctx, s.tasks, map[string]any{"last_by_subj": s.anyTask(id)})
		if m == nil || err != nil {
			return err
		}
		if bare(m.Subject).Priority == later {
			if err = s.publish(ctx, s.resumed(m)); !isWrongLast(err) {
				return err
			}
		}
		sleep(ctx, 5*time.Millisecond, nil)
	}
}

// AskAndDie is an attempt at a task that asks, by a host that dies before it puts the task aside.
func (s *Store) AskAndDie(ctx context.Context, t *api.Task, attempt int, question string) error {
	p := &says{s: s, task: t.ID, life: lifeOf(t), attempt: attempt, aside: func() {}}
	_, err := p.Ask(ctx, []byte(question))
	if api.ReasonOf(err) == api.ReasonWaitingInput {
		return nil
	}
	return err
}

// PutAsideAndDie puts a delivery aside, by a host that dies before it acknowledges that.
func (s *Store) PutAsideAndDie(ctx context.Context, msg *nats.Msg) error {
	d, err := newDelivery(msg)
	if err != nil {
		return err
	}
	return s.putAside(ctx, d, waitsInput, nil)
}

// Rounds returns what fills so many slots from the queues of a capability, and tells of which priority each task is.
func (s *Store) Rounds(ctx context.Context, capability string) (run func(n int, short bool) ([]api.Priority, error), end func(), err error) {
	r := &rounds{
		high: s.newQueue(consumerName(capability, api.PriorityHigh), api.TaskSubject(s.ns, capability, api.PriorityHigh, "*")),
		low:  s.newQueue(consumerName(capability, api.PriorityLow), api.TaskSubject(s.ns, capability, api.PriorityLow, "*")),
	}
	return func(n int, short bool) (of []api.Priority, err error) {
		_, err = r.run(n, short, func(m *nats.Msg) { of = append(of, bare(m.Subject).Priority) })
		return of, err
	}, r.close, r.open(ctx)
}

// EndUnheard gives a task the outcome of a missed deadline, as an alarm does, but no host hears of that.
func (s *Store) EndUnheard(ctx context.Context, id string) error {
	rec, err := s.waiting(ctx, id)
	if err != nil {
		return err
	}
	if _, err := s.finish(ctx, missed(rec.task), "", rec.hash, rec.ref); err != nil {
		return err
	}
	s.forgetState(ctx, id)
	return s.takeOut(ctx, id)
}

// SaveCheckpoint saves what an attempt at a task wants kept.
func (s *Store) SaveCheckpoint(ctx context.Context, t *api.Task, attempt int, state []byte, last *uint64) error {
	return s.saveCheckpoint(ctx, t.ID, lifeOf(t), attempt, saved{state: state}, last)
}

// Checkpoint is what the next attempt at a task is handed.
func (s *Store) Checkpoint(ctx context.Context, t *api.Task) ([]byte, error) {
	c, err := s.checkpoint(ctx, t.ID, lifeOf(t))
	return c.state, err
}
