package pbft

import (
	"crypto/ed25519"

	"github.com/nats-io/nkeys"

	"github.com/mabus-project/mabus/shared/api"
)

// EncodeKey returns an ed25519 public key as NATS writes the public key of a user: "U" and 55 more characters.
func EncodeKey(key ed25519.PublicKey) string {
	text, err := nkeys.Encode(nkeys.PrefixByteUser, key)
	if err != nil { // it fails for unknown prefixes alone
		return ""
	}
	return string(text)
}

// DecodeKey reads what EncodeKey and NATS tools write. It returns an invalid error for anything else.
func DecodeKey(text string) (ed25519.PublicKey, error) {
	raw, err := nkeys.Decode(nkeys.PrefixByteUser, []byte(text))
	// Base32 has spare bits, so it takes several texts for one key: only the usual one is a name for it.
	if err != nil || len(raw) != ed25519.PublicKeySize || EncodeKey(raw) != text {
		return nil, api.Errorf(api.Invalid, "%.80q is not the public key of a NATS user: give the text with U in front that nsc or nk prints", text)
	}
	return raw, nil
}
