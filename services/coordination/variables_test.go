package coordination_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/mabus-project/mabus/client"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/natstest"
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// as returns a client of another principal.
func (h *hall) as(t testing.TB, principal string) *client.Client {
	t.Helper()
	return client.New(dial(t, h.url, principal))
}

func TestVariables(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	ctx := until(t)
	v, err := h.Variables.Register(ctx, api.VariableSpec{Name: "v", Value: raw(`{"a": 1}`), Metadata: raw(`{"unit":"s"}`)})
	if err != nil || v.Version != 1 || v.Owner != "tester" || v.Scope != api.ScopeGlobal || v.Resolution != api.LastWriteWins || v.Revision == "" || string(v.Value) != `{"a":1}` {
		t.Fatalf("%+v, %v", v, err)
	}
	_, err = h.Variables.Register(ctx, api.VariableSpec{Name: "v", Value: raw("2")})
	wantError(t, err, api.Conflict, api.ReasonAlreadyRegistered)
	_, err = h.Variables.Get(ctx, "none")
	wantError(t, err, api.NotFound, api.ReasonVariableNotFound)
	_, err = h.Variables.Update(ctx, "none", 1, 0)
	wantError(t, err, api.NotFound, api.ReasonVariableNotFound)

	u, err := h.Variables.Update(ctx, "v", map[string]int{"a": 2}, 1)
	if err != nil || u.State != api.UpdateApplied || u.Variable.Version != 2 || string(u.Variable.Value) != `{"a":2}` || u.Session != "" || u.Variable.Revision == "" {
		t.Errorf("%+v, %v", u, err)
	}
	_, err = h.Variables.Update(ctx, "v", 3, 1)
	wantError(t, err, api.Conflict, api.ReasonVersionMismatch)
	if _, err := h.Variables.Update(ctx, "v", nil, 2); err != nil { // null is a value
		t.Error(err)
	}
	got, err := h.Variables.Get(ctx, "v")
	if err != nil || got.Version != 3 || string(got.Value) != "null" || got.LastModifier != "tester" || got.Pending != "" {
		t.Errorf("%+v, %v", got, err)
	}
	history, err := h.Variables.History(ctx, "v", 0)
	if err != nil || len(history) != 2 || history[0].Version != 3 || string(history[0].OldValue) != `{"a":2}` || string(history[0].NewValue) != "null" || history[1].Version != 2 {
		t.Errorf("%+v, %v", history, err)
	}
	if existed, err := h.Variables.Delete(ctx, "v"); err != nil || !existed {
		t.Errorf("%v, %v", existed, err)
	}
	if existed, err := h.Variables.Delete(ctx, "v"); err != nil || existed {
		t.Errorf("%v, %v", existed, err)
	}
	stats, err := h.Variables.Stats(ctx, "")
	if err != nil || stats.Variables != 0 || stats.Updates != 2 || stats.Refused != 1 || stats.Rejected != 0 || stats.Coordinations != 0 {
		t.Errorf("%+v, %v", stats, err)
	}
}

// What a value must be is checked at the start and at each change.
func TestConstraints(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	low, high := 10*api.One, 20*api.One
	for name, c := range map[string]struct {
		constraints api.VariableConstraints
		good, bad   []string
	}{
		"range":   {api.VariableConstraints{Type: "number", Min: &low, Max: &high}, []string{"10", "20", "15.5"}, []string{"9.999999", "20.1", `"15"`, "null"}},
		"integer": {api.VariableConstraints{Type: "integer"}, []string{"1", "-7", "1e3"}, []string{"1.5", `"1"`}},
		"length":  {api.VariableConstraints{Type: "string", MaxLength: 3}, []string{`"äöü"`, `""`}, []string{`"abcd"`, "1"}},
		"pattern": {api.VariableConstraints{Pattern: "[a-z]+"}, []string{`"abc"`}, []string{`"Abc"`, `"abc1"`}},
		"enum":    {api.VariableConstraints{Enum: []json.RawMessage{raw(`"red"`), raw(`{"a":1}`)}}, []string{`"red"`, `{ "a": 1 }`}, []string{`"blue"`, `{"a":2}`}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.Variables.Register(until(t), api.VariableSpec{Name: name, Value: raw(c.bad[0]), Constraints: c.constraints})
			wantError(t, err, api.Invalid, api.ReasonConstraint)
			if _, err := h.Variables.Register(until(t), api.VariableSpec{Name: name, Value: raw(c.good[0]), Constraints: c.constraints}); err != nil {
				t.Fatal(err)
			}
			for _, v := range c.good {
				if _, err := h.Variables.Update(until(t), name, raw(v), 0); err != nil {
					t.Errorf("%s: %v", v, err)
				}
			}
			for _, v := range c.bad {
				_, err := h.Variables.Update(until(t), name, raw(v), 0)
				wantError(t, err, api.Invalid, api.ReasonConstraint)
			}
			if s, err := h.Variables.Stats(until(t), name); err != nil || s.Updates != len(c.good) || s.Refused != len(c.bad) || s.Variables != 1 {
				t.Errorf("%+v, %v", s, err)
			}
		})
	}
}

// Who may do what is told by the subject that a request comes on.
func TestVariablePermissions(t *testing.T) {
	t.Parallel()
	h := newHall(t, 1)
	owner := h.as(t, "owner")
	for name, scope := range map[string]api.VariableScope{"local": api.ScopeLocal, "cluster": api.ScopeCluster, "global": api.ScopeGlobal} {
		spec := api.VariableSpec{Name: name, Value: raw("1"), Scope: scope, Agents: []string{"agent"}, Access: api.VariableAccess{Read: []string{"reader"}, Write: []string{"writer"}}}
		if _, err := owner.Variables.Register(until(t), spec); err != nil {
			t.Fatal(err)
		}
	}
	const nobody = ""
	for _, c := range []struct {
		who   string
		reads string
		write string
	}{
		{"owner", "cluster global local", "cluster global local"},
		{"agent", "cluster global", "cluster global"},
		{"reader", "cluster global local", "global"},
		{"writer", "cluster global local", "cluster global local"},
		{"other", "global", "global"},
		{nobody, "global", ""},
	} {
		t.Run("as "+c.who, func(t *testing.T) {
			me := h.as(t, c.who)
			reads, writes, listed := "", "", ""
			list, err := me.Variables.List(until(t), api.VariablesListRequest{})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range list {
				listed = join(listed, v.Name)
			}
			denied := func(err error) bool {
				want := api.PermissionDenied
				if c.who == nobody {
					want = api.Unauthenticated
				}
				return api.CodeOf(err) == want
			}
			for _, name := range []string{"cluster", "global", "local"} {
				_, err := me.Variables.Get(until(t), name)
				_, herr := me.Variables.History(until(t), name, 0)
				_, ferr := call(t, me.Conn(), api.VariablesFollow, api.VariableFollowRequest{Name: name})
				if (err == nil) != (herr == nil) || (err == nil) != (ferr == nil) || err != nil && !denied(err) {
					t.Errorf("%s: %v, %v, %v", name, err, herr, ferr)
				}
				if err == nil {
					reads = join(reads, name)
				}
				if _, err = me.Variables.Update(until(t), name, 2, 0); err == nil {
					writes = join(writes, name)
				} else if !denied(err) {
					t.Errorf("%s: %v", name, err)
				}
				if c.who != "owner" {
					if _, err := me.Variables.Delete(until(t), name); !denied(err) {
						t.Errorf("%s: deleted: %v", name, err)
					}
				}
			}
			if reads != c.reads || listed != c.reads || writes != c.write {
				t.Errorf("reads %q, lists %q, writes %q", reads, listed, writes)
			}
		})
	}
	// The subject alone decides: a header or a body names nobody.
	msg := nats.NewMsg("mabus.as.owner.coordination.variables.get")
	msg.Data = []byte(`{"name":"local"}`)
	resp, err := h.conn.NC.RequestMsg(msg, patience)
	if err != nil || resp.Header.Get(api.HeaderErrorCode) != "" {
		t.Errorf("%+v, %v", resp, err)
	}
	if code, _, answer := h.bare(t, "variables.get", `{"name":"local"}`); code != string(api.Unauthenticated) {
		t.Errorf("%s %s", code, answer)
	}
}

func join(list, name string) string {
	if list == "" {
		return name
	}
	return list + " " + name
}

// Writers that race by the version lose no change, on three replicas; and whoever follows sees each version once, in order.
func TestVersionsAndFollowers(t *testing.T) {
	t.Parallel()
	h := newHall(t, 3)
	v, err := h.Variables.Register(until(t), api.VariableSpec{Name: "n", Value: raw("0")})
	if err != nil {
		t.Fatal(err)
	}
	must(t, h.conn, api.VariablesGet, api.NameRequest{Name: "n", MinRevision: v.Revision})
	const writers, each = 4, 10
	done := make(chan []api.VariableChange, 1)
	var count atomic.Int64
	go func() {
		var seen []api.VariableChange
		for c, err := range h.Variables.Follow(until(t), "n", 1) {
			if err != nil {
				t.Error(err)
				break
			}
			seen = append(seen, c)
			count.Add(1)
		}
		done <- seen
	}()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range each {
				for {
					now := must(t, h.conn, api.VariablesGet, api.NameRequest{Name: "n", MinRevision: v.Revision})
					var n int
					if err := json.Unmarshal(now.Value, &n); err != nil {
						t.Error(err)
						return
					}
					_, err := call(t, h.conn, api.VariablesUpdate, api.VariableUpdateRequest{Name: "n", Value: raw(fmt.Sprint(n + 1)), ExpectedVersion: now.Version})
					if api.ReasonOf(err) == api.ReasonVersionMismatch {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					break
				}
			}
		})
	}
	wg.Wait()
	natstest.Eventually(t, patience, func() bool { return count.Load() == writers*each }, "the follower has seen all") // the history goes with the variable
	if _, err := h.Variables.Delete(until(t), "n"); err != nil {
		t.Fatal(err)
	}
	var seen []api.VariableChange
	select {
	case seen = <-done:
	case <-time.After(patience):
		t.Fatal("the follower is not told of the removal")
	}
	if len(seen) != writers*each+1 {
		t.Fatalf("saw %d changes", len(seen))
	}
	for i, c := range seen {
		last := i == len(seen)-1
		if c.Version != uint64(i+2) || !last && string(c.NewValue) != fmt.Sprint(i+1) || last && c.NewValue != nil {
			t.Errorf("change %d: %+v", i, c)
		}
	}
	natstest.Eventually(t, patience, func() bool { // the replica that is asked may be a moment behind
		s, err := h.Variables.Stats(until(t), "")
		return err == nil && s.Updates == writers*each && s.Variables == 0
	}, "all changes are counted once, and the variable is gone")
}
