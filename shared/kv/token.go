package kv

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/mabus-project/mabus/shared/api"
)

const (
	tokenVersion = 1
	maxToken     = 256 // characters
)

// Token returns the opaque, URL-safe name of a revision: it names the bucket, its incarnation and the sequence. Revision 0
// has the empty token.
func (b *Bucket) Token(rev uint64) string {
	if rev == 0 {
		return ""
	}
	return Token(b.name, b.created.Load(), rev)
}

// Token is Bucket.Token for any store that has a name, an incarnation (when it was created, in Unix nanoseconds) and revisions.
func Token(name string, created int64, rev uint64) string {
	raw := append(make([]byte, 0, 32+len(name)), tokenVersion)
	raw = binary.AppendUvarint(raw, uint64(created))
	raw = binary.AppendUvarint(raw, rev)
	raw = append(raw, name...)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseToken returns the revision that a token names. A token of another bucket, or of an earlier incarnation of this
// one, is failed_precondition (foreign_revision); anything else is invalid.
func (b *Bucket) ParseToken(token string) (uint64, error) {
	return ParseToken(b.name, b.created.Load(), token)
}

// ParseToken is Bucket.ParseToken for a token made by Token.
func ParseToken(store string, incarnation int64, token string) (uint64, error) {
	created, rev, name, ok := decodeToken(token)
	switch {
	case !ok:
		return 0, api.Errorf(api.Invalid, "the revision is not one that Mabus gave out").WithReason(api.ReasonMalformed)
	case name != store || created != uint64(incarnation):
		return 0, api.Errorf(api.FailedPrecondition, "the revision is of another store, or of this one before it was made anew: read again without it").WithReason(api.ReasonForeignRevision)
	case Token(name, int64(created), rev) != token:
		return 0, api.Errorf(api.Invalid, "the revision is not one that Mabus gave out").WithReason(api.ReasonMalformed)
	}
	return rev, nil
}

func decodeToken(token string) (created, rev uint64, name string, ok bool) {
	if len(token) > maxToken {
		return 0, 0, "", false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) == 0 || raw[0] != tokenVersion {
		return 0, 0, "", false
	}
	raw = raw[1:]
	created, n := binary.Uvarint(raw)
	if n <= 0 {
		return 0, 0, "", false
	}
	raw = raw[n:]
	rev, n = binary.Uvarint(raw)
	if n <= 0 || rev == 0 {
		return 0, 0, "", false
	}
	return created, rev, string(raw[n:]), true
}

// Later returns the later of two tokens of one bucket, or the second if they are not.
func Later(a, b string) string {
	madeA, revA, nameA, okA := decodeToken(a)
	madeB, revB, nameB, okB := decodeToken(b)
	if okA && okB && nameA == nameB && madeA == madeB && revA > revB {
		return a
	}
	return b
}
