package pbft

import (
	"crypto/sha256"
	"errors"
	"time"

	"github.com/mabus-project/mabus/shared/api"
)

// Why Step refuses a message. A refused message has changed nothing.
var (
	errScope     = errors.New("a message of another session, or of other members")
	errStranger  = errors.New("a message of somebody who is no member")
	errSignature = errors.New("a message that its sender has not signed")
	errNotTaken  = errors.New("a message that a correct member does not send")
)

// maxView keeps arithmetic on views from overflowing; with the least timeout it is reached after thousands of years.
const maxView = 1 << 48

// Question asks whether a proposal is valid. The answer goes to Validated.
type Question struct {
	View, Seq uint64
	Proposal  []byte
	Digest    Digest
}

// Output is what a Node wants done.
type Output struct {
	Send     [][]byte   // to all members, in this order; the node's own copies may be dropped
	Validate []Question // to ask the application; a question need not be answered
	Decided  []Decision // in the order of sequences, each once
	Deadline time.Time  // when to call Tick; zero if not at all
}

// Node is one member of a session. It is not safe for concurrent use. Slices given to it and got from it must not be changed.
type Node struct {
	cfg   Config
	group *group
	self  int
	now   time.Time // of the last call
	out   Output

	view      uint64 // the view this node is in, or, if not active, votes for
	active    bool
	installed uint64   // the last view in which it was active
	newView   *Message // what began that view; nil for view 0

	slots     []slot // by sequence - 1
	next      uint64 // the first sequence without a decision
	delivered Digest // the chain of the decisions below next

	stable   uint64 // the last stable checkpoint: the low water mark (4.2)
	chain    Digest // its digest
	proof    []Part // what makes it stable
	mine     uint64 // the last checkpoint that this node has vouched for
	mineSum  Digest
	mineSig  []byte
	checks   map[uint64]*tally
	changes  []*Message // by member: its ViewChange for the highest view
	parked   map[place]*Message
	timer    time.Time // when this view has failed; zero while it waits for others to join
	resendAt time.Time
	base     uint64    // the view of the last decision: from there timeouts double
	met      []bool    // by member: it has asked before
	toldView time.Time // when the NewView was last sent again
	toldMark time.Time // when the last checkpoint was
}

// place is where a message that comes before its view waits: the latest from each member of each kind and sequence.
type place struct {
	member int
	kind   Kind
	seq    uint64
}

// New returns the node of member cfg.Self. It fails with insufficient_agents if there are less than 3f+1 members, and with
// invalid if the configuration is not sound. The first call should be Tick or Propose.
func New(cfg Config) (*Node, error) {
	g, err := newGroup(cfg.Session, cfg.Members, cfg.F, cfg.Verify)
	if err != nil {
		return nil, err
	}
	self := g.find(cfg.Self)
	if self < 0 {
		return nil, api.Errorf(api.Invalid, "self is %.80q, which is none of the members", cfg.Self).WithFields("self")
	}
	if err := cfg.fill(); err != nil {
		return nil, err
	}
	if cfg.bug == smallQuorum {
		g.q = 2 * g.f
	}
	n := &Node{
		cfg: cfg, group: g, self: self, active: true, slots: make([]slot, cfg.Sequences), next: 1,
		met: make([]bool, len(g.members)), checks: map[uint64]*tally{}, changes: make([]*Message, len(g.members)), parked: map[place]*Message{},
	}
	return n, nil
}

func (n *Node) has(b bug) bool { return n.cfg.bug == b }

// Primary returns the id of the primary of the node's view.
func (n *Node) Primary() string { return n.group.members[n.group.primary(n.view)].ID }

// View returns the view that the node is in or, after it has given up on one, votes for.
func (n *Node) View() uint64 { return n.view }

// Done tells whether every sequence is decided.
func (n *Node) Done() bool { return n.next > uint64(len(n.slots)) }

// Propose gives the node a value of its own for a sequence, which it proposes when it is primary and free to choose. It must
// be one that the node's validator approves. The first value given for a sequence stands.
func (n *Node) Propose(seq uint64, value []byte, now time.Time) error {
	switch {
	case seq == 0 || seq > uint64(len(n.slots)):
		return api.Errorf(api.Invalid, "the session decides the sequences 1 to %d, not %d", len(n.slots), seq).WithFields("seq")
	case len(value) == 0 || len(value) > MaxValue:
		return api.Errorf(api.Invalid, "a value has 1 to %d bytes, this one has %d: propose the reference or digest of a larger one", MaxValue, len(value)).WithFields("value")
	case n.slots[seq-1].own != nil:
		return api.Errorf(api.Conflict, "sequence %d has a value of this member already", seq).WithFields("seq")
	}
	n.begin(now)
	n.slots[seq-1].own = value
	n.propose()
	return nil
}

// Step takes a message in. The error says why a message was refused: it is for metrics, and nothing need be done about it. A
// message that is merely late or repeated is no error.
func (n *Node) Step(data []byte, now time.Time) error {
	m, err := decode(data, !n.has(blindDigest))
	if err != nil {
		return err
	}
	if m.Scope != n.group.scope {
		return errScope
	}
	i := n.group.find(m.From)
	if i < 0 && !n.has(countStrangers) {
		return errStranger
	}
	if i == n.self || m.View > maxView {
		return nil
	}
	n.begin(now)
	if !n.wants(m, i) {
		return nil
	}
	if i >= 0 && !n.group.signed(i, m.Kind, m.View, m.Seq, m.Digest, m.Sig) && !n.has(blindSignature) {
		return errSignature
	}
	return n.take(m, i)
}

// wants tells whether a message can still matter, before its signature is checked at some cost.
func (n *Node) wants(m *Message, i int) bool {
	if n.cfg.Learner && m.Kind != Decided {
		return false
	}
	switch m.Kind {
	case PrePrepare, Prepare, Commit:
		return n.open(m.Seq) && (n.slot(m.Seq).cert == nil || n.has(overwrite)) && (m.View >= n.view || m.Kind == Commit && n.has(looseCommit))
	case Checkpoint:
		near := m.Seq <= n.stable+2*uint64(n.cfg.Window) || len(m.Sigs) > 0
		return near && m.View == 0 && m.Seq > n.stable && m.Seq <= uint64(len(n.slots)) && m.Seq%uint64(n.cfg.CheckpointEvery) == 0
	case ViewChange:
		return !n.Done() && i >= 0 && m.View > 0 && (m.View > n.view || m.View == n.view && !n.active) &&
			(n.changes[i] == nil || n.changes[i].View < m.View)
	case NewView:
		return !n.Done() && i >= 0 && i == n.group.primary(m.View) && (m.View > n.view || m.View == n.view && !n.active)
	case Decided:
		return m.Seq >= 1 && m.Seq <= uint64(len(n.slots)) && (n.slot(m.Seq).cert == nil || n.has(overwrite))
	default:
		return true
	}
}

func (n *Node) take(m *Message, i int) error {
	switch m.Kind {
	case PrePrepare, Prepare, Commit:
		if m.View > n.view || m.View == n.view && !n.active {
			n.park(m, i)
			return nil
		}
		return n.vote(m, i)
	case Checkpoint:
		return n.onCheckpoint(m, i)
	case ViewChange:
		return n.onViewChange(m, i)
	case NewView:
		return n.onNewView(m)
	case Decided:
		return n.onDecided(m)
	case Ask:
		n.onAsk(m, i)
	}
	return nil
}

func (n *Node) vote(m *Message, i int) error {
	switch m.Kind {
	case PrePrepare:
		return n.onPrePrepare(m, i)
	case Prepare:
		return n.onPrepare(m, i)
	default:
		return n.onCommit(m, i)
	}
}

// Ready returns what is to be done since the last call.
func (n *Node) Ready() Output {
	out := n.out
	n.out = Output{}
	out.Deadline = n.deadline()
	return out
}

// send signs a message of this node and puts it out.
func (n *Node) send(m *Message) *Message {
	m.Scope, m.From = n.group.scope, n.cfg.Self
	m.Sum()
	m.Sig = n.cfg.Sign(m.Signed())
	n.out.Send = append(n.out.Send, m.Encode())
	return m
}

// resend puts a vote out again that this node has signed before.
func (n *Node) resend(kind Kind, view, seq uint64, digest Digest, sig, value []byte) {
	m := &Message{Kind: kind, Scope: n.group.scope, From: n.cfg.Self, View: view, Seq: seq, Digest: digest, Sig: sig, Value: value}
	n.out.Send = append(n.out.Send, m.Encode())
}

// link is the digest of the chain of decisions up to seq.
func link(before Digest, seq uint64, digest []byte) Digest {
	b := append([]byte("mabus.pbft.chain.v1\x00"), before[:]...)
	for shift := 56; shift >= 0; shift -= 8 {
		b = append(b, byte(seq>>shift))
	}
	return sha256.Sum256(append(b, digest...))
}
