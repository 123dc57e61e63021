package client_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// What comes in the name of a host that it is not from, or is no report at all, changes nothing of who is chosen.
func TestLoadsThatNoHostHasSent(t *testing.T) {
	w := newCrew(t, 2, 4)
	sees(t, w.Client, 4)
	evil := w.dial(t).NC
	busy := func(host string) []byte {
		l := api.HostLoad{Host: host, Lease: "lease-" + host, Seq: math.MaxUint64, CPUs: 1, CPU: 1, MemoryShare: 1, Draining: true}
		for i := range 2 {
			l.Agents = append(l.Agents, api.AgentLoad{ID: fmt.Sprint("a", i), Waiting: api.MaxLoadQueue, Latency: math.MaxInt64, Errors: 1})
		}
		body, err := codec.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	for range 50 {
		for _, subject := range []string{"mabus.load.evil", "mabus.load.h0.x", "mabus.load.nobody"} {
			for _, host := range []string{"h0", "h1", "evil", "nobody"} {
				if err := evil.Publish(subject, busy(host)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, subject := range []string{"mabus.load.h0", "mabus.load.request", "mabus.load.h1"} {
		for _, body := range natstest.Junk(nil) {
			if err := evil.Publish(subject, []byte(body)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := evil.Flush(); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		w.do(fmt.Sprint("a", i), slowly(10*time.Millisecond))
	}
	var callers sync.WaitGroup
	for range 40 { // so many at once that each agent that may be chosen is
		callers.Go(func() {
			for range 5 {
				if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	for i := range 4 {
		if n := w.handled(fmt.Sprint("a", i)); n < 20 {
			t.Errorf("a%d has handled %d of 200 messages", i, n)
		}
	}
}

// Tenants without number, and keys and tenants that are no names, are held to what all others are.
func TestTenantsWithoutNumber(t *testing.T) {
	w := newCrew(t, 1, 2)
	sees(t, w.Client, 2)
	for i := range 3000 {
		ctx := client.WithTenant(within(t, patience), fmt.Sprintf("tenant %d.*.>\x00", i))
		if _, err := w.CallCapability(client.WithKey(ctx, fmt.Sprint(i)), "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.handled("a0") + w.handled("a1"); n != 3000 {
		t.Errorf("%d messages were handled", n)
	}
}

// The server starts anew while callers go on: they choose again as soon as it is there.
func TestTheServerStartsAnewWhileCallersChoose(t *testing.T) {
	w := newCrew(t, 2, 4)
	sees(t, w.Client, 4)
	w.srv.Restart(t)
	natstest.Eventually(t, patience, func() bool {
		_, err := w.CallCapability(within(t, patience), "work", nil)
		return err == nil
	}, "somebody answers")
	before := w.handled("a0") + w.handled("a1") + w.handled("a2") + w.handled("a3")
	for range 100 {
		if _, err := w.CallCapability(within(t, patience), "work", nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.handled("a0") + w.handled("a1") + w.handled("a2") + w.handled("a3") - before; n != 100 {
		t.Errorf("100 calls were handled %d times", n)
	}
}
