package transcript

import (
	"crypto/ed25519"
	"encoding/base64"

	"github.com/mabus-project/mabus/shared/api"
)

// Heads returns the head after each step, or an error that names the first step that does not belong where it is.
func Heads(entity string, steps []Step) ([]string, error) {
	heads := make([]string, len(steps))
	head := ""
	for i := range steps {
		s := &steps[i]
		if s.Number != uint64(i)+1 {
			return nil, api.Errorf(api.Invalid, "step %d of %s is missing: step %d stands in its place", i+1, entity, s.Number)
		}
		sum := s.Digest
		if len(s.Body) > 0 {
			have := digest(s.Body, s.Salt)
			if sum != "" && sum != string(have[:]) {
				return nil, api.Errorf(api.Invalid, "step %d of %s says something else than its digest", i+1, entity)
			}
			sum = string(have[:])
		}
		head = link(head, entity, s, []byte(sum))
		heads[i] = head
	}
	return heads, nil
}

// signed is what a signature is over, for a transcript of so many steps.
func signed(t *api.Transcript, steps int) []byte {
	buf := text(nil, "mabus transcript 1")
	buf = text(buf, t.Namespace)
	buf = text(buf, t.Entity)
	buf = text(buf, t.Head)
	return append(buf, byte(steps>>24), byte(steps>>16), byte(steps>>8), byte(steps))
}

// Sign adds key and signature to a transcript whose head is set.
func Sign(t *api.Transcript, key ed25519.PrivateKey) { SignHead(t, len(t.Steps), key) }

// SignHead is Sign for a transcript whose steps, so many, need not be at hand.
func SignHead(t *api.Transcript, steps int, key ed25519.PrivateKey) {
	t.Key = PublicKey(key)
	t.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, signed(t, steps)))
}

// PublicKey is the form in which the public half of a key is pinned: base64.
func PublicKey(key ed25519.PrivateKey) string {
	public, _ := key.Public().(ed25519.PublicKey)
	return base64.StdEncoding.EncodeToString(public)
}

// Verify checks that the steps lead to the head, and that the head is signed with the pinned key, so that neither a changed byte nor a
// chain that was written anew passes. The error names the first thing that is wrong.
func Verify(t *api.Transcript, pinned string) error {
	if t.Key != pinned {
		return api.Errorf(api.Invalid, "the transcript is signed with the key %.60q, not with %s, which is trusted", t.Key, pinned)
	}
	public, err := base64.StdEncoding.Strict().DecodeString(pinned)
	if err != nil || len(public) != ed25519.PublicKeySize {
		return api.Errorf(api.Invalid, "the key %.60q is not one: want %d bytes in base64", pinned, ed25519.PublicKeySize)
	}
	heads, err := Heads(t.Entity, t.Steps)
	if err != nil {
		return err
	}
	if len(heads) == 0 || heads[len(heads)-1] != t.Head {
		return api.Errorf(api.Invalid, "the %d steps do not lead to the head %.64s: something in them was changed", len(heads), t.Head)
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(t.Signature)
	if err != nil || !ed25519.Verify(public, signed(t, len(t.Steps)), signature) {
		return api.Errorf(api.Invalid, "the signature is not that of the key: the transcript was not written by the service")
	}
	return nil
}
