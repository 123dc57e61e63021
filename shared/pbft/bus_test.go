package pbft_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/mabus-project/mabus/shared/pbft"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// bus carries all messages at once between the nodes that are up.
type bus struct {
	t       testing.TB
	now     time.Time
	members []pbft.Member
	secrets []ed25519.PrivateKey
	nodes   []*pbft.Node // nil: silent
	decided []map[uint64]pbft.Decision
	sent    [][]byte // all there was
	lost    func(to int, m *pbft.Message) bool
	valid   func(i int, value []byte) bool
}

func newMembers(n int) ([]pbft.Member, []ed25519.PrivateKey) {
	var members []pbft.Member
	var secrets []ed25519.PrivateKey
	for i := range n {
		sum := sha256.Sum256([]byte{byte(i)})
		secret := ed25519.NewKeyFromSeed(sum[:])
		secrets = append(secrets, secret)
		members = append(members, pbft.Member{ID: fmt.Sprintf("a%02d", i), Key: secret.Public().(ed25519.PublicKey), Host: fmt.Sprint("h", i)})
	}
	return members, secrets
}

func newBus(t testing.TB, n int, change func(i int, c *pbft.Config)) *bus {
	b := &bus{t: t, now: start, nodes: make([]*pbft.Node, n), decided: make([]map[uint64]pbft.Decision, n)}
	b.members, b.secrets = newMembers(n)
	for i := range n {
		cfg := b.config(i)
		if change != nil {
			change(i, &cfg)
		}
		node, err := pbft.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		b.nodes[i], b.decided[i] = node, map[uint64]pbft.Decision{}
	}
	return b
}

func (b *bus) config(i int) pbft.Config {
	return pbft.Config{
		Session: "s1", Members: b.members, Self: b.members[i].ID, F: pbft.MaxFaulty(len(b.members)),
		Sign: func(msg []byte) []byte { return ed25519.Sign(b.secrets[i], msg) },
	}
}

// propose gives every node a value of its own for each sequence.
func (b *bus) propose(sequences int) {
	for i, n := range b.nodes {
		for seq := 1; n != nil && seq <= sequences; seq++ {
			if err := n.Propose(uint64(seq), fmt.Appendf(nil, "v%d of %d", seq, i), b.now); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// settle carries messages until there are no more.
func (b *bus) settle() {
	for busy := true; busy; {
		busy = false
		for i, n := range b.nodes {
			if n != nil && b.act(i, n) {
				busy = true
			}
		}
	}
}

func (b *bus) act(i int, n *pbft.Node) bool {
	out := n.Ready()
	for _, d := range out.Decided {
		if before, ok := b.decided[i][d.Seq]; ok {
			b.t.Errorf("member %d decides %d twice: %q and %q", i, d.Seq, before.Value, d.Value)
		}
		b.decided[i][d.Seq] = d
	}
	for _, q := range out.Validate {
		n.Validated(q.View, q.Seq, q.Digest, b.valid == nil || b.valid(i, q.Proposal), b.now)
	}
	for _, data := range out.Send {
		b.deliver(i, data)
	}
	return len(out.Send)+len(out.Validate) > 0
}

func (b *bus) deliver(from int, data []byte) {
	b.sent = append(b.sent, data)
	m, err := pbft.Decode(data)
	if err != nil {
		b.t.Fatalf("member %d sends what cannot be read: %v", from, err)
	}
	for to, n := range b.nodes {
		if n != nil && to != from && (b.lost == nil || !b.lost(to, m)) {
			if err := n.Step(data, b.now); err != nil {
				b.t.Errorf("member %d refuses the %v of %d: %v", to, m.Kind, from, err)
			}
		}
	}
}

// until lets time pass, in small steps, until the condition holds.
func (b *bus) until(what string, cond func() bool) {
	b.t.Helper()
	for range 100_000 {
		b.settle()
		if cond() {
			return
		}
		b.now = b.now.Add(20 * time.Millisecond)
		for _, n := range b.nodes {
			if n != nil {
				n.Tick(b.now)
			}
		}
	}
	b.t.Fatalf("still not: %s", what)
}

func (b *bus) done() bool {
	for _, n := range b.nodes {
		if n != nil && !n.Done() {
			return false
		}
	}
	return true
}

// value is what all nodes that are up have decided.
func (b *bus) value(seq uint64) string {
	b.t.Helper()
	value := ""
	for i, d := range b.decided {
		if b.nodes[i] == nil {
			continue
		}
		if d[seq].Certificate == nil {
			b.t.Fatalf("member %d has not decided %d", i, seq)
		}
		if err := d[seq].Certificate.Verify(b.members, pbft.MaxFaulty(len(b.members))); err != nil {
			b.t.Errorf("member %d: %v", i, err)
		}
		if value == "" {
			value = string(d[seq].Value)
		} else if value != string(d[seq].Value) {
			b.t.Errorf("member %d decides %q, another %q", i, d[seq].Value, value)
		}
	}
	return value
}

// say signs a message of a member and gives it to a node.
func (b *bus) say(from int, m pbft.Message, to int) error {
	m.Scope, m.From = pbft.Scope("s1", b.members), b.members[from].ID
	if m.Kind != pbft.Prepare && m.Kind != pbft.Commit && m.Kind != pbft.Checkpoint {
		m.Sum()
	}
	m.Sig = ed25519.Sign(b.secrets[from], m.Signed())
	return b.nodes[to].Step(m.Encode(), b.now)
}
