package tasks

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/rs/zerolog"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

const (
	sweep    = 50 * time.Millisecond // how often the tasks under way are looked over
	checkers = 4                     // looks for outcomes under way at once
)

// running is the host's book of the tasks that it has: it keeps their deliveries alive, and answers for them.
type running struct {
	store  *Store
	host   string
	log    zerolog.Logger
	asked  chan *nats.Msg
	doubts chan *attempt // which may have been given an outcome from elsewhere

	mu    sync.Mutex
	tasks map[string]*attempt
}

// attempt is one delivery of a task on this host, from its arrival to its acknowledgement. What can change is under the
// book's lock.
type attempt struct {
	id    string
	reply string // acknowledgement subject of the delivery
	agent string
	freed bool // its slot was given back; the worker's own, outside the lock

	beat      time.Time // when the server last heard of it
	number    int
	startedAt time.Time
	silent    time.Time          // from when an agent that does not heed its timeout keeps the task no longer
	cancel    context.CancelFunc // set while an agent has it
	sub       *nats.Subscription
	checked   bool // for an outcome, since it began or somebody spoke of one
	stopped   bool // somebody else has written the outcome
}

func newRunning(store *Store, host string, log zerolog.Logger) *running {
	return &running{
		store: store, host: host, log: log,
		asked: make(chan *nats.Msg, 1024), doubts: make(chan *attempt, 1024), tasks: map[string]*attempt{},
	}
}

func (r *running) add(a *attempt) {
	r.mu.Lock()
	r.tasks[a.reply] = a
	r.mu.Unlock()
}

func (r *running) remove(a *attempt) {
	r.mu.Lock()
	delete(r.tasks, a.reply)
	r.mu.Unlock()
}

func (r *running) begin(a *attempt, number int, now, end time.Time, cancel context.CancelFunc) {
	r.mu.Lock()
	a.number, a.startedAt, a.silent, a.cancel = number, now, end.Add(r.store.bounds.ackWait), cancel
	r.mu.Unlock()
}

// end says that the agent has answered, and tells whether the attempt was stopped meanwhile.
func (r *running) end(a *attempt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.cancel, a.silent = nil, time.Time{}
	if a.sub != nil {
		_ = a.sub.Unsubscribe()
		a.sub = nil
	}
	return a.stopped
}

// watch looks the book over until ctx ends.
func (r *running) watch(ctx context.Context) {
	tick := time.NewTicker(sweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case msg := <-r.asked:
			r.answer(msg)
		case now := <-tick.C:
			r.look(now)
		}
	}
}

func (r *running) look(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.tasks {
		if now.Sub(a.beat) >= r.store.bounds.ackWait/3 && (a.silent.IsZero() || now.Before(a.silent)) {
			a.beat = now
			_ = r.store.conn.JS.Conn().Publish(a.reply, []byte(ackAlive))
		}
		if a.cancel == nil || now.Sub(a.startedAt) < shortTask {
			continue
		}
		if a.sub == nil {
			sub, err := r.store.conn.NC.ChanSubscribe(r.store.runningSubject(a.id), r.asked)
			if err != nil {
				r.log.Warn().Err(err).Msg("listen for a task")
				continue
			}
			a.sub = sub
		}
		if !a.checked { // it may have been cancelled before anybody listened
			select {
			case r.doubts <- a:
				a.checked = true
			default: // at the next look
			}
		}
	}
}

// check stops attempts at tasks that have an outcome already. The word of a message alone would not do: whoever publishes
// one could make a task vanish.
func (r *running) check(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case a := <-r.doubts:
			rec, err := r.store.outcome(ctx, a.id)
			r.mu.Lock()
			switch {
			case rec == nil && err != nil:
				a.checked = false
			case rec != nil && a.cancel != nil:
				a.stopped = true
				a.cancel()
			}
			r.mu.Unlock()
		}
	}
}

// state is what a host says of a task that it is running.
type state struct {
	Host      string    `json:"host"`
	Agent     string    `json:"agent"`
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"started_at"`
}

// answer tells what is known of a task, and looks for its outcome if told that it has one.
func (r *running) answer(msg *nats.Msg) {
	var req struct {
		Ended bool `json:"ended"`
	}
	if codec.Read(msg.Data, &req) != nil {
		return
	}
	id := msg.Subject[len(r.store.runningSubject("")):]
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.tasks {
		if a.id != id || a.cancel == nil {
			continue
		}
		if req.Ended {
			a.checked = false
		}
		if body, err := codec.Marshal(state{r.host, a.agent, a.number, a.startedAt}); err == nil && msg.Reply != "" {
			_ = r.store.conn.Reply(context.Background(), msg.Reply, body)
		}
	}
}

// running asks whoever runs the task; nil if nobody does, or not for long enough to listen. With ended it also tells that the
// task has an outcome, which the host looks up before it stops the work.
func (s *Store) running(ctx context.Context, id string, ended bool) *state {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	body := []byte("{}")
	if ended {
		body = []byte(`{"ended":true}`)
	}
	msg, err := s.conn.NC.RequestWithContext(ctx, s.runningSubject(id), body)
	if err != nil {
		return nil
	}
	st := new(state)
	if codec.Read(msg.Data, st) != nil || !api.ValidID(st.Host) {
		return nil
	}
	return st
}
