package pbft

import (
	"crypto/ed25519"
	"encoding/binary"
	"slices"
)

// Kind says what a message is.
type Kind uint8

// The kinds of messages. All of them go to all members.
const (
	PrePrepare Kind = 1 + iota // the primary proposes Value at Seq (4.2)
	Prepare                    // the sender has approved the proposal with Digest (4.2)
	Commit                     // the sender has a quorum that prepared it (4.2)
	Checkpoint                 // the sender knows all decisions up to Seq; Digest is their chain (4.3)
	ViewChange                 // the sender has left the views below View, and shows what it had prepared (4.4)
	NewView                    // the primary of View shows a quorum of view changes, which begins it (4.4)
	Decided                    // Value was decided at Seq, which the commits in Sigs prove
	Ask                        // the sender is in View and lacks the decisions from Seq on
)

var kindNames = [...]string{"", "pre-prepare", "prepare", "commit", "checkpoint", "view-change", "new-view", "decided", "ask"}

// String returns the paper's name of the kind.
func (k Kind) String() string {
	if int(k) >= len(kindNames) || k == 0 {
		return "unknown"
	}
	return kindNames[k]
}

// Message is one message of the protocol. The signature covers kind, scope, sender, view, sequence and digest; Digest covers
// the rest, or the rest proves itself.
type Message struct {
	Kind   Kind
	Scope  Digest // which session it belongs to; see Scope
	From   string
	View   uint64
	Seq    uint64 // ViewChange: the sender's stable checkpoint
	Digest Digest // of the proposal; Checkpoint: the chain; ViewChange, NewView and Ask: of what follows
	Sig    []byte // 64 bytes

	Value    []byte     // PrePrepare, Decided
	Sigs     []Part     // Decided: commits; ViewChange, Checkpoint: checkpoints that make Seq stable
	Chain    Digest     // ViewChange: the digest of that checkpoint
	Prepared []Prepared // ViewChange: for each sequence above the checkpoint, the last proposal prepared; ascending
	Changes  []*Message // NewView: a quorum of view changes, without their values; ascending by member
	Values   [][]byte   // ViewChange, NewView: the values whose digests Prepared names; not signed
	Stable   uint64     // Ask: the sender's stable checkpoint
}

// Part is one member's signature within a proof.
type Part struct {
	Member uint16 // the member's number in the order of ids
	Sig    []byte
}

// Prepared proves that a quorum had prepared a proposal: the primary's signature of its PrePrepare and those of others' Prepares.
type Prepared struct {
	View   uint64
	Seq    uint64
	Digest Digest
	Sigs   []Part
}

// Signed returns the bytes that the message's signature is made of.
func (m *Message) Signed() []byte {
	return appendSigned(nil, m.Kind, m.Scope, m.From, m.View, m.Seq, m.Digest)
}

// domain keeps signatures of this protocol apart from whatever else the key signs.
const domain = "mabus.pbft.v1\x00"

func appendSigned(b []byte, kind Kind, scope Digest, from string, view, seq uint64, digest Digest) []byte {
	b = slices.Grow(b, len(domain)+1+len(scope)+2+len(from)+16+len(digest)+ed25519.SignatureSize)
	b = append(b, domain...)
	b = append(b, byte(kind))
	b = append(b, scope[:]...)
	b = appendText(b, from)
	b = binary.BigEndian.AppendUint64(b, view)
	b = binary.BigEndian.AppendUint64(b, seq)
	return append(b, digest[:]...)
}

func appendText(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// Encode returns the bytes of the message. They are what was signed, the signature, and the rest.
// Numbers are big-endian; texts have their length in front in two bytes, lists their count in two, values their length in four.
func (m *Message) Encode() []byte {
	b := appendHead(nil, m)
	switch m.Kind {
	case PrePrepare:
		b = appendValue(b, m.Value)
	case Decided:
		b = appendParts(appendValue(b, m.Value), m.Sigs)
	case Checkpoint:
		b = appendParts(b, m.Sigs)
	case ViewChange:
		b = appendValues(appendProofs(b, m), m.Values)
	case NewView:
		b = appendValues(appendChanges(b, m), m.Values)
	case Ask:
		b = binary.BigEndian.AppendUint64(b, m.Stable)
	}
	return b
}

func appendHead(b []byte, m *Message) []byte {
	b = appendSigned(b, m.Kind, m.Scope, m.From, m.View, m.Seq, m.Digest)
	var sig [ed25519.SignatureSize]byte
	copy(sig[:], m.Sig)
	return append(b, sig[:]...)
}

func appendValue(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

func appendValues(b []byte, vs [][]byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(vs)))
	for _, v := range vs {
		b = appendValue(b, v)
	}
	return b
}

func appendParts(b []byte, parts []Part) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(parts)))
	for _, p := range parts {
		var sig [ed25519.SignatureSize]byte
		copy(sig[:], p.Sig)
		b = append(binary.BigEndian.AppendUint16(b, p.Member), sig[:]...)
	}
	return b
}

// appendProofs writes what the digest of a ViewChange covers.
func appendProofs(b []byte, m *Message) []byte {
	b = appendParts(append(b, m.Chain[:]...), m.Sigs)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Prepared)))
	for _, p := range m.Prepared {
		b = binary.BigEndian.AppendUint64(b, p.View)
		b = binary.BigEndian.AppendUint64(b, p.Seq)
		b = appendParts(append(b, p.Digest[:]...), p.Sigs)
	}
	return b
}

// appendChanges writes what the digest of a NewView covers.
func appendChanges(b []byte, m *Message) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Changes)))
	for _, c := range m.Changes {
		b = appendProofs(appendHead(b, c), c)
	}
	return b
}
