package agenthost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/client/agent"
	"github.com/mabus-project/mabus/services/agenthost"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/natstest"
	"github.com/mabus-project/mabus/shared/pbft"
	"github.com/mabus-project/mabus/shared/pbft/run"
)

// jurors is a module whose agents judge proposals by their settings: the answer is config's "says", or an error.
func jurors(asked *atomic.Int64) agent.Module {
	return agent.Module{Name: "juror", New: func(_ context.Context, env agent.Env) (agent.Handler, error) {
		var config struct {
			Says json.RawMessage `json:"says"`
		}
		if err := codec.Read(env.Spec.Config, &config); err != nil {
			return nil, err
		}
		return agent.HandlerFunc(func(_ context.Context, m *agent.Message) (json.RawMessage, error) {
			var q api.SessionQuestion
			var p api.ByzantineProposal
			if codec.Read(m.Payload, &q) != nil || codec.Read(q.Ask, &p) != nil || q.Phase != api.PhaseValidate || string(p.Value) != proposal || m.Session != "" {
				return nil, fmt.Errorf("not what a juror is asked: %s", m.Payload)
			}
			asked.Add(1)
			return config.Says, nil
		}), nil
	}}
}

const proposal = `{"pay":5}`

// court is four jurors on two hosts.
type court struct {
	*world
	*assembly
	hosts []*host
	asked atomic.Int64
	ids   []string
}

func newCourt(t *testing.T, says ...string) *court {
	t.Helper()
	c := &court{world: newWorld(t)}
	c.assembly = c.world.assembly(t)
	for _, id := range []string{"h1", "h2"} {
		c.hosts = append(c.hosts, c.world.host(t, agenthost.Config{ID: id, Modules: []agent.Module{jurors(&c.asked)}}))
	}
	for i, says := range says {
		id := fmt.Sprint("j", i)
		spec := api.AgentSpec{ID: id, Module: "juror", Config: json.RawMessage(`{"says":` + says + `}`)}
		if _, err := c.Agents.Start(within(t, patience), api.AgentStartRequest{Agent: &spec, Host: fmt.Sprint("h", 1+i%2)}); err != nil {
			t.Fatal(err)
		}
		c.ids = append(c.ids, id)
	}
	return c
}

func byzantineQuestion(session string, round int, phase string, ask any) api.SessionQuestion {
	q := question(session, round, ask)
	q.Type, q.Phase, q.Question = api.SessionByzantine, phase, json.RawMessage(proposal)
	if ask == nil {
		q.Ask = nil
	}
	return q
}

// join asks all to join, and returns what to ask next.
func (c *court) join(t *testing.T, session string) api.ByzantineRun {
	t.Helper()
	before := len(c.got())
	for _, id := range c.ids {
		c.assembly.ask(id, byzantineQuestion(session, 1, api.PhaseJoin, nil))
	}
	c.want(before + len(c.ids))
	run := api.ByzantineRun{F: (len(c.ids) - 1) / 3, Value: json.RawMessage(proposal), Timeout: api.Duration(time.Second)}
	for i, id := range c.ids {
		for _, g := range c.got()[before:] {
			var k api.ByzantineKey
			if g.principal != id {
				continue
			}
			if err := codec.Decode(g.Answer, &k); err != nil || k.Host != fmt.Sprint("h", 1+i%2) {
				t.Fatalf("%s: %s, %v", id, g.text(), err)
			}
			run.Members = append(run.Members, api.ByzantineMember{ID: id, Key: k.Key, Host: k.Host})
		}
	}
	return run
}

func keys(t *testing.T, run api.ByzantineRun) (members []pbft.Member) {
	t.Helper()
	for _, m := range run.Members {
		k, err := pbft.DecodeKey(m.Key)
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, pbft.Member{ID: m.ID, Key: k, Host: m.Host})
	}
	return members
}

// proof is the certificate of an answer, which has to hold.
func proof(t *testing.T, g given, run api.ByzantineRun) {
	t.Helper()
	var o api.ByzantineOutcome
	var cert pbft.Certificate
	if codec.Decode(g.Answer, &o) != nil || codec.Decode(o.Certificate, &cert) != nil {
		t.Fatalf("%s: no certificate: %s", g.principal, g.text())
	}
	if err := cert.Verify(keys(t, run), run.F); err != nil || string(cert.Value) != proposal || cert.Session != g.Session {
		t.Errorf("%s: %+v, %v", g.principal, cert, err)
	}
}

func TestByzantineAgreement(t *testing.T) {
	t.Parallel()
	c := newCourt(t, `true`, `"yes"`, `{"valid":true}`, `true`)
	run := c.join(t, "s1")
	if n := c.asked.Load(); n != 0 {
		t.Errorf("%d agents were asked to join", n)
	}
	distinct := map[string]bool{}
	for _, m := range run.Members {
		distinct[m.Key] = true
	}
	if len(run.Members) != 4 || len(distinct) != 4 {
		t.Fatalf("%+v", run)
	}
	begin := time.Now()
	for _, id := range c.ids {
		c.assembly.ask(id, byzantineQuestion("s1", 2, api.PhaseRun, run))
	}
	c.want(8)
	t.Logf("agreed in %s", time.Since(begin))
	for _, g := range c.got()[4:] {
		proof(t, g, run)
	}
	if n := c.asked.Load(); n != 4 {
		t.Errorf("the agents were asked %d times", n)
	}
	if err := c.hosts[0].svc.AnswersSent(within(t, patience)); err != nil { // one that is still on its way is not sent again
		t.Fatal(err)
	}
	c.assembly.ask("j0", byzantineQuestion("s1", 2, api.PhaseRun, run)) // again: the certificate is known
	proof(t, c.want(9), run)
}

// One juror rejects the proposal, and three of four are enough.
func TestByzantineRejection(t *testing.T) {
	t.Parallel()
	c := newCourt(t, `"no"`, `true`, `true`, `true`)
	run := c.join(t, "s1")
	for _, id := range c.ids {
		c.assembly.ask(id, byzantineQuestion("s1", 2, api.PhaseRun, run))
	}
	c.want(8)
	for _, g := range c.got()[4:] {
		if g.principal != "j0" {
			proof(t, g, run)
		} else if !strings.HasPrefix(g.Error, "invalid_proposal: ") {
			t.Errorf("%+v", g)
		}
	}
}

// The first primary proposes something else, and the hosts do not even ask their agents about it.
func TestByzantineLiar(t *testing.T) {
	t.Parallel()
	c := newCourt(t, `true`, `true`, `true`, `true`)
	r := c.join(t, "s1")
	liar, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	if r.Members[0].Key, err = liar.PublicKey(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := run.Run(within(t, patience), run.Options{
			Conn: c.conn.NC, Namespace: "mabus", Session: "s1", Members: keys(t, r), Self: "j0", Key: liar, F: 1, Value: []byte(`{"pay":500}`),
			Valid: func(context.Context, []byte) (bool, error) { return false, nil }, Timeout: time.Second,
		})
		ended <- err
	}()
	for _, id := range c.ids[1:] {
		c.assembly.ask(id, byzantineQuestion("s1", 2, api.PhaseRun, r))
	}
	c.want(7)
	for _, g := range c.got()[4:] {
		proof(t, g, r)
	}
	if err := <-ended; err != nil {
		t.Errorf("the liar does not learn what the others have decided: %v", err)
	}
}

func TestByzantineRefusals(t *testing.T) {
	t.Parallel()
	c := newCourt(t, `"perhaps"`, `true`)
	run := c.join(t, "s1")
	other := c.join(t, "s2")
	c.answersTo(t, byzantineQuestion("s1", 2, api.PhaseRun, run), "j0", "invalid_answer: ")
	c.answersTo(t, byzantineQuestion("s3", 2, api.PhaseRun, run), "j1", "not_participant: ")   // never joined
	c.answersTo(t, byzantineQuestion("s2", 2, api.PhaseRun, run), "j1", "not_participant: ")   // the keys of another session
	c.answersTo(t, byzantineQuestion("s2", 3, api.PhaseRun, other), "j1", "not_participant: ") // a key serves once
	c.answersTo(t, byzantineQuestion("s1", 2, api.PhaseRun, "junk"), "j1", "malformed: ")
	short := byzantineQuestion("s4", 1, api.PhaseJoin, nil)
	c.assembly.ask("j1", short)
	n := len(c.got())
	natstest.Eventually(t, patience, func() bool { n = len(c.got()); return c.got()[n-1].Session == "s4" }, "j1 has joined s4")
	var k api.ByzantineKey
	if err := codec.Decode(c.got()[n-1].Answer, &k); err != nil {
		t.Fatal(err)
	}
	alone := api.ByzantineRun{Value: json.RawMessage(proposal), Timeout: api.Duration(time.Second), Members: append(other.Members[:1:1], api.ByzantineMember{ID: "j1", Key: k.Key})}
	late := byzantineQuestion("s4", 2, api.PhaseRun, alone)
	late.Deadline = time.Now().Add(6 * time.Second) // a tenth of it is for the answer to arrive
	c.answersTo(t, late, "j1", "timeout: ")         // nobody else is there; whoever asked hears it in time
}

// answersTo asks, and wants an error that begins so.
func (c *court) answersTo(t *testing.T, q api.SessionQuestion, id, prefix string) {
	t.Helper()
	n := len(c.got())
	c.assembly.ask(id, q)
	if g := c.want(n + 1); g.principal != id || !strings.HasPrefix(g.Error, prefix) {
		t.Errorf("%s: %s, want %s", id, g.text(), prefix)
	}
}

// A host that has restarted between join and run has lost its keys, and says so.
func TestByzantineHostRestarts(t *testing.T) {
	t.Parallel()
	c := newCourt(t, `true`, `true`, `true`, `true`)
	run := c.join(t, "s1")
	c.hosts[0].stop() // its agents move
	for _, id := range c.ids {
		c.world.eventuallyAsk(t, id, byzantineQuestion("s1", 2, api.PhaseValidate, api.ByzantineProposal{Value: json.RawMessage(proposal)}), "true")
	}
	c.answersTo(t, byzantineQuestion("s1", 2, api.PhaseRun, run), "j0", "not_participant: ")
}
