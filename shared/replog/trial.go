package replog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mabus-project/mabus/shared/replog/engine"
)

// trial is what a reader knows of contradictions between its chain of hashes and those that others claim.
//
// A contradiction that is met while serving makes the replica leave and build its state anew. If that has the hash that it had
// before, the other was wrong; if it has the claimed one, this replica was. A contradiction in history that this replica has not
// applied before is forgiven when another than its writer has later agreed. Otherwise the replica does not serve.
type trial struct {
	doubts  map[string]doubt    // by writer, those that speak against what is applied now
	wrong   map[string]bool     // writers that were found wrong, until they agree again
	past    map[uint64][32]byte // the chain as it was while serving, before it is built anew
	retry   time.Time           // when a contradicted replica builds its state anew
	retries int
}

// doubt is the newest claim of a writer that differs.
type doubt struct {
	seq   uint64
	claim [32]byte
}

// maxWrong bounds the writers that are remembered as wrong.
const maxWrong = 1024

func (t *trial) doubted() bool { return len(t.doubts) > 0 }

// who lists whose claims are open, for a log.
func (t *trial) who() string {
	var names []string
	for w, d := range t.doubts {
		names = append(names, fmt.Sprintf("%s at %d", w, d.seq))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// begin starts over with a chain that is built anew.
func (t *trial) begin() { t.doubts = nil }

// postpone chooses when a contradicted replica tries again.
func (t *trial) postpone() {
	most := min(time.Second<<min(t.retries, 5), 30*time.Second)
	t.retry = time.Now().Add(most/2 + rand.N(most/2))
	t.retries++
}

// remember keeps the newest part of the chain, to compare it with what comes of the same entries when they are applied again.
func (t *trial) remember(seq uint64, at func(uint64) ([32]byte, bool)) {
	t.past = make(map[uint64][32]byte, engine.MaxLag)
	for {
		hash, ok := at(seq)
		if !ok {
			return
		}
		t.past[seq] = hash
		if seq == 0 {
			return
		}
		seq--
	}
}

// contradict takes in a claim that differs from ours. It returns false when its writer is known to be wrong.
func (t *trial) contradict(b *engine.Batch, ours [32]byte) bool {
	if t.wrong[b.Writer] {
		return false
	}
	if had, ok := t.past[b.Applied]; ok && had == ours {
		if len(t.wrong) >= maxWrong {
			t.wrong = nil
		}
		if t.wrong == nil {
			t.wrong = map[string]bool{}
		}
		t.wrong[b.Writer] = true
		delete(t.doubts, b.Writer)
		return false
	}
	if t.doubts == nil {
		t.doubts = map[string]doubt{}
	}
	t.doubts[b.Writer] = doubt{b.Applied, b.Claim}
	return true
}

// agree takes in a claim that is ours too: it speaks against what others had claimed before.
func (t *trial) agree(b *engine.Batch) {
	delete(t.wrong, b.Writer)
	for w, d := range t.doubts {
		if w != b.Writer && d.seq <= b.Applied {
			delete(t.doubts, w)
		}
	}
}
