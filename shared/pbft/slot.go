package pbft

import "time"

// slot is what a node knows of one sequence.
type slot struct {
	own  []byte       // the value that this node would propose
	cert *Certificate // once decided

	// In the node's view:
	fixed    bool   // the new view allows only this proposal, since it may have been decided before (4.4)
	must     Digest //   namely this
	kept     []byte //   whose value is this
	value    []byte // the primary's proposal
	digest   Digest
	accepted bool // there is such a proposal
	approved bool // this node has voted for it
	prepares tally
	commits  tally

	// Over all views:
	prepared *Prepared // the last proposal that this node saw prepared by a quorum
	held     []byte    // and its value
	judged   Digest    // the last proposal that the validator was asked about
	verdict  verdict
	helped   time.Time // when the decision was last sent
}

type verdict int

const (
	notAsked verdict = iota
	pending
	valid
	invalid
)

// leave forgets what belongs to the view that ends.
func (s *slot) leave() {
	s.fixed, s.must, s.kept = false, Digest{}, nil
	s.value, s.digest, s.accepted, s.approved = nil, Digest{}, false, false
	s.prepares, s.commits = tally{}, tally{}
}

// tally holds one vote of each member.
type tally struct {
	by    []ballot
	extra []ballot // what only planted bugs count
}

type ballot struct {
	digest Digest
	sig    []byte // nil: no vote
	member int
}

// add counts the first vote of a member, and no other.
func (t *tally) add(n *Node, i int, digest Digest, sig []byte) {
	if t.by == nil {
		t.by = make([]ballot, len(n.group.members))
	}
	switch {
	case i < 0 || t.by[i].sig != nil && n.has(countDuplicates):
		t.extra = append(t.extra, ballot{digest: digest, sig: sig, member: max(i, 0)})
	case t.by[i].sig == nil:
		t.by[i] = ballot{digest: digest, sig: sig, member: i}
	case n.has(twoProposals):
		t.by[i] = ballot{digest: digest, sig: sig, member: i}
	}
}

// vote returns the vote of member i, with a nil signature if there is none.
func (t *tally) vote(i int) ballot {
	if t.by == nil {
		return ballot{}
	}
	return t.by[i]
}

// parts returns the votes for the digest, in the order of members.
func (t *tally) parts(digest Digest) []Part {
	var parts []Part
	for _, b := range t.by {
		if b.sig != nil && b.digest == digest {
			parts = append(parts, Part{Member: uint16(b.member), Sig: b.sig})
		}
	}
	for _, b := range t.extra {
		if b.digest == digest {
			parts = append(parts, Part{Member: uint16(b.member), Sig: b.sig})
		}
	}
	return parts
}

// slot returns the slot of a sequence, which must be one of the session.
func (n *Node) slot(seq uint64) *slot { return &n.slots[seq-1] }

// open tells whether the sequence is between the water marks (4.2).
func (n *Node) open(seq uint64) bool { return seq > n.stable && seq <= n.top() }

// top is the high water mark.
func (n *Node) top() uint64 { return min(n.stable+uint64(n.cfg.Window), uint64(len(n.slots))) }

// park keeps a message that came before the view it is for. An honest member's later view replaces its earlier one; the
// member that plays with views harms its own messages only.
func (n *Node) park(m *Message, i int) {
	at := place{member: i, kind: m.Kind, seq: m.Seq}
	if old := n.parked[at]; i >= 0 && (old == nil || old.View < m.View) {
		n.parked[at] = m
	}
}

// unpark takes in what waited for this view, in the order of sequences, kinds and members.
func (n *Node) unpark() {
	for seq := n.stable + 1; seq <= n.top(); seq++ {
		for _, kind := range []Kind{PrePrepare, Prepare, Commit} {
			for i := range n.group.members {
				at := place{member: i, kind: kind, seq: seq}
				m := n.parked[at]
				if m == nil || m.View > n.view {
					continue
				}
				delete(n.parked, at)
				if m.View == n.view && n.active {
					_ = n.vote(m, i) // one that is refused is dropped, as Step would
				}
			}
		}
	}
}
