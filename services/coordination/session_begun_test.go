package coordination_test

import (
	"testing"
	"time"

	"github.com/mabus-project/mabus/services/coordination"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

// Who may not wait for what was begun is told that it was: without a request id it would be begun twice.
func TestWhatWasBegunIsSaid(t *testing.T) {
	t.Parallel()
	h := newHallAt(t, natstest.Start(t).URL(), 1, coordination.Config{Waiters: 1, Limit: 8})
	h.members(t, always(nil), "a", "b")
	specs := []api.VariableSpec{
		{Name: "voted", Value: raw("1"), Agents: []string{"a", "b"}, Resolution: api.ResolveByConsensus},
		{Name: "coordinated", Value: raw(`"red"`), Agents: []string{"a", "b"}, Protocol: &api.VariableProtocol{Type: api.SessionVoting, Params: raw(`{"options":["red","blue"]}`), Timeout: api.Duration(time.Minute)}},
	}
	for _, spec := range specs {
		if _, err := h.Variables.Register(until(t), spec); err != nil {
			t.Fatal(err)
		}
	}
	r := vote("a")
	r.Timeout = api.Duration(time.Minute)
	x := h.open(t, r)
	wait := seated(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(patience)})
	natstest.Eventually(t, patience, func() bool {
		_, err := call(t, h.conn, api.SessionsGet, api.SessionGetRequest{ID: x.ID, Wait: api.Duration(time.Millisecond)})
		return api.ReasonOf(err) == api.ReasonServerFull
	}, "the only seat is taken")

	begun := func(err error) {
		t.Helper()
		if e := api.AsError(err); e == nil || e.Details.Reason != api.ReasonServerFull || !e.Details.MaybeExecuted {
			t.Errorf("%v does not say that it may have been done", err)
		}
	}
	r.Wait = api.Duration(patience)
	_, err := call(t, h.conn, api.SessionsStart, r)
	begun(err)
	_, err = call(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "voted", Value: raw("2"), Wait: api.Duration(patience)})
	begun(err)
	_, err = call(t, h.conn, api.VariablesCoordinate, api.VariableCoordinateRequest{Name: "coordinated", Wait: api.Duration(patience)})
	begun(err)
	if s, err := h.Sessions.Stats(until(t)); err != nil || s.Active != 4 {
		t.Errorf("%+v, %v: want all of them begun", s, err)
	}

	if _, err := h.Sessions.Cancel(until(t), x.ID, ""); err != nil {
		t.Fatal(err)
	}
	if got, err := heard(t, wait); err != nil || got.State != api.SessionCancelled {
		t.Errorf("%+v, %v", got, err)
	}
}
