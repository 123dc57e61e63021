package coordination_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// A wait is over in its time, and the session goes on.
func TestWaitsAreOver(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	m := h.member(t, "a", always(nil))
	r := vote("a")
	r.Timeout, r.Wait = api.Duration(time.Minute), api.Duration(200*time.Millisecond)
	x := h.open(t, r)
	if x.State != api.SessionActive || x.Stats.Asked != 1 {
		t.Errorf("%+v", x)
	}
	begun := time.Now()
	if now := must(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(200 * time.Millisecond)}); now.State != api.SessionActive || time.Since(begun) < 150*time.Millisecond {
		t.Errorf("%s after %s", now.State, time.Since(begun))
	}
	page := must(t, h.conn, api.SessionsFollow, api.SessionFollowRequest{ID: x.ID, After: 2, Wait: api.Duration(200 * time.Millisecond)})
	if len(page.Steps) != 0 || page.Next != 2 || page.Session != nil {
		t.Errorf("%+v", page)
	}
	refused(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: "none", Wait: api.Duration(time.Second)}, api.NotFound, api.ReasonSessionNotFound)
	refused(t, h.conn, api.SessionsFollow, api.SessionFollowRequest{ID: "none", Wait: api.Duration(time.Second)}, api.NotFound, api.ReasonSessionNotFound)
	refused(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, MinRevision: "junk"}, api.FailedPrecondition, api.ReasonForeignRevision)
	waits := later(t, h.conn, "", api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(patience)})
	if _, err := m.answer(until(t), x.ID, 1, "yes"); err != nil {
		t.Fatal(err)
	}
	if got, err := heard(t, waits); err != nil || got.State != api.SessionCompleted {
		t.Errorf("%+v, %v", got, err)
	}
}

// Who waits leaves room for those who end the wait, and more of them than the bound are refused at once.
func TestWaitersForSessionsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHallAt(t, natstest.Start(t).URL(), 1, coordination.Config{Waiters: 5, Limit: 4})
	m := h.member(t, "a", always(nil))
	r := vote("a")
	r.Timeout = api.Duration(time.Minute)
	x := h.open(t, r)
	m.question(t, x.ID)
	var waiting []<-chan answer[api.Session]
	var work sync.WaitGroup
	defer work.Wait()
	for range 5 {
		ch := make(chan answer[api.Session], 1)
		waiting = append(waiting, ch)
		work.Go(func() {
			for {
				got, err := call(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(patience)})
				if api.ReasonOf(err) == api.ReasonServerFull { // who asks below has the seat for a moment
					continue
				}
				ch <- answer[api.Session]{got, err}
				return
			}
		})
	}
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(time.Millisecond)})
		return api.ReasonOf(err) == api.ReasonServerFull
	}, "all seats are taken")
	if _, err := m.answer(until(t), x.ID, 1, "yes"); err != nil {
		t.Fatal(err)
	}
	for _, w := range waiting {
		if got, err := heard(t, w); err != nil || got.State != api.SessionCompleted {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// A session has a thousand members, who all answer.
func TestAThousandMembers(t *testing.T) {
	if testing.Short() {
		t.Skip("asks a thousand agents")
	}
	h := newHall(t, 1)
	var ids []string
	var specs []api.AgentSpec
	for i := range api.MaxSessionMembers {
		ids = append(ids, fmt.Sprintf("m%d", i))
		specs = append(specs, api.AgentSpec{ID: ids[i], Runtime: api.RuntimeExternal})
	}
	for len(specs) > 0 {
		n := min(len(specs), 200)
		if _, err := h.Agents.RegisterMany(until(t), specs[:n]); err != nil {
			t.Fatal(err)
		}
		specs = specs[n:]
	}
	for _, id := range ids {
		h.seat(t, id, always("yes"))
	}
	r := vote(ids...)
	r.Params, r.Timeout = json.RawMessage(`{"min_turnout":1}`), api.Duration(5*time.Minute)
	x := h.hold(t, r)
	if got := result[api.BallotResult](t, x); got.Participants != len(ids) || x.Stats.Answered != len(ids) {
		t.Errorf("%+v, %+v", got, x.Stats)
	}
	h.verify(t, x.ID)
	r.Members = append(ids, "one_more")
	_, err := h.Sessions.Start(until(t), r)
	if api.CodeOf(err) != api.Invalid {
		t.Errorf("one more: %v", err)
	}
}

// Without a registry nobody is taken for a member, and what needs none goes on.
func TestWithoutARegistry(t *testing.T) {
	t.Parallel()
	c, _ := run(t, 1, coordination.Config{})
	refused(t, c, api.SessionsStart, vote("a"), api.Unavailable, api.ReasonNobodyListens)
	if x := must(t, c, api.SessionsStart, vote()); x.State != api.SessionCompleted {
		t.Errorf("%+v", x)
	}
}

// Where principals are needed, sessions and variables of nobody are refused.
func TestStrictSessions(t *testing.T) {
	t.Parallel()
	h := newHallAt(t, natstest.Start(t).URL(), 1, coordination.Config{Strict: true})
	h.member(t, "a", always("yes"))
	nobody := dial(t, h.url, "")
	refused(t, nobody, api.SessionsStart, vote("a"), api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, nobody, api.ProtocolsRegister, api.Protocol{Name: "p", Type: api.SessionVoting}, api.Unauthenticated, api.ReasonPrincipalMissing)
	refused(t, nobody, api.VariablesRegister, api.VariableSpec{Name: "v", Value: raw("1")}, api.Unauthenticated, api.ReasonPrincipalMissing)
	if x := h.hold(t, vote("a")); x.State != api.SessionCompleted {
		t.Errorf("%+v", x)
	}
}
