package pbft

import (
	"bytes"
	"crypto/sha256"

	"github.com/mabus-project/mabus/shared/api"
)

// ReasonBadCertificate is the reason of the invalid error for a certificate that proves nothing.
const ReasonBadCertificate = "bad_certificate"

// Certificate proves to anybody who knows the members' keys that a value was decided. In JSON, bytes are base64.
type Certificate struct {
	Session    string      `json:"session"`
	View       uint64      `json:"view"`
	Seq        uint64      `json:"seq"`
	Digest     []byte      `json:"digest"` // SHA-256 of the value
	Value      []byte      `json:"value"`
	Signatures []Signature `json:"signatures"` // of Commit messages; see Message.Signed
}

// Signature is one member's signature of the decision.
type Signature struct {
	Member string `json:"member"`
	Sig    []byte `json:"sig"`
}

// Decision is a value decided at a sequence.
type Decision struct {
	Seq         uint64
	Value       []byte
	Certificate *Certificate
}

// Verify tells whether a quorum of the members, of whom at most f are faulty, has decided the value: it returns nil, an
// insufficient_agents error if f is too much for the members, or a bad_certificate error that says what is wrong. It needs
// nothing but its arguments. The order of the members does not matter.
func (c *Certificate) Verify(members []Member, f int) error { return c.VerifyWith(members, f, nil) }

// VerifyWith is Verify for a session whose Config.Verify is not ed25519.
func (c *Certificate) VerifyWith(members []Member, f int, verify Verifier) error {
	g, err := newGroup(c.Session, members, f, verify)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(c.Value)
	if !bytes.Equal(c.Digest, sum[:]) {
		return bad("its digest is not that of its value")
	}
	if c.Seq == 0 || len(c.Value) == 0 {
		return bad("it names no sequence or no value")
	}
	parts := make([]Part, len(c.Signatures))
	for i, s := range c.Signatures {
		at := g.find(s.Member)
		if at < 0 {
			return bad("%.80q is no member of the session", s.Member)
		}
		parts[i] = Part{Member: uint16(at), Sig: s.Sig}
	}
	return g.proves(Commit, c.View, c.Seq, sum, parts)
}

func bad(format string, args ...any) error {
	return api.Errorf(api.Invalid, "the certificate does not prove a decision: "+format, args...).WithReason(ReasonBadCertificate)
}

// proves checks that the parts are a quorum of distinct members' signatures of messages with these headers.
func (g *group) proves(kind Kind, view, seq uint64, digest Digest, parts []Part) error {
	if len(parts) < g.q {
		return bad("it has %d signatures, a quorum of %d members is %d", len(parts), len(g.members), g.q)
	}
	seen := make([]bool, len(g.members))
	for _, p := range parts {
		i := int(p.Member)
		switch {
		case i >= len(g.members):
			return bad("member number %d does not exist", i)
		case seen[i]:
			return bad("%s signs twice", g.members[i].ID)
		case !g.signed(i, kind, view, seq, digest, p.Sig):
			return bad("the signature of %s is not good", g.members[i].ID)
		}
		seen[i] = true
	}
	return nil
}

// certificate makes one of the parts.
func (g *group) certificate(view, seq uint64, digest Digest, value []byte, parts []Part) *Certificate {
	c := &Certificate{Session: g.session, View: view, Seq: seq, Digest: bytes.Clone(digest[:]), Value: bytes.Clone(value)}
	for _, p := range parts {
		c.Signatures = append(c.Signatures, Signature{Member: g.members[p.Member].ID, Sig: bytes.Clone(p.Sig)})
	}
	return c
}
