package soak_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
)

// sight is what the system held at one time, with all work at rest.
type sight struct {
	at     time.Duration // since the work began
	rounds int64
	values map[string]float64 // by what is counted
}

// settle is for how long nothing may change before it is looked at: what the last round of the work left to do in the background is done then.
const settle = 100 * time.Millisecond

// look stops the work between two rounds, waits until what it left is done, and counts.
func (s *staff) look(t *testing.T, begun time.Time) sight {
	t.Helper()
	s.gate.Lock()
	defer s.gate.Unlock()
	stable, least := time.Now(), runtime.NumGoroutine()
	for until := time.Now().Add(3 * time.Second); time.Since(stable) < settle && time.Now().Before(until); {
		<-time.After(settle / 10)
		if n := runtime.NumGoroutine(); n < least {
			least, stable = n, time.Now()
		}
	}
	x := sight{at: time.Since(begun), values: map[string]float64{"goroutines": float64(least)}}
	s.done.Range(func(_, n any) bool { x.rounds += n.(interface{ Load() int64 }).Load(); return true })
	runtime.GC()
	runtime.GC() // what finalisers held
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	x.values["memory"] = float64(m.HeapAlloc)
	x.values["files"] = float64(files(os.Getpid()))
	x.values["files of NATS"] = float64(files(s.pid))
	s.server(t, &x)
	s.stores(t, &x)
	x.values["heap"] = x.values["memory"] - eventBytes*x.values["events"] - leaseBytes*x.values["leases"]
	return x
}

// What the memory has of histories that are kept by design, up to bounds that api.Stores and api.MaxEvents state: a row in the index of events of
// perfmon (services/perfmon/events/index), and a lease that has ended, for a day, in the mirrors of the registry and of coordination.
const (
	eventBytes = 80
	leaseBytes = 400
)

// files counts what a process has open; -1 where the system does not tell.
func files(pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return -1
	}
	return len(list)
}

// server asks NATS for connections, subscriptions and its memory.
func (s *staff) server(t *testing.T, x *sight) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.monitor+"/varz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var v struct {
		Connections   int     `json:"connections"`
		Subscriptions int     `json:"subscriptions"`
		Mem           float64 `json:"mem"`
	}
	if err := codec.Read(body, &v); err != nil {
		t.Fatal(err)
	}
	x.values["connections"], x.values["subscriptions"], x.values["memory of NATS"] = float64(v.Connections), float64(v.Subscriptions), v.Mem
}

// stores adds consumers, and the bytes of the stores that are no history.
func (s *staff) stores(t *testing.T, x *sight) {
	t.Helper()
	table := map[string]api.Store{}
	for _, st := range api.Stores {
		table[st.Stream(s.c.Conn().Namespace)] = st
	}
	list := s.c.Conn().JS.ListStreams(t.Context())
	for i := range list.Info() {
		x.values["consumers"] += float64(i.State.Consumers)
		switch table[i.Config.Name].Name {
		case "events", "leases":
			x.values[table[i.Config.Name].Name] = float64(i.State.Msgs)
		}
		if st := table[i.Config.Name]; !history(st, i.Config) {
			x.values["bytes of "+i.Config.Name] = float64(i.State.Bytes)
		} else {
			x.values["bytes of histories"] += float64(i.State.Bytes)
		}
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
}

// history tells whether a store grows by design until its bound is reached: the oldest goes then, by age or for want of room, or a snapshot takes
// its place. What is taken away when it is done with is none.
func history(st api.Store, cfg jetstream.StreamConfig) bool {
	switch st.Name {
	case "blobs", "task_state":
		return false
	case "leases": // for a day after their ends
		return true
	}
	return cfg.MaxAge > 0 || st.Full == api.StoreDrops || strings.HasPrefix(st.Name, "log_")
}
