package upgrade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	counters = 4 // agents that count their messages in their states
	unit     = 1_000_000
	minted   = 1_000_000 * unit
)

// load works with every service by this tree's SDK, and with the older program's commands, and remembers what was acknowledged.
type load struct {
	t   *testing.T
	url string
	old string // program
	// credentials are the files of people, by which commands are given; none where none are asked for.
	credentials map[string]string

	as      map[string]*client.Client
	stopped atomic.Bool
	work    sync.WaitGroup

	// answered is within which time a request that may be repeated has its answer, whatever is replaced meanwhile.
	answered time.Duration
	// tries is how often a command is given: it asks once, and gets no answer from a process that is killed meanwhile.
	tries int

	mu     sync.Mutex
	done   map[string]int // rounds, by what was done
	counts map[string]int // the highest number that each counter has given
	slow   time.Duration  // the longest that any request took
	slowly string
}

// people are who the clients are.
var people = []string{"operator", "seller", "ann", "bob"}

// newLoad connects its clients; creds makes the credentials file of each, where these are asked for.
func newLoad(t *testing.T, url, old string, creds func(api.Kind, string) string) *load {
	l := &load{
		t: t, url: url, old: old, answered: 30 * time.Second, tries: 1,
		as: map[string]*client.Client{}, credentials: map[string]string{}, done: map[string]int{}, counts: map[string]int{},
	}
	for _, who := range people {
		o := client.Options{URL: url, Principal: who, Name: "load of " + who}
		if kind := api.KindAgent; creds != nil {
			if who == "operator" {
				kind = api.KindOperator
			}
			o.Credentials = creds(kind, who)
		}
		l.credentials[who] = o.Credentials
		c, err := client.Connect(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		l.as[who] = c
	}
	return l
}

// passing tells whether another try may succeed.
func passing(err error) bool {
	code := api.CodeOf(err)
	return code == api.Unavailable || code == api.DeadlineExceeded || code == api.Overloaded || code == api.Cancelled || errors.Is(err, context.DeadlineExceeded)
}

// sure asks under one request id until there is an answer.
func sure[T any](ctx context.Context, l *load, what string, f func(ctx context.Context) (T, error)) (T, error) {
	begin := time.Now()
	all, cancel := context.WithTimeout(client.WithRequestID(ctx, rpc.NewRequestID()), l.answered)
	defer cancel()
	for {
		try, cancel := context.WithTimeout(all, 5*time.Second)
		v, err := f(try)
		cancel()
		if err != nil && passing(err) && all.Err() == nil {
			rest(all, 20*time.Millisecond)
			continue
		}
		l.mu.Lock()
		if took := time.Since(begin); took > l.slow {
			l.slow, l.slowly = took, what
		}
		l.mu.Unlock()
		if err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return v, err
	}
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// loop does something over and over until the load ends. An error of it fails the test.
func (l *load) loop(what string, f func(ctx context.Context, n int) error) {
	l.work.Go(func() {
		for n := 0; !l.stopped.Load() && l.t.Context().Err() == nil; n++ {
			if err := f(l.t.Context(), n); err != nil {
				l.t.Errorf("%s %s %d: %v", time.Now().Format("15:04:05.000"), what, n, err)
				rest(l.t.Context(), time.Second)
			} else {
				l.mu.Lock()
				l.done[what]++
				l.mu.Unlock()
			}
			rest(l.t.Context(), 10*time.Millisecond)
		}
	})
}

// start begins all of it.
func (l *load) start() {
	l.loop("registry", l.register)
	l.loop("counter", l.count)
	l.loop("lock", l.lock)
	l.loop("task", l.task)
	l.loop("message", l.message)
	l.loop("session", l.session)
	l.loop("variable", l.variable)
	l.loop("transfer", l.transfer)
	l.loop("auction", l.auction)
	l.loop("metric", l.metric)
	l.loop("event", l.event)
	l.loop("pick", l.pick)
	l.loop("command", l.command)
}

// end ends it.
func (l *load) end() {
	l.stopped.Store(true)
	l.work.Wait()
}

// rounds is how often something was done.
func (l *load) rounds(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.done[what]
}

func (l *load) register(ctx context.Context, n int) error {
	c, id := l.as["operator"], fmt.Sprintf("ext%d", n)
	if _, err := sure(ctx, l, "register", func(ctx context.Context) (*api.Agent, error) {
		return c.Agents.Register(ctx, api.AgentSpec{ID: id, Type: "outside", Tags: []string{"a"}})
	}); err != nil {
		return err
	}
	a, err := sure(ctx, l, "update", func(ctx context.Context) (*api.Agent, error) {
		return c.Agents.Update(ctx, api.AgentUpdateRequest{ID: id, Tags: &[]string{"b"}})
	})
	if err == nil && (len(a.Tags) != 1 || a.Tags[0] != "b") {
		err = fmt.Errorf("%s has the tags %v", id, a.Tags)
	}
	return err
}

// count counts twice under one request id, which counts once, whichever replicas answer.
func (l *load) count(ctx context.Context, _ int) error {
	id := rpc.NewRequestID()
	add := func(ctx context.Context) (*api.Counter, error) {
		return l.as["ann"].Counters.Add(client.WithRequestID(ctx, id), "c", 1)
	}
	first, err := sure(ctx, l, "count", add)
	if err != nil {
		return err
	}
	again, err := sure(ctx, l, "count again", add)
	if err == nil && again.Value != first.Value {
		err = fmt.Errorf("the same request was answered %d, and then %d", first.Value, again.Value)
	}
	return err
}

func (l *load) lock(ctx context.Context, n int) error {
	c := l.as["ann"]
	lease, err := sure(ctx, l, "lease", c.OpenLease)
	if err != nil {
		return err
	}
	defer lease.Close()
	for range 20 {
		held, err := sure(ctx, l, "lock", func(ctx context.Context) (*client.Held, error) {
			return c.Locks.Acquire(ctx, lease, api.LockAcquireRequest{Name: "l"})
		})
		if err != nil {
			return err
		}
		if _, err := sure(ctx, l, "unlock", func(ctx context.Context) (int, error) { return 0, held.Release(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) task(ctx context.Context, n int) error {
	spec := api.TaskSpec{ID: fmt.Sprintf("task%d", n), Job: "upgrade", Capability: "count", Payload: json.RawMessage(fmt.Sprint(n)), Attempts: 20}
	_, err := sure(ctx, l, "submit", func(ctx context.Context) (*api.Task, error) { return l.as["ann"].Tasks.Submit(ctx, spec) })
	return err
}

// message has a counter count: no number comes twice, and none goes back, whatever is repeated.
func (l *load) message(ctx context.Context, n int) error {
	id := fmt.Sprintf("counter%d", n%counters)
	raw, err := sure(ctx, l, "message to "+id, func(ctx context.Context) (json.RawMessage, error) {
		raw, err := l.as["bob"].Call(ctx, id, "count")
		if api.CodeOf(err) == api.NotFound || api.ReasonOf(err) == api.ReasonNotRunning || api.CodeOf(err) == api.Fenced { // it is moving to another host
			err = api.Errorf(api.Unavailable, "%s is away: %v", id, err)
		}
		return raw, err
	})
	if err != nil {
		return err
	}
	var got struct {
		Count int `json:"count"`
	}
	if err := codec.Read(raw, &got); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if got.Count <= l.counts[id] {
		return fmt.Errorf("%s gave %d after %d", id, got.Count, l.counts[id])
	}
	l.counts[id] = got.Count
	return nil
}

// session holds a vote among agents that run on hosts. One that is asked while it moves to another host may be taken for silent.
func (l *load) session(ctx context.Context, n int) error {
	r := api.SessionStartRequest{
		ID: fmt.Sprintf("vote%d", n), Type: api.SessionConsensus, Members: []string{"voter0", "voter1"}, Question: json.RawMessage(`"lunch"`),
		Params: json.RawMessage(`{"min_turnout":1}`),
	}
	if _, err := sure(ctx, l, "session", func(ctx context.Context) (*api.Session, error) { return l.as["seller"].Sessions.Start(ctx, r) }); err != nil {
		return err
	}
	x, err := sure(ctx, l, "wait for a session", func(ctx context.Context) (*api.Session, error) { return l.as["seller"].Sessions.Wait(ctx, r.ID) })
	switch {
	case err != nil:
		return err
	case x.State == api.SessionCompleted:
		l.mu.Lock()
		l.done["completed session"]++
		l.mu.Unlock()
	case x.EndedAt.IsZero():
		return fmt.Errorf("%s is %s: %s", x.ID, x.State, x.Reason)
	}
	return nil
}

func (l *load) variable(ctx context.Context, n int) error {
	c := l.as["seller"]
	name := fmt.Sprintf("v%d", n)
	if _, err := sure(ctx, l, "variable", func(ctx context.Context) (*api.Variable, error) {
		return c.Variables.Register(ctx, api.VariableSpec{Name: name, Value: json.RawMessage("1")})
	}); err != nil {
		return err
	}
	u, err := sure(ctx, l, "change a variable", func(ctx context.Context) (*api.VariableUpdateResponse, error) {
		return c.Variables.Update(ctx, name, 2, 1)
	})
	if err == nil && (u.State != api.UpdateApplied || u.Variable.Version != 2) {
		err = fmt.Errorf("%+v", u)
	}
	return err
}

func (l *load) transfer(ctx context.Context, _ int) error {
	_, err := sure(ctx, l, "transfer", func(ctx context.Context) (*api.TransferResponse, error) {
		return l.as["ann"].Ledger.Transfer(ctx, api.TransferRequest{From: api.Account("ann", "", ""), To: api.Account("carol", "", ""), Amount: unit})
	})
	return err
}

// auction sells something to ann or bob, for the second price of 2.
func (l *load) auction(ctx context.Context, n int) error {
	id := fmt.Sprintf("auction%d", n)
	if _, err := sure(ctx, l, "auction", func(ctx context.Context) (*api.Auction, error) {
		return l.as["seller"].Auctions.Create(ctx, api.AuctionSpec{ID: id, Type: api.AuctionVickrey, Asset: "gold"})
	}); err != nil {
		return err
	}
	for who, price := range map[string]api.Micro{"ann": 2 * unit, "bob": 3 * unit} {
		if _, err := sure(ctx, l, "bid", func(ctx context.Context) (*api.BidReceipt, error) { return l.as[who].Auctions.Bid(ctx, id, price) }); err != nil {
			return err
		}
	}
	x, err := sure(ctx, l, "close", func(ctx context.Context) (*api.Auction, error) { return l.as["seller"].Auctions.Close(ctx, id) })
	if err == nil && !x.State.Ended() {
		err = fmt.Errorf("%s is %s", id, x.State)
	}
	return err
}

func (l *load) metric(ctx context.Context, _ int) error {
	value := api.Measure(1)
	_, err := sure(ctx, l, "metric", func(ctx context.Context) (int, error) {
		return 0, l.as["ann"].Metrics.Record(ctx, api.MetricRecord{Metric: "work", Kind: api.SourceCustom, ID: "s", Value: &value})
	})
	return err
}

func (l *load) event(ctx context.Context, n int) error {
	_, err := sure(ctx, l, "event", func(ctx context.Context) (*api.EventReceipt, error) {
		return l.as["ann"].Events.Append(ctx, api.Event{ID: fmt.Sprintf("e%d", n), Source: "/upgrade", Type: "upgrade.load", Subject: "s", Data: json.RawMessage(fmt.Sprint(n))})
	})
	return err
}

func (l *load) pick(ctx context.Context, _ int) error {
	_, err := sure(ctx, l, "pick", func(ctx context.Context) (*api.Pick, error) {
		p, err := l.as["ann"].Balancer.Pick(ctx, api.PickRequest{Capabilities: []string{"count"}})
		if api.CodeOf(err) == api.NotFound || api.CodeOf(err) == api.FailedPrecondition { // its agents are moving to another host
			err = api.Errorf(api.Unavailable, "%v", err)
		}
		return p, err
	})
	return err
}

// command uses the older program as somebody who has not upgraded.
func (l *load) command(ctx context.Context, n int) error {
	for _, args := range [][]string{
		{"operator", "counters", "add", "cli", "1"},
		{"operator", "agents", "list", "--json"},
		{"bob", "ledger", "transfer", "bob", "carol", "1"},
		{"operator", "auctions", "list"},
		{"operator", "metrics", "sources"},
		{"operator", "events", "query"},
		{"operator", "tasks", "list"},
		{"operator", "balance", "members"},
	} {
		_, err := l.run(args[0], args[1:]...)
		for try := 1; err != nil && try < l.tries; try++ {
			_, err = l.run(args[0], args[1:]...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
