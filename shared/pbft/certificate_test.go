package pbft_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mabus-project/mabus/shared/api"
	"github.com/mabus-project/mabus/shared/codec"
	"github.com/mabus-project/mabus/shared/pbft"
)

func certificate(t *testing.T) (*bus, *pbft.Certificate) {
	b := newBus(t, 4, nil)
	b.propose(1)
	b.settle()
	return b, b.decided[2][1].Certificate
}

func clone(c *pbft.Certificate) *pbft.Certificate {
	d := *c
	d.Digest, d.Value = bytes.Clone(c.Digest), bytes.Clone(c.Value)
	d.Signatures = slices.Clone(c.Signatures)
	for i := range d.Signatures {
		d.Signatures[i].Sig = bytes.Clone(d.Signatures[i].Sig)
	}
	return &d
}

func TestCertificate(t *testing.T) {
	b, good := certificate(t)
	for name, c := range map[string]struct {
		reason string
		change func(*pbft.Certificate)
	}{
		"good":                {"", func(*pbft.Certificate) {}},
		"another session":     {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Session = "s2" }},
		"another view":        {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.View++ }},
		"another sequence":    {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Seq++ }},
		"sequence 0":          {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Seq = 0 }},
		"another value":       {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Value = []byte("w") }},
		"no value":            {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Value = nil }},
		"value and digest":    {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Value = []byte("w"); d := sha256.Sum256(c.Value); c.Digest = d[:] }},
		"no digest":           {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Digest = nil }},
		"2f signatures":       {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures = c.Signatures[:2] }},
		"2f and one repeated": {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures[2] = c.Signatures[0] }},
		"a stranger":          {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures[0].Member = "x" }},
		"exchanged":           {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures[0].Sig = c.Signatures[1].Sig }},
		"a bit changed":       {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures[1].Sig[5] ^= 1 }},
		"no signature":        {pbft.ReasonBadCertificate, func(c *pbft.Certificate) { c.Signatures[1].Sig = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			d := clone(good)
			c.change(d)
			if err := d.Verify(b.members, 1); api.ReasonOf(err) != c.reason || (err == nil) != (c.reason == "") {
				t.Errorf("%v; want %q", err, c.reason)
			}
		})
	}
	shuffled := slices.Clone(b.members)
	slices.Reverse(shuffled)
	if err := good.Verify(shuffled, 1); err != nil {
		t.Errorf("with the members in another order: %v", err)
	}
	if err := good.Verify(b.members, 2); api.ReasonOf(err) != pbft.ReasonInsufficientAgents {
		t.Errorf("with f = 2: %v", err)
	}
	other, _ := newMembers(5)
	if err := good.Verify(other[1:], 1); err == nil {
		t.Error("good among other members")
	}
}

// A signature of another kind is no commit: the prepares of a quorum prove no decision.
func TestPreparesAreNoCommits(t *testing.T) {
	b, good := certificate(t)
	c := clone(good)
	c.Signatures = nil
	for i := range 3 {
		m := pbft.Message{Kind: pbft.Prepare, Scope: pbft.Scope("s1", b.members), From: b.members[i].ID, Seq: 1, Digest: sha256.Sum256(c.Value)}
		c.Signatures = append(c.Signatures, pbft.Signature{Member: m.From, Sig: ed25519.Sign(b.secrets[i], m.Signed())})
	}
	if err := c.Verify(b.members, 1); api.ReasonOf(err) != pbft.ReasonBadCertificate {
		t.Errorf("%v", err)
	}
}

func TestCertificateAsJSON(t *testing.T) {
	b, good := certificate(t)
	data, err := codec.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	var read pbft.Certificate
	if err := codec.Decode(data, &read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*good, read); diff != "" {
		t.Error(diff)
	}
	if err := read.Verify(b.members, 1); err != nil {
		t.Error(err)
	}
	if !bytes.Contains(data, []byte(`"value":"djEgb2YgMA=="`)) {
		t.Errorf("bytes are not base64: %s", data)
	}
}
