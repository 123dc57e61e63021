package pbftsim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// key signs for one member.
type key struct {
	public ed25519.PublicKey
	secret ed25519.PrivateKey // nil: signatures are hashes
}

func newKey(seed uint64, i int, real bool) key {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte("key"), seed), uint64(i)))
	if !real {
		return key{public: sum[:]}
	}
	secret := ed25519.NewKeyFromSeed(sum[:])
	return key{public: secret.Public().(ed25519.PublicKey), secret: secret}
}

func (k key) sign(msg []byte) []byte {
	if k.secret != nil {
		return ed25519.Sign(k.secret, msg)
	}
	return signHash(k.public, msg)
}

// signHash makes what passes for a signature. Anybody could make one; it is up to the adversary to use its own keys alone.
func signHash(public, msg []byte) []byte {
	sum := sha256.Sum256(slices.Concat(public, msg))
	return append(sum[:], sum[:]...)
}

func verifyHash(public ed25519.PublicKey, msg, sig []byte) bool {
	return bytes.Equal(signHash(public, msg), sig)
}
