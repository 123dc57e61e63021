package byzantine

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/mabus-project/mabus/services/coordination/protocol"
	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

func readKey(answer json.RawMessage) (api.ByzantineKey, ed25519.PublicKey, error) {
	var k api.ByzantineKey
	if err := codec.Decode(answer, &k); err != nil {
		return k, nil, refused("the answer to %s must be a key and a host: %v", api.PhaseJoin, err)
	}
	if err := api.CheckOptionalID("host", k.Host); err != nil {
		return k, nil, refused("%v", err)
	}
	key, err := pbft.DecodeKey(k.Key)
	if err != nil {
		return k, nil, refused("%v", err)
	}
	return k, key, nil
}

func refused(format string, args ...any) error {
	return api.Errorf(api.Invalid, format, args...).WithReason(api.ReasonInvalidAnswer).WithFields("answer")
}

// seats are the members of a session after the round join.
type seats struct {
	joined []pbft.Member // in the order of the session's members
	absent []pbft.Member
}

// all returns everybody in the order in which they are primaries: those who have not joined come last, where they delay nobody.
func (t *seats) all() []pbft.Member {
	return append(t.joined[:len(t.joined):len(t.joined)], t.absent...)
}

// seated reads who has joined.
func seated(s *api.Session) seats {
	var t seats
	for i := range s.Rounds[0].Asks {
		ask := &s.Rounds[0].Asks[i]
		if ask.State == api.AskAnswered {
			if k, key, err := readKey(ask.Answer); err == nil {
				t.joined = append(t.joined, pbft.Member{ID: ask.Member, Key: key, Host: k.Host})
				continue
			}
		}
		t.absent = append(t.absent, pbft.Member{ID: ask.Member, Key: nobodysKey(s.ID, ask.Member)})
	}
	return t
}

// nobodysKey is a public key that is a hash: to know its private half is to have broken ed25519.
func nobodysKey(session, member string) ed25519.PublicKey {
	sum := sha256.Sum256([]byte("mabus.byzantine.absent.v1\x00" + session + "\x00" + member))
	return sum[:]
}

// tolerance returns how many more members may fail with all that share their keys, or their hosts.
func (t *seats) tolerance(f int) (byKeys, byHosts int) {
	tol := pbft.Tolerates(t.joined, f)
	left := max(0, pbft.MaxFaulty(len(t.joined)+len(t.absent))-len(t.absent))
	return min(tol.Keys, left), min(tol.Hosts, left)
}

func (t *seats) hosts() int {
	distinct := map[string]bool{}
	for _, m := range t.joined {
		if m.Host != "" {
			distinct[m.Host] = true
		}
	}
	return len(distinct)
}

// begin follows the round join.
func begin(s *api.Session) protocol.Step {
	p, err := read(s.Params)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	t, f, n := seated(s), *p.F, len(s.Members)
	if len(t.joined) < n-f {
		return insufficient("%d of %d members have joined, and %d are needed to survive %d faulty ones", len(t.joined), n, n-f, f)
	}
	if p.FaultDomain == api.FaultHost {
		if h := t.hosts(); h < pbft.Needed(f) {
			return insufficient("to survive %d faulty hosts the members must run on %d hosts, they run on %d", f, pbft.Needed(f), h)
		}
		if byHosts := pbft.Tolerates(t.joined, f).Hosts; byHosts < f {
			return insufficient("to survive %d faulty hosts no %d of them may run more than a third of the members", f, f)
		}
	}
	value, err := Value(s.Question)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	run := api.ByzantineRun{F: f, Value: value, Timeout: p.Timeout}
	for _, m := range t.all() {
		run.Members = append(run.Members, api.ByzantineMember{ID: m.ID, Key: pbft.EncodeKey(m.Key), Host: m.Host})
	}
	body, err := codec.Marshal(run)
	if err != nil {
		return protocol.Step{Reason: api.ReasonConfiguration + ": " + err.Error()}
	}
	round := &protocol.Round{Phase: api.PhaseRun}
	for _, m := range t.joined {
		round.Asks = append(round.Asks, protocol.Ask{Member: m.ID, Body: body})
	}
	return protocol.Step{Round: round}
}

func insufficient(format string, args ...any) protocol.Step {
	return protocol.Step{Reason: api.ReasonInsufficientAgents + ": " + fmt.Sprintf(format, args...)}
}
