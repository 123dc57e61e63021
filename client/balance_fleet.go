package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/balance"
	"github.com/mabus-project/mabus/shared/hostload"
	"github.com/mabus-project/mabus/shared/kv"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	fleetProbe  = 5 * time.Second       // between two looks whether the view is current
	fleetGather = 20 * time.Millisecond // for which changes gather
	fleetOld    = 30 * time.Second      // after which a view that does not follow is not used
	fleetSetup  = 5 * time.Second       // for the registry's bucket to be found
	fleetAgain  = time.Second           // before the next try, at first
	fleetRarely = 15 * time.Second      // before the next try, at last
)

// fleet is what a connection knows of the agents that run: who there is, from the registry; their load, from their hosts; and how they
// have answered. It begins with its first use.
type fleet struct {
	conn   *rpc.Conn
	picker *balance.Picker
	began  time.Time

	begin  sync.Once
	ctx    context.Context
	cancel context.CancelFunc
	done   sync.WaitGroup
	mirror atomic.Pointer[kv.Mirror[resident]] // once it has loaded
	deaf   sync.Map                            // ids of external agents that do not listen on their own subject
	member sync.Mutex                          // held while members are put and removed: what the mirror has at last is what stays
}

// resident is what matters here of an agent's record.
type resident struct {
	ID           string          `json:"id"`
	Status       api.AgentStatus `json:"status"`
	Capabilities []string        `json:"capabilities"`
	Runtime      api.Runtime     `json:"runtime"`
	Host         string          `json:"host"`
	Epoch        uint64          `json:"epoch"`
	RegisteredAt time.Time       `json:"registered_at"`
	Concurrency  int             `json:"concurrency"`
	Mailbox      int             `json:"mailbox"`
}

func newFleet(conn *rpc.Conn, cfg api.BalanceConfig) (*fleet, error) {
	picker, err := balance.New(cfg)
	if err != nil {
		return nil, err
	}
	f := &fleet{conn: conn, picker: picker, began: time.Now()}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f, nil
}

// Close implements rpc.Share.
func (f *fleet) Close() {
	f.begin.Do(func() {}) // it does not begin any more
	f.cancel()
	f.done.Wait()
}

func (f *fleet) now() time.Duration { return time.Since(f.began) }

func (f *fleet) subject(id string) string { return api.AgentSubject(f.conn.Namespace, id) }

// isReady tells whether the agents are known; if not, it has that begun. It never waits. Without the store they are not: then messages go
// to the queue group, or by the load balancer.
func (f *fleet) isReady() bool {
	if !f.conn.HasStores() {
		return false
	}
	m := f.mirror.Load()
	if m == nil {
		f.begin.Do(func() {
			f.done.Go(func() { f.run() })
		})
		return false
	}
	return m.Synced() || m.Age() < fleetOld
}

// run follows the registry and the hosts until the connection is closed.
func (f *fleet) run() {
	closed := f.conn.NC.StatusChanged(nats.CLOSED)
	defer f.conn.NC.RemoveStatusListener(closed)
	f.done.Go(func() { // ends at Close, or with the listener
		for status := range closed {
			if status == nats.CLOSED {
				f.cancel()
			}
		}
	})
	if f.conn.NC.IsClosed() {
		return
	}
	for wait := fleetAgain; f.ctx.Err() == nil; wait = min(2*wait, fleetRarely) {
		f.follow()
		pause(f.ctx, wait)
	}
}

// follow returns when the bucket is not there, or cannot be read, or at the end.
func (f *fleet) follow() {
	setup, cancel := context.WithTimeout(f.ctx, fleetSetup)
	defer cancel()
	bucket, err := kv.Attach(setup, f.conn.JS, f.conn.Namespace, "agents")
	if err != nil {
		return
	}
	loaded := atomic.Bool{}
	m := kv.NewMirror(bucket, kv.MirrorOptions[resident]{
		Probe: fleetProbe, Gather: func() time.Duration { return fleetGather },
		Keep:     func(r *resident) bool { return r.Status == api.AgentRunning && len(r.Capabilities) > 0 },
		OnChange: func(c kv.Change[resident]) { f.change(c, !loaded.Load()) },
	})
	m.Start()
	defer m.Stop()
	sub, err := f.conn.NC.Subscribe(api.LoadSubject(f.conn.Namespace, "*"), f.hear)
	if err == nil {
		defer func() { _ = sub.Unsubscribe() }()
	}
	select {
	case <-m.Ready():
	case <-f.ctx.Done():
		return
	}
	loaded.Store(true)
	_ = f.conn.Send(f.ctx, api.LoadRequestSubject(f.conn.Namespace), "", nil)
	f.mirror.Store(m)
	<-f.ctx.Done()
}

// change takes in a change of the registry. What the first load brings has run for a while.
func (f *fleet) change(c kv.Change[resident], warm bool) {
	f.member.Lock()
	defer f.member.Unlock()
	switch {
	case c.New == nil:
		f.picker.Remove(c.Key)
		f.deaf.Delete(c.Key)
		return
	case c.Old != nil && (c.Old.Epoch != c.New.Epoch || !c.Old.RegisteredAt.Equal(c.New.RegisteredAt)):
		// Handed over it is as warm as before; but what was learned is of the other host.
		f.picker.Remove(c.Key)
		f.deaf.Delete(c.Key)
		warm = true
	}
	f.picker.Put(c.New.member(warm), f.now())
}

func (r *resident) member(warm bool) balance.Member {
	m := balance.Member{ID: r.ID, Capabilities: r.Capabilities, Host: r.Host, Slots: r.Concurrency, Warm: warm}
	if r.Runtime != api.RuntimeExternal { // which has a mailbox of its own, if any
		if m.Limit = r.Mailbox; m.Limit == 0 {
			m.Limit = api.DefaultMailbox
		}
	}
	return m
}

// hear takes in what a host tells of its load. What cannot be read is as good as lost.
func (f *fleet) hear(msg *nats.Msg) {
	l := hostload.Read(f.conn.Namespace, msg.Subject, msg.Data)
	if l == nil {
		return
	}
	now := f.now()
	f.picker.ObserveHost(l.Host, balance.HostLoad{CPU: float64(l.CPU), Memory: float64(l.MemoryShare), Draining: l.Draining}, now)
	for i := range l.Agents {
		a := &l.Agents[i]
		if v, ok := f.picker.View(a.ID, now); !ok || v.Host != l.Host {
			continue // it runs elsewhere by now
		}
		f.picker.Observe(a.ID, balance.Load{
			Waiting: a.Waiting, Active: a.Active, Latency: a.Latency.Std(), Errors: float64(a.Errors), CPU: -1,
		}, now)
	}
}

// gone takes in that nobody listened for an agent: it is on its way to another host, or it has died. An external one may listen for its
// capability alone; then messages that it is chosen for go to the queue group.
func (f *fleet) gone(k balance.Pick) {
	f.picker.Done(k, balance.Outcome{Now: f.now(), Gone: true})
	f.member.Lock()
	defer f.member.Unlock()
	m := f.mirror.Load()
	if r, _, ok := m.Get(k.ID); ok && r.Runtime == api.RuntimeExternal {
		f.deaf.Store(k.ID, true)
		f.picker.Remove(k.ID)
		f.picker.Put(r.member(true), f.now())
	}
}

func (f *fleet) isDeaf(id string) bool {
	_, deaf := f.deaf.Load(id)
	return deaf
}
