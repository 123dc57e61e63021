package mechanism

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/mabus-project/mabus/shared/api"
)

// commitmentForm names what is hashed, so that no other hash can be taken for a commitment.
const commitmentForm = "mabus/commitment/1"

// LeastSalt and MaxSalt bound the salt of a commitment, in bytes. It must be random and secret until the bid is revealed: a bid can be
// guessed by trying prices, a salt cannot.
const (
	LeastSalt = 16
	MaxSalt   = 128
)

// Commitment binds a bidder to a sealed bid that it reveals later: SHA-256, in lower-case hex, over the fields "mabus/commitment/1",
// auction, bidder, price and quantity in decimal digits, and salt, each with its length in bytes before it as four bytes, the highest
// first. The lengths keep the end of one field from being read as the beginning of the next; auction and bidder keep a commitment from
// being copied.
func Commitment(auction, bidder string, price api.Micro, quantity int64, salt string) string {
	h := sha256.New()
	for _, field := range []string{commitmentForm, auction, bidder, price.String(), api.Micro(quantity).String(), salt} {
		var length [4]byte
		binary.BigEndian.PutUint32(length[:], uint32(len(field)))
		h.Write(length[:])
		h.Write([]byte(field))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// CheckCommitment refuses as invalid what cannot be one.
func CheckCommitment(commitment string) error {
	b, err := hex.DecodeString(commitment)
	if err != nil || len(b) != sha256.Size || hex.EncodeToString(b) != commitment {
		return wrong("commitment", "commitment must be 64 digits of lower-case hex: see docs/mechanisms.md")
	}
	return nil
}

// Opens tells whether a revealed bid is the one that was committed to. A salt out of bounds opens nothing.
func Opens(commitment, auction, bidder string, price api.Micro, quantity int64, salt string) bool {
	return len(salt) >= LeastSalt && len(salt) <= MaxSalt && commitment == Commitment(auction, bidder, price, quantity, salt)
}
