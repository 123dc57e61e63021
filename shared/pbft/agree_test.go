package pbft_test

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/pbft"
)

func TestTheFirstPrimaryIsFollowed(t *testing.T) {
	for _, n := range []int{1, 2, 3, 4, 5, 7, 10, 13} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := newBus(t, n, nil)
			b.propose(1)
			b.settle() // no time passes
			if v := b.value(1); v != "v1 of 0" {
				t.Errorf("decided %q", v)
			}
			if out := b.nodes[0].Ready(); !out.Deadline.IsZero() || len(out.Send) > 0 {
				t.Errorf("all is decided, and the node still wants %+v", out)
			}
		})
	}
}

// Up to f primaries in a row are silent.
func TestSilentPrimaries(t *testing.T) {
	for _, n := range []int{4, 7, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			b := newBus(t, n, nil)
			f := pbft.MaxFaulty(n)
			clear(b.nodes[:f])
			b.propose(1)
			b.until("decided", b.done)
			if v := b.value(1); v != fmt.Sprintf("v1 of %d", f) {
				t.Errorf("decided %q", v)
			}
			for _, node := range b.nodes[f:] {
				if node.View() != uint64(f) || node.Primary() != b.members[f].ID {
					t.Errorf("in view %d under %s", node.View(), node.Primary())
				}
			}
		})
	}
}

// f+1 silent members are too many: nothing is decided, ever.
func TestTooManySilent(t *testing.T) {
	b := newBus(t, 4, nil)
	b.nodes[0], b.nodes[1] = nil, nil
	b.propose(1)
	for range 200 {
		b.now = b.now.Add(time.Second)
		b.nodes[2].Tick(b.now)
		b.nodes[3].Tick(b.now)
		b.settle()
	}
	if len(b.decided[2])+len(b.decided[3]) > 0 || b.nodes[2].View() != 1 {
		t.Errorf("%v %v in view %d; want no decision, and no run through the views", b.decided[2], b.decided[3], b.nodes[2].View())
	}
}

// What may have been decided in a view is kept in the next ones.
func TestAPreparedValueIsKept(t *testing.T) {
	b := newBus(t, 4, nil)
	b.lost = func(to int, m *pbft.Message) bool {
		return m.View == 0 && m.Kind == pbft.Commit && to != 3 || m.Kind == pbft.Decided // only the last member learns of the decision
	}
	b.propose(1)
	b.settle()
	if len(b.decided[3]) != 1 || len(b.decided[0])+len(b.decided[1])+len(b.decided[2]) != 0 {
		t.Fatalf("the test does not do what it should: %v", b.decided)
	}
	b.nodes[3] = nil // and is silent from now on
	b.until("decided", b.done)
	b.nodes[3], _ = pbft.New(b.config(3))
	b.nodes[3].Tick(b.now)
	if v := b.value(1); v != "v1 of 0" || b.nodes[1].View() == 0 {
		t.Errorf("decided %q in view %d", v, b.nodes[1].View())
	}
}

// Members reject what their validators reject, and go on to the next primary without waiting for a timeout.
func TestInvalidProposals(t *testing.T) {
	b := newBus(t, 4, nil)
	b.valid = func(_ int, v []byte) bool { return string(v) != "v1 of 0" }
	b.propose(1)
	b.settle()
	if v := b.value(1); v != "v1 of 1" || b.now != start {
		t.Errorf("decided %q after %s", v, b.now.Sub(start))
	}
}

// A single member's rejection does not stop the others.
func TestOneRejects(t *testing.T) {
	b := newBus(t, 4, nil)
	b.valid = func(i int, _ []byte) bool { return i != 2 }
	b.propose(1)
	b.until("decided", b.done)
	if v := b.value(1); v != "v1 of 0" {
		t.Errorf("decided %q", v)
	}
}

func TestManySequences(t *testing.T) {
	const sequences = 50
	b := newBus(t, 4, func(_ int, c *pbft.Config) { c.Sequences, c.Window, c.CheckpointEvery = sequences, 4, 2 })
	b.nodes[2] = nil
	b.propose(sequences)
	b.until("decided", b.done)
	for seq := uint64(1); seq <= sequences; seq++ {
		if v := b.value(seq); v != fmt.Sprintf("v%d of 0", seq) {
			t.Errorf("decided %q at %d", v, seq)
		}
	}
	// One that comes now gets it all, with the checkpoints.
	late, err := pbft.New(func() pbft.Config {
		c := b.config(2)
		c.Sequences, c.Window, c.CheckpointEvery = sequences, 4, 2
		return c
	}())
	if err != nil {
		t.Fatal(err)
	}
	b.nodes[2] = late
	late.Tick(b.now)
	b.until("the late member has all", b.done)
	if v := b.value(sequences); v != fmt.Sprintf("v%d of 0", sequences) {
		t.Errorf("the late member decides %q", v)
	}
}

// A learner casts no votes: three members of whom one is a learner are no quorum of four. It learns from the certificate.
func TestLearner(t *testing.T) {
	b := newBus(t, 4, func(i int, c *pbft.Config) { c.Learner = i == 2 })
	away := b.nodes[3]
	b.nodes[3] = nil
	b.propose(1)
	for range 500 {
		b.now = b.now.Add(100 * time.Millisecond)
		for _, n := range b.nodes[:3] {
			n.Tick(b.now)
		}
		b.settle()
	}
	if len(b.decided[0]) > 0 {
		t.Fatal("decided with the vote of a learner")
	}
	b.nodes[3] = away
	if err := away.Propose(1, []byte("v1 of 3"), b.now); err != nil {
		t.Fatal(err)
	}
	b.until("decided", b.done)
	b.value(1)
	for _, data := range b.sent {
		if m, _ := pbft.Decode(data); m.From == b.members[2].ID && m.Kind != pbft.Ask && m.Kind != pbft.Decided {
			t.Errorf("the learner sends a %v", m.Kind)
		}
	}
}

func TestPropose(t *testing.T) {
	b := newBus(t, 4, nil)
	n := b.nodes[1]
	for name, c := range map[string]struct {
		seq   uint64
		value []byte
	}{
		"sequence 0": {0, []byte("v")}, "beyond the last": {2, []byte("v")}, "nothing": {1, nil}, "too much": {1, make([]byte, pbft.MaxValue+1)},
	} {
		if err := n.Propose(c.seq, c.value, b.now); api.CodeOf(err) != api.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := n.Propose(1, []byte("v"), b.now); err != nil {
		t.Fatal(err)
	}
	if err := n.Propose(1, []byte("w"), b.now); api.CodeOf(err) != api.Conflict {
		t.Errorf("a second value: %v", err)
	}
	if out := n.Ready(); len(out.Send) > 0 {
		t.Error("a member that is not primary has proposed")
	}
}

// Whatever is lost at first, and in whatever order the rest comes, all decide the same.
func TestLosses(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.SampledFrom([]int{4, 5, 7}).Draw(rt, "members")
		b := newBus(t, n, func(_ int, c *pbft.Config) { c.Sequences, c.Window, c.CheckpointEvery = 3, 2, 1 })
		pattern := rapid.SliceOfN(rapid.Uint64(), 8, 8).Draw(rt, "pattern")
		share := rapid.Uint64Range(0, 200).Draw(rt, "share")
		end := b.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(rt, "seconds")) * time.Second)
		b.lost = func(to int, m *pbft.Message) bool {
			h := sha256.Sum256(fmt.Appendf(nil, "%d %s %v %d %d %d %v", to, m.From, m.Kind, m.View, m.Seq, b.now.UnixNano(), pattern))
			return b.now.Before(end) && uint64(h[0]) < share
		}
		b.propose(3)
		b.until("decided", b.done)
		for seq := uint64(1); seq <= 3; seq++ {
			b.value(seq)
		}
	})
}
