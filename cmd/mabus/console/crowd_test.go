package console_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/mabus-project/mabus/cmd/mabus/console"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Of a large fleet those are listed that one wants to see, and the page says that there are more.
func largeFleet(t *testing.T, r *rig) {
	for i := range 3 {
		specs := make([]api.AgentSpec, api.MaxBulk)
		for j := range specs {
			specs[j] = api.AgentSpec{ID: fmt.Sprintf("a%d-%04d", i, j), Capabilities: []string{"x"}}
		}
		if _, err := r.Agents.RegisterMany(within(t), specs); err != nil {
			t.Fatal(err)
		}
	}
	r.start(t, "young", "echo")
	b := browse(t, r.serve(t, console.Config{}))
	b.follow("fleet").until(func(m *message) bool {
		_, ok := row[api.Agent](t, m.Tables["agents"], "young")
		return ok && m.Tables["agents"].Total > 3000 && len(m.Tables["agents"].Set) == 2000
	}, "2000 of more than 3000 agents are listed, the youngest among them")
}

// publish puts events with as much data as a row shows into the stream of events.
func (r *rig) publish(t *testing.T, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		id := fmt.Sprintf("big-%d", i)
		body, err := codec.Marshal(api.Event{SpecVersion: "1.0", ID: id, Source: "/test", Type: "test.big", Time: time.Now(), Data: []byte(`"` + strings.Repeat("x", 60<<10) + `"`)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Conn().JS.Publish(within(t), api.EventSubject("mabus", "test", "things", id), body); err != nil {
			t.Fatal(err)
		}
	}
}

// A browser that does not read is cut off and leaves its seat; others hear everything meanwhile.
func slowBrowser(t *testing.T, r *rig) {
	r.publish(t, 0, 90) // more than lies between two ends of a connection
	g := r.serve(t, console.Config{})
	b := browse(t, g)
	addr := strings.TrimSuffix(strings.TrimPrefix(b.base, "http://"), "/")
	slow, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	if err := slow.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(slow, "GET /api/stream/events HTTP/1.1\r\nHost: %s\r\n\r\n", addr)
	quick := b.follow("events")
	for range console.MaxBrowsers - 2 {
		b.follow("agent?id=nobody")
	}
	natstest.Eventually(t, patience, func() bool {
		status, _ := b.get(http.MethodGet, "api/snapshot/agent?id=nobody", "", nil)
		return status == http.StatusServiceUnavailable
	}, "all seats are taken")
	for i := range 2 {
		r.publish(t, 90+10*i, 10)
		quick.until(func(m *message) bool {
			return m.Tables["events"].Set[fmt.Sprintf("/test big-%d", 90+10*i+9)] != nil
		}, "who reads hears of all")
	}
	natstest.Eventually(t, patience, func() bool {
		status, _ := b.get(http.MethodGet, "api/snapshot/agent?id=nobody", "", nil)
		return status == http.StatusOK
	}, "who does not read has lost the seat")
}
