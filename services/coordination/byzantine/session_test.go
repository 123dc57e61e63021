package byzantine_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/services/coordination/byzantine"
	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

var rules byzantine.Protocol

// play is a session under way, as the coordination would have it.
type play struct {
	t    testing.TB
	s    *api.Session
	keys map[string]ed25519.PrivateKey
}

func newPlay(t testing.TB, n int, params string) *play {
	t.Helper()
	p := &play{t: t, keys: map[string]ed25519.PrivateKey{}, s: &api.Session{
		ID: "s1", Type: api.SessionByzantine, Question: json.RawMessage(`{"pay": 5}`), Members: []api.SessionMember{},
	}}
	if params != "" {
		p.s.Params = json.RawMessage(params)
	}
	for i := range n {
		id := fmt.Sprint("m", i)
		p.s.Members = append(p.s.Members, api.SessionMember{ID: id})
		p.keys[id] = key(byte(i))
	}
	set, err := rules.Check(p.s)
	if err != nil {
		t.Fatal(err)
	}
	p.s.Params, p.s.Algorithm, p.s.Timeout = set.Params, set.Algorithm, api.Duration(set.Timeout)
	return p
}

func key(seed byte) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte{seed})
	return ed25519.NewKeyFromSeed(sum[:])
}

// ask begins the round that the rules want.
func (p *play) ask(phase string) {
	p.t.Helper()
	step := rules.Step(p.s)
	if step.Round == nil || step.Round.Phase != phase {
		p.t.Fatalf("want the round %s, got %+v", phase, step)
	}
	r := api.SessionRound{Number: len(p.s.Rounds) + 1, Phase: phase}
	for _, a := range step.Round.Asks {
		r.Asks = append(r.Asks, api.SessionAsk{Member: a.Member, Ask: a.Body, State: api.AskOpen})
	}
	p.s.Rounds = append(p.s.Rounds, r)
}

func (p *play) of(member string) *api.SessionAsk {
	p.t.Helper()
	r := protocol.Current(p.s)
	for i := range r.Asks {
		if r.Asks[i].Member == member {
			return &r.Asks[i]
		}
	}
	p.t.Fatalf("%s is not asked", member)
	return nil
}

// answer gives an answer, which has to be accepted.
func (p *play) answer(member string, answer any) {
	p.t.Helper()
	if err := p.try(member, answer); err != nil {
		p.t.Fatalf("%s: %v", member, err)
	}
}

func (p *play) try(member string, answer any) error {
	p.t.Helper()
	raw, err := codec.Marshal(answer)
	if err != nil {
		p.t.Fatal(err)
	}
	ask := p.of(member)
	if err := rules.Accept(p.s, ask, raw); err != nil {
		return err
	}
	ask.State, ask.Answer = api.AskAnswered, raw
	return nil
}

func (p *play) public(member string) string {
	return pbft.EncodeKey(p.keys[member].Public().(ed25519.PublicKey))
}

// join has the members join, each on the host of its number unless hosts says otherwise; "-" stays away.
func (p *play) join(hosts ...string) {
	p.t.Helper()
	p.ask(api.PhaseJoin)
	for i := range p.s.Members {
		id, host := p.s.Members[i].ID, fmt.Sprint("h", i)
		if i < len(hosts) {
			host = hosts[i]
		}
		if host == "-" {
			p.of(id).State = api.AskSilent
			continue
		}
		p.answer(id, api.ByzantineKey{Key: p.public(id), Host: host})
	}
}

// certificate is what the signers have decided, for the value and session.
func (p *play) certificate(session, value string, seq uint64, signers ...string) *pbft.Certificate {
	p.t.Helper()
	var run api.ByzantineRun
	if err := codec.Read(protocol.Current(p.s).Asks[0].Ask, &run); err != nil {
		p.t.Fatal(err)
	}
	members := make([]pbft.Member, len(run.Members))
	for i, m := range run.Members {
		k, err := pbft.DecodeKey(m.Key)
		if err != nil {
			p.t.Fatal(err)
		}
		members[i] = pbft.Member{ID: m.ID, Key: k, Host: m.Host}
	}
	sum := sha256.Sum256([]byte(value))
	c := &pbft.Certificate{Session: session, View: 3, Seq: seq, Digest: sum[:], Value: []byte(value)}
	for _, id := range signers {
		m := pbft.Message{Kind: pbft.Commit, Scope: pbft.Scope(session, members), From: id, View: 3, Seq: seq, Digest: sum}
		c.Signatures = append(c.Signatures, pbft.Signature{Member: id, Sig: ed25519.Sign(p.keys[id], m.Signed())})
	}
	return c
}

func outcome(t testing.TB, c *pbft.Certificate) api.ByzantineOutcome {
	t.Helper()
	raw, err := codec.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return api.ByzantineOutcome{Certificate: raw}
}

func (p *play) result() api.ByzantineResult {
	p.t.Helper()
	r, ok := rules.Step(p.s).Result.(api.ByzantineResult)
	if !ok {
		p.t.Fatalf("no result: %+v", rules.Step(p.s))
	}
	return r
}

func (p *play) fails(reason string) {
	p.t.Helper()
	if step := rules.Step(p.s); !strings.HasPrefix(step.Reason, reason+": ") || step.Round != nil || step.Result != nil {
		p.t.Errorf("got %+v, want %s", step, reason)
	}
}
