package contract_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/services/coordination/session"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
)

// voters starts agents that answer every question of a session with the same word.
func voters(t testing.TB, c *client.Client, prefix string, words ...string) (ids []string) {
	t.Helper()
	for i, word := range words {
		id := fmt.Sprintf("%s%d", prefix, i)
		start(t, c, api.AgentSpec{ID: id, Command: shell(reply + `'"` + word + `"'`)})
		ids = append(ids, id)
	}
	return ids
}

// Agents that run on hosts decide together, and everybody can read and check what came of it.
func sessionsAreHeld(t *testing.T, c *client.Client) {
	ids := voters(t, c, "voter", "yes", "yes", "no")
	if _, err := c.Protocols.Register(within(t, patience), api.Protocol{Name: "voters", Type: api.SessionConsensus, Params: json.RawMessage(`{"min_turnout":1}`)}); err != nil {
		t.Fatal(err)
	}
	natstest.Eventually(t, patience, func() bool { // until it is known to every replica
		p, err := c.Protocols.Get(within(t, time.Second), "voters")
		return err == nil && p.Algorithm == api.BallotMajority
	}, "the protocol is registered")
	for n := range 10 {
		r := api.SessionStartRequest{ID: fmt.Sprintf("held%d", n), Protocol: "voters", Members: ids, Question: json.RawMessage(`"lunch"`)}
		x, err := c.Sessions.Run(within(t, patience), r)
		if err != nil {
			t.Fatal(err)
		}
		var result api.BallotResult
		if err := codec.Read(x.Result, &result); x.State != api.SessionCompleted || err != nil || result.Decision != "yes" || result.Participants != 3 {
			t.Fatalf("%s %s %s, %v", x.State, x.Reason, x.Result, err)
		}
		var steps []api.SessionStep
		for step, err := range c.Sessions.Follow(within(t, patience), x.ID) {
			if err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
		}
		if err := session.Verify(x, steps); err != nil {
			t.Error(err)
		}
		if again, err := c.Sessions.Start(within(t, patience), r); err != nil || again.Head != x.Head {
			t.Errorf("the same again: %+v, %v", again, err)
		}
	}
	_, err := c.Sessions.Start(within(t, patience), api.SessionStartRequest{ID: "held0", Protocol: "voters", Members: ids[:1]})
	wantError(t, err, api.Conflict, api.ReasonSessionExists)
	_, err = c.Sessions.Start(within(t, patience), api.SessionStartRequest{Protocol: "voters", Members: []string{"voter0", "voter_nobody"}})
	wantError(t, err, api.NotFound, api.ReasonSomeAgentsNotFound)
}

// A variable changes when its agents agree, and has its value for everybody.
func variablesAreAgreed(t *testing.T, c *client.Client) {
	ids := voters(t, c, "juror", "yes", "yes")
	spec := api.VariableSpec{Name: "agreed", Value: json.RawMessage("1"), Agents: ids, Resolution: api.ResolveByConsensus}
	if _, err := c.Variables.Register(within(t, patience), spec); err != nil {
		t.Fatal(err)
	}
	for n := 2; n <= 5; n++ {
		u, err := c.Variables.Update(within(t, patience), "agreed", n, uint64(n-1))
		if err != nil || u.State != api.UpdateApplied || string(u.Variable.Value) != fmt.Sprint(n) || u.Variable.Version != uint64(n) {
			t.Fatalf("%+v, %v", u, err)
		}
		v, err := c.Variables.Get(within(t, patience), "agreed")
		if err != nil || v.Version < uint64(n) {
			t.Errorf("what was changed is not read: %+v, %v", v, err)
		}
	}
}
