package pbft_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/pbft"
)

// traffic is a sample of all kinds of messages: a session whose first primary is silent, and a late member.
func traffic(t testing.TB) *bus {
	b := newBus(t, 4, func(_ int, c *pbft.Config) { c.Sequences, c.Window, c.CheckpointEvery = 4, 2, 1 })
	b.nodes[0] = nil
	b.lost = func(_ int, m *pbft.Message) bool {
		return m.Kind == pbft.Commit && m.View == 1 && m.Seq == 3 || m.Kind == pbft.NewView && m.View == 2
	}
	b.propose(4)
	b.until("decided", b.done)
	b.nodes[0], _ = pbft.New(func() pbft.Config { c := b.config(0); c.Sequences, c.Window, c.CheckpointEvery = 4, 2, 1; return c }())
	b.nodes[0].Tick(b.now)
	b.until("decided", b.done)
	return b
}

func TestEncodingOfAllKinds(t *testing.T) {
	b := traffic(t)
	seen := map[pbft.Kind]bool{}
	for _, data := range b.sent {
		m, err := pbft.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		seen[m.Kind] = true
		if diff := cmp.Diff(data, m.Encode()); diff != "" {
			t.Fatalf("%v is written otherwise than it was read: %s", m.Kind, diff)
		}
		for cut := range data {
			if _, err := pbft.Decode(data[:cut]); err == nil {
				t.Fatalf("%v cut at %d of %d is read", m.Kind, cut, len(data))
			}
		}
		if _, err := pbft.Decode(append(data[:len(data):len(data)], 0)); err == nil {
			t.Fatalf("%v with a byte too many is read", m.Kind)
		}
	}
	for kind := pbft.PrePrepare; kind <= pbft.Ask; kind++ {
		if !seen[kind] {
			t.Errorf("no %v was sent: the sample is too small", kind)
		}
	}
	if pbft.Kind(0).String() != "unknown" || pbft.Kind(200).String() != "unknown" || pbft.Ask.String() != "ask" {
		t.Error("kinds have other names")
	}
}

// Different headers never sign the same bytes.
func TestSignedBytesAreDistinct(t *testing.T) {
	draw := func(t *rapid.T, name string) pbft.Message {
		return pbft.Message{
			Kind: pbft.Kind(rapid.IntRange(1, 8).Draw(t, name+" kind")), Scope: pbft.Digest{rapid.Byte().Draw(t, name+" scope")},
			From: rapid.StringMatching(`[a-c]{0,3}`).Draw(t, name+" from"), View: rapid.Uint64Range(0, 300).Draw(t, name+" view"),
			Seq: rapid.Uint64Range(0, 300).Draw(t, name+" seq"), Digest: pbft.Digest{rapid.Byte().Draw(t, name+" digest")},
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		if same := string(a.Signed()) == string(b.Signed()); same != cmp.Equal(a, b) {
			t.Errorf("%+v and %+v: same bytes %v", a, b, same)
		}
	})
}

// FuzzStep gives a node whatever there is, with signatures that are all taken for good, so that it comes in deep.
func FuzzStep(f *testing.F) {
	b := traffic(f)
	for _, data := range b.sent {
		f.Add(data, []byte{}, uint64(1))
	}
	scope := pbft.Scope("s1", b.members)
	f.Fuzz(func(t *testing.T, data, second []byte, view uint64) {
		cfg := b.config(1)
		cfg.Sequences, cfg.Window, cfg.CheckpointEvery = 4, 2, 1
		cfg.Verify = func(ed25519.PublicKey, []byte, []byte) bool { return true }
		n, err := pbft.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		_ = n.Propose(1, []byte("v"), start)
		for _, d := range [][]byte{data, second} {
			m, err := pbft.Decode(d)
			if err != nil {
				_ = n.Step(d, start)
				continue
			}
			for _, member := range b.members { // the same from everybody, so that there are quorums
				m.Scope, m.From = scope, member.ID
				_ = n.Step(m.Encode(), start)
				m.View = view
				_ = n.Step(m.Encode(), start)
			}
		}
		out := n.Ready()
		for _, q := range out.Validate {
			n.Validated(q.View, q.Seq, q.Digest, len(q.Proposal)%2 == 0, start)
		}
		n.Tick(start.Add(cfg.Timeout))
		n.Tick(start.Add(1 << 40))
		n.Ready()
	})
}
