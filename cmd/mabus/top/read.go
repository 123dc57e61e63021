package top

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/rpc"
)

const (
	readTimeout = 3 * time.Second // of one batch
	maxLooks    = 16              // requests of a batch that are under way at a time
	maxList     = 500             // items of one list
	maxLeaders  = 50              // agents of a fleet that is larger than maxList
)

// Reader asks the services of a namespace.
type Reader struct {
	c   *client.Client
	max int // items of a list
}

// NewReader returns a reader that asks by a client, which stays the caller's. It reads at most so many items of a list; 500 if that is 0.
func NewReader(c *client.Client, most int) *Reader {
	if most <= 0 || most > maxList {
		most = maxList
	}
	return &Reader{c: c, max: most}
}

// Read makes one batch of requests. It fails when nothing came of them, or not that without which the page is none; what else is missing
// is among the problems of the snapshot.
func (r *Reader) Read(ctx context.Context, q Query) (*Snapshot, error) {
	if !ValidTab(q.Tab) {
		return nil, api.Errorf(api.Invalid, "tab must be one of %v", Tabs).WithFields("tab")
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	s := &Snapshot{Tab: q.Tab, Namespace: r.c.Conn().Namespace, Problems: []Problem{}}
	b := &batch{ctx: ctx, slots: make(chan struct{}, maxLooks)}
	if q.Detail != "" {
		r.detail(b, s, q)
	} else {
		map[Tab]func(*batch, *Snapshot, Query){
			TabFleet: r.fleet, TabHosts: r.hosts, TabAgents: r.agents, TabTasks: r.tasks, TabSessions: r.sessions, TabAuctions: r.auctions,
		}[q.Tab](b, s, q)
	}
	b.wait()
	if b.failed != nil || b.done == 0 && b.first != nil {
		return nil, cmp.Or(b.failed, b.first)
	}
	slices.SortFunc(b.problems, func(x, y Problem) int { return strings.Compare(x.Part, y.Part) })
	s.Problems = append(s.Problems, b.problems...)
	s.At = time.Now().UTC()
	return s, nil
}

// batch is some requests at a time.
type batch struct {
	ctx   context.Context
	slots chan struct{}
	all   sync.WaitGroup

	mu       sync.Mutex
	done     int
	problems []Problem
	first    error // of the problems
	failed   error // of a part that must be
}

// get makes a request. What put changes is guarded by the batch meanwhile. What is not there leaves things as they are. It is not
// repeated when it fails: the next batch is.
func get[Req, Resp any](r *Reader, b *batch, part string, m api.Method[Req, Resp], req Req, put func(*Resp)) {
	b.ask(part, false, func() error {
		err := call(r, b, m, req, put)
		if api.CodeOf(err) == api.NotFound {
			return nil
		}
		return err
	})
}

// must makes a request without whose answer there is no page.
func must[Req, Resp any](r *Reader, b *batch, part string, m api.Method[Req, Resp], req Req, put func(*Resp)) {
	b.ask(part, true, func() error { return call(r, b, m, req, put) })
}

func call[Req, Resp any](r *Reader, b *batch, m api.Method[Req, Resp], req Req, put func(*Resp)) error {
	v, err := rpc.Call(b.ctx, r.c.Conn(), m, &req)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	put(v)
	return nil
}

func (b *batch) ask(part string, must bool, f func() error) {
	b.slots <- struct{}{}
	b.all.Go(func() {
		defer func() { <-b.slots }()
		err := f()
		b.mu.Lock()
		defer b.mu.Unlock()
		if err == nil {
			b.done++
			return
		}
		if b.first == nil {
			b.first = err
		}
		if must && b.failed == nil {
			b.failed = err
		}
		p := Problem{Part: part, Code: api.CodeOf(err), Error: err.Error()}
		if e := api.AsError(err); e != nil {
			p.Error = e.Message
		}
		if !slices.ContainsFunc(b.problems, func(x Problem) bool { return x.Part == part }) {
			b.problems = append(b.problems, p)
		}
	})
}

// wait waits for all that was asked so far.
func (b *batch) wait() { b.all.Wait() }

// ok tells whether everything that must be has come so far.
func (b *batch) ok() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failed == nil
}

// current asks for what the last 5 seconds have measured.
func (r *Reader) current(b *batch, s *Snapshot, sel api.MetricSelector, put func([]api.MetricSummary)) {
	get(r, b, "metrics", api.MetricsCurrent, api.MetricsCurrentRequest{MetricSelector: sel, Limit: api.MaxPage}, func(l *api.MetricsListResponse) {
		s.measured(&l.Status)
		put(l.Series)
	})
}

// measured notes what figures are of; of several answers, the worst.
func (s *Snapshot) measured(m *api.MetricsStatus) {
	if s.Metrics == nil || m.Age > s.Metrics.Age {
		s.Metrics = m
	}
}

// mean is the mean of what was measured, if anything was.
func mean(m *api.MetricSummary) *api.Measure {
	if m.Count == 0 {
		return nil
	}
	return &m.Mean
}
