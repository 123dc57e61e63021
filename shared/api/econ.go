package api

import (
	"encoding/json"
	"time"
)

// SystemOwner owns the accounts of the system: fees, pools and what was issued. Only rules and operators move what is in them.
const SystemOwner = "mabus"

// Bounds of the economy, so that no sum or product of a few passes what 64 bits hold unseen.
const (
	MaxAmount   = 1_000_000_000_000_000 // micro-units of one amount or price: a thousand million units
	MaxQuantity = 1_000_000_000         // units of one bid, order or lot
)

// CheckAmount refuses an amount that is not 1 to MaxAmount.
func CheckAmount(field string, m Micro) error {
	if m <= 0 || m > MaxAmount {
		return Errorf(Invalid, "%s must be above 0 and at most %d millionths", field, int64(MaxAmount)).WithFields(field)
	}
	return nil
}

// CheckQuantity refuses a quantity that is not 1 to MaxQuantity.
func CheckQuantity(field string, n int64) error {
	if n <= 0 || n > MaxQuantity {
		return Errorf(Invalid, "%s must be above 0 and at most %d", field, int64(MaxQuantity)).WithFields(field)
	}
	return nil
}

// Reasons of the economy that no part has for itself.
const (
	ReasonNotOwner     = "not_owner"     // permission_denied: the account, or what is asked for, belongs to somebody else
	ReasonOperatorOnly = "operator_only" // permission_denied
)

// TranscriptStep is one step of what happened to an entity of the economy: an auction, a market, an account. The steps are a chain: each
// has a link that is made from the link before it, so that who has seen one head knows that nothing before it was changed.
type TranscriptStep struct {
	// Number counts the steps from 1 on.
	Number uint64    `json:"number"`
	At     time.Time `json:"at"`
	// What happened: "created", "bid", "closed"...
	What string `json:"what"`
	// By is who did it; empty for the clock.
	By string `json:"by,omitempty"`
	// Body says more. It is absent, and so is the salt, while it is withheld, as others' sealed bids are before their time.
	Body json.RawMessage `json:"body,omitempty"`
	// Salt keeps a withheld body from being guessed by its digest.
	Salt string `json:"salt,omitempty"`
	// Digest stands for what is withheld: hex of SHA-256 over body and salt.
	Digest string `json:"digest,omitempty"`
}

// Transcript is the whole of an entity, signed by the service, so that somebody else can check it offline.
type Transcript struct {
	Namespace string `json:"namespace"`
	// Entity is kind and id, such as "auction/a1".
	Entity string           `json:"entity"`
	Steps  []TranscriptStep `json:"steps"`
	// Head is the link of the last step, hex of SHA-256.
	Head string `json:"head"`
	// Key is the service's public key (ed25519, base64), Signature that over namespace, entity, number of steps and head (base64).
	Key       string `json:"key"`
	Signature string `json:"signature"`
}
