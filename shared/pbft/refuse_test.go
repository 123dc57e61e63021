package pbft_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/mabus-project/mabus/shared/pbft"
)

// view0 is a session of four whose members are all silent towards the node under test, member 3.
func view0(t *testing.T) *bus {
	b := newBus(t, 4, nil)
	b.nodes[3].Tick(b.now)
	b.nodes[3].Ready()
	return b
}

// vote says what kinds of messages the node under test sends now.
func (b *bus) votes(to int) string {
	out := b.nodes[to].Ready()
	for _, q := range out.Validate {
		b.nodes[to].Validated(q.View, q.Seq, q.Digest, true, b.now)
	}
	out.Send = append(out.Send, b.nodes[to].Ready().Send...)
	var kinds []string
	for _, data := range out.Send {
		m, err := pbft.Decode(data)
		if err != nil {
			b.t.Fatal(err)
		}
		kinds = append(kinds, m.Kind.String())
	}
	for _, d := range out.Decided {
		kinds = append(kinds, "decides "+string(d.Value))
	}
	return strings.Join(kinds, ", ")
}

var (
	v, w   = []byte("v"), []byte("w")
	dv, dw = sha256.Sum256(v), sha256.Sum256(w)
)

// The faults of the reference system, one by one: what each message makes an honest member do.
func TestWhatCountsAndWhatDoesNot(t *testing.T) {
	prepare := func(d pbft.Digest) pbft.Message { return pbft.Message{Kind: pbft.Prepare, Seq: 1, Digest: d} }
	commit := func(d pbft.Digest) pbft.Message { return pbft.Message{Kind: pbft.Commit, Seq: 1, Digest: d} }
	proposal := pbft.Message{Kind: pbft.PrePrepare, Seq: 1, Value: v}
	other := pbft.Message{Kind: pbft.PrePrepare, Seq: 1, Value: w}
	change := func(view uint64) pbft.Message { return pbft.Message{Kind: pbft.ViewChange, View: view} }
	type said struct {
		from int
		m    pbft.Message
	}
	for _, c := range []struct {
		name string
		said []said
		want string // what the node sends and decides in answer to all
	}{
		{"the primary proposes", []said{{0, proposal}}, "prepare"},
		{"somebody else proposes", []said{{1, proposal}}, ""},
		{"two proposals", []said{{0, proposal}, {0, other}}, "prepare"},
		{"a quorum prepares", []said{{0, proposal}, {1, prepare(dv)}}, "prepare, commit"},
		{"the primary prepares what it proposes", []said{{0, proposal}, {0, prepare(dv)}}, "prepare"},
		{"prepares of another digest", []said{{0, proposal}, {1, prepare(dw)}, {2, prepare(dw)}}, "prepare"},
		{"a member prepares two things", []said{{0, proposal}, {1, prepare(dw)}, {1, prepare(dv)}}, "prepare"},
		{"commits without a proposal", []said{{0, commit(dv)}, {1, commit(dv)}, {2, commit(dv)}}, ""},
		{"commits of another digest", []said{{0, proposal}, {0, commit(dw)}, {1, commit(dw)}, {2, commit(dw)}}, "prepare"},
		{"repeated commits", []said{{0, proposal}, {1, prepare(dv)}, {0, commit(dv)}, {0, commit(dv)}, {0, commit(dv)}}, "prepare, commit"},
		{"a quorum commits", []said{{0, proposal}, {1, prepare(dv)}, {0, commit(dv)}, {1, commit(dv)}}, "prepare, commit, decides v"},
		{
			"a decision is final",
			[]said{{0, proposal}, {1, prepare(dv)}, {0, commit(dv)}, {1, commit(dv)}, {0, other}, {0, commit(dw)}, {1, commit(dw)}, {2, commit(dw)}},
			"prepare, commit, decides v",
		},
		{"one member wants another view", []said{{1, change(1)}}, ""},
		{"one member wants many views", []said{{1, change(1)}, {1, change(2)}, {1, change(3)}}, ""},
		{"f+1 members want another view", []said{{1, change(1)}, {2, change(1)}}, "view-change"},
		{"f+1 members want other views", []said{{1, change(5)}, {2, change(2)}}, "view-change"},
		{"a new view without votes", []said{{1, pbft.Message{Kind: pbft.NewView, View: 1}}}, ""},
		{"a claim without signatures", []said{{1, pbft.Message{Kind: pbft.Decided, Seq: 1, Value: v}}}, ""},
		{"beyond the last sequence", []said{{0, pbft.Message{Kind: pbft.PrePrepare, Seq: 2, Value: v}}}, ""},
		{"sequence 0", []said{{0, pbft.Message{Kind: pbft.PrePrepare, Value: v}}, {1, pbft.Message{Kind: pbft.Decided, Value: v}}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := view0(t)
			var got []string
			for _, s := range c.said {
				_ = b.say(s.from, s.m, 3) // whether it is called an error does not matter here
				if answer := b.votes(3); answer != "" {
					got = append(got, answer)
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("answers %q, want %q", strings.Join(got, ", "), c.want)
			}
		})
	}
}

func TestRefused(t *testing.T) {
	b := view0(t)
	good := pbft.Message{Kind: pbft.PrePrepare, Seq: 1, Value: v, Scope: pbft.Scope("s1", b.members), From: b.members[0].ID}
	for name, change := range map[string]func(*pbft.Message){
		"another session":       func(m *pbft.Message) { m.Scope = pbft.Scope("s2", b.members) },
		"other members":         func(m *pbft.Message) { m.Scope = pbft.Scope("s1", b.members[:3]) },
		"a stranger":            func(m *pbft.Message) { m.From = "x" },
		"in another's name":     func(m *pbft.Message) { m.From = b.members[1].ID },
		"digest of other value": func(m *pbft.Message) { m.Value = w },
		"no value":              func(m *pbft.Message) { m.Value = nil; m.Sum() },
		"too large":             func(m *pbft.Message) { m.Value = make([]byte, pbft.MaxValue+1); m.Sum() },
		"unknown kind":          func(m *pbft.Message) { m.Kind = 99 },
	} {
		m := good
		m.Sum()
		change(&m)
		m.Sig = ed25519.Sign(b.secrets[0], m.Signed())
		if err := b.nodes[3].Step(m.Encode(), b.now); err == nil {
			t.Errorf("%s is not refused", name)
		}
	}
	m := good
	m.Sum()
	m.Sig = ed25519.Sign(b.secrets[0], m.Signed())
	data := m.Encode()
	for i := range data {
		for _, bit := range []byte{1, 128} {
			bad := append([]byte{}, data...)
			bad[i] ^= bit
			_ = b.nodes[3].Step(bad, b.now) // one for a far view or sequence is dropped without an error
			if got := b.votes(3); got != "" {
				t.Fatalf("with a bit changed at %d the node answers %s", i, got)
			}
		}
	}
	if got := b.votes(3); got != "" {
		t.Errorf("refused messages make the node answer %s", got)
	}
	if err := b.nodes[3].Step(data, b.now); err != nil || b.votes(3) != "prepare" {
		t.Errorf("the good message is refused: %v", err)
	}
}

// A member that sends as much as it can of what it can sign makes nobody keep much.
func TestFloodsAreBounded(t *testing.T) {
	b := newBus(t, 4, func(_ int, c *pbft.Config) {
		c.Sequences, c.Verify = pbft.MaxSequences, func(ed25519.PublicKey, []byte, []byte) bool { return true }
	})
	node := b.nodes[3]
	m := pbft.Message{Scope: pbft.Scope("s1", b.members), From: b.members[1].ID, Value: make([]byte, 1000)}
	flood := func(from, to uint64) {
		for i := from; i < to; i++ {
			m.View, m.Seq = i%1000*i, i%5000
			for kind := pbft.PrePrepare; kind <= pbft.Ask; kind++ {
				m.Kind, m.Digest = kind, sha256.Sum256(fmt.Append(nil, i))
				if kind != pbft.Prepare && kind != pbft.Commit && kind != pbft.Checkpoint {
					m.Sum()
				}
				_ = node.Step(m.Encode(), b.now)
				node.Ready()
			}
		}
	}
	used := func() uint64 {
		runtime.GC()
		var s runtime.MemStats
		runtime.ReadMemStats(&s)
		return s.HeapAlloc
	}
	flood(0, 5000)
	before := used()
	flood(5000, 50_000)
	if after := used(); after > before+1<<20 {
		t.Errorf("%d KiB more after ten times as many messages", (after-before)>>10)
	}
	runtime.KeepAlive(b)
}
