package console

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/await"
)

// maxFrames is how many messages wait for one browser before it is cut off.
const maxFrames = 32

// hub is a page that somebody looks at: its tables, the feeds that read them, and who looks.
type hub struct {
	g     *Gateway
	page  string
	id    string
	feeds []feed
	wakes []chan struct{} // of the feeds
	users int             // guarded by the gateway

	cancel context.CancelFunc
	done   sync.WaitGroup
	loaded chan struct{} // closed when each table was read, or could not be, once

	mu      sync.Mutex
	tables  map[string]*table
	viewers map[*viewer]struct{}
	unread  int
}

// table is what is known of a table.
type table struct {
	state
	tried bool
	rows  map[string]json.RawMessage
}

// viewer is one browser.
type viewer struct{ frames chan []byte }

// join returns the hub of a page, which begins with the first who joins. Each must leave it.
func (g *Gateway) join(page, id string) (*hub, error) {
	feeds, err := feedsOf(page, id)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.hubs[page+"/"+id]
	if h == nil {
		h = &hub{
			g: g, page: page, id: id, feeds: feeds, loaded: make(chan struct{}), tables: map[string]*table{}, viewers: map[*viewer]struct{}{},
			unread: len(feeds),
		}
		for i := range feeds {
			h.wakes = append(h.wakes, make(chan struct{}, 1))
			h.tables[feeds[i].table] = &table{state: state{StaleAfter: staleAfter(feeds[i].every(g.cfg.Pace))}}
		}
		g.hubs[page+"/"+id] = h
		h.start()
	}
	h.users++
	return h, nil
}

// staleAfter is, in milliseconds, how old a table that is read so often can be while all is well.
func staleAfter(every time.Duration) int64 { return (3*every + readTimeout).Milliseconds() }

// leave ends the hub with the last who leaves.
func (g *Gateway) leave(h *hub) {
	g.mu.Lock()
	h.users--
	last := h.users == 0
	if last {
		delete(g.hubs, h.page+"/"+h.id)
	}
	g.mu.Unlock()
	if last {
		h.cancel()
		h.done.Wait()
	}
}

// wake has all feeds of all pages read now.
func (g *Gateway) wake() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.hubs {
		for _, w := range h.wakes {
			signal(w)
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (h *hub) start() {
	ctx, cancel := context.WithCancel(h.g.base)
	h.cancel = cancel
	for i := range h.feeds {
		h.done.Go(func() { h.follow(ctx, &h.feeds[i], h.wakes[i]) })
	}
	h.done.Go(func() { h.pulse(ctx) })
}

// follow reads a table again and again.
func (h *hub) follow(ctx context.Context, f *feed, wake chan struct{}) {
	if f.close != nil {
		defer f.close()
	}
	var hints *nats.Subscription
	defer func() {
		if hints != nil {
			_ = hints.Unsubscribe()
		}
	}()
	every := f.every(h.g.cfg.Pace)
	for {
		begun := time.Now()
		read, cancel := context.WithTimeout(ctx, readTimeout)
		c, err := h.g.link(read)
		if err == nil && hints == nil && f.hint != "" {
			// It only saves waiting: whoever may not subscribe hears of changes by the next read.
			hints, _ = c.Conn().NC.Subscribe(c.Conn().Namespace+"."+f.hint, func(*nats.Msg) { signal(wake) })
		}
		h.refresh(read, ctx, f, c, err)
		cancel()
		due := time.NewTimer(max(every, time.Since(begun))) // what takes long is not asked for all the time
		select {
		case <-ctx.Done():
			due.Stop()
			return
		case <-due.C:
		case <-wake:
			due.Stop()
			if !await.Pause(ctx, min(wakeGap, h.g.cfg.Pace)) { // what comes together is read together
				return
			}
		}
	}
}

func (h *hub) refresh(read, life context.Context, f *feed, c *client.Client, err error) {
	var got rows
	if err == nil {
		got, err = f.read(read, c)
	}
	var list map[string]json.RawMessage
	if err == nil {
		list, err = got.written()
	}
	if life.Err() != nil {
		return
	}
	if err != nil && api.AsError(err) == nil {
		h.g.cfg.Log.Debug().Err(err).Str("page", h.page).Str("table", f.table).Msg("not read")
	}
	h.put(f.table, list, got, err)
}

// put takes in what was read, or why nothing was, and tells the viewers what has changed.
func (h *hub) put(name string, list map[string]json.RawMessage, got rows, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tables[name]
	before := t.state
	c := change{}
	if err != nil {
		t.Error = shown(err)
	} else {
		t.At, t.Error, t.Total, t.More = time.Now().UTC(), nil, max(got.total, len(list)), got.open
		c.Set, c.Gone = diff(t.rows, list)
		t.rows = list
	}
	if !t.tried {
		t.tried = true
		if h.unread--; h.unread == 0 {
			close(h.loaded)
		}
	}
	if len(c.Set)+len(c.Gone) > 0 || before.At.IsZero() || (before.Error == nil) != (t.Error == nil) || before.Total != t.Total {
		c.state = t.state
		h.tell(frame("change", h.message(map[string]change{name: c})))
	}
}

// diff returns the rows that are new or other, and the keys of those that are gone.
func diff(old, now map[string]json.RawMessage) (set map[string]json.RawMessage, gone []string) {
	set = map[string]json.RawMessage{}
	for key, row := range now {
		if was, ok := old[key]; !ok || !bytes.Equal(was, row) {
			set[key] = row
		}
	}
	for key := range old {
		if _, ok := now[key]; !ok {
			gone = append(gone, key)
		}
	}
	return set, gone
}

// pulse tells the viewers every second how old the tables are.
func (h *hub) pulse(ctx context.Context) {
	for await.Pause(ctx, pulseEvery) {
		h.mu.Lock()
		tables := map[string]change{}
		for name, t := range h.tables {
			tables[name] = change{state: t.state}
		}
		h.tell(frame("change", h.message(tables)))
		h.mu.Unlock()
	}
}

func (h *hub) message(tables map[string]change) message {
	return message{Now: time.Now().UTC(), Connected: h.g.connected(), Page: h.page, ID: h.id, Tables: tables}
}

// snapshot is everything that is known, for one who joins.
func (h *hub) snapshot() message {
	tables := map[string]change{}
	for name, t := range h.tables {
		tables[name] = change{state: t.state, Set: t.rows}
	}
	m := h.message(tables)
	m.Console = &about{
		Namespace: orDefault(h.g.cfg.NATS.Namespace, api.DefaultNamespace), Principal: h.g.cfg.NATS.Principal, Write: h.g.cfg.Write, Version: h.g.cfg.Version,
	}
	return m
}

// watch adds a browser, whose first message is a snapshot.
func (h *hub) watch() *viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := &viewer{frames: make(chan []byte, maxFrames)}
	v.frames <- frame("snapshot", h.snapshot())
	h.viewers[v] = struct{}{}
	return v
}

func (h *hub) unwatch(v *viewer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.viewers, v)
}

// tell sends a message to all, and cuts off who has too many waiting.
func (h *hub) tell(frame []byte) {
	for v := range h.viewers {
		select {
		case v.frames <- frame:
		default:
			close(v.frames)
			delete(h.viewers, v)
		}
	}
}
