package coordination_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/rpc"
)

func arrival(member string, parties int) api.BarrierArriveRequest {
	return api.BarrierArriveRequest{Name: "b", Parties: parties, Member: member}
}

// arrived waits until n members wait at barrier b.
func arrived(t testing.TB, c *rpc.Conn, n int) {
	t.Helper()
	natstest.Eventually(t, patience, func() bool {
		b, err := look(t, c, api.BarriersGet, "b")
		return err == nil && len(b.Arrived) == n
	}, "%d members wait at the barrier", n)
}

func TestBarrierOpensForAll(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	refused(t, c, api.BarriersGet, api.GetRequest{ID: "b"}, api.NotFound, api.ReasonBarrierNotFound)
	const parties = 50
	for generation := uint64(1); generation <= 3; generation++ {
		var waits []<-chan answer[api.Barrier]
		for n := range parties - 1 {
			waits = append(waits, later(t, c, "", api.BarriersArrive, arrival(fmt.Sprintf("m%d", n), parties)))
		}
		arrived(t, c, parties-1)
		for _, w := range waits {
			silent(t, w)
		}
		last := must(t, c, api.BarriersArrive, arrival("last", parties))
		for _, w := range append(waits, nil)[:len(waits)] {
			got, err := heard(t, w)
			if err != nil || got.Generation != generation || got.Parties != parties || len(got.Arrived) > 0 {
				t.Fatalf("got %+v, %v", got, err)
			}
		}
		b := must(t, c, api.BarriersGet, api.GetRequest{ID: "b", MinRevision: last.Revision})
		if last.Generation != generation || b.Generation != generation || len(b.Arrived) > 0 {
			t.Fatalf("the last: %+v, after: %+v", last, b)
		}
	}
}

func TestBarrierMembers(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	req := arrival("a", 3)
	req.Wait = api.Duration(patience - 5*time.Second) // so that the barrier shows when the other request has come
	first := later(t, c, "", api.BarriersArrive, req)
	arrived(t, c, 1)
	alone := must(t, c, api.BarriersGet, api.GetRequest{ID: "b"})
	again := later(t, c, "", api.BarriersArrive, arrival("a", 3)) // counts once
	natstest.Eventually(t, patience, func() bool {
		b, err := look(t, c, api.BarriersGet, "b")
		return err == nil && b.Revision != alone.Revision
	}, "the member has arrived again")
	second := later(t, c, "", api.BarriersArrive, arrival("b", 3))
	arrived(t, c, 2)
	refused(t, c, api.BarriersArrive, arrival("x", 2), api.Conflict, api.ReasonBarrierParties)
	silent(t, first)

	left := must(t, c, api.BarriersLeave, api.BarrierLeaveRequest{Name: "b", Member: "b"})
	if !slices.Equal(left.Arrived, []string{"a"}) {
		t.Errorf("after b left: %+v", left)
	}
	_, err := heard(t, second)
	wantError(t, err, api.Cancelled, "")
	must(t, c, api.BarriersLeave, api.BarrierLeaveRequest{Name: "b", Member: "b"})
	refused(t, c, api.BarriersLeave, api.BarrierLeaveRequest{Name: "none", Member: "b"}, api.NotFound, api.ReasonBarrierNotFound)

	third := later(t, c, "", api.BarriersArrive, arrival("c", 3))
	arrived(t, c, 2)
	must(t, c, api.BarriersArrive, arrival("d", 3))
	for _, ch := range []<-chan answer[api.Barrier]{first, again, third} {
		if got, err := heard(t, ch); err != nil || got.Generation != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if one := must(t, c, api.BarriersArrive, api.BarrierArriveRequest{Name: "alone", Parties: 1}); one.Generation != 1 {
		t.Errorf("a party of one: %+v", one)
	}
}

func TestBarrierWaitEnds(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{})
	short := arrival("short", 2)
	short.Wait = api.Duration(50 * time.Millisecond)
	refused(t, c, api.BarriersArrive, short, api.DeadlineExceeded, api.ReasonTimeout)
	arrived(t, c, 0)

	// Without wait it is over a little before the request, so that the caller hears of it. How much before goes by the request's time: a
	// machine that needs longer for the answer is asked for one that has more.
	for limit := 300 * time.Millisecond; ; limit *= 2 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		req := arrival("by deadline", 2)
		req.Member = "by-deadline"
		_, err := rpc.Call(ctx, c, api.BarriersArrive, &req)
		cancel()
		arrived(t, c, 0)
		e := api.AsError(err)
		if e == nil || e.Code != api.DeadlineExceeded || e.Details.MaybeExecuted && limit > 2*time.Second {
			t.Fatalf("after %s: got %v", limit, err)
		}
		if !e.Details.MaybeExecuted {
			break
		}
	}

	// A member that repeats its request stays for the longer of both.
	req := arrival("m", 2)
	req.Wait = api.Duration(200 * time.Millisecond)
	one := later(t, c, "", api.BarriersArrive, req)
	req.Wait = 0
	two := later(t, c, "", api.BarriersArrive, req)
	_, err := heard(t, one)
	wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	arrived(t, c, 1)
	must(t, c, api.BarriersArrive, arrival("other", 2))
	if got, err := heard(t, two); err != nil || got.Generation != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestBarrierArrivalIsCancelled(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 2, coordination.Config{})
	ctx, cancel := context.WithCancel(rpc.WithRequestID(t.Context(), "r1"))
	done := make(chan error, 1)
	go func() {
		req := arrival("m", 2)
		_, err := rpc.Call(ctx, c, api.BarriersArrive, &req)
		done <- err
	}()
	arrived(t, c, 1)
	cancel()
	if err := <-done; api.CodeOf(err) != api.Cancelled {
		t.Errorf("got %v", err)
	}
	arrived(t, c, 0)
}

// A repeated request neither counts twice nor joins the generation after.
func TestBarrierArrivalIsMadeOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	req := api.BarrierArriveRequest{Name: "b", Parties: 2}
	var waits []<-chan answer[api.Barrier]
	for range 5 {
		waits = append(waits, later(t, c, "r1", api.BarriersArrive, req))
	}
	arrived(t, c, 1)
	for _, w := range waits {
		silent(t, w)
	}
	last, err := callID(t, c, "r2", api.BarriersArrive, req)
	if err != nil || last.Generation != 1 {
		t.Fatalf("got %+v, %v", last, err)
	}
	for _, w := range waits {
		if got, err := heard(t, w); err != nil || got.Generation != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	for range 3 { // later, at any replica
		got, err := callID(t, c, "r1", api.BarriersArrive, req)
		if err != nil || got.Generation != 1 {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err = callID(t, c, "r2", api.BarriersArrive, req); err != nil || cmp.Diff(got, last) != "" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	arrived(t, c, 0)
	_, err = callID(t, c, "r1", api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: 3})
	wantError(t, err, api.Conflict, api.ReasonRequestReused)
}

// A repeated request that was taken back says so, whatever has become of the barrier.
func TestBarrierArrivalIsTakenBackOnce(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 3, coordination.Config{})
	short := arrival("", 2)
	short.Wait = api.Duration(20 * time.Millisecond)
	over := func() {
		t.Helper()
		_, err := callID(t, c, "r1", api.BarriersArrive, short)
		wantError(t, err, api.DeadlineExceeded, api.ReasonTimeout)
	}
	over()
	over()
	other := later(t, c, "", api.BarriersArrive, arrival("a", 2))
	arrived(t, c, 1)
	over()
	silent(t, other)
	must(t, c, api.BarriersArrive, arrival("b", 2))
	over()
	if got, err := heard(t, other); err != nil || got.Generation != 1 {
		t.Errorf("got %+v, %v", got, err)
	}
	arrived(t, c, 0)
}

// Those who wait at a replica that stops, or loses its connection, repeat their requests at another one and hear of the opening.
func TestBarrierReplicaDies(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"stop", "kill"} {
		t.Run(how, func(t *testing.T) {
			srv := natstest.Start(t)
			first := dial(t, srv.URL(), "")
			_, stop := replicaOn(t, first, coordination.Config{})
			c := dial(t, srv.URL(), "tester")
			const parties = 20
			var waits []<-chan answer[api.Barrier]
			for n := range parties - 1 {
				waits = append(waits, untilAnswered(t, c, fmt.Sprintf("r%d", n), api.BarriersArrive, api.BarrierArriveRequest{Name: "b", Parties: parties}))
			}
			arrived(t, c, parties-1)
			replica(t, srv.URL(), coordination.Config{})
			if how == "stop" {
				stop()
			} else {
				first.NC.Close()
			}
			arrived(t, c, parties-1)
			for _, w := range waits {
				silent(t, w)
			}
			if err := insist(t, c, "last", api.BarriersArrive, arrival("last", parties)); err != nil { // it may go to the dead replica first
				t.Fatal(err)
			}
			for _, w := range waits {
				if got, err := heard(t, w); err != nil || got.Generation != 1 {
					t.Errorf("got %+v, %v", got, err)
				}
			}
			arrived(t, c, 0)
		})
	}
}

// untilAnswered repeats a bare request that waits under one id for as long as it gets no answer, or that of a replica which cannot give
// one now, as the SDK does.
func untilAnswered[Req, Resp any](t testing.TB, c *rpc.Conn, id string, m api.Method[Req, Resp], req Req) <-chan answer[Resp] {
	t.Helper()
	ch, done := make(chan answer[Resp], 1), make(chan struct{})
	go func() {
		defer close(done)
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			resp, err := bare(ctx, c, id, m, req)
			cancel()
			if e := api.AsError(err); t.Context().Err() == nil && err != nil && (e == nil || e.Code == api.Unavailable || e.Details.MaybeExecuted) {
				continue
			}
			ch <- answer[Resp]{resp, err}
			return
		}
	}()
	t.Cleanup(func() { <-done })
	return ch
}

// bare makes a request as any NATS client can. The replica is given more time than ctx has.
func bare[Req, Resp any](ctx context.Context, c *rpc.Conn, id string, m api.Method[Req, Resp], req Req) (*Resp, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(m.Subject(c.Namespace))
	msg.Data = body
	msg.Header.Set(api.HeaderTimeout, patience.String())
	if id != "" {
		msg.Header.Set(api.HeaderRequestID, id)
	}
	got, err := c.NC.RequestMsgWithContext(ctx, msg)
	if err != nil {
		return nil, err
	}
	if got.Header.Get(api.HeaderErrorCode) != "" {
		e := new(api.Error)
		return nil, errors.Join(json.Unmarshal(got.Data, e), e)
	}
	resp := new(Resp)
	return resp, json.Unmarshal(got.Data, resp)
}
