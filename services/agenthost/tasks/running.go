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
	sweep = 50 * time.Millisecond // how often the tasks under way are looked over
	// A task that runs for longer than shortTask can be asked after and cancelled; shorter ones are not worth a subscription.
	shortTask = 50 * time.Millisecond
)

// running is the host's book of the tasks that it has: it keeps their deliveries alive, and answers for them.
type running struct {
	store *Store
	host  string
	log   zerolog.Logger
	asked chan *nats.Msg

	mu    sync.Mutex
	tasks map[string]*attempt
}

// attempt is one attempt at a task.
type attempt struct {
	task      *api.Task
	reply     string // acknowledgement subject of the delivery
	number    int
	agent     string
	startedAt time.Time
	beat      time.Time
	cancel    context.CancelFunc
	sub       *nats.Subscription
	stopped   bool // by Cancel or by an alarm: somebody else has written the outcome
}

func newRunning(store *Store, host string, log zerolog.Logger) *running {
	return &running{store: store, host: host, log: log, asked: make(chan *nats.Msg, 1024), tasks: map[string]*attempt{}}
}

func (r *running) add(a *attempt) {
	r.mu.Lock()
	r.tasks[a.reply] = a
	r.mu.Unlock()
}

// remove takes an attempt out, and tells whether it was stopped meanwhile.
func (r *running) remove(a *attempt) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.tasks, a.reply)
	if a.sub != nil {
		_ = a.sub.Unsubscribe()
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
			r.look(ctx, now)
		}
	}
}

func (r *running) look(ctx context.Context, now time.Time) {
	r.mu.Lock()
	var fresh []*attempt
	for _, a := range r.tasks {
		if now.Sub(a.beat) >= heartbeat {
			a.beat = now
			_ = r.store.conn.NC.Publish(a.reply, []byte("+WPI"))
		}
		if a.sub == nil && now.Sub(a.startedAt) >= shortTask {
			sub, err := r.store.conn.NC.ChanSubscribe(r.store.runningSubject(a.task.ID), r.asked)
			if err != nil {
				r.log.Warn().Err(err).Msg("listen for a task")
				continue
			}
			a.sub = sub
			fresh = append(fresh, a)
		}
	}
	r.mu.Unlock()
	for _, a := range fresh { // it may have been cancelled before anybody listened
		if t, _, err := r.store.outcome(ctx, a.task.ID); err == nil && t != nil {
			r.stop(a.task.ID)
		}
	}
}

// answer tells what is known of a task, and stops it if told to.
func (r *running) answer(msg *nats.Msg) {
	var req struct {
		Cancel bool `json:"cancel"`
	}
	if codec.Read(msg.Data, &req) != nil {
		return
	}
	id := msg.Subject[len(r.store.runningSubject("")):]
	if req.Cancel {
		r.stop(id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.tasks {
		if a.task.ID != id {
			continue
		}
		if body, err := codec.Marshal(state{r.host, a.agent, a.number, a.startedAt}); err == nil && msg.Reply != "" {
			_ = r.store.conn.NC.Publish(msg.Reply, body)
		}
		return
	}
}

func (r *running) stop(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.tasks {
		if a.task.ID == id {
			a.stopped = true
			a.cancel()
		}
	}
}
