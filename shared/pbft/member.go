package pbft

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"

	"github.com/mabus-project/mabus/shared/api"
)

// ReasonInsufficientAgents is the reason of the failed_precondition error for too few members.
const ReasonInsufficientAgents = "insufficient_agents"

// MaxMembers is how many members a session may have.
const MaxMembers = 100

// Digest is a SHA-256 sum.
type Digest = [sha256.Size]byte

// Member is one party of a session.
type Member struct {
	ID   string            // an api.ValidID
	Key  ed25519.PublicKey // what its signatures are checked with
	Host string            // the failure domain that it runs in; "" if unknown
}

// Quorum returns how many of n members make a decision: floor(2n/3)+1. Any two quorums share more than n/3 members, so
// at least one honest one while n >= 3f+1, and n-f members are always enough for one. For n = 3f+1 it is the paper's
// 2f+1. The least that is safe, ceil((n+f+1)/2), is never more; it is less for some n > 3f+1, where this formula is safe for
// every f that n allows, not only for the f that the session claims.
func Quorum(n int) int { return 2*n/3 + 1 }

// MaxFaulty returns the largest f with n >= 3f+1.
func MaxFaulty(n int) int { return max(0, (n-1)/3) }

// Needed returns the number of members that tolerates f faulty ones: 3f+1 (section 3).
func Needed(f int) int { return 3*f + 1 }

// Tolerance says how many independent faults a session survives.
type Tolerance struct {
	Claimed int // members, as the session says
	Keys    int // holders of keys: who holds the keys of several members can make all of them lie
	Hosts   int // hosts; members whose host is unknown count as if they shared one
}

// Tolerates returns how many faults the members tolerate, by members, keys and hosts. A count of k means that any k holders
// (or hosts) together have at most MaxFaulty(n) members; with members spread evenly over h of them that is (h-1)/3.
func Tolerates(members []Member, f int) Tolerance {
	keys, hosts := map[string]int{}, map[string]int{}
	for _, m := range members {
		keys[string(m.Key)]++
		hosts[m.Host]++
	}
	return Tolerance{Claimed: f, Keys: largest(keys, MaxFaulty(len(members))), Hosts: largest(hosts, MaxFaulty(len(members)))}
}

// largest returns how many groups may fail, the largest first, before more than limit members have.
func largest(groups map[string]int, limit int) int {
	var sizes []int
	for _, size := range groups {
		sizes = append(sizes, size)
	}
	slices.SortFunc(sizes, func(a, b int) int { return cmp.Compare(b, a) })
	for k, size := range sizes {
		if limit -= size; limit < 0 {
			return k
		}
	}
	return len(sizes)
}

// Verifier tells whether sig is the signature of msg by key. The protocol's own is ed25519.Verify.
type Verifier func(key ed25519.PublicKey, msg, sig []byte) bool

// group is the membership of a session. Members are numbered in the order of their ids.
type group struct {
	session string
	members []Member
	order   []int // who is primary in the views 0, 1, ...: the members in the order of the configuration
	f, q    int
	scope   Digest
	verify  Verifier
}

func newGroup(session string, members []Member, f int, verify Verifier) (*group, error) {
	if err := api.CheckID("session", session); err != nil {
		return nil, err
	}
	n := len(members)
	switch {
	case f < 0:
		return nil, api.Errorf(api.Invalid, "f must be 0 or more, it is %d", f).WithFields("f")
	case n == 0 || f > MaxMembers || n < Needed(f):
		return nil, api.Errorf(api.FailedPrecondition, "to tolerate %d faulty members a session needs %d members, it has %d: add members, or lower f",
			f, Needed(f), n).WithReason(ReasonInsufficientAgents).WithFields("members")
	case n > MaxMembers:
		return nil, api.Errorf(api.Invalid, "a session has at most %d members, not %d", MaxMembers, n).WithFields("members")
	}
	g := &group{session: session, members: slices.Clone(members), f: f, q: Quorum(n), verify: verify}
	if g.verify == nil {
		g.verify = ed25519.Verify
	}
	slices.SortFunc(g.members, func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	for i, m := range g.members {
		if err := api.CheckID("members", m.ID); err != nil {
			return nil, err
		}
		if len(m.Key) != ed25519.PublicKeySize {
			return nil, api.Errorf(api.Invalid, "the key of member %s has %d bytes, it must have %d", m.ID, len(m.Key), ed25519.PublicKeySize).WithFields("members")
		}
		if i > 0 && g.members[i-1].ID == m.ID {
			return nil, api.Errorf(api.Invalid, "member %s is listed twice: list each member once", m.ID).WithFields("members")
		}
	}
	for _, m := range members {
		g.order = append(g.order, g.find(m.ID))
	}
	g.scope = Scope(session, members)
	return g, nil
}

// Scope returns the digest of a session's id and members, in whatever order, which every signature covers: a vote counts
// only in the session, and among the members and keys, that it was cast for.
func Scope(session string, members []Member) Digest {
	sorted := slices.SortedFunc(slices.Values(members), func(a, b Member) int { return cmp.Compare(a.ID, b.ID) })
	b := appendText([]byte("mabus.pbft.scope.v1\x00"), session)
	for _, m := range sorted {
		b = appendText(b, m.ID)
		b = appendText(b, string(m.Key))
	}
	return sha256.Sum256(b)
}

// find returns the number of the member with the id, or -1.
func (g *group) find(id string) int {
	i, ok := slices.BinarySearchFunc(g.members, id, func(m Member, id string) int { return cmp.Compare(m.ID, id) })
	if !ok {
		return -1
	}
	return i
}

// primary returns the number of the view's primary: members[view mod n] (4).
func (g *group) primary(view uint64) int { return g.order[view%uint64(len(g.order))] }

// signed tells whether sig is member i's signature of a message with these headers.
func (g *group) signed(i int, kind Kind, view, seq uint64, digest Digest, sig []byte) bool {
	m := g.members[i]
	return g.verify(m.Key, appendSigned(nil, kind, g.scope, m.ID, view, seq, digest), sig)
}
